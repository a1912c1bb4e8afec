"""`ragkit eval make`: a question set from the documents of a collection."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ragkit import load_chat
from ragkit.chat.base import ChatModel
from ragkit.cli.context import tools_of
from ragkit.cli.options import Target, common, print_json
from ragkit.cli.progress import drawn_progress
from ragkit.evaluation.generation.question_sets import ALL_KINDS, MadeSet, MakeOptions, make_set
from ragkit.evaluation.generation.saving import save_set
from ragkit.files import need_new_folder
from ragkit.settings import ChatSettings
from ragkit.text.cleaning import show


@click.command(short_help="Make a question set from your own documents.")
@click.argument("out", type=click.Path(file_okay=False))
@click.option(
    "--questions", metavar="N", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most."
)
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Seed of the choice of questions.")
@click.option("--without-llm", is_flag=True, help="Do not let the configured chat model write questions.")
@common
@click.pass_context
def make(context: click.Context, out: str, questions: int, seed: int, without_llm: bool, target: Target) -> None:
    """Make a question set from a collection's documents and write it to the folder OUT.

    Questions are made from headings, definitions, sentences with words left out, and blanks, and harder ones: in other
    words, with a number that must hold, beside a rival sentence of another document, in two parts; and some that the
    documents do not answer (unanswerable.jsonl). If a chat model is configured (RAGKIT_CHAT), it writes half of the
    answerable ones. The documents are divided into a tuning, a validation and a test
    part, and `ragkit eval OUT` reports the test part.
    """
    folder = Path(out)
    need_new_folder(folder)
    with target.open() as kb, drawn_progress(sys.stderr) as progress:
        chat = None if without_llm else tools_of(context).chat or _configured(kb.settings.chat)
        options = MakeOptions(questions, seed, ALL_KINDS, chat, progress)
        made = make_set(kb, options=options)
    save_set(made, folder)
    if target.as_json:
        split = made.meta["split"]
        print_json(
            {
                "folder": str(folder),
                "documents": split["documents"],
                "queries": split["queries"],
                "kinds": made.counts(),
                "unanswerable": len(made.unanswerable),
                "written_by": made.meta["written_by"],
            }
        )
        return
    _print(made, folder)


def _configured(settings: ChatSettings) -> ChatModel | None:
    """Return the chat model of the settings; None for the default model, which only quotes."""
    return None if settings.model == ChatSettings().model else load_chat(settings)


def _print(made: MadeSet, folder: Path) -> None:
    click.echo(f"{show(str(folder))}: {len(made.questions):,} questions on {len(made.documents):,} documents")
    documents = made.meta["split"]["documents"]
    for part, kinds in made.counts().items():
        counts_shown = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()) or "none"
        click.echo(f"{part:<9} {documents[part]:>6,} documents  {counts_shown}")
    if made.unanswerable:
        click.echo(f"{len(made.unanswerable):,} more that they do not answer: unanswerable.jsonl")
    if made.meta["written_by"]:
        click.echo(f"written by {show(made.meta['written_by'])}")
    click.echo(f"next: ragkit eval {show(str(folder))}")
