"""The structure of a PDF that pdfium cannot open, and the text of pages without text in pdfium, by pypdf."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ragkit import ExtractionError
from ragkit_ingest.readers.base import TimeLimitError, time_limit
from ragkit_ingest.readers.pdf.structure.base import OutlineItem, Structure
from ragkit_ingest.readers.titles import squeeze

if TYPE_CHECKING:
    from pypdf import PdfReader as PypdfReader

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
"""Errors that pypdf raises on damaged files in addition to its own."""


class PypdfFile:
    """A PDF opened by pypdf, with a time limit for each call; it raises only ExtractionError."""

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

        def value_of(key: str) -> str | None:
            value = info.get(f"/{key}")
            if isinstance(value, bytes):
                return value.decode("latin-1")
            return value if isinstance(value, str) else None

        language = self._reader.root_object.get("/Lang")
        found.take_metadata(value_of, language if isinstance(language, str) else None)

    def _labels(self, found: Structure) -> None:
        if "/PageLabels" in self._reader.root_object:
            found.take_labels([str(label) for label in self._reader.page_labels])

    def _outline(self, found: Structure) -> None:
        if "/Outlines" not in self._reader.root_object:
            return
        for level, item in _flat(self._reader.outline):
            title = squeeze(str(item.title or ""))
            if not found.add_entry(OutlineItem(level, title, self._page_of(item) if title else None)):
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
