"""`ragkit prompts`: list, show, check and compare prompt templates."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import click

from ragkit import PromptTemplate, find_template, list_templates
from ragkit.cli.options import Target, common, print_json, print_table
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import NotFoundError
from ragkit.text.cleaning import show

_DIGEST = 12


@click.group(short_help=SUMMARIES["prompts"])
def prompts() -> None:
    """List, show, check and compare prompt templates.

    NAME is a template of the collection (its folder `prompts`) or one that comes with ragkit; a FILE ends in .jinja.
    """


def own_folder(target: Target) -> Path | None:
    """Return the folder of the collection that a command names, None when there is no such collection."""
    try:
        with target.open() as kb:
            return kb.folder
    except NotFoundError:
        return None


def _templates(target: Target) -> Path | None:
    folder = own_folder(target)
    return folder / "prompts" if folder else None


@prompts.command("list", short_help="List the templates.")
@common
def list_prompts(target: Target) -> None:
    """List the templates with version and digest."""
    found = list_templates(folder=_templates(target))
    if target.as_json:
        print_json({"prompts": [template.as_dict() for template in found]})
        return
    rows = [
        (item.name, str(item.version), item.digest[:_DIGEST], item.path or "ragkit", item.description) for item in found
    ]
    print_table(rows, ("name", "version", "digest", "from", "description"))


@prompts.command("show", short_help="Show a template.")
@click.argument("name")
@click.option("--rendered", is_flag=True, help="The text that a model is sent, instead of the file.")
@common
def show_prompt(name: str, target: Target, *, rendered: bool) -> None:
    """Show the template NAME, or FILE."""
    template = find_template(name, folder=_templates(target))
    parts = _rendered(template)
    if target.as_json:
        print_json({**template.as_dict(), "source": template.source, "rendered": parts})
        return
    if not rendered:
        _print(template.source)
        return
    for part, text in parts.items():
        click.echo(click.style(f"--- {part}", bold=True))
        _print(text)


def _rendered(template: PromptTemplate) -> dict[str, str]:
    return {part: template.render(part) for part in ("system", "no_sources", "closing")}


def _print(text: str) -> None:
    click.echo("\n".join(show(line) for line in text.rstrip("\n").split("\n")))


@prompts.command("check", short_help="Check templates without asking a model.")
@click.argument("names", nargs=-1, required=True, metavar="NAME|FILE...")
@common
def check_prompts(names: Sequence[str], target: Target) -> None:
    """Check templates; each fault is named by file and line. No model is called."""
    folder = _templates(target)
    found = [find_template(name, folder=folder) for name in names]
    if target.as_json:
        print_json({"prompts": [template.as_dict() for template in found]})
        return
    for template in found:
        words = len(template.render("system").split())
        click.echo(
            show(f"{template.path or template.name}: ok, version {template.version}, {words} words, {template.digest}")
        )


@prompts.command("diff", short_help="Compare two templates.")
@click.argument("first")
@click.argument("second")
@click.option("--rendered", is_flag=True, help="Compare what a model is sent, instead of the files.")
@common
def diff_prompts(first: str, second: str, target: Target, *, rendered: bool) -> None:
    """Show the lines in which two templates differ."""
    folder = _templates(target)
    templates = [find_template(name, folder=folder) for name in (first, second)]
    texts = ["\n\n".join(_rendered(item).values()) if rendered else item.source for item in templates]
    one, other = (f"{name} {item.digest[:_DIGEST]}" for name, item in zip((first, second), templates, strict=True))
    lines = list(difflib.unified_diff(texts[0].split("\n"), texts[1].split("\n"), one, other, lineterm=""))
    if target.as_json:
        print_json({"equal": not lines, "digests": [item.digest for item in templates], "diff": lines})
        return
    for line in lines or ["The templates are equal."]:
        click.echo(show(line))
