"""`ragkit search`, `prompt` and `ask`."""

from __future__ import annotations

import os
import shutil
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import click

from ragkit import search_collections
from ragkit.cli.conversation.answer import print_answer
from ragkit.cli.options import (
    Target,
    budget_option,
    chat_option,
    common,
    common_of_several,
    filter_options,
    judge_option,
    note_writer,
    passages_option,
    print_json,
    print_warnings,
    strict_option,
    with_model,
)
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
@common
def prompt(query: str, count: int, where: Where, budget: int | None, target: Target) -> None:
    """Print the messages that ground a chat model's answer to QUERY in the documents."""
    with target.open() as kb:
        note_writer(kb)
        made = kb.prompt(query, k=count, where=where, budget=budget)
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
@common
def ask(query: str, count: int, where: Where, target: Target, **model: Any) -> None:
    """Answer QUERY from the documents, with citations that were checked against them."""
    settings = with_model(settings_from_env(os.environ), **model)
    with target.open(settings=settings) as kb:
        note_writer(kb)
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
