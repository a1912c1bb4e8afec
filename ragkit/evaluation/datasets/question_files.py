"""Question files: JSON Lines of questions about the documents of a collection, with where and what the answer is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ragkit.evaluation.datasets.lines import DatasetError, Line, read_jsonl

DOCUMENT: Final = ("document", "answer_doc", "source")
TEXT: Final = ("text", "answer_text", "evidence")
"""The keys of a line that name documents, and those that give the evidence."""


@dataclass(frozen=True, slots=True)
class FileQuestion:
    """One question of a file.

    documents: sources, any of which holds the answer. texts: passages, any of which is the evidence. facts: what an
    answer must contain, each in one of several wordings. Without documents, texts and facts it has no answer. kind: a
    group that is reported apart, "" for none.
    """

    text: str
    documents: tuple[str, ...]
    texts: tuple[str, ...]
    facts: tuple[tuple[str, ...], ...]
    kind: str

    @property
    def answerable(self) -> bool:
        """Whether the documents answer it."""
        return bool(self.documents or self.texts or self.facts)


def load_question_file(path: Path) -> tuple[FileQuestion, ...]:
    """Read a question file. Raises DatasetError that names the file and the line.

    A line has `question`; `document` (or `answer_doc`): a source or several; `text` (or `answer_text`): the evidence or
    several wordings of it; `answer_has`: a list of facts, each a string or a list of wordings. A line may have `kind`.
    """
    questions = tuple(read_question(line) for line in read_jsonl(path))
    if not questions:
        raise DatasetError(f"{path} has no questions", cure="write one JSON object a line")
    return questions


def read_question(line: Line) -> FileQuestion:
    """Return the question of a line. Raises DatasetError that names the file and the line."""
    text = line.text("question").strip()
    if not text:
        raise line.error("'question' is empty")
    facts = line.row.get("answer_has") or []
    if not isinstance(facts, list):
        raise line.error("'answer_has' is not a list", cure='write [["30 days", "thirty days"], ["invoice"]]')
    return FileQuestion(
        text,
        _texts(line, *DOCUMENT),
        _texts(line, *TEXT),
        tuple(_wordings(line, fact) for fact in facts),
        line.text("kind", default=""),
    )


def _texts(line: Line, *keys: str) -> tuple[str, ...]:
    """Return the strings under the first of the keys that is there."""
    key = next((key for key in keys if line.row.get(key) is not None), "")
    value = line.row.get(key) or []
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) and item.strip() for item in values):
        raise line.error(f"{key!r} is not a string or a list of strings")
    return tuple(values)


def _wordings(line: Line, fact: object) -> tuple[str, ...]:
    values = [fact] if isinstance(fact, str) else fact
    if not isinstance(values, list) or not values:
        raise line.error("'answer_has' has a fact that is not a string or a list of strings")
    if not all(isinstance(item, str) and item.strip() for item in values):
        raise line.error("'answer_has' has a wording that is empty or not a string")
    return tuple(values)
