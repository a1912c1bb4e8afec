"""Pages of a PDF that are pictures, or whose fonts hide their letters: drawn by pdfium and read by OCR."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Hints
from ragkit_ingest.readers.ocr.engine import LONG_SIDE, read_page
from ragkit_ingest.readers.ocr.reading_order import ordered_lines
from ragkit_ingest.readers.ocr.report import Confidences, allow_page
from ragkit_ingest.readers.pdf.text import Line, PdfiumFile


def read_scanned(
    file: PdfiumFile, pages: list[list[Line] | None], wanted: Sequence[int], *, hints: Hints
) -> tuple[Confidences, list[int], str]:
    """Read the wanted pages of an open file by OCR into `pages`; return the confidences, the pages that were left, and
    why."""
    seen = Confidences()
    for at, index in enumerate(wanted):
        if not allow_page(hints):
            return seen, list(wanted[at:]), "OCR ran out of time"
        drawing = file.drawing(index, LONG_SIDE)
        if drawing is None:
            continue
        image, width, height = drawing
        try:
            found = read_page(image)
        except ExtractionError as error:
            return seen, list(wanted[at:]), f"{error.detail}; {error.cure}"
        lines = ordered_lines(found, width=width, height=height)
        if lines:
            seen.add(index, found)
            notes = [line for line in pages[index] or () if line.note]
            pages[index] = [*lines, *notes]
    return seen, [], ""
