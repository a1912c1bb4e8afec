"""Writers that are broken on purpose: the controls, which the checker must catch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from ragkit.index import manifest as cachefile
from ragkit.index import part_files as caches
from ragkit.store.sqlite import session as store_session

KINDS = ("early", "in-place", "no-transaction", "no-flush")
"""early: acknowledges before the commit. in-place: writes cache files where they are read. no-transaction: commits
every statement by itself. no-flush: SQLite does not wait for the disk."""


def apply(kind: str) -> None:
    """Break the writer of this process; "" leaves it whole."""
    if kind == "early":
        _acknowledge_early()
    elif kind == "in-place":
        _write_in_place()
    elif kind == "no-transaction":
        vars(store_session).update(rolled_back=_no_transaction, savepoint=_no_transaction)
    elif kind == "no-flush":
        apsw.connection_hooks.append(lambda connection: connection.set_exec_trace(_no_flush))
    elif kind:
        raise ValueError(f"no such broken writer: {kind}")


def _acknowledge_early() -> None:
    from ragkit.knowledge import writer
    from ragkit.types.progress import AddProgress

    commit = writer._AddRun._commit

    def early(self: Any, batch: Any, embedding: Any) -> None:
        for number, waiting in enumerate(batch.documents, 1):
            if self._calls.progress:
                self._calls.progress(AddProgress(number, 0, 0, waiting.document.source, "added"))
        commit(self, batch, embedding)

    writer._AddRun._commit = early  # type: ignore[method-assign]


def _write_in_place() -> None:
    @contextmanager
    def temporary(place: Path) -> Iterator[Path]:
        numbers = [revision for part in ("dense", "lexical") for revision, _ in cachefile.list_folders(place, part)]
        part = "dense" if len(numbers) % 2 == 0 else "lexical"
        folder = place / f"{part}-{max(numbers, default=0):012d}-{'0' * 7}{len(numbers) % 10}"
        folder.mkdir(exist_ok=True)
        yield folder

    def seal(folder: Path, manifest: Any, *, names: Sequence[str], known: Any = None) -> Path:
        return cachefile.seal(folder, manifest, names=names, known=known)

    vars(caches)["temporary"] = temporary
    vars(caches)["seal"] = seal


@contextmanager
def _no_transaction(connection: apsw.Connection) -> Iterator[None]:
    yield


def _no_flush(cursor: Any, sql: str, _: Any) -> bool:
    if sql == "BEGIN IMMEDIATE" and isinstance(cursor, apsw.Cursor):
        cursor.connection.cursor().execute("PRAGMA synchronous = OFF")
    return True
