"""`ragkit advise`: which step of the ladder is next, why, and what evidence would change that."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ragkit.advice.advice_report import advice_lines
from ragkit.advice.mistakes import Mistake, find_mistakes
from ragkit.advice.observed import Observed, observe
from ragkit.advice.questionnaire import QUESTIONS, Question, Situation, checked_answer, read_situation, with_answers
from ragkit.advice.rules import advise as advice_on
from ragkit.cli.options import Target, common, print_json
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import InputError, NotFoundError
from ragkit.text.cleaning import show
from ragkit.tracking.catalog import list_runs

_YES, _NO = frozenset({"y", "yes", "true"}), frozenset({"n", "no", "false"})


@click.command(short_help=SUMMARIES["advise"])
@click.option(
    "--answers", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Answers in YAML or JSON."
)
@click.option("--from-collection", is_flag=True, help="Ask nothing: take what the collection and its runs show.")
@click.option("--check", metavar="PATH", multiple=True, type=click.Path(exists=True), help="Data for tuning to check.")
@click.option("--questions", "list_questions", is_flag=True, help="Print the questions as an answers file to fill in.")
@common
def advise(
    answers: str | None, from_collection: bool, check: Sequence[str], list_questions: bool, target: Target
) -> None:
    """Advise on the next step: prompt, retrieve, show examples, chain, a stronger model, or fine-tune.

    The answers come from a terminal, from --answers FILE, or from what the collection and its recorded runs show. Each
    step gets a verdict, its reasons, and the evidence that would change it. --check looks for the common mistakes in
    examples.jsonl or in a folder of `ragkit export finetune`: too little data, no held-out set, leaks, overfitting, no
    versions.
    """
    if list_questions:
        _print_questions(as_json=target.as_json)
        return
    mistakes = [mistake for path in check for mistake in find_mistakes(Path(path))]
    observed = _observed(target, required=from_collection)
    if answers:
        situation = read_situation(Path(answers), defaults=observed.situation)
    elif from_collection or check:
        situation = observed.situation
    elif sys.stdin.isatty():
        situation = _asked(observed)
    else:
        raise InputError(
            "nobody is there to answer the questions", cure="give --answers FILE (see --questions) or --from-collection"
        )
    _print(situation, observed, mistakes, as_json=target.as_json)


def _observed(target: Target, *, required: bool) -> Observed:
    """Return what the collection shows; nothing for one that does not exist, unless it is required."""
    try:
        with target.open() as kb:
            examples = kb.folder / "examples.jsonl"
            return observe(
                kb, runs=list_runs(target.folder / "runs"), examples=examples if examples.is_file() else None
            )
    except NotFoundError:
        if required:
            raise
        return Observed(Situation(), {})


def _asked(observed: Observed) -> Situation:
    """Ask each question on the terminal, with what is known as the default."""
    given: dict[str, Any] = {}
    for question in QUESTIONS:
        known = getattr(observed.situation, question.key)
        note = f" [{observed.evidence[question.key]}]" if question.key in observed.evidence else ""
        options = f" ({', '.join(question.options)})" if question.options else ""
        default = ", ".join(known) if isinstance(known, tuple) else str(known).lower()
        while True:
            said = click.prompt(show(f"{question.text}{options}{note}", 500), default=default, err=True)
            try:
                given[question.key] = checked_answer(question, _value(question, said), place="your answer")
                break
            except InputError as error:
                click.echo(f"  {show(str(error), 500)}", err=True)
    return with_answers(observed.situation, given)


def _value(question: Question, said: str) -> object:
    """Return what was typed in the form of an answers file."""
    text = said.strip()
    if question.kind == "choices":
        return [part.strip() for part in text.split(",") if part.strip()]
    if question.kind == "number" and text.isascii() and text.isdigit():
        return int(text)
    if question.kind == "flag" and text.casefold() in _YES | _NO:
        return text.casefold() in _YES
    return text


def _print(situation: Situation, observed: Observed, mistakes: Sequence[Mistake], *, as_json: bool) -> None:
    advice = advice_on(situation)
    if as_json:
        print_json(
            {
                **advice.as_dict(),
                "situation": situation.as_dict(),
                "evidence": observed.evidence,
                "mistakes": [mistake.as_dict() for mistake in mistakes],
            }
        )
        return
    for mistake in mistakes:
        click.echo(show(f"{mistake.severity}: {mistake.detail}; {mistake.cure}", 500))
    if mistakes:
        click.echo()
    for line in advice_lines(advice):
        click.echo(show(line, 500))


def _print_questions(*, as_json: bool) -> None:
    """Print the questions with their defaults: YAML that `--answers` reads."""
    defaults = Situation().as_dict()
    if as_json:
        print_json(
            [{"key": item.key, "text": item.text, "kind": item.kind, "options": item.options} for item in QUESTIONS]
        )
        return
    for item in QUESTIONS:
        value = defaults[item.key]
        options = f" ({', '.join(item.options)})" if item.options else ""
        click.echo(f"# {item.text}{options}")
        shown = f"[{', '.join(value)}]" if isinstance(value, list) else str(value).lower()
        click.echo(f"{item.key}: {shown}")
