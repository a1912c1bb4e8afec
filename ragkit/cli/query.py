"""`ragkit search`, `prompt` and `ask`."""

from __future__ import annotations

import os
import shutil
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

import ragkit
from ragkit import load_schema, search_collections
from ragkit.advice.prices import load_prices
from ragkit.cli.conversation.answer import print_answer
from ragkit.cli.options import (
    Target,
    budget_option,
    chat_option,
    common,
    common_of_several,
    environment_settings,
    few_shot_option,
    filter_options,
    judge_option,
    note_writer,
    passages_option,
    prices_option,
    print_json,
    print_warnings,
    strict_option,
    template_option,
    with_model,
    with_prompt,
)
from ragkit.cli.prompting.compare import print_comparison
from ragkit.cli.summaries import SUMMARIES
from ragkit.environment import settings_from_env
from ragkit.text.cleaning import show
from ragkit.types.answers import Answer
from ragkit.types.hits import Hit

Where = Mapping[str, Any] | None


@click.command(short_help=SUMMARIES["search"])
@click.argument("query")
@passages_option
@filter_options
@common_of_several
def search(query: str, count: int, where: Where, targets: Sequence[Target]) -> None:
    """Find the passages that answer QUERY best, in one collection or several."""
    with ExitStack() as opened:
        bases = [opened.enter_context(target.open()) for target in targets]
        for base in bases:
            note_writer(base)
        started = time.perf_counter()
        if len(bases) == 1:
            hits = bases[0].search(query, k=count, where=where)
        else:
            hits = search_collections(bases, query, k=count, where=where)
        took = (time.perf_counter() - started) * 1000
    print_warnings(hits.warnings)
    if targets[0].as_json:
        print_json(
            {
                "query": query,
                "hits": [hit.as_dict() for hit in hits],
                "confidence": round(hits.confidence, 6),
                "took_ms": round(took, 3),
                "warnings": list(hits.warnings),
                "corrected": hits.corrected,
            }
        )
        return
    if not hits:
        click.echo("Nothing found.")
    for hit in hits:
        _print_hit(hit)


def _print_hit(hit: Hit) -> None:
    parts = ", ".join(f"{name} {value:.2f}" for name, value in hit.scores.items())
    collection = f"{hit.collection}: " if hit.collection else ""
    place = click.style(show(f"{collection}{hit.place}"), bold=True)
    click.echo(f"{hit.rank}. {place}  {click.style(f'{hit.score:.2f} ({parts})', dim=True)}")
    if hit.heading:
        click.echo(click.style(f"   {show(hit.heading, 200)}", fg="cyan"))
    click.echo(_wrapped(hit.text, "   ", 700))
    click.echo()


def _wrapped(text: str, indent: str, limit: int) -> str:
    """Return text for reading: lines wrapped to the terminal, their own indentation kept, cut at a limit."""
    width = max(40, min(shutil.get_terminal_size((100, 24)).columns, 110))
    lines: list[str] = []
    for line in textwrap.dedent(text[:limit].expandtabs(4)).split("\n"):
        if line.strip():
            own = indent + " " * min(len(line) - len(line.lstrip()), width // 2)
            lines += textwrap.wrap(
                show(line.strip()), width=width, initial_indent=own, subsequent_indent=own, break_on_hyphens=False
            )
    if len(text) > limit:
        lines.append(f"{indent}…")
    return "\n".join(lines)


@click.command(short_help=SUMMARIES["prompt"])
@click.argument("query")
@passages_option
@filter_options
@budget_option
@template_option
@few_shot_option
@common
def prompt(query: str, count: int, where: Where, target: Target, **options: Any) -> None:
    """Print the messages that ground a chat model's answer to QUERY in the documents."""
    settings = settings_from_env(os.environ)
    with target.open(settings=replace(settings, prompt=with_prompt(settings.prompt, **options))) as kb:
        note_writer(kb)
        made = kb.prompt(query, k=count, where=where)
    print_warnings(made.warnings)
    if target.as_json:
        print_json(made.as_dict())
        return
    for message in made.messages:
        click.echo(click.style(f"--- {message.role}", bold=True))
        click.echo("\n".join(show(line) for line in message.content.split("\n")))
    parts = ", ".join(f"{name} {size:,}" for name, size in made.tokens.items() if name != "total")
    kind = "an estimate by" if made.estimated else "counted by"
    click.echo(
        click.style(
            f"--- {made.tokens['total']:,} of {made.budget:,} tokens ({parts}); {kind} {made.encoding}", dim=True
        )
    )


@click.command(short_help=SUMMARIES["ask"])
@click.argument("query")
@passages_option
@filter_options
@budget_option
@chat_option
@strict_option
@judge_option
@template_option
@few_shot_option
@click.option("--compare", metavar="MODEL", default="", help="Show the answer of a second model beside it.")
@prices_option
@click.option("--schema", metavar="FILE", help="Answer in JSON that matches this JSON schema.")
@common
@click.pass_context
def ask(context: click.Context, /, query: str, count: int, where: Where, target: Target, **options: Any) -> None:
    """Answer QUERY from the documents, with citations that were checked against them."""
    compare, file = options.pop("compare"), options.pop("schema")
    table = options.pop("prices")
    if compare and file:
        raise click.UsageError("--compare and --schema do not go together")
    schema = load_schema(file) if file else None
    settings = with_model(environment_settings(judge=options.pop("judge")), **options)
    with target.open(settings=settings) as kb:
        note_writer(kb)
        if compare:
            prices = load_prices(Path(table) if table else None)
            found = ragkit.compare_models(
                kb, [settings.chat.model, compare], make_prompt=lambda: kb.prompt(query, k=count, where=where)
            )
            print_comparison(query, found, prices=prices, as_json=target.as_json)
            context.exit(1 if any(item.error for item in found) else 0)
        if schema is not None:
            _print_data(kb.ask(query, k=count, where=where, schema=schema), as_json=target.as_json)
            return
        if target.as_json:
            answer = kb.ask(query, k=count, where=where)
            print_warnings(answer.warnings)
            print_json(answer.as_dict())
            return
        for part in kb.stream(query, k=count, where=where):
            if isinstance(part, Answer):
                click.echo()
                print_warnings(part.warnings)
                print_answer(part, roots=kb.roots())
            else:
                click.echo("\n".join(show(line) for line in part.split("\n")), nl=False)


def _print_data(answer: Answer, *, as_json: bool) -> None:
    """Print a JSON answer: its data alone, which programs can read, and its status on standard error."""
    print_warnings(answer.warnings)
    if as_json:
        print_json(answer.as_dict())
        return
    print_json(answer.data)
    held = sum(citation.supported for citation in answer.citations)
    click.echo(
        f"ragkit: {answer.status}, {held} of {len(answer.citations)} citations supported, {show(answer.model)}",
        err=True,
    )
