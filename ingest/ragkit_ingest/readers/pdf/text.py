"""The text of a PDF's pages by pdfium, line by line, with size, position and weight."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit import ExtractionError
from ragkit_ingest.readers.pdf.annotations import Annotations
from ragkit_ingest.readers.pdf.arrange import arrange
from ragkit_ingest.readers.pdf.drawing import PagePicture, draw_page, is_blank, pictures_on
from ragkit_ingest.readers.pdf.flows import from_top
from ragkit_ingest.readers.pdf.glyphs import Glyphs, RawLine, rejoined
from ragkit_ingest.readers.pdf.placing import place_fields, place_links
from ragkit_ingest.readers.pdf.right_to_left import has_right_to_left, in_reading_order
from ragkit_ingest.readers.pdf.rows import Row, RuledTable
from ragkit_ingest.readers.pdf.signs import with_signs
from ragkit_ingest.readers.pdf.structure.base import Structure
from ragkit_ingest.readers.pdf.structure.by_pdfium import structure_of
from ragkit_ingest.readers.pdf.tables.ruled_rows import ruled_tables
from ragkit_ingest.readers.pdf.tables.ruling import ruled_grids

if TYPE_CHECKING:
    from PIL.Image import Image

_CONTROL = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffd\ue000-\uf8ff]")  # what fonts without characters give
_GARBAGE = 0.3  # a page with more of that in it is one that its fonts do not let read
_FEW = 8  # a page with more such signs than this is said to have some
_LATIN = re.compile(r"[A-Za-z]")
_SHIFTED_LENGTH = 200
_SPARSE = 60  # a page with fewer letters than this may be a scan with a stamp on it
_OBJECTS = 500
_FILLED = 0.5  # part of the page that a scan's picture takes
_VOWELS = 0.12
_PASSWORD, _SECURITY = 4, 5  # error codes of FPDF_GetLastError


@dataclass(slots=True)
class Line:
    """A line of a page. left, right, bottom: in points, from the page's lower left; height: of its first letter's
    font; all 0 when nothing is known. bold: its font says so. cells: of a row of a table, whose number is `table`.
    note: it stands by itself, as an annotation does."""

    text: str
    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    height: float = 0.0
    bold: bool = False
    cells: tuple[str, ...] = ()
    table: int = -1
    note: bool = False


class PdfiumFile:
    """A PDF opened by pdfium; ExtractionError `encrypted`, or `damaged` when pdfium finds no page in it."""

    def __init__(self, data: bytes) -> None:
        import pypdfium2  # noqa: F401 (starts the library)
        import pypdfium2.raw as pdfium

        self._api: Any = pdfium
        self._data = data  # pdfium reads from these bytes until it is closed
        self._document = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
        if not self._document:
            code = pdfium.FPDF_GetLastError()
            if code in (_PASSWORD, _SECURITY):
                raise ExtractionError("encrypted", "a password is needed", cure="save it without a password")
            raise ExtractionError("damaged", "no PDF library can open it")
        self.count: int = pdfium.FPDF_GetPageCount(self._document)
        self._units = (ctypes.c_ushort * 8192)()
        self._annotations = Annotations(pdfium, self._document)
        self.scanned: list[int] = []  # pages, from 0, that show something and have no text, or a picture all over
        self.blank: list[int] = []  # pages, from 0, with nothing on them that could be read
        self.heights: list[float] = []  # of the pages that were read, in points
        self.undecoded: list[int] = []  # pages, from 0, of which most letters have no character
        self.partly: list[int] = []  # pages with lines of such letters
        self.files: list[str] = self._annotations.attached()

    @property
    def dynamic(self) -> bool:
        """Whether the file is a form that only Adobe's programs draw (XFA)."""
        return bool(self._annotations.dynamic)

    def structure(self) -> Structure:
        """Return the file's metadata, outline and page labels."""
        return structure_of(self._api, self._document)

    def close(self) -> None:
        """Free the document."""
        self._annotations.close()
        self._api.FPDF_CloseDocument(self._document)

    def page(self, index: int) -> list[Line] | None:
        """Return the lines of a page in reading order; None when the page cannot be loaded."""
        api = self._api
        page = api.FPDF_LoadPage(self._document, index)
        if not page:
            self.heights.append(0.0)
            return None
        self.heights.append(api.FPDF_GetPageHeightF(page))
        text_page = api.FPDFText_LoadPage(page)
        try:
            if not text_page:
                return None
            lines = self._lines(page, text_page, index)
            if sum(len(line.text) for line in lines) < _SPARSE:
                self._look_at_pictures(page, index, blank=not lines)
            return lines
        finally:
            if text_page:
                api.FPDFText_ClosePage(text_page)
            api.FPDF_ClosePage(page)

    @property
    def drawn(self) -> bool:
        """Whether a page without text has any other content."""
        return bool(self.scanned)

    def _look_at_pictures(self, page: Any, index: int, *, blank: bool) -> None:
        """Note a page with hardly any text when a picture fills most of it, or when it shows anything at all."""
        api = self._api
        count = api.FPDFPage_CountObjects(page)
        if blank or index in self.undecoded:
            empty = index not in self.undecoded and is_blank(api, page)
            (self.blank if empty else self.scanned).append(index)
            return
        room = api.FPDF_GetPageWidthF(page) * api.FPDF_GetPageHeightF(page)
        edges = [ctypes.c_float() for _ in range(4)]
        for at in range(min(count, _OBJECTS)):
            one = api.FPDFPage_GetObject(page, at)
            if api.FPDFPageObj_GetType(one) == api.FPDF_PAGEOBJ_IMAGE and api.FPDFPageObj_GetBounds(one, *edges):
                left, bottom, right, top = (edge.value for edge in edges)
                if (right - left) * (top - bottom) > _FILLED * room:
                    self.scanned.append(index)
                    return

    def drawing(self, index: int, side: int) -> tuple[Image, float, float] | None:
        """Return a page as a picture whose longer side has so many pixels, and its width and height in points; None
        when it cannot be loaded."""
        page = self._api.FPDF_LoadPage(self._document, index)
        if not page:
            return None
        try:
            image = draw_page(self._api, page, side)
            size = (self._api.FPDF_GetPageWidthF(page), self._api.FPDF_GetPageHeightF(page))
            return (image, *size) if image is not None else None
        finally:
            self._api.FPDF_ClosePage(page)

    def pictures(self, index: int) -> list[PagePicture]:
        """Return the pictures of a page that may hold words; none when it cannot be loaded."""
        page = self._api.FPDF_LoadPage(self._document, index)
        if not page:
            return []
        try:
            return list(pictures_on(self._api, page))
        finally:
            self._api.FPDF_ClosePage(page)

    def _lines(self, page: Any, text_page: Any, index: int) -> list[Line]:
        text, even = self._text(text_page)
        glyphs = Glyphs(self._api, text_page, even=even)
        text = "" if self._is_garbage(text, index) else with_signs(text, glyphs.font_at)
        raw = list(_raw_lines(glyphs, text))
        raw = in_reading_order(raw, glyphs) if has_right_to_left(text) else rejoined(raw, glyphs)
        glyphs.mark_raised(raw)
        marks = self._annotations.on(page, text_page)

        def tables() -> list[RuledTable]:
            return ruled_tables(ruled_grids(self._api, page), raw, glyphs)

        rows = from_top(arrange(raw, glyphs, every=bool(marks.fields), tables=tables))
        place_fields(rows, marks.fields)
        place_links(rows, marks.links)
        self.files += marks.files
        return [*map(line_of, rows), *(Line(words, note=True) for words in marks.notes)]

    def _is_garbage(self, text: str, index: int) -> bool:
        """Tell whether a page's fonts do not map their glyphs to characters, so that its text is meaningless."""
        bad = len(_CONTROL.findall(text)) if _CONTROL.search(text) else 0
        letters = len(text) - text.count(" ") - 2 * text.count("\r\n") if bad else 0
        if bad > _GARBAGE * letters or _is_shifted(text):
            self.undecoded.append(index)
            return True
        if bad > _FEW:
            self.partly.append(index)
        return False

    def _text(self, text_page: Any) -> tuple[str, bool]:
        """Return the text of a page, and whether its offsets are the indexes of characters."""
        count = self._api.FPDFText_CountChars(text_page)
        if count <= 0:
            return "", True
        if 2 * count + 2 > len(self._units):
            self._units = (ctypes.c_ushort * (2 * count + 2))()
        written = self._api.FPDFText_GetText(text_page, 0, count, self._units)
        size = max(written - 1, 0) * 2
        text = bytes(memoryview(self._units).cast("B")[:size]).decode("utf-16-le", "surrogatepass")
        return text, len(text) == count


def _raw_lines(glyphs: Glyphs, text: str) -> Iterator[RawLine]:
    position = 0
    for raw in text.split("\r\n"):
        words = raw.strip()
        if words:
            indent = raw.index(words)
            yield from glyphs.lines(words, position + indent, spaced=indent > 0)
        position += len(raw) + 2


def line_of(row: Row) -> Line:
    """Return a row as a line."""
    first, last = row.parts[0], row.parts[-1]
    return Line(
        row.text, first.left, last.right, first.bottom, first.height, bold=row.bold, cells=row.cells, table=row.table
    )


def _is_shifted(text: str) -> bool:
    """Tell whether Latin text has hardly any vowel: the font numbers its letters in its own way."""
    if len(text) < _SHIFTED_LENGTH:
        return False
    small = 0
    for vowel in "eaiouy":  # the commonest first: few are counted on a page of words
        small += text.count(vowel)
        if small > _VOWELS * len(text):
            return False
    low = text.lower()
    letters = len(_LATIN.findall(text))
    if letters < _SHIFTED_LENGTH or letters * 2 < len(text) - text.count(" "):
        return False
    return sum(map(low.count, "aeiouy")) < _VOWELS * letters
