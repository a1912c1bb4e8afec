"""Pictures inside the pages of a PDF, read by OCR: what they say stands where they stand, marked as a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Hints
from ragkit_ingest.readers.ocr.engine import LOW_CONFIDENCE, read_page
from ragkit_ingest.readers.ocr.reading_order import ordered_lines
from ragkit_ingest.readers.ocr.report import allow_page
from ragkit_ingest.readers.pdf.drawing import PagePicture
from ragkit_ingest.readers.pdf.text import Line, PdfiumFile


def read_pictures(
    file: PdfiumFile, pages: Sequence[list[Line] | None], skip: Collection[int], *, hints: Hints
) -> list[str]:
    """Put the words of pictures into the lines of their pages, once for a picture that comes again; return warnings.

    skip: pages, from 0, that were read by OCR as a whole.
    """
    seen: set[bytes] = set()
    words = _Counts()
    for index, page in enumerate(pages):
        if page is None or index in skip:
            continue
        for picture in file.pictures(index):
            digest = hashlib.sha256(picture.image.tobytes()).digest()
            if digest in seen:
                continue
            seen.add(digest)
            if not allow_page(hints):
                return [*words.lines(), f"pictures from page {index + 1:,} on are not read: OCR ran out of time"]
            try:
                found = read_page(picture.image)
            except ExtractionError as error:
                return [*words.lines(), f"pictures from page {index + 1:,} on are not read: {error.detail}"]
            text = "\n".join(line.text for line in ordered_lines(found))
            words.add(index, text, found.confidence)
            if text:
                page.insert(_place(page, picture), Line(f"[Picture: {text}]", note=True))
    return words.lines()


class _Counts:
    """How many pictures had words, and pages of those that OCR is not sure of."""

    def __init__(self) -> None:
        self._read = 0
        self._blank = 0
        self._unsure: list[int] = []

    def add(self, page: int, text: str, confidence: float) -> None:
        self._read += bool(text)
        self._blank += not text
        if text and confidence < LOW_CONFIDENCE:
            self._unsure.append(page + 1)

    def lines(self) -> list[str]:
        found = []
        if self._read or self._blank:
            found.append(f"pictures inside: {self._read:,} read by OCR, {self._blank:,} without words")
        if self._unsure:
            pages = ", ".join(f"{page:,}" for page in dict.fromkeys(self._unsure[:10]))
            found.append(f"pictures of low OCR confidence: {len(self._unsure):,} (page {pages})")
        return found


def _place(page: Sequence[Line], picture: PagePicture) -> int:
    """Return the index of the first line that stands below a picture and under or over it, the end where none does."""
    middle = (picture.bottom + picture.top) / 2
    for at, line in enumerate(page):
        beside = line.right < picture.left or line.left > picture.right
        if line.height and not beside and line.bottom + line.height / 2 < middle:
            return at
    return len(page)
