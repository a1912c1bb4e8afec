"""`ragkit adapt`: learn a query adapter from question-passage pairs, or remove the stored one."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ragkit.cli.options import Target, common, print_json
from ragkit.cli.progress import drawn_progress
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import AdapterRefusedError
from ragkit.evaluation.datasets.labelled import from_question_file, is_question_file, read_labelled
from ragkit.knowledge.adapter_training import describe


@click.command(short_help=SUMMARIES["adapt"])
@click.argument("pairs", required=False, type=click.Path(exists=True))
@click.option("--part", type=click.Choice(["tune", "validate", "test", "all"]), help="Part to learn from (tune).")
@click.option("--queries", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Ids of queries to take.")
@click.option("--remove", is_flag=True, help="Remove the collection's adapter.")
@common
@click.pass_context
def adapt(
    context: click.Context, pairs: str | None, part: str | None, queries: str | None, remove: bool, target: Target
) -> None:
    """Learn a linear map for query vectors from PAIRS, and keep it if it helps on held-out questions.

    PAIRS is a folder that `ragkit eval make` wrote, a BEIR folder whose documents are in the collection, or a JSON
    Lines file of {"question": ..., "source": ...}, or a question file (question, document, text). Folds are divided
    by document. A map that does not help is refused with its figures (exit status 1); otherwise every search of the
    collection uses it.
    """
    if remove == bool(pairs):
        raise click.UsageError("Name PAIRS, or --remove.", context)
    if remove:
        with target.open() as kb:
            removed = kb.remove_adapter()
        if target.as_json:
            print_json({"removed": removed})
        else:
            click.echo("removed the adapter" if removed else "there is no adapter")
        return
    path = Path(str(pairs))
    placed = not part and not queries and is_question_file(path)
    questions = [] if placed else read_labelled(path, part=part or "", ids=Path(queries) if queries else None)
    try:
        with target.open() as kb, drawn_progress(sys.stderr) as progress:
            questions = from_question_file(path, kb) if placed else questions
            evidence = kb.adapt(questions, progress=progress)
    except AdapterRefusedError as error:
        if target.as_json and error.evidence:
            print_json({"kept": False, **error.evidence})
        raise
    if target.as_json:
        print_json({"kept": True, **evidence})
        return
    click.echo(f"kept: {describe(evidence)}")
