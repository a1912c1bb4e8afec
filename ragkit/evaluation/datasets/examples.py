"""Few-shot and training examples: JSON Lines of an input, the output wanted, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import InputError
from ragkit.evaluation.datasets.lines import DatasetError, Line, read_jsonl
from ragkit.evaluation.datasets.near_texts import NearTexts
from ragkit.text.cleaning import clean_text
from ragkit.types.prompts import Example


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """An input with the output wanted. context: passages that the output rests on. document: its source, "" if unknown.

    place: the file and line, for messages.
    """

    input: str
    output: str
    context: str = ""
    document: str = ""
    place: str = ""

    @property
    def example(self) -> Example:
        """The example as prompts take it."""
        return Example(self.input, self.output)


def load_examples(path: Path) -> tuple[LabelledExample, ...]:
    """Read examples.jsonl: `input` and `output` a line, optional `context` (text or list of texts) and `document`.

    Raises DatasetError that names the file and the line.
    """
    found = tuple(_example(line) for line in read_jsonl(path, cure='write {"input": …, "output": …} a line'))
    if not found:
        raise DatasetError(f"{path} holds no example", cure='write {"input": …, "output": …} a line')
    return found


def leaked(examples: Sequence[LabelledExample], questions: Sequence[str]) -> list[tuple[LabelledExample, str]]:
    """Return the examples whose input is a test question or nearly one, each with that question."""
    held = NearTexts(questions)
    found = ((example, held.find(example.input)) for example in examples)
    return [(example, questions[number]) for example, number in found if number is not None]


def check_no_leak(examples: Sequence[LabelledExample], questions: Sequence[str]) -> None:
    """Raise InputError where an example is a question that is measured: the result would be learned by heart."""
    found = leaked(examples, questions)
    if found:
        example, question = found[0]
        raise InputError(
            f"{example.place}: the example {example.input[:80]!r} is the measured question {question[:80]!r}, and"
            f" {len(found) - 1:,} more are",
            cure="take these examples out, or measure other questions",
        )


def _example(line: Line) -> LabelledExample:
    given = line.row.get("context") or ""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise line.error("'context' is not a text or a list of texts")
    example = LabelledExample(
        clean_text(line.text("input")).strip(),
        clean_text(line.text("output")).strip(),
        clean_text("\n\n".join(texts)).strip(),
        line.text("document", default=""),
        f"{line.path}:{line.number}",
    )
    for name in ("input", "output"):
        if not getattr(example, name):
            raise line.error(f"{name!r} is empty")
    return example
