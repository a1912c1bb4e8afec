"""The format that a file will most likely be read as, judged by its first and last bytes: for a dry run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ragkit import ExtractionError
from ragkit_ingest.readers.sniff import detect, suffix_of
from ragkit_ingest.report import Problem
from ragkit_ingest.scan.names import source_of
from ragkit_ingest.scan.roots.base import Root
from ragkit_ingest.scan.walk import Found

_HEAD: Final = 1 << 16
_TAIL: Final = 1 << 20  # holds the directory of a ZIP file, but for the largest ones
_NAMES: Final = {
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "DOCX",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PPTX",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "XLSX",
    "application/vnd.ms-outlook": "Outlook message",
    "application/x-ipynb+json": "notebook",
    "application/x-subrip": "subtitles",
    "text/vtt": "subtitles",
    "message/rfc822": "e-mail",
    "application/mbox": "mailbox",
    "text/x-source": "source code",
    "text/plain": "text",
    "text/markdown": "Markdown",
    "text/x-rst": "reStructuredText",
}


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """How many files of a type will be read (reason ""), or will not, and why."""

    type: str
    reason: str
    detail: str
    files: int
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {name: getattr(self, name) for name in ("type", "reason", "detail", "files", "bytes")}


@dataclass(frozen=True, slots=True)
class Expected:
    """The forecast for one file. type: its format in a word; error: why it will give no document."""

    type: str
    size: int
    error: ExtractionError | None = None


def expect(root: Root, found: Found) -> Expected:
    """Return the forecast for a file; users' readers are not called, because they run in a child process only.

    A file of a URL is judged by its name alone: it would have to be fetched.
    """
    name = source_of(os.path.basename(found.path))
    if root.folder is None:
        return Expected(_type_by_name(name), found.size)
    try:
        return Expected(type_name(detect(_sample(root, found), name=name)), found.size)
    except ExtractionError as error:
        return Expected(_type_by_name(name), found.size, error)


def summed(expected: Iterable[Expected], problems: Sequence[Problem]) -> tuple[ForecastLine, ...]:
    """Return the files by type, reason and detail, the most frequent first; files that will be read come before the
    others."""
    files: Counter[tuple[str, str, str]] = Counter()
    sizes: Counter[tuple[str, str, str]] = Counter()
    for item in expected:
        if item.error is None:
            files[item.type, "", ""] += 1
            sizes[item.type, "", ""] += item.size
    for problem in problems:
        folder = problem.path.endswith("/")
        key = ("folder" if folder else _type_by_name(problem.path), problem.reason, problem.detail[:80])
        files[key] += 1
    lines = [ForecastLine(*key, count, sizes[key]) for key, count in files.items()]
    return tuple(sorted(lines, key=lambda line: (bool(line.reason), -line.files, line.type, line.reason)))


def type_name(media_type: str) -> str:
    """Return a media type in a word: "PDF", "Markdown"."""
    known = _NAMES.get(media_type)
    if known:
        return known
    bare = media_type.rpartition("/")[2].rpartition(".")[2].removeprefix("x-")
    return bare.partition("+")[0].upper()


def _type_by_name(name: str) -> str:
    suffix = suffix_of(name)
    return f".{suffix}" if suffix else "no suffix"


def _sample(root: Root, found: Found) -> bytes:
    descriptor = root.open(found.path).descriptor
    try:
        head = os.pread(descriptor, _HEAD, 0)
        begin = max(len(head), found.size - _TAIL)
        packed = head.startswith((b"PK", b"\xd0\xcf\x11\xe0"))
        return head + os.pread(descriptor, _TAIL, begin) if packed else head
    except OSError as error:
        raise ExtractionError("unreadable", error.strerror or "") from error
    finally:
        os.close(descriptor)
