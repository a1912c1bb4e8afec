"""`ragkit search`, `prompt` and `ask`."""

from __future__ import annotations

import os
import shutil
import textwrap
import time
from typing import Any

import click

from ragkit.cli.conversation.answer import print_answer
from ragkit.cli.options import (
    Target,
    budget_option,
    chat_option,
    common,
    note_writer,
    parse_where,
    passages_option,
    print_json,
    strict_option,
    where_option,
    with_model,
)
from ragkit.cli.summaries import SUMMARIES
from ragkit.environment import settings_from_env
from ragkit.text.cleaning import show
from ragkit.types.answers import Answer
from ragkit.types.hits import Hit


@click.command(short_help=SUMMARIES["search"])
@click.argument("query")
@passages_option
@where_option
@common
def search(query: str, count: int, where: str | None, target: Target) -> None:
    """Find the passages that answer QUERY best."""
    with target.open() as kb:
        note_writer(kb)
        started = time.perf_counter()
        hits = kb.search(query, k=count, where=parse_where(where))
        took = (time.perf_counter() - started) * 1000
    if target.as_json:
        print_json(
            {
                "query": query,
                "hits": [hit.as_dict() for hit in hits],
                "confidence": round(hits.confidence, 6),
                "took_ms": round(took, 3),
            }
        )
        return
    if not hits:
        click.echo("Nothing found.")
    for hit in hits:
        _print_hit(hit)


def _print_hit(hit: Hit) -> None:
    parts = ", ".join(f"{name} {value:.2f}" for name, value in hit.scores.items())
    place = click.style(show(hit.place), bold=True)
    click.echo(f"{hit.rank}. {place}  {click.style(f'{hit.score:.2f} ({parts})', dim=True)}")
    if hit.heading:
        click.echo(click.style(f"   {show(hit.heading, 200)}", fg="cyan"))
    click.echo(_wrapped(hit.text, "   ", 700))
    click.echo()


def _wrapped(text: str, indent: str, limit: int) -> str:
    """Return text for reading: lines wrapped to the terminal, cut at a limit."""
    width = max(40, min(shutil.get_terminal_size((100, 24)).columns, 110))
    lines: list[str] = []
    for line in text[:limit].split("\n"):
        if line.strip():
            lines += textwrap.wrap(
                show(line.strip()), width=width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
            )
    if len(text) > limit:
        lines.append(f"{indent}…")
    return "\n".join(lines)


@click.command(short_help=SUMMARIES["prompt"])
@click.argument("query")
@passages_option
@where_option
@budget_option
@common
def prompt(query: str, count: int, where: str | None, budget: int | None, target: Target) -> None:
    """Print the messages that ground a chat model's answer to QUERY in the documents."""
    with target.open() as kb:
        note_writer(kb)
        made = kb.prompt(query, k=count, where=parse_where(where), budget=budget)
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
@where_option
@budget_option
@chat_option
@strict_option
@common
def ask(query: str, count: int, where: str | None, target: Target, **model: Any) -> None:
    """Answer QUERY from the documents, with citations that were checked against them."""
    settings = with_model(settings_from_env(os.environ), **model)
    with target.open(settings=settings) as kb:
        note_writer(kb)
        if target.as_json:
            print_json(kb.ask(query, k=count, where=parse_where(where)).as_dict())
            return
        for part in kb.stream(query, k=count, where=parse_where(where)):
            if isinstance(part, Answer):
                click.echo()
                print_answer(part, roots=kb.roots())
            else:
                click.echo("\n".join(show(line) for line in part.split("\n")), nl=False)
