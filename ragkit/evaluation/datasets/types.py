"""The values of data sets, and the choice of the questions of a run: a part, a list, or the judged ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeVar, get_args

from ragkit.errors import InputError
from ragkit.evaluation.datasets.lines import DatasetError, Line, read_lines
from ragkit.types.documents import Document

Part = Literal["tune", "validate", "test"]
PARTS: Final[tuple[str, ...]] = get_args(Part)
Qrels = Mapping[str, Mapping[str, int]]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Query:
    """A question; part: what it may be used for, "" in a set without parts; kind: how it was made, "" if unknown."""

    text: str
    part: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A place of a document that answers a question: `document.text[start:end]`."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RankingSet:
    """Documents, and which of them answer which query (grades above 0): a BEIR folder.

    passages: the spans of the answers, for sets that have them; either every query has some, or none has. digest:
    sha256 over the files, the same for every choice of queries.
    """

    name: str
    queries: Mapping[str, Query]
    documents: tuple[Document, ...]
    qrels: Qrels
    digest: str
    passages: Mapping[str, tuple[Passage, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageSet:
    """Files, and the pages that answer each query as (file, page), pages from 1. lines: where a query stands."""

    name: str
    queries: Mapping[str, Query]
    files: Mapping[str, Path]
    evidence: Mapping[str, frozenset[tuple[str, int]]]
    digest: str
    lines: Mapping[str, Line] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanSet:
    """Corpora of one text each, and the spans of its corpus that answer each query, ascending and apart."""

    name: str
    queries: Mapping[str, Query]
    corpora: Mapping[str, Document]
    corpus_of: Mapping[str, str]
    spans: Mapping[str, tuple[Span, ...]]
    digest: str


Dataset = RankingSet | PageSet | SpanSet
D = TypeVar("D", bound=Dataset)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which part of a set is reported. part: "" for a set without parts, "all", or a part.

    note: what must stand beside every figure, "" where the figures are evidence.
    """

    part: str
    note: str = ""


def read_part(line: Line) -> str:
    """Return the part that a line states, "" where it states none. Raises DatasetError."""
    part = line.text("part", default="")
    if part and part not in PARTS:
        raise line.error(f"part {part!r} is not known", cure=f"write one of {', '.join(PARTS)}")
    return part


def choose_part(dataset: Dataset, wanted: str | None) -> Choice:
    """Return the part to report: the requested one, else the test part of a set with parts, else all of it.

    wanted: a part, "all", or None. Raises InputError where the set has no such part.
    """
    present = {query.part for query in dataset.queries.values()} - {""}
    if not present:
        if wanted and wanted != "all":
            raise InputError(
                f"{dataset.name} has no parts, so no part {wanted!r}",
                cure='leave --part out, or write "part" beside each query',
            )
        return Choice("")
    part = wanted or ("test" if "test" in present else "validate" if "validate" in present else "tune")
    if part != "all" and part not in present:
        raise InputError(f"{dataset.name} has no query in part {part!r}", cure=f"it has {', '.join(sorted(present))}")
    if part == "tune":
        return Choice(part, "on the tuning part: no evidence")
    if part == "all" and "tune" in present:
        return Choice(part, "includes the tuning part: no evidence")
    return Choice(part)


def part_of(dataset: D, part: str) -> D:
    """Return the set with the queries of one part ("" or "all": every one)."""
    if part in ("", "all"):
        return dataset
    return with_queries(dataset, {name for name, query in dataset.queries.items() if query.part == part})


def with_queries(dataset: D, wanted: Collection[str]) -> D:
    """Return the set with only the queries of these ids, in its own order."""
    kept = {name: query for name, query in dataset.queries.items() if name in wanted}
    return replace(dataset, queries=kept)


def read_ids(path: Path, dataset: Dataset) -> set[str]:
    """Read query ids, one a line. Raises DatasetError for an id that the set does not have, and for an empty file."""
    ids: set[str] = set()
    for number, line in read_lines(path, cure="write the ids of queries, one a line"):
        name = line.strip()
        if name not in dataset.queries:
            raise DatasetError(f"{path}:{number}: no query {name!r} in {dataset.name}")
        if name in ids:
            raise DatasetError(f"{path}:{number}: {name!r} is listed twice")
        ids.add(name)
    if not ids:
        raise DatasetError(f"{path} lists no query", cure="write the ids of queries, one a line")
    return ids
