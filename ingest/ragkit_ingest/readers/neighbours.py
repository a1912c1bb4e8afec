"""Files beside a document that its text may include: below the ingested root, never through a link, bounded."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.encoding import decode

MOST_FILES: Final = 200
"""Inclusions of one document, repeated ones too."""
MOST_BYTES: Final = 8 << 20
"""Bytes of one document's inclusions together."""
MOST_DEPTH: Final = 8
_MOST_FOLDERS: Final = 12  # above the document that are searched
_PLACES: Final = (
    "",
    "_includes",
    "includes",
    "_snippets",
    "snippets",
    "_partials",
    "partials",
    "layouts/partials",
    "docs",
    "src",
)
"""Folders below each folder above a document where generators look for what it includes."""


class NotIncludedError(Exception):
    """A file is not included; the message says why, for the report."""


@dataclass(frozen=True, slots=True)
class Included:
    """An included file: its path below the root, and its text with plain newlines."""

    path: str
    text: str


@dataclass(slots=True)
class Neighbours:
    """The files that a document may include.

    place: path of the document below the root, with "/"; what is not UTF-8 as surrogates. read: returns the bytes of a
    file below the root, ExtractionError when there is none that may be read. looked_at: every file that was included or
    would have been, so that ingest reads the document again when one of them changes or appears.
    """

    place: str
    read: Callable[[str], bytes]
    looked_at: dict[str, None] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _count: int = 0
    _bytes: int = 0

    def __post_init__(self) -> None:
        self._open.append(self.place)

    @contextmanager
    def entered(self, named: str) -> Iterator[Included]:
        """Yield a file that the text names; inside, names are relative to it. Raises NotIncludedError."""
        if len(self._open) > MOST_DEPTH:
            raise NotIncludedError(f"more than {MOST_DEPTH} files inside each other")
        if self._count >= MOST_FILES:
            raise NotIncludedError(f"more than {MOST_FILES} inclusions")
        found = self._find(named)
        self._open.append(found.path)
        try:
            yield found
        finally:
            self._open.pop()

    def _find(self, named: str) -> Included:
        candidates = list(_candidates(self._open[-1], named))
        if not candidates:
            raise NotIncludedError("outside the folder")
        problem = "missing"
        for path in candidates:
            try:
                data = self.read(path)
            except ExtractionError as error:
                problem = error.reason if error.reason != "missing" else problem
                continue
            return self._taken(path, data)
        self.looked_at.setdefault(candidates[0])
        raise NotIncludedError(problem)

    def _taken(self, path: str, data: bytes) -> Included:
        self.looked_at.setdefault(path)
        if path in self._open:
            raise NotIncludedError("it includes itself")
        self._count += 1
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            raise NotIncludedError(f"more than {MOST_BYTES >> 20} MiB of included text")
        try:
            text = decode(data).text
        except ExtractionError as error:
            raise NotIncludedError(error.reason) from None
        return Included(path, text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""))


def _candidates(place: str, named: str) -> Iterator[str]:
    """Yield paths below the root that a name may mean, the nearest first; none that leads out of it."""
    named = named.strip().removeprefix("@/").removeprefix("@site/")
    if not named or "\0" in named or "://" in named or named.startswith("~"):
        return
    folder = "" if named.startswith("/") else posixpath.dirname(place)
    folders = [folder]
    while folder and len(folders) < _MOST_FOLDERS:
        folder = posixpath.dirname(folder)
        folders.append(folder)
    seen: set[str] = set()
    for folder in folders:
        for beside in _PLACES:
            path = posixpath.normpath(posixpath.join(folder, beside, named.lstrip("/")))
            if path not in (".", "..") and not path.startswith(("../", "/")) and path not in seen:
                seen.add(path)
                yield path
