"""Users' feedback on answers, kept with each collection as JSON lines, and exported as an evaluation set."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from ragkit import InputError, StorageFullError

NAME: Final = "feedback.jsonl"
MOST_BYTES: Final = 64 << 20
"""Largest size of a collection's feedback in bytes; then it must be exported and moved away."""


class FeedbackFile:
    """The feedback of one collection: one JSON object a line, appended and fsynced under a lock.

    A record is {"question", "answer", "verdict": "good" or "bad", "note", "at", "citations"}; `ragkit examples` too
    reads it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def add(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Append a record with the time, and return it. Raises InputError (full), StorageFullError."""
        kept = {**record, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        line = json.dumps(kept, ensure_ascii=True).encode("ascii") + b"\n"
        try:
            with FileLock(self.path.with_name(f".{NAME}.lock")):
                if self.path.exists() and self.path.stat().st_size + len(line) > MOST_BYTES:
                    raise InputError("the feedback of this collection is full", cure=f"export {NAME} and move it away")
                self._append(line)
        except OSError as error:
            raise StorageFullError(
                f"feedback cannot be kept: {error.strerror or error}", cure="free space, or make the folder writable"
            ) from error
        return kept

    def _append(self, line: bytes) -> None:
        """Write a whole line or nothing: a line that a crash cut off is removed first."""
        with open(self.path, "ab+") as file:
            _drop_half_line(file.fileno())
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the records, oldest first; a line that a crash cut off is left out."""
        if not self.path.exists():
            return
        with open(self.path, encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)

    def as_questions(self) -> Iterator[dict[str, Any]]:
        """Yield a line of an evaluation set (`ragkit eval FILE`) for each question whose last verdict is good.

        question; document: the sources cited; text: the quotes that were cited, each of which answers it.
        """
        last = {record["question"]: record for record in self.read()}
        for question, record in last.items():
            quotes = record.get("citations", [])
            if record["verdict"] == "good" and quotes:
                yield {
                    "question": question,
                    "document": list(dict.fromkeys(quote["source"] for quote in quotes)),
                    "text": list(dict.fromkeys(quote["quote"] for quote in quotes)),
                }


def _drop_half_line(file: int) -> None:
    """Cut a file after its last whole line."""
    size = os.fstat(file).st_size
    if size == 0 or os.pread(file, 1, size - 1) == b"\n":
        return
    block = os.pread(file, min(size, 1 << 20), max(0, size - (1 << 20)))
    os.ftruncate(file, size - len(block) + block.rfind(b"\n") + 1)
