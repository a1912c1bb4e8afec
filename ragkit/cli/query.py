"""`ragkit search`, `prompt` and `ask`."""

from __future__ import annotations

import os
import shutil
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import click

from ragkit import search_collections
from ragkit.cli.options import Target, common, common_of_several, filter_options, print_json, print_warnings
from ragkit.cli.summaries import SUMMARIES
from ragkit.environment import settings_from_env
from ragkit.settings import Settings
from ragkit.text.cleaning import show
from ragkit.types.answers import Answer
from ragkit.types.hits import Hit

Where = Mapping[str, Any] | None
_k_option = click.option("-k", "count", type=click.IntRange(1, 1000), default=5, show_default=True, help="Passages.")
_budget_option = click.option("--budget", type=click.IntRange(256), help="Tokens of the whole prompt.")
_VERDICTS = {
    "quoted": "quote verified",
    "supported": "each part found; meaning not checked",
    "unclear": "does not support the sentence",
    "contradicted": "says otherwise",
}
_STATUS_COLOURS = {"answered": "green", "partial": "yellow", "unsupported": "red", "abstained": "red"}


@click.command(short_help=SUMMARIES["search"])
@click.argument("query")
@_k_option
@filter_options
@common_of_several
def search(query: str, count: int, where: Where, targets: Sequence[Target]) -> None:
    """Find the passages that answer QUERY best, in one collection or several."""
    with ExitStack() as opened:
        bases = [opened.enter_context(target.open()) for target in targets]
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
@_k_option
@filter_options
@_budget_option
@common
def prompt(query: str, count: int, where: Where, budget: int | None, target: Target) -> None:
    """Print the messages that ground a chat model's answer to QUERY in the documents."""
    with target.open() as kb:
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
@_k_option
@filter_options
@_budget_option
@click.option(
    "--chat", metavar="MODEL", default="", help="extractive, openai:NAME or anthropic:NAME (or $RAGKIT_CHAT)."
)
@click.option("--strict", is_flag=True, help="Abstain instead of an answer that is not supported as a whole.")
@common
def ask(query: str, count: int, where: Where, target: Target, **model: Any) -> None:
    """Answer QUERY from the documents, with citations that were checked against them."""
    settings = _with_model(settings_from_env(os.environ), **model)
    with target.open(settings=settings) as kb:
        if target.as_json:
            answer = kb.ask(query, k=count, where=where)
            print_warnings(answer.warnings)
            print_json(answer.as_dict())
            return
        for part in kb.stream(query, k=count, where=where):
            if isinstance(part, Answer):
                click.echo()
                print_warnings(part.warnings)
                _print_citations(part)
            else:
                click.echo("\n".join(show(line) for line in part.split("\n")), nl=False)


def _with_model(settings: Settings, *, chat: str, budget: int | None, strict: bool) -> Settings:
    if chat:
        settings = replace(settings, chat=replace(settings.chat, model=chat))
    if strict:
        settings = replace(settings, chat=replace(settings.chat, strict=True))
    if budget:
        settings = replace(settings, prompt=replace(settings.prompt, budget=budget))
    return settings


def _print_citations(answer: Answer) -> None:
    if answer.citations:
        click.echo()
    for citation in answer.citations:
        page = f", p. {citation.page}" if citation.page is not None else ""
        if citation.page_label and citation.page_label != str(citation.page):
            page += f" [{citation.page_label}]"
        heading = click.style(f" ({_VERDICTS[citation.verdict]})", fg="green" if citation.supported else "yellow")
        click.echo(click.style(f"[{citation.number}] {show(citation.source)}{page}", bold=True) + heading)
        if citation.reason:
            click.echo(click.style(f"    {show(citation.reason, 160)}", fg="yellow"))
        click.echo(_wrapped(f"“{citation.quote}”", "    ", 400))
    for item in answer.removed:
        click.echo(click.style(f"removed from the answer: {show(item, 120)}", fg="yellow"))
    status = click.style(answer.status, fg=_STATUS_COLOURS[answer.status])
    click.echo()
    click.echo(
        f"{status} · {answer.model} · prompt {answer.tokens['total']:,} tokens · confidence {answer.confidence:.2f}"
    )
