"""`ragkit examples`: the few-shot examples of a collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from ragkit import ExampleFile
from ragkit.cli.options import Target, common, print_json, print_table
from ragkit.cli.summaries import SUMMARIES
from ragkit.evaluation.datasets.question_files import load_question_file
from ragkit.text.cleaning import show
from ragkit.types.prompts import Example


@click.group(short_help=SUMMARIES["examples"])
def examples() -> None:
    """List, add, check and remove the few-shot examples of a collection (its file `examples.jsonl`).

    Prompts show those that are most like the question, never one that asks the same; --examples off leaves them out.
    """


@contextmanager
def _file(target: Target) -> Iterator[ExampleFile]:
    """Lend the examples of a collection; other machines of a shared store get what is changed."""
    with target.open() as kb:
        yield ExampleFile(kb.folder)
        kb.follow_files()


@examples.command("list", short_help="List the examples.")
@common
def list_examples(target: Target) -> None:
    """List the examples with their numbers."""
    with _file(target) as file:
        held = file.load()
    if target.as_json:
        records = [
            {"number": number, "input": item.question, "output": item.answer, "context": item.context}
            for number, item in enumerate(held, 1)
        ]
        print_json({"file": str(file.path), "examples": records})
        return
    if not held:
        click.echo("The collection has no examples; add some with: ragkit examples add FILE")
        return
    rows = [(str(number), _short(item.question), _short(item.answer)) for number, item in enumerate(held, 1)]
    print_table(rows, ("number", "input", "output"), frozenset({0}))


def _short(text: str) -> str:
    return show(text, 60)


@examples.command("add", short_help="Add examples.")
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@click.option("--input", "asked", metavar="TEXT", help="The question of one example.")
@click.option("--output", "answer", metavar="TEXT", help="Its answer, with citations such as [1].")
@click.option("--context", metavar="TEXT", default="", help="The text that the answer rests on.")
@common
def add_examples(file: str | None, asked: str | None, answer: str | None, context: str, target: Target) -> None:
    """Add the examples of a JSON lines FILE (input, output, context), or one by --input and --output."""
    if (file is None) == (asked is None and answer is None):
        raise click.UsageError("name a FILE, or give --input and --output")
    with _file(target) as held:
        done = held.add_file(Path(file)) if file else held.add([Example(asked or "", answer or "", context)])
    if target.as_json:
        print_json(done.as_dict())
    else:
        click.echo(f"added {done.added}; {done.duplicates} were there already")


@examples.command("check", short_help="Check the examples.")
@click.option(
    "--questions", metavar="FILE", type=click.Path(dir_okay=False), help="Test questions that must not be examples."
)
@common
@click.pass_context
def check_examples(context: click.Context, questions: str | None, target: Target) -> None:
    """Check the examples: their form, near duplicates, citations, and, with --questions, that none is a test question.

    Exit status 1 when a test question is among them.
    """
    asked = [item.text for item in load_question_file(Path(questions))] if questions else []
    with _file(target) as held:
        notes = held.findings()
        leaks = held.given_away(asked)
    if target.as_json:
        found = [{"number": number, "question": question} for number, question in leaks]
        print_json({"examples": len(held.load()), "notes": notes, "test_questions": found})
    else:
        click.echo(f"{len(held.load())} examples, {len(asked)} test questions")
        for note in notes:
            click.echo(show(note))
        for number, question in leaks:
            click.echo(show(f"example {number} gives away the test question {question!r}; remove it"))
    context.exit(1 if leaks else 0)


@examples.command("remove", short_help="Remove examples.")
@click.argument("numbers", nargs=-1, required=True, type=click.IntRange(1), metavar="NUMBER...")
@common
def remove_examples(numbers: Sequence[int], target: Target) -> None:
    """Remove examples by their numbers in `ragkit examples list`."""
    with _file(target) as held:
        left = held.remove(numbers)
    if target.as_json:
        print_json({"removed": len(set(numbers)), "left": left})
    else:
        click.echo(f"removed {len(set(numbers))}; {left} are left")


@examples.command("from-feedback", short_help="Add the answers that people approved.")
@common
def from_feedback(target: Target) -> None:
    """Add the approved answers of the collection's feedback (its file `feedback.jsonl`)."""
    with _file(target) as held:
        done = held.add_feedback()
    if target.as_json:
        print_json(done.as_dict())
        return
    click.echo(f"added {done.added}; {done.duplicates} were there already, {done.rejected} were not approved")
