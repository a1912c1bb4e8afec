"""The options and the output that commands share."""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from ragkit import KnowledgeBase, data_folder
from ragkit.chat.loading import settings_for
from ragkit.cli.context import tools_of
from ragkit.environment import DEFAULT_DATA, settings_from_env
from ragkit.errors import FilterError
from ragkit.settings import FewShot, PromptSettings, Settings
from ragkit.text.cleaning import show

data_option = click.option(
    "--data",
    metavar="FOLDER|ADDRESS",
    envvar="RAGKIT_DATA",
    default=DEFAULT_DATA,
    show_default=True,
    help="Data folder, or postgresql://USER@HOST/DATABASE (or $RAGKIT_DATA).",
)
_MEASURED = 5_000
"""Rows of a table whose cells tell how wide its columns are."""
collection_option = click.option(
    "--collection", metavar="NAME", default="default", show_default=True, help="Collection in the data folder."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
executor_option = click.option(
    "--executor",
    metavar="NAME",
    envvar="RAGKIT_EXECUTOR",
    default="local",
    show_default=True,
    help="Where to embed: local, ray or ray:HOST:PORT (or $RAGKIT_EXECUTOR).",
)
model_option = click.option("--model", metavar="NAME", default="", help="Embedding model: a name or a folder.")

passages_option = click.option(
    "-k", "count", type=click.IntRange(1, 1000), default=5, show_default=True, help="Passages."
)
where_option = click.option(
    "--where", metavar="FILTER", help='KEY=VALUE, or JSON: {"type":"eq","key":"source","value":"faq.md"}.'
)
budget_option = click.option("--budget", type=click.IntRange(256), help="Tokens of the whole prompt.")
chat_option = click.option(
    "--chat",
    "--model",
    "chat",
    metavar="MODEL",
    default="",
    help="extractive, openai:NAME, anthropic:NAME, ollama:NAME, vllm:NAME@URL (or $RAGKIT_CHAT).",
)
template_option = click.option(
    "--prompt", "template", metavar="NAME|FILE", default="", help="Prompt template (or $RAGKIT_PROMPT)."
)
few_shot_option = click.option(
    "--examples",
    "few_shot",
    type=click.Choice(["similar", "fixed", "off"]),
    help="Which of the collection's examples the prompt holds (or $RAGKIT_FEW_SHOT).",
)
strict_option = click.option(
    "--strict", is_flag=True, help="Abstain instead of an answer that is not supported as a whole."
)
prices_option = click.option(
    "--prices",
    metavar="FILE",
    envvar="RAGKIT_PRICES",
    type=click.Path(exists=True, dir_okay=False),
    help="Your price file (or $RAGKIT_PRICES).",
)
judge_option = click.option(
    "--judge",
    metavar="MODEL",
    default="",
    help="nli:FOLDER or chat: decides where words cannot (or $RAGKIT_JUDGE).",
)


@dataclass(frozen=True, slots=True)
class Target:
    """Which collection a command works on, and whether it prints JSON."""

    data: str
    collection: str
    as_json: bool

    @property
    def folder(self) -> Path:
        """The data folder, or where this machine keeps files for a shared store."""
        return data_folder(self.data)

    def open(self, *, settings: Settings | None = None) -> KnowledgeBase:
        """Open the collection, which must exist; settings default to the environment's, models to the caller's."""
        show_warnings()
        tools = tools_of(click.get_current_context())
        return KnowledgeBase(
            self.data,
            collection=self.collection,
            settings=settings or settings_from_env(os.environ),
            embedder=tools.embedder,
            chat=tools.chat,
            create=False,
        )


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --data, --collection and --json to a command, which receives them as one `target`."""

    @functools.wraps(command)
    def wrapped(data: str, collection: str, as_json: bool, **rest: Any) -> Any:
        return command(target=Target(data, collection, as_json), **rest)

    return data_option(collection_option(json_option(wrapped)))


def common_of_several(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `common` with a --collection that can be repeated; the command receives `targets`."""

    @functools.wraps(command)
    def wrapped(data: str, collection: Sequence[str], as_json: bool, **rest: Any) -> Any:
        names = dict.fromkeys(collection or ("default",))
        return command(targets=[Target(data, name, as_json) for name in names], **rest)

    several = click.option(
        "--collection",
        metavar="NAME",
        multiple=True,
        help="Collection in the data folder; repeatable.  [default: default]",
    )
    return data_option(several(json_option(wrapped)))


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --where and --in to a command, which receives them as one checked filter `where`, None without any."""

    @functools.wraps(command)
    def wrapped(where: str | None, folders: Sequence[str], **rest: Any) -> Any:
        return command(where=_within(parse_where(where), folders), **rest)

    inside = click.option(
        "--in", "folders", metavar="FOLDER", multiple=True, help="Only documents in this folder; repeatable."
    )
    asked = click.option(
        "--where", metavar="FILTER", help='KEY=VALUE, or JSON: {"type":"eq","key":"source","value":"faq.md"}.'
    )
    return asked(inside(wrapped))


def _within(where: Mapping[str, Any] | None, folders: Sequence[str]) -> Mapping[str, Any] | None:
    """Return a filter for documents in one of some folders (or a file itself) that also match another filter."""
    names = [name.removeprefix("./").rstrip("/") for name in folders]
    names = [name for name in names if name and name != "."]
    if not names:
        return where
    inside: list[Mapping[str, Any]] = [
        {"type": "in", "key": "source", "value": names},
        {"type": "prefix", "key": "source", "value": [f"{name}/" for name in names]},
    ]
    place: Mapping[str, Any] = {"type": "or", "filters": inside}
    return place if where is None else {"type": "and", "filters": [place, where]}


def print_warnings(warnings: Sequence[str]) -> None:
    """Write the warnings of a search to standard error, one line each."""
    for warning in warnings:
        click.echo(click.style(f"ragkit: {show(warning, 1_000)}", fg="yellow"), err=True)


def environment_settings(*, model: str = "", judge: str = "") -> Settings:
    """Return the environment's settings, with the models of the command line where they are named."""
    settings = settings_from_env(os.environ)
    if judge:
        settings = replace(settings, chat=replace(settings.chat, judge=judge))
    return replace(settings, model=replace(settings.model, name=model)) if model else settings


def with_model(
    settings: Settings,
    *,
    chat: str,
    budget: int | None,
    strict: bool,
    template: str = "",
    few_shot: FewShot | None = None,
) -> Settings:
    """Return settings with the command line's chat model, strictness, budget, template and examples.

    A model of another kind than the one that is set does not get its address and key.
    """
    model = settings_for(chat, settings.chat) if chat else settings.chat
    if strict:
        model = replace(model, strict=True)
    return replace(settings, chat=model, prompt=with_prompt(settings.prompt, budget, template, few_shot))


def with_prompt(prompt: PromptSettings, budget: int | None, template: str, few_shot: FewShot | None) -> PromptSettings:
    """Return prompt settings with the options that are given."""
    return replace(
        prompt,
        budget=budget or prompt.budget,
        template=template or prompt.template,
        few_shot=few_shot or prompt.few_shot,
    )


def show_warnings() -> None:
    """Write ragkit's warnings to standard error, one line each."""
    logger = logging.getLogger("ragkit")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("ragkit: %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.WARNING)


def note_writer(kb: KnowledgeBase) -> None:
    """Write to standard error that a run is writing to the collection now, where one is."""
    holder = kb.writing()
    if not holder:
        return
    history = kb.history()
    generation = history[-1].number if history else 0
    click.echo(
        f"ragkit: an ingest is running: {show(holder)}; answers are from what is committed so far,"
        f" generation {generation}",
        err=True,
    )


def parse_where(text: str | None) -> Mapping[str, Any] | None:
    """Read a --where filter: JSON in the OpenAI shape, or KEY=VALUE for equality."""
    if not text:
        return None
    if not text.lstrip().startswith("{"):
        key, mark, value = text.partition("=")
        if not mark or not key:
            raise FilterError(
                f"--where {text!r} is neither JSON nor KEY=VALUE", cure="write --where media_type=text/html"
            )
        return {"type": "eq", "key": key, "value": _scalar(value)}
    try:
        where = json.loads(text)
    except ValueError as error:
        raise FilterError(f"--where is not JSON: {error}", cure="quote it for the shell with single quotes") from error
    if not isinstance(where, dict):
        raise FilterError("--where is not a JSON object")
    return where


def _scalar(value: str) -> str | int | float | bool:
    """Parse true, false and numbers; a value in double quotes stays a string."""
    try:
        read = json.loads(value)
    except ValueError:
        return value
    return read if isinstance(read, str | int | float | bool) else value


def print_json(value: object) -> None:
    """Print JSON in ASCII: escapes keep control characters harmless on any terminal."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=_ascii_only(), allow_nan=False))


def print_json_list(values: Iterable[object]) -> None:
    """Print a list as `print_json` does, each item as soon as it is there."""
    lead = "["
    for value in values:
        text = json.dumps(value, indent=2, ensure_ascii=_ascii_only(), allow_nan=False)
        click.echo(f"{lead}\n" + textwrap.indent(text, "  "), nl=False)
        lead = ","
    click.echo("[]" if lead == "[" else "\n]")


def _ascii_only() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"


def print_table(rows: Iterable[tuple[str, ...]], header: tuple[str, ...], right: frozenset[int] = frozenset()) -> None:
    """Print rows in columns as wide as the first some thousand need; `right` has the columns that are aligned right."""
    every = iter(rows)
    first = [tuple(show(cell) for cell in row) for row in [header, *islice(every, _MEASURED)]]
    widths = [max(len(row[column]) for row in first) for column in range(len(header))]
    for number, row in enumerate(chain(first, (tuple(show(cell) for cell in row) for row in every))):
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(cells).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)
