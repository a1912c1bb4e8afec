"""Questions with their right answers: a question file or a folder of `ragkit eval make`, divided by document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragkit.errors import InputError
from ragkit.evaluation.datasets.beir import load_ranking_set
from ragkit.evaluation.datasets.lines import DatasetError, Line, Names, read_jsonl
from ragkit.evaluation.datasets.meta import check_meta
from ragkit.evaluation.datasets.question_files import read_question
from ragkit.evaluation.datasets.types import read_part
from ragkit.evaluation.generation.splitting import split_documents


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """A question with its right answer.

    answers: accepted answers, any of them. facts: what an answer must contain, each in one of several wordings.
    documents: sources, any of which holds the answer. evidence: passages of them. part: "tune", "validate", "test", or
    "" in a set without parts.
    """

    name: str
    text: str
    answers: tuple[str, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()
    documents: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    part: str = ""
    kind: str = ""

    @property
    def answerable(self) -> bool:
        """Whether there is a right answer; otherwise the right reply is to abstain."""
        return bool(self.answers or self.facts or self.documents or self.evidence)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of a file or folder. name: of the set. seed: of a split that was made here, None for its own."""

    name: str
    path: Path
    questions: tuple[AnswerQuestion, ...]
    seed: int | None = None

    def part(self, part: str) -> tuple[AnswerQuestion, ...]:
        """Return the questions of a part, all for "all". Raises InputError for a part without questions."""
        found = tuple(item for item in self.questions if part in ("all", item.part))
        if not found:
            present = ", ".join(sorted({item.part for item in self.questions} - {""})) or "no parts"
            raise InputError(f"{self.name} has no question in part {part!r}", cure=f"it has {present}")
        return found


def load_questions(path: Path, *, seed: int = 0) -> QuestionSet:
    """Read a question set; where it states no parts it is divided by document, by the seed.

    A file has `question`, and `answer` (a text or several), `answer_has`, `document`, `text`, `part`, `kind` where
    they are known; a folder is one of `ragkit eval make`. Questions that share a document are in one part; questions
    without a document are divided one by one. Raises DatasetError that names the file and the line.
    """
    questions = _of_folder(path) if path.is_dir() else _of_file(path)
    if not questions:
        raise DatasetError(f"{path} has no questions", cure="write one JSON object a line")
    if any(item.part for item in questions):
        unplaced = next((item for item in questions if not item.part), None)
        if unplaced is not None:
            raise DatasetError(f"{path}: question {unplaced.name!r} is in no part, others are", cure='write its "part"')
        return QuestionSet(path.name, path, tuple(questions))
    parts = split_documents(_groups(questions), seed=seed)
    placed = tuple(replace(item, part=parts[_keys(item)[0]]) for item in questions)
    return QuestionSet(path.name, path, placed, seed)


def _keys(question: AnswerQuestion) -> tuple[str, ...]:
    """Return the key that a split keeps together: the documents of a question, or the question itself."""
    return question.documents or (f"question {question.name}",)


def _groups(questions: Sequence[AnswerQuestion]) -> list[list[str]]:
    """Return the documents in groups, so that those of one question are together."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for question in questions:
        first, *others = _keys(question)
        for other in others:
            parent[root(other)] = root(first)
        root(first)
    groups: dict[str, list[str]] = {}
    for name in sorted(parent):
        groups.setdefault(root(name), []).append(name)
    return list(groups.values())


def _of_file(path: Path) -> list[AnswerQuestion]:
    names = Names()
    found = []
    for line in read_jsonl(path):
        question = read_question(line)
        found.append(
            AnswerQuestion(
                names.claim(line, required=False),
                question.text,
                _answers(line),
                question.facts,
                question.documents,
                question.texts,
                read_part(line),
                question.kind,
            )
        )
    return found


def _of_folder(path: Path) -> list[AnswerQuestion]:
    dataset = load_ranking_set(path, skip_unjudged=True)
    check_meta(path, dataset)
    texts = {document.source: document.text for document in dataset.documents}
    answers = {line.identifier("_id", "id"): _answers(line) for line in read_jsonl(path / "queries.jsonl")}
    return [
        AnswerQuestion(
            name,
            query.text,
            answers.get(name, ()),
            (),
            tuple(source for source, grade in dataset.qrels[name].items() if grade > 0),
            tuple(texts[item.document][item.start : item.end] for item in dataset.passages.get(name, ())),
            query.part,
            query.kind,
        )
        for name, query in dataset.queries.items()
    ]


def _answers(line: Line) -> tuple[str, ...]:
    value = line.row.get("answer")
    values = [value] if isinstance(value, str) else value or []
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise line.error("'answer' is not a text or a list of texts")
    return tuple(item for item in values if item.strip())
