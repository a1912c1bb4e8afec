"""Statement sets: a folder of documents or tables, and statements.jsonl that says which statements they support."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ragkit.evaluation.datasets.lines import DatasetError, Line, read_jsonl
from ragkit.evaluation.datasets.types import read_part

FILE: Final = "statements.jsonl"
FOLDERS: Final = ("tables", "documents")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about one document. group: a kind that is reported apart, "" for none. part: "tune" or "test"."""

    source: str
    text: str
    supported: bool
    title: str
    part: str
    group: str


@dataclass(frozen=True, slots=True)
class StatementSet:
    """Statements and the files that they are about, by source."""

    name: str
    files: Mapping[str, Path]
    statements: tuple[Statement, ...]


def is_statement_set(folder: Path) -> bool:
    """Return whether a folder holds statements with the documents that they are about."""
    return (folder / FILE).is_file() and any((folder / name).is_dir() for name in FOLDERS)


def load_statement_set(folder: Path) -> StatementSet:
    """Read a statement set. Raises DatasetError that names the file and the line.

    A line of statements.jsonl has `source` (a file in tables/ or documents/), `statement`, `supported`; and may have
    `title` (of the document), `part` ("tune" or "test"; without it, halves by the hash of the source) and `simple`.
    """
    homes = [folder / name for name in FOLDERS if (folder / name).is_dir()]
    files: dict[str, Path] = {}
    statements = []
    for line in read_jsonl(folder / FILE):
        statement = _statement(line)
        if statement.source not in files:
            files[statement.source] = _file(line, statement.source, homes)
        statements.append(statement)
    if not statements:
        raise DatasetError(f"{folder / FILE} has no statements", cure="write one JSON object a line")
    return StatementSet(folder.resolve().name, files, tuple(statements))


def _statement(line: Line) -> Statement:
    source, text = line.text("source"), line.text("statement")
    supported = line.row.get("supported")
    if not isinstance(supported, bool):
        raise line.error("'supported' is missing or not true or false")
    if not text.strip():
        raise line.error("'statement' is empty")
    simple = line.row.get("simple")
    group = "" if not isinstance(simple, bool) else "simple" if simple else "other"
    half = "tune" if hashlib.sha256(source.encode()).digest()[0] % 2 else "test"
    return Statement(source, text, supported, line.text("title", default=""), read_part(line) or half, group)


def _file(line: Line, source: str, homes: list[Path]) -> Path:
    parts = Path(source).parts
    if Path(source).is_absolute() or ".." in parts:
        raise line.error(f"source {source!r} leaves the folder", cure="name a file below tables/ or documents/")
    for home in homes:
        if (home / source).is_file():
            return home / source
    raise line.error(f"there is no file {source!r} in {' or '.join(home.name for home in homes)}/")
