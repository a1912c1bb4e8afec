"""Read evaluation data sets; what is malformed is named by file and line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import InputError
from ragkit.text import clean_text
from ragkit.types import Document

Qrels = dict[str, dict[str, int]]


class DatasetError(InputError):
    """A data set is malformed; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class RankingSet:
    """Documents, queries, and which documents answer which query (grades above 0), as BEIR lays them out.

    parts: query id -> "tune", "validate" or "test", for sets that say so. digest: sha256 over the files.
    """

    name: str
    documents: tuple[Document, ...]
    queries: Mapping[str, str]
    qrels: Qrels
    parts: Mapping[str, str]
    digest: str


def load_ranking_set(folder: Path, *, skip_unjudged: bool = False) -> RankingSet:
    """Read a BEIR folder: `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`.

    skip_unjudged: leave out queries that no document answers, instead of raising. Raises DatasetError.
    """
    corpus, queries_file, qrels_file = folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels" / "test.tsv"
    documents: dict[str, Document] = {}
    for number, row in read_jsonl(corpus):
        identifier = _text(row, "_id", corpus, number)
        if identifier in documents:
            raise DatasetError(
                f"{corpus}:{number}: duplicate id {identifier!r}", cure="give every document its own _id"
            )
        title, text = _text(row, "title", corpus, number, default=""), _text(row, "text", corpus, number)
        try:
            documents[identifier] = Document.from_text(identifier, text, title=" ".join(clean_text(title).split()))
        except InputError as error:
            raise DatasetError(f"{corpus}:{number}: {error.message}") from error
    queries, parts = _queries(queries_file)
    qrels = _qrels(qrels_file, queries, documents)
    if not documents:
        raise DatasetError(f"{corpus} holds no document")
    unjudged = [query for query in queries if not any(grade > 0 for grade in qrels.get(query, {}).values())]
    if unjudged and not skip_unjudged:
        raise DatasetError(
            f"{qrels_file}: {len(unjudged)} of {len(queries)} queries have no relevant document, such as {unjudged[0]!r}",
            cure="judge them, or leave them out with --skip-unjudged",
        )
    for query in unjudged:
        del queries[query]
    if not queries:
        raise DatasetError(f"{queries_file} holds no query that can be judged")
    kept = {query: qrels[query] for query in queries}
    return RankingSet(
        folder.name, tuple(documents.values()), queries, kept, parts, _digest(corpus, queries_file, qrels_file)
    )


def read_jsonl(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (line number, object) of a JSON Lines file, blank lines left out. Raises DatasetError."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise DatasetError(
                        f"{path}:{number}: not JSON ({error})", cure="write one object a line"
                    ) from error
                if not isinstance(row, dict):
                    raise DatasetError(f"{path}:{number}: not a JSON object", cure="write one object a line")
                yield number, row
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror})", cure="point at a BEIR folder") from error


def _queries(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    queries: dict[str, str] = {}
    parts: dict[str, str] = {}
    for number, row in read_jsonl(path):
        identifier = _text(row, "_id", path, number)
        if identifier in queries:
            raise DatasetError(f"{path}:{number}: duplicate id {identifier!r}", cure="give every query its own _id")
        text = clean_text(_text(row, "text", path, number)).strip()
        if not text:
            raise DatasetError(f"{path}:{number}: the query {identifier!r} is empty")
        queries[identifier] = text
        if "part" in row:
            parts[identifier] = _text(row, "part", path, number)
    return queries, parts


def _qrels(path: Path, queries: Mapping[str, str], documents: Mapping[str, Document]) -> Qrels:
    """Read query id, document id and grade, separated by tabs; a first line of column names is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read ({error})", cure="put the judgements there") from error
    qrels: Qrels = {}
    for number, line in enumerate(lines, 1):
        cells = line.split("\t")
        if not line.strip() or (number == 1 and cells[-1].strip().lower() == "score"):
            continue
        if len(cells) != 3 or not cells[2].strip().lstrip("-").isdigit():
            raise DatasetError(f"{path}:{number}: not 'query-id, corpus-id, score' separated by tabs")
        query, document, grade = cells[0], cells[1], int(cells[2])
        if query not in queries:
            raise DatasetError(f"{path}:{number}: no query {query!r} in queries.jsonl")
        if document not in documents:
            raise DatasetError(f"{path}:{number}: no document {document!r} in corpus.jsonl")
        if document in qrels.setdefault(query, {}):
            raise DatasetError(f"{path}:{number}: {query!r} and {document!r} are judged twice")
        qrels[query][document] = grade
    if not qrels:
        raise DatasetError(f"{path} holds no judgement", cure="write: query-id, corpus-id, score; separated by tabs")
    return qrels


def _text(row: Mapping[str, Any], key: str, path: Path, number: int, *, default: str | None = None) -> str:
    value = row.get(key, default)
    if not isinstance(value, str):
        raise DatasetError(f"{path}:{number}: {key!r} is missing or not a string")
    return value


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
