"""`ragkit check`: any text, sentence by sentence, against the documents."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from ragkit import check_against, load_chat, load_judge
from ragkit.cli.context import tools_of
from ragkit.cli.options import Target, common, environment_settings, filter_options, judge_option, print_json
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import InputError
from ragkit.evaluation.datasets.files import find_file_reader
from ragkit.text.cleaning import show
from ragkit.types.answers import CheckedSentence, TextCheck

_LIMIT: Final = 200_000  # bytes of a text to check
_SIGNS: Final = {
    "quoted": ("=", "green", "quote verified, word for word"),
    "supported": ("+", "green", "each part found together; the meaning was not checked"),
    "contradicted": ("!", "red", "contradicted"),
    "unclear": ("?", "yellow", "not found"),
}


@click.command(short_help=SUMMARIES["check"])
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--against",
    metavar="DOCUMENT",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    help="Check against this file instead of the collection; repeatable.",
)
@click.option("-k", "count", type=click.IntRange(1, 100), default=5, show_default=True, help="Passages a sentence.")
@judge_option
@filter_options
@common
@click.pass_context
def check(
    context: click.Context,
    /,
    file: str,
    against: tuple[str, ...],
    judge: str,
    target: Target,
    **search: Any,
) -> None:
    """Check each sentence of FILE (- for standard input; any text) against the documents.

    Prints each sentence with what was found: a quote, a source that holds each part of it, one that says otherwise, or
    nothing. The exit status is 0 when all that the text states is supported, else 1.
    """
    text = _text(file)
    settings = environment_settings(judge=judge)
    tools = tools_of(context)
    if against:
        reader = tools.reader or find_file_reader()
        decider = load_judge(
            settings.chat.judge, models=settings.model, chat=lambda: tools.chat or load_chat(settings.chat)
        )
        result = check_against(text, [reader(Path(name), source=name) for name in against], judge=decider)
    else:
        with target.open(settings=settings) as kb:
            result = kb.check(text, k=search["count"], where=search["where"])
    if target.as_json:
        print_json(result.as_dict())
    else:
        _print(result)
    context.exit(0 if result.status in ("answered", "abstained") else 1)


def _text(file: str) -> str:
    data = sys.stdin.buffer.read(_LIMIT + 1) if file == "-" else Path(file).read_bytes()[: _LIMIT + 1]
    if len(data) > _LIMIT:
        raise InputError(f"{file} has over {_LIMIT:,} bytes", cure="check it in parts")
    text = data.decode("utf-8", "replace")
    if not text.strip():
        raise InputError(f"{file} has no text", cure="give the text of an answer")
    return text


def _print(result: TextCheck) -> None:
    for sentence in result.sentences:
        if sentence.verdict:
            _print_sentence(sentence)
    stated = [sentence for sentence in result.sentences if sentence.verdict]
    held = sum(sentence.verdict in ("quoted", "supported") for sentence in stated)
    click.echo(f"{held:,} of {len(stated):,} statements are supported.")


def _print_sentence(sentence: CheckedSentence) -> None:
    sign, colour, words = _SIGNS[sentence.verdict or "unclear"]
    citation = sentence.citation
    click.echo(click.style(f"{sign} ", fg=colour, bold=True) + show(" ".join(sentence.text.split()), 400))
    reason = f": {citation.reason}" if citation and citation.reason else ""
    decided = f" (decided by {citation.judged})" if citation and citation.judged else ""
    click.echo(click.style(f"    {words}{show(reason + decided, 200)}", fg=colour))
    if citation and citation.quote and sentence.verdict != "unclear":
        page = f", p. {citation.page}" if citation.page is not None else ""
        click.echo(click.style(f"    {show(citation.source)}{page}: ", dim=True) + show(f"“{citation.quote}”", 300))
    click.echo()
