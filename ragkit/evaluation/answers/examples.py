"""The few-shot examples of an evaluation: read from a file; none of them may be a measured question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ragkit.errors import DefinitionError, InputError
from ragkit.prompting.examples import given_away, read_examples
from ragkit.types.prompts import Example


def load_shots(path: Path, questions: Sequence[str]) -> tuple[Example, ...]:
    """Return the examples of a file for prompts that are measured on questions.

    Raises DefinitionError for a file that is malformed or empty, InputError where an example is a question or nearly
    one: its answer would be copied, and the measurement worth nothing.
    """
    examples = read_examples(path)
    if not examples:
        raise DefinitionError("holds no example", path=str(path), cure='write {"input": …, "output": …} a line')
    leaks = given_away(examples, questions)
    if leaks:
        number, question = leaks[0]
        example = examples[number - 1]
        raise InputError(
            f"{example.place}: the example {example.question[:80]!r} is the measured question {question[:80]!r}, and"
            f" {len(leaks) - 1:,} more are",
            cure="take these examples out, or measure other questions",
        )
    return examples
