"""Pictures inside documents by OCR, where a setting asks for it; each picture once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import mean
from typing import TYPE_CHECKING, Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Hints, TextBuilder
from ragkit_ingest.readers.ocr.engine import CURE, LOW_CONFIDENCE, available, read_page
from ragkit_ingest.readers.ocr.report import allow_page

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PICTURES: Final = 200
"""Pictures of one document that are read."""
_MIN_SIDE: Final = 32  # pixels; what is smaller is a bullet, a line or an icon


@dataclass(slots=True)
class InnerPictures:
    """Reads the pictures of one document. wanted: the setting asks for it, and the extra is installed."""

    hints: Hints
    wanted: bool = field(init=False)
    _missing: bool = field(init=False)
    _known: dict[bytes, str] = field(default_factory=dict)
    _confidences: list[float] = field(default_factory=list)
    _unread: int = 0
    _left: int = 0

    def __post_init__(self) -> None:
        asked = self.hints.limits.ocr_pictures and self.hints.limits.ocr != "off"
        self._missing = asked and not available()
        self.wanted = asked and not self._missing

    def text(self, data: bytes) -> str:
        """Return a line block `[Text in picture: …]` for a picture file; "" for one without words or that was seen."""
        # imported here: it loads the page layout, which few documents need
        from ragkit_ingest.readers.ocr.pictures import frames

        return self._text(data, lambda: frames(data))

    def text_of(self, image: Image) -> str:
        """Return the same for a picture that is unpacked already."""
        return self._text(image.tobytes(), lambda: iter([image])) if self.wanted else ""

    def _text(self, data: bytes, frames: Callable[[], Iterator[Image]]) -> str:
        key = hashlib.sha256(data).digest()
        if not self.wanted or key in self._known:
            return ""
        if len(self._known) >= MOST_PICTURES or not allow_page(self.hints):
            self._left += 1
            return ""
        self._known[key] = ""
        try:
            lines = self._lines(frames())
        except ExtractionError:
            self._unread += 1
            return ""
        return f"[Text in picture: {chr(10).join(lines)}]" if lines else ""

    def report(self, out: TextBuilder) -> None:
        """Warn of low confidence, and of pictures that were not read."""
        if self._missing:
            out.warn(f"pictures inside the document were not read: it needs OCR ({CURE})")
        if self._confidences:
            low = sum(value < LOW_CONFIDENCE for value in self._confidences)
            more = f", {low:,} of them low" if low else ""
            out.warn(
                f"pictures read by OCR: {len(self._confidences):,}, mean confidence {mean(self._confidences):.2f}{more}"
            )
        if self._unread:
            out.warn(f"pictures that OCR cannot open: {self._unread:,}")
        if self._left:
            out.warn(f"pictures not read by OCR, for lack of time or above {MOST_PICTURES}: {self._left:,}")

    def _lines(self, frames: Iterator[Image]) -> list[str]:
        from ragkit_ingest.readers.ocr.reading_order import ordered_lines

        lines: list[str] = []
        for frame in frames:
            if min(frame.size) < _MIN_SIDE:
                continue
            page = read_page(frame)
            found = [line.text for line in ordered_lines(page) if line.text.strip()]
            if found:
                self._confidences.append(page.confidence)
                lines += found
        return lines
