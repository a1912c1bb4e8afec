"""The job of reading one file, for a pool of readers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from ragkit import Chunk


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a file: its root, an absolute path, and its path below it."""

    root: bytes
    path: bytes

    def as_dict(self) -> dict[str, str]:
        """Return the place as JSON can hold it."""
        return {"root": os.fsdecode(self.root), "path": os.fsdecode(self.path)}


@dataclass(frozen=True, slots=True)
class Job:
    """One file to read. source: of the document. name: of the file, whose suffix hints at its format. open: returns a
    descriptor of the file, or raises ExtractionError or OSError; it is called once, in a thread of the pool. place:
    where it lies, so that its text may include files below that root; None to include none. included: receives the
    paths of those files below the root. chunked: receives the chunks of the document, where the pool makes them.
    private: nobody else writes to what `open` returns, so that it is read once, however new it is."""

    source: str
    name: str
    open: Callable[[], int]
    place: Place | None = None
    included: Callable[[list[str]], None] | None = None
    chunked: Callable[[tuple[Chunk, ...]], None] | None = None
    private: bool = False
