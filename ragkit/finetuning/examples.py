"""Training examples: collected from examples, approved answers and question sets, each once, divided by document."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from ragkit.errors import InputError
from ragkit.evaluation.answers.questions import AnswerQuestion, load_questions
from ragkit.evaluation.datasets.lines import read_jsonl
from ragkit.prompting.examples import read_examples
from ragkit.prompting.near_texts import NearTexts
from ragkit.types.prompts import Message

Split = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "test")
_SPLIT_OF: Final[dict[str, Split]] = {"tune": "train", "validate": "validation", "test": "test"}
ASIDE: Final = 0.1
"""The share of the examples that each of validation and test gets at least."""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """An input with the output wanted. context: passages for the prompt, "" for none. document: "" if unknown.

    split: given by a question set with parts, "" where it is still to be decided. place: file and line, for messages.
    """

    input: str
    output: str
    context: str = ""
    document: str = ""
    split: Split | Literal[""] = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Collected:
    """Distinct examples with their splits. repeated: near duplicates left out. unanswered: questions left out."""

    examples: tuple[TrainingExample, ...]
    repeated: int
    unanswered: int

    def of(self, split: Split) -> tuple[TrainingExample, ...]:
        """Return the examples of a split."""
        return tuple(item for item in self.examples if item.split == split)


def collect(paths: Sequence[Path], *, seed: int = 0) -> Collected:
    """Read examples.jsonl files, question files and folders of `ragkit eval make`; divide all but duplicates.

    Lines with `input` are examples (approved answers have the same form), lines with `question` are of a question set.
    Of near duplicates the first stays, a test question before all others: what is tested is never trained. Examples of
    one document are in one split. Raises DefinitionError, DatasetError, InputError.
    """
    found: list[TrainingExample] = []
    unanswered = 0
    for path in paths:
        if path.is_file() and _has_inputs(path):
            found += [
                TrainingExample(item.question, item.answer, item.context, item.document, place=item.place)
                for item in read_examples(path)
            ]
            continue
        questions = load_questions(path, seed=seed)
        answered = [_of_question(item, path) for item in questions.questions if item.answers]
        unanswered += len(questions.questions) - len(answered)
        found += answered if questions.seed is None else [replace(item, split="") for item in answered]
    kept, repeated = _distinct(found)
    return Collected(tuple(_divided(kept, seed)), repeated, unanswered)


def _has_inputs(path: Path) -> bool:
    first = next(iter(read_jsonl(path)), None)
    if first is None:
        raise InputError(f"{path} is empty", cure='write {"input": …, "output": …} a line')
    return "input" in first.row


def _of_question(question: AnswerQuestion, path: Path) -> TrainingExample:
    return TrainingExample(
        question.text,
        question.answers[0],
        "\n\n".join(question.evidence),
        question.documents[0] if question.documents else "",
        _SPLIT_OF[question.part],
        f"{path}: {question.name}",
    )


def _distinct(found: Iterable[TrainingExample]) -> tuple[list[TrainingExample], int]:
    """Return the examples without near duplicates, a test split's first, and how many were left out."""
    order: dict[str, int] = {"test": 0, "validation": 1, "train": 2, "": 3}
    held = NearTexts()
    kept = []
    repeated = 0
    for item in sorted(found, key=lambda item: order[item.split]):
        if held.find(item.input) is not None:
            repeated += 1
            continue
        held.add(item.input)
        kept.append(item)
    return kept, repeated


def _divided(examples: Sequence[TrainingExample], seed: int) -> list[TrainingExample]:
    """Return the examples with a split each: that of their document where it has one already, else by the seed."""
    given: dict[str, Split] = {}
    for item in examples:
        if item.split:
            given.setdefault(_key(item), item.split)
    sizes = Counter(_key(item) for item in examples if _key(item) not in given)
    splits = given | _splits(sizes, seed, missing=[split for split in SPLITS if split not in given.values()])
    return [replace(item, split=splits[_key(item)]) for item in examples]


def _key(example: TrainingExample) -> str:
    """Return the key that a split keeps together: the document of an example, or the example itself."""
    return f"document {example.document}" if example.document else f"example {example.place}"


def _splits(sizes: Mapping[str, int], seed: int, *, missing: Sequence[Split]) -> dict[str, Split]:
    """Return the split of each key, in an order that the seed decides: test and validation first, the rest is train.

    missing: splits that nothing is in yet. Test and validation are filled if they are, and while keys are left.
    """
    order = sorted(sizes, key=lambda key: hashlib.sha256(f"{seed}/{key}".encode()).digest())
    wanted = ASIDE * sum(sizes.values())
    out: dict[str, Split] = {}
    for split in ("test", "validation"):
        taken = 0
        while split in missing and taken < wanted and len(order) > 1:
            key = order.pop()
            out[key] = split
            taken += sizes[key]
    return out | dict.fromkeys(order, "train")


Prompter = Callable[[TrainingExample], Sequence[Message]]
"""Returns the messages before the answer of an example."""


def plain_prompter(system: str) -> Prompter:
    """Return a prompter without passages. system: the instructions, "" for none."""
    head = (Message("system", system),) if system else ()
    return lambda example: (*head, Message("user", example.input))


def context_prompter(system: str) -> Prompter:
    """Return a prompter that puts the context of an example before its input; without one, the input alone."""
    head = (Message("system", system),) if system else ()

    def made(example: TrainingExample) -> Sequence[Message]:
        text = f"{example.context}\n\nQuestion: {example.input}" if example.context else example.input
        return (*head, Message("user", text))

    return made
