"""The text of a PDF's pages by pdfium, line by line, with what their geometry tells: size, place, weight."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ragkit import ExtractionError

_BOLD = re.compile(rb"bold|black|heavy|semibold|demi", re.IGNORECASE)
_BOLD_LENGTH = 120  # only lines this short can be headings, so only theirs is asked for
_PASSWORD, _SECURITY = 4, 5  # error codes of FPDF_GetLastError


@dataclass(slots=True)
class Line:
    """A line of a page. left, right, bottom: in points, from the page's lower left; height: of its first letter's
    font; all 0 when nothing is known. bold: its font says so."""

    text: str
    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    height: float = 0.0
    bold: bool = False


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
        self._box = pdfium.FS_RECTF()
        self._units = (ctypes.c_ushort * 8192)()
        self._name = ctypes.create_string_buffer(128)
        self._flags = ctypes.c_int()
        self.drawn = False  # whether a page without text shows anything else

    def close(self) -> None:
        """Free the document."""
        self._api.FPDF_CloseDocument(self._document)

    def page(self, index: int) -> list[Line] | None:
        """Return the lines of a page in reading order as the file gives it; None when the page cannot be loaded."""
        api = self._api
        page = api.FPDF_LoadPage(self._document, index)
        if not page:
            return None
        text_page = api.FPDFText_LoadPage(page)
        try:
            if not text_page:
                return None
            lines = list(self._lines(text_page))
            if not lines and not self.drawn:
                self.drawn = api.FPDFPage_CountObjects(page) > 0
            return lines
        finally:
            if text_page:
                api.FPDFText_ClosePage(text_page)
            api.FPDF_ClosePage(page)

    def _lines(self, text_page: Any) -> Iterator[Line]:
        position = 0
        for raw in self._text(text_page).split("\r\n"):
            text = raw.strip()
            if text:
                first = position + len(raw) - len(raw.lstrip())
                yield self._line(text_page, text, first)
            position += len(raw) + 2

    def _text(self, text_page: Any) -> str:
        count = self._api.FPDFText_CountChars(text_page)
        if count <= 0:
            return ""
        if 2 * count + 2 > len(self._units):
            self._units = (ctypes.c_ushort * (2 * count + 2))()
        written = self._api.FPDFText_GetText(text_page, 0, count, self._units)
        size = max(written - 1, 0) * 2
        return bytes(memoryview(self._units).cast("B")[:size]).decode("utf-16-le", "surrogatepass")

    def _line(self, text_page: Any, text: str, first: int) -> Line:
        api, box = self._api, self._box
        line = Line(text)
        start = api.FPDFText_GetCharIndexFromTextIndex(text_page, first)
        if start < 0 or not api.FPDFText_GetLooseCharBox(text_page, start, box):
            return line
        line.left, line.bottom, line.height = box.left, box.bottom, box.top - box.bottom
        line.right = box.right
        end = api.FPDFText_GetCharIndexFromTextIndex(text_page, first + len(text) - 1)
        if end >= 0 and api.FPDFText_GetLooseCharBox(text_page, end, box):
            line.right = box.right
        if len(text) <= _BOLD_LENGTH:
            line.bold = self._is_bold(text_page, start) and (end < 0 or self._is_bold(text_page, end))
        return line

    def _is_bold(self, text_page: Any, index: int) -> bool:
        size = self._api.FPDFText_GetFontInfo(text_page, index, self._name, len(self._name), self._flags)
        return 0 < size <= len(self._name) and _BOLD.search(self._name.raw[: size - 1]) is not None
