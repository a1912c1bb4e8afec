"""Pictures inside the pages of a PDF, read by OCR: their text is placed where they are, marked as a picture's."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ragkit_ingest.readers.ocr.inside import InnerPictures
from ragkit_ingest.readers.pdf.drawing import PagePicture
from ragkit_ingest.readers.pdf.text import Line, PdfiumFile


def read_pictures(
    file: PdfiumFile, pages: Sequence[list[Line] | None], skip: Collection[int], *, inner: InnerPictures
) -> None:
    """Put the text of pictures into the lines of their pages; a repeated picture is read once.

    skip: pages, from 0, that were read by OCR as a whole. inner: reads them, and reports.
    """
    for index, page in enumerate(pages):
        if page is None or index in skip:
            continue
        for picture in file.pictures(index):
            text = inner.text_of(picture.image)
            if text:
                page.insert(_place(page, picture), Line(text, note=True))


def _place(page: Sequence[Line], picture: PagePicture) -> int:
    """Return the index of the first line that stands below a picture and under or over it, the end where none does."""
    middle = (picture.bottom + picture.top) / 2
    for at, line in enumerate(page):
        beside = line.right < picture.left or line.left > picture.right
        if line.height and not beside and line.bottom + line.height / 2 < middle:
            return at
    return len(page)
