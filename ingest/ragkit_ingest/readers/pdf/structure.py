"""What pypdf tells of a PDF beside pdfium: labels, outline, metadata, encryption, and text where pdfium finds none."""

from __future__ import annotations

import io
import logging
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragkit import ExtractionError
from ragkit_ingest.readers.base import TimeLimitError, time_limit
from ragkit_ingest.readers.titles import squeeze

if TYPE_CHECKING:
    from pypdf import PdfReader as PypdfReader

_OUTLINE_LIMIT = 5_000
_FIELDS = {
    "/Title": "title",
    "/Author": "author",
    "/Subject": "subject",
    "/Keywords": "keywords",
    "/Creator": "creator",
    "/Producer": "producer",
    "/CreationDate": "created",
    "/ModDate": "modified",
}
_UNSAID = re.compile(r"\(?(?:anonymous|unspecified|untitled|unknown)\)?|paper title", re.IGNORECASE)  # of templates
_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")
_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pypdf raises on damaged files beside its own errors."""


@dataclass(frozen=True, slots=True)
class OutlineItem:
    """An entry of the outline: level from 1, title, and page index from 0 (None when it leads nowhere)."""

    level: int
    title: str
    page: int | None


@dataclass(slots=True)
class Structure:
    """What could be read; every part may be empty."""

    labels: list[str] = field(default_factory=list)
    outline: list[OutlineItem] = field(default_factory=list)
    metadata: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class PypdfFile:
    """A PDF opened by pypdf, each question bounded in time; nothing that it raises leaves but ExtractionError."""

    def __init__(self, data: bytes, *, seconds: float) -> None:
        """Open it; ExtractionError `encrypted` or `damaged`."""
        logging.getLogger("pypdf").setLevel(logging.CRITICAL)
        from pypdf import PdfReader as PypdfReader
        from pypdf.errors import DependencyError, PyPdfError

        self._faults = (PyPdfError, DependencyError, *_FAULTS)
        try:
            with time_limit(seconds):
                self._reader: PypdfReader = PypdfReader(io.BytesIO(data), strict=False)
                locked = self._reader.is_encrypted and not self._unlock()
        except TimeLimitError as error:
            raise ExtractionError("too_slow", "its structure takes too long to read") from error
        except self._faults as error:
            raise ExtractionError("damaged", f"{type(error).__name__}: {squeeze(str(error))[:200]}") from error
        if locked:
            raise ExtractionError("encrypted", "a password is needed", cure="save it without a password")

    def _unlock(self) -> bool:
        try:
            return bool(self._reader.decrypt(""))
        except self._faults:
            return False

    def structure(self, *, seconds: float) -> Structure:
        """Return labels, outline and metadata, as far as they can be read in time."""
        found = Structure()
        steps = (
            ("metadata", self._metadata),
            ("outline", self._outline),
            ("page labels", self._labels),
        )
        try:
            with time_limit(seconds):
                for words, step in steps:
                    try:
                        step(found)
                    except self._faults as error:
                        found.warnings.append(f"its {words} cannot be read ({type(error).__name__})")
        except TimeLimitError:
            found.warnings.append("reading its outline and page labels took too long")
        return found

    def count(self) -> int:
        """Return the number of pages, 0 when the page tree cannot be read."""
        try:
            return len(self._reader.pages)
        except self._faults:
            return 0

    def page_text(self, index: int, *, seconds: float) -> str | None:
        """Return the text of a page, None when it cannot be read."""
        try:
            with time_limit(seconds):
                return self._reader.pages[index].extract_text()
        except (TimeLimitError, *self._faults):
            return None

    def _metadata(self, found: Structure) -> None:
        info: Mapping[str, object] = self._reader.metadata or {}
        for key, name in _FIELDS.items():
            value = info.get(key)
            if isinstance(value, bytes):
                value = value.decode("latin-1")
            if isinstance(value, str) and value.strip() and not _UNSAID.fullmatch(value.strip()):
                found.metadata[name] = _iso_date(value) if name in ("created", "modified") else value
        language = self._reader.root_object.get("/Lang")
        if isinstance(language, str) and re.fullmatch(r"[A-Za-z]{2,3}([-_]\w{2,8})*", language):
            found.metadata["language"] = language

    def _labels(self, found: Structure) -> None:
        if "/PageLabels" not in self._reader.root_object:
            return
        labels = [str(label) for label in self._reader.page_labels]
        if labels != [str(number) for number in range(1, len(labels) + 1)]:
            found.labels = labels

    def _outline(self, found: Structure) -> None:
        if "/Outlines" not in self._reader.root_object:
            return
        for level, item in _flat(self._reader.outline):
            title = squeeze(str(item.title or ""))
            if title:
                found.outline.append(OutlineItem(level, title, self._page_of(item)))
            if len(found.outline) == _OUTLINE_LIMIT:
                found.warnings.append(f"only the first {_OUTLINE_LIMIT:,} entries of its outline were read")
                return

    def _page_of(self, item: Any) -> int | None:
        try:
            number = self._reader.get_destination_page_number(item)
        except self._faults:
            return None
        return number if isinstance(number, int) and number >= 0 else None


def _flat(outline: Any) -> Iterator[tuple[int, Any]]:
    """Yield (level, entry) of pypdf's nested lists, without recursion."""
    stack = [(1, iter(outline))]
    while stack:
        level, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, list):
            stack.append((level + 1, iter(entry)))
        else:
            yield level, entry


def _iso_date(value: str) -> str:
    """Return a PDF date as ISO 8601 (its zone is left out), or the text as it stands."""
    match = _DATE.match(value.strip())
    if match is None:
        return value
    year, month, day, hour, minute, second = match.groups()
    date = f"{year}-{month or '01'}-{day or '01'}"
    return f"{date}T{hour}:{minute}:{second or '00'}" if hour and minute else date
