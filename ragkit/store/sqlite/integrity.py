"""Check that what is stored equals what was put: every hash, slice, page and vector, and SQLite's own integrity."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import apsw

from ragkit.errors import RagkitError
from ragkit.store.audit import count_problems, verify_reader
from ragkit.store.rows import Problem
from ragkit.store.source_files import verify_files
from ragkit.store.sqlite.connection import SAFE_SQLITE, one
from ragkit.store.sqlite.reading.reader import Reader

_SHOWN: Final = 20
_TOTALS: Final = {
    "documents": "SELECT count(*) FROM documents",
    "chunks": "SELECT count(*) FROM chunks",
    "characters": "SELECT coalesce(sum(characters), 0) FROM documents",
    "pages": "SELECT coalesce(sum(pages), 0) FROM documents",
    "stored_vectors": "SELECT count(*) FROM vectors",
}
_ORPHANS: Final = {
    "document without text": """SELECT source FROM documents AS d
        WHERE NOT EXISTS (SELECT 1 FROM texts WHERE document_id = d.id)""",
    "chunk without passage": """SELECT id FROM chunks AS c
        WHERE NOT EXISTS (SELECT 1 FROM passages WHERE chunk_id = c.id)""",
    "document with another number of chunks": """SELECT source FROM documents AS d
        WHERE chunks <> (SELECT count(*) FROM chunks WHERE document_id = d.id)""",
    "chunk with a vector of another model": """SELECT c.id FROM chunks AS c JOIN vectors AS v ON v.id = c.vector_id
        WHERE v.fingerprint IS NOT (SELECT fingerprint FROM state)""",
}


class Readable(Protocol):
    """A SQLite store, as far as checks need it."""

    def read(self) -> AbstractContextManager[Reader]:
        """Open one committed state."""


def verify_store(store: Readable) -> list[Problem]:
    """Check every document of a collection, and every ingested file that still exists; return what is wrong.

    The text has its hash; every chunk is the slice of the text that it says, in order, on the pages that the page
    table gives by bisection, with a token count; its vector has its checksum, is finite, of norm 1 and the right
    dimension, and is stored under the hash of what was embedded; the vectors of its units have their checksum. Raises
    CorruptError when the file can't be read.
    """
    with store.read() as reader:
        return [*verify_reader(reader), *verify_files(reader.files, reader.documents.sources())]


def doctor_store(store: Readable) -> dict[str, Any]:
    """Check the database against itself; return the findings as JSON, what is wrong under "problems".

    SQLite's version, its integrity and foreign keys; rows = vectors = chunks = passages; totals as they are counted.
    """
    report: dict[str, Any] = {"sqlite": apsw.sqlite_lib_version()}
    problems: list[str] = []
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SAFE_SQLITE:
        problems.append(f"SQLite {apsw.sqlite_lib_version()} can corrupt databases; run: pip install -U apsw")
    try:
        with store.read() as reader:
            report["integrity"] = problems_or_ok(reader.inspect("PRAGMA integrity_check"), problems, "integrity")
            report["foreign_keys"] = problems_or_ok(
                reader.inspect("PRAGMA foreign_key_check"), problems, "a row that refers to nothing"
            )
            counts = reader.counts()
            report.update(documents=counts.documents, chunks=counts.chunks, revision=reader.revision)
            report["vectors"] = reader.inspect("SELECT count(*) FROM chunks JOIN vectors ON vectors.id = vector_id")[0][
                0
            ]
            report["unused_vectors"] = reader.inspect(
                "SELECT count(*) FROM vectors AS v WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE vector_id = v.id)"
            )[0][0]
            problems.extend(count_problems(reader, vectors=report["vectors"], totals=_TOTALS, orphans=_ORPHANS))
    except RagkitError as error:
        problems.append(str(error))
    report["problems"] = problems
    return report


def problems_or_ok(rows: list[tuple[Any, ...]], problems: list[str], what: str) -> str:
    """Return "ok" for the rows of a PRAGMA check that found nothing; else add its findings to the problems."""
    found = [row for row in rows if row != ("ok",)]
    problems.extend(f"{what}: {' '.join(map(str, row))}" for row in found[:_SHOWN])
    return f"{len(found)} problems" if found else "ok"


def check_file(connection: apsw.Connection) -> list[str]:
    """Return what SQLite itself finds wrong with a database."""
    problems: list[str] = []
    problems_or_ok(connection.execute("PRAGMA integrity_check").fetchall(), problems, "integrity")
    problems_or_ok(connection.execute("PRAGMA foreign_key_check").fetchall(), problems, "a row that refers to nothing")
    if not problems and one(connection, "SELECT count(*) FROM state")[0] != 1:
        problems.append("the state row is missing")
    return problems
