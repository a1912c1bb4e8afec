"""Examples for prompts and training: files of them, the one of a collection with its checks, and leaks of questions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ragkit.errors import DefinitionError, InputError
from ragkit.files import fsync_path
from ragkit.prompting.near_texts import NearTexts, text_key
from ragkit.text.cleaning import clean_text
from ragkit.types.prompts import Example

FILE_NAME: Final = "examples.jsonl"
FEEDBACK_NAME: Final = "feedback.jsonl"
MOST: Final = 1_000
"""Examples of one collection; only a few of them are in a prompt."""
FEWEST: Final = 3
"""With fewer examples than this, a prompt shows no pattern."""
LONGEST: Final = 8_000
"""Characters of a question, an answer or a context of a collection's examples."""
_FIELDS: Final = ("input", "output", "context", "document")


@dataclass(frozen=True, slots=True)
class Added:
    """The result of adding examples. duplicates: how many were left out because their question exists already."""

    added: int
    duplicates: int
    rejected: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the JSON shape of `ragkit examples add --json`."""
        return {"added": self.added, "duplicates": self.duplicates, "rejected": self.rejected}


class ExampleFile:
    """The examples of one collection, in a JSON line each: {"input": …, "output": …, "context": …}."""

    def __init__(self, folder: Path) -> None:
        """Use the file in a collection's folder; it need not exist."""
        self.path = folder / FILE_NAME
        self._feedback = folder / FEEDBACK_NAME
        self._read: tuple[tuple[int, int], tuple[Example, ...]] | None = None

    def load(self) -> tuple[Example, ...]:
        """Return the examples in their order; none without a file. Raises DefinitionError with the line."""
        try:
            state = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        stamp = (state.st_mtime_ns, state.st_size)
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, read_examples(self.path, bounded=True))
        return self._read[1]

    def add(self, examples: Iterable[Example]) -> Added:
        """Append examples whose question does not exist yet. Raises InputError for one without a question or answer."""
        held = list(self.load())
        seen = {text_key(example.question) for example in held}
        before = len(held)
        duplicates = 0
        for example in examples:
            problem = _problem(example)
            if problem:
                raise InputError(f"an example {problem}", cure="give it a question and an answer")
            key = text_key(example.question)
            if key in seen:
                duplicates += 1
                continue
            seen.add(key)
            held.append(example)
        if len(held) > MOST:
            raise InputError(f"a collection holds at most {MOST:,} examples", cure="remove some first")
        if len(held) > before:
            self._write(held)
        return Added(len(held) - before, duplicates)

    def remove(self, numbers: Sequence[int]) -> int:
        """Remove examples by number, from 1; return how many are left. Raises InputError for an unknown number."""
        held = list(self.load())
        wrong = [number for number in numbers if not 1 <= number <= len(held)]
        if wrong:
            raise InputError(f"there is no example {wrong[0]}", cure=f"the collection has {len(held)}")
        kept = [example for number, example in enumerate(held, 1) if number not in set(numbers)]
        self._write(kept)
        return len(kept)

    def add_file(self, path: Path) -> Added:
        """Add the examples of another file of the same form. Raises DefinitionError with the line."""
        return self.add(read_examples(path, bounded=True))

    def findings(self) -> list[str]:
        """Return the weaknesses of the examples, a sentence each."""
        return findings(self.load())

    def given_away(self, questions: Sequence[str]) -> list[tuple[int, str]]:
        """Return (number, question) for each example whose question is one of these or nearly one."""
        return given_away(self.load(), questions)

    def add_feedback(self) -> Added:
        """Add the answers that people approved (see `approved`). Raises DefinitionError, InputError (no feedback)."""
        if not self._feedback.is_file():
            raise InputError("the collection has no feedback yet", cure=f"it is kept in {self._feedback}")
        good, others = approved(self._feedback)
        done = self.add(good)
        return Added(done.added, done.duplicates, others)

    def _write(self, examples: Sequence[Example]) -> None:
        """Replace the file as a whole, so that a reader sees the old examples or the new ones."""
        lines = [json.dumps(_as_json(example), ensure_ascii=False) + "\n" for example in examples]
        new = self.path.with_name(f"{FILE_NAME}.{os.getpid()}.new")
        new.write_text("".join(lines), encoding="utf-8")
        fsync_path(new)
        new.replace(self.path)
        fsync_path(self.path.parent)


def read_examples(path: Path, *, bounded: bool = False) -> tuple[Example, ...]:
    """Return the examples of a JSON lines file. Raises DefinitionError with the line of the first fault.

    bounded: hold to the limits of a collection's examples, 1,000 of 8,000 characters; training data has none.
    """
    examples: list[Example] = []
    for number, record in json_lines(path):
        unknown = sorted(set(record) - set(_FIELDS))
        values = [_joined(record.get(name)) for name in _FIELDS]
        if unknown or not all(isinstance(value, str) for value in values):
            what = f"has the field {unknown[0]!r}" if unknown else "has a value that is no text"
            raise DefinitionError(what, path=str(path), line=number, cure=f"the fields are {', '.join(_FIELDS)}")
        question, answer, context, document = (clean_text(value).strip() for value in values)
        example = Example(question, answer, context, document, f"{path}:{number}")
        problem = _problem(example, longest=LONGEST if bounded else None)
        if problem:
            raise DefinitionError(problem, path=str(path), line=number, cure="write input and output")
        examples.append(example)
        if bounded and len(examples) > MOST:
            raise DefinitionError(f"holds more than {MOST:,} examples", path=str(path), line=number)
    return tuple(examples)


def approved(path: Path) -> tuple[list[Example], int]:
    """Return the examples that a file of feedback gives, and how many of its lines give none.

    A line is {"question", "answer", "verdict": "good" or "bad", "note", "at", "citations"}; a "good" one with an answer
    becomes an example. Of one question the last verdict holds. Raises DefinitionError with the line.
    """
    last: dict[str, Example | None] = {}
    lines = 0
    for number, record in json_lines(path, cut=True):
        question, answer, verdict = (record.get(name) for name in ("question", "answer", "verdict"))
        if not isinstance(question, str) or not isinstance(answer, str) or verdict not in ("good", "bad"):
            raise DefinitionError(
                "is no feedback",
                path=str(path),
                line=number,
                cure='it has question, answer and verdict "good" or "bad"',
            )
        lines += 1
        example = Example(question.strip(), answer.strip())
        key = text_key(question)
        last.pop(key, None)
        last[key] = example if verdict == "good" and not _problem(example) else None
    good = [example for example in last.values() if example is not None]
    return good, lines - len(good)


def json_lines(path: Path, *, cut: bool = False) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """Yield (number of the line, its object) of a JSON lines file. Raises DefinitionError.

    cut: leave out a last line that a crash cut off.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    if cut and not line.endswith("\n"):
                        return
                    said = getattr(error, "msg", "it is nested too deeply")
                    raise DefinitionError(f"is not JSON: {said}", path=str(path), line=number) from error
                if not isinstance(record, dict):
                    raise DefinitionError("is no JSON object", path=str(path), line=number)
                yield number, record
    except UnicodeDecodeError as error:
        raise DefinitionError("is not UTF-8", path=str(path), cure="save it as UTF-8") from error
    except OSError as error:
        raise DefinitionError(f"cannot be read ({error.strerror})", path=str(path)) from error


def given_away(examples: Sequence[Example], questions: Sequence[str]) -> list[tuple[int, str]]:
    """Return (number from 1, question) for each example whose question is one of these or nearly one."""
    held = NearTexts(questions)
    found = ((number, held.find(example.question)) for number, example in enumerate(examples, 1))
    return [(number, questions[at]) for number, at in found if at is not None]


def findings(examples: Sequence[Example]) -> list[str]:
    """Return the weaknesses of a set of examples, a sentence each."""
    found: list[str] = []
    if examples and len(examples) < FEWEST:
        found.append(f"there are {len(examples)} examples; use at least {FEWEST}")
    held = NearTexts()
    for number, example in enumerate(examples, 1):
        earlier = held.find(example.question)
        held.add(example.question)
        if earlier is not None:
            found.append(f"example {number} asks almost the same as example {earlier + 1}")
        if "[" not in example.answer:
            found.append(f"example {number} has no citation such as [1]: models copy that")
    return found


def _problem(example: Example, *, longest: int | None = LONGEST) -> str:
    """Return the fault of an unusable example, "" for a good one. longest: characters of a part, None for any
    number."""
    for name, text in (("input", example.question), ("output", example.answer)):
        if not text.strip():
            return f"has an empty {name}"
    if longest is not None and max(map(len, (example.question, example.answer, example.context))) > longest:
        return f"is longer than {longest:,} characters"
    return ""


def _joined(value: Any) -> Any:
    """Return a list of texts (of a context) as one text, "" for null; anything else as it is."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n\n".join(value)
    return value


def _as_json(example: Example) -> dict[str, str]:
    values = zip(_FIELDS, (example.question, example.answer, example.context, example.document), strict=True)
    return {name: text for name, text in values if text}
