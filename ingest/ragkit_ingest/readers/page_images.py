"""One page of a PDF as a PNG, to look up a quote: drawn in the child process that reads files."""

from __future__ import annotations

import io
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.pdf.text import PdfiumFile

SIDE: Final = 1_600
"""Pixels of the longer side of a picture."""


def page_png(data: bytes, page: int, *, side: int = SIDE) -> bytes:
    """Return a page, counted from 1, as a PNG. Raises ExtractionError: no PDF, encrypted, or without such a page."""
    if not data.startswith(b"%PDF-") and b"%PDF-" not in data[:1024]:
        raise ExtractionError("unsupported", "only pages of PDF files can be drawn")
    file = PdfiumFile(data)
    try:
        if not 1 <= page <= file.count:
            raise ExtractionError("missing", f"it has {file.count} pages")
        drawn = file.drawing(page - 1, side)
    finally:
        file.close()
    if drawn is None:
        raise ExtractionError("damaged", f"page {page} cannot be drawn")
    stream = io.BytesIO()
    drawn[0].save(stream, format="PNG", compress_level=3)
    return stream.getvalue()
