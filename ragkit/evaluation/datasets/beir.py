"""Read a BEIR folder: corpus.jsonl, queries.jsonl and qrels/*.tsv, checked line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ragkit.errors import InputError
from ragkit.evaluation.datasets.lines import DatasetError, Line, Names, file_digest, read_jsonl, read_lines
from ragkit.evaluation.datasets.structure import restored_document
from ragkit.evaluation.datasets.types import Passage, Query, RankingSet, read_part
from ragkit.types.documents import Document

SPLITS: Final = {"tune": "train", "validate": "dev", "test": "test"}
"""Our name of a part -> the name of its judgement file in BEIR."""
_GRADE_LIMIT = 1_000_000


def load_ranking_set(folder: Path, *, skip_unjudged: bool = False) -> RankingSet:
    """Read a BEIR folder.

    A set has parts where it has `qrels/train.tsv` or `qrels/dev.tsv` beside `qrels/test.tsv` (the tuning and the
    validation part), or where queries state a "part". A query is judged in one part only.

    skip_unjudged: leave out queries that no document answers, instead of raising. Raises DatasetError.
    """
    corpus, queries_file = folder / "corpus.jsonl", folder / "queries.jsonl"
    documents = _documents(corpus)
    queries = _queries(queries_file, documents)
    files = {part: folder / "qrels" / f"{name}.tsv" for part, name in SPLITS.items()}
    present = {part: path for part, path in files.items() if path.exists()} or {"test": files["test"]}
    judged = _Judgements(queries_file, queries.lines, documents)
    for part, path in present.items():
        judged.read(path, part if len(present) > 1 or part != "test" else "")
    unjudged = [name for name in queries.found if not any(grade > 0 for grade in judged.qrels.get(name, {}).values())]
    if unjudged and not skip_unjudged:
        where = next(iter(present.values())) if len(present) == 1 else folder / "qrels"
        raise DatasetError(
            f"{where}: {len(unjudged):,} of {len(queries.found):,} queries have no relevant document,"
            f" such as {unjudged[0]!r} ({queries_file}:{queries.lines[unjudged[0]].number})",
            cure="judge them, or leave them out with --skip-unjudged",
        )
    kept = {name: query for name, query in queries.found.items() if name not in set(unjudged)}
    if not kept:
        raise DatasetError(f"{queries_file} holds no query with a relevant document")
    return RankingSet(
        name=folder.resolve().name,
        queries={name: replace(query, part=judged.parts[name] or query.part) for name, query in kept.items()},
        documents=tuple(documents.values()),
        qrels={name: judged.qrels[name] for name in kept},
        digest=file_digest([corpus, queries_file, *present.values()]),
        passages=_passages(queries, kept),
    )


def _documents(path: Path) -> dict[str, Document]:
    documents: dict[str, Document] = {}
    names = Names()
    for line in read_jsonl(path, cure="point at a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv"):
        identifier = names.claim(line)
        try:
            documents[identifier] = restored_document(line, identifier)
        except DatasetError:
            raise
        except InputError as error:
            raise line.error(error.message) from error
    if not documents:
        raise DatasetError(f"{path} holds no document")
    return documents


@dataclass(slots=True)
class _Queries:
    """The queries of a file, the lines they stand on, and the passages that they name."""

    found: dict[str, Query] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    passages: dict[str, tuple[Passage, ...]] = field(default_factory=dict)


def _queries(path: Path, documents: Mapping[str, Document]) -> _Queries:
    queries, names = _Queries(), Names()
    for line in read_jsonl(path, cure="write one query a line"):
        name = names.claim(line)
        queries.found[name] = Query(line.question("text"), read_part(line), line.text("kind", default=""))
        queries.lines[name] = line
        passages = tuple(_passage(item, documents) for item in line.objects("passages"))
        if passages:
            queries.passages[name] = passages
    if not queries.found:
        raise DatasetError(f"{path} holds no query")
    return queries


def _passage(line: Line, documents: Mapping[str, Document]) -> Passage:
    name, start, end = line.text("document"), line.whole("start"), line.whole("end")
    if name not in documents:
        raise line.error(f"no document {name!r} in corpus.jsonl")
    size = len(documents[name].text)
    if not start < end <= size:
        raise line.error(f"the passage {start}..{end} is not in {name!r}, which has {size:,} characters")
    return Passage(name, start, end)


def _passages(queries: _Queries, kept: Mapping[str, Query]) -> dict[str, tuple[Passage, ...]]:
    """Return the passages of the kept queries; a set where only some have them is one without passages."""
    if any(name not in queries.passages for name in kept):
        return {}
    return {name: queries.passages[name] for name in kept}


class _Judgements:
    """Grades by query and document from one or more files, and the part that each query was judged in."""

    def __init__(self, queries_file: Path, queries: Mapping[str, Line], documents: Mapping[str, Document]) -> None:
        self._queries_file = queries_file
        self._queries = queries
        self._documents = documents
        self.qrels: dict[str, dict[str, int]] = {}
        self.parts: dict[str, str] = {}
        self._file_of: dict[str, Path] = {}

    def read(self, path: Path, part: str) -> None:
        """Read query id, document id and grade, separated by tabs; a first line of column names is left out."""
        found = False
        for number, text in read_lines(path, cure="put the judgements there"):
            cells = [cell.strip() for cell in text.split("\t")]
            if number == 1 and cells[-1].lower() == "score":
                continue
            if len(cells) != 3 or not _whole(cells[2]):
                raise DatasetError(f"{path}:{number}: not 'query-id, corpus-id, score' separated by tabs")
            try:
                self._judge(path, part, *cells)
            except DatasetError as error:
                raise DatasetError(f"{path}:{number}: {error.message}", cure=error.cure) from None
            found = True
        if not found:
            raise DatasetError(
                f"{path} holds no judgement", cure="write query-id, corpus-id and score, separated by tabs"
            )

    def _judge(self, path: Path, part: str, query: str, document: str, grade: str) -> None:
        if query not in self._queries:
            raise DatasetError(f"no query {query!r} in {self._queries_file.name}")
        if document not in self._documents:
            raise DatasetError(f"no document {document!r} in corpus.jsonl")
        if self._file_of.setdefault(query, path) != path:
            raise DatasetError(
                f"{query!r} is judged in {self._file_of[query].name} too", cure="a query belongs to one part"
            )
        stated = self._queries[query].row.get("part") or part
        if part and stated != part:
            raise DatasetError(f"{query!r} is judged in part {part!r} and states part {stated!r}")
        if document in self.qrels.setdefault(query, {}):
            raise DatasetError(f"{query!r} and {document!r} are judged twice")
        self.qrels[query][document] = int(grade)
        self.parts[query] = part


def _whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 8 and int(digits) <= _GRADE_LIMIT
