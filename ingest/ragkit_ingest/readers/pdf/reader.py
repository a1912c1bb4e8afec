"""PDF: text and structure by pdfium, scanned pages by OCR; pypdf reads what pdfium cannot."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.ocr.engine import CURE, available
from ragkit_ingest.readers.ocr.inside import InnerPictures
from ragkit_ingest.readers.ocr.page_pictures import read_pictures
from ragkit_ingest.readers.ocr.scanned import read_scanned
from ragkit_ingest.readers.pdf.annotations import attached_words
from ragkit_ingest.readers.pdf.guard import check_streams, nests_in_stream, too_nested
from ragkit_ingest.readers.pdf.layout.pages import add_pages
from ragkit_ingest.readers.pdf.structure.base import Structure
from ragkit_ingest.readers.pdf.structure.by_pypdf import PypdfFile
from ragkit_ingest.readers.pdf.text import Line, PdfiumFile
from ragkit_ingest.readers.sniff import PDF
from ragkit_ingest.readers.titles import descriptive_name, good_title

_HEADER_WITHIN = 1024  # readers look for "%PDF-" in so many bytes
_FALLBACK_SECONDS = 8.0
_STRUCTURE_SECONDS = 5.0

_PICTURE = re.compile(rb"/Subtype\s*/Image\b")
_CATALOG = re.compile(rb"\b(\d{1,10})\s+(\d{1,5})\s+obj\b[^>]{0,200}?/Type\s*/Catalog\b")

Pages = list[list[Line] | None]


class PdfReader:
    """Reads application/pdf."""

    name = "pdf"
    media_types: tuple[str, ...] = (PDF,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text of all pages with a page table.

        ExtractionError: `encrypted` (a password is needed), `no_text_layer` (pictures only), `expands_too_much`,
        `too_deep`, `damaged`. Pages without text, or that cannot be read, are named in the warnings.
        """
        builder = TextBuilder()
        start = data.find(b"%PDF-")
        if start > _HEADER_WITHIN:
            builder.warn(f"{start:,} other bytes before the PDF were left out")
            data = data[start:]
        check_streams(data, hints.limits)
        if nests_in_stream(data):
            raise ExtractionError("too_deep", "a page's content is nested hundreds of levels deep")
        return _Reading(data, hints, builder).run(name)


class _Reading:
    """The reading of one file: pdfium's pages and structure, then pypdf for what is missing."""

    def __init__(self, data: bytes, hints: Hints, builder: TextBuilder) -> None:
        self._data = data
        self._hints = hints
        self._out = builder
        self._pypdf: PypdfFile | None = None
        self._tried = False
        self._structure = Structure()
        self._count = 0
        self._drawn = True
        self._heights: list[float] = []
        self._wanting: list[int] = []  # pages, from 0, that need OCR
        self._settled: set[int] = set()  # pages, from 0, that pypdf need not be asked about
        self._left_because = ""
        self._ocr: dict[str, object] = {}

    def run(self, name: str) -> Extracted:
        pages = self._fill(self._pdfium_pages())
        structure = self._structure
        self._report(pages)
        labels = structure.labels
        add_pages(self._out, pages, heights=self._heights, labels=labels, outline=structure.outline)
        for words in structure.warnings:
            self._out.warn(words)
        title = good_title(str(structure.metadata.get("title", "")))
        if not title and len(structure.outline) < 3:
            title = descriptive_name(
                name
            )  # headings found by their looks make worse titles than a name with words in it
        pictures = len(_PICTURE.findall(self._data))
        more = {**self._ocr, **({"pictures": pictures} if pictures else {})}
        return self._out.finish(name=name, title=title, metadata={**structure.metadata, **more})

    def _pdfium_pages(self) -> Pages:
        """Return pdfium's pages; none where it cannot open the file, or an earlier attempt crashed in it."""
        if self._hints.careful:
            return []
        file = self._open_pdfium()
        if file is None:
            return []
        try:
            pages = self._read_pages(file)
            self._wanting = self._read_scanned(file, pages)
            self._read_pictures(file, pages)
            self._settled = {*self._wanting, *file.blank}
            self._structure = file.structure()
            return pages
        finally:
            self._drawn, self._heights = file.drawn, file.heights
            self._report_extras(file)
            file.close()

    def _read_scanned(self, file: PdfiumFile, pages: Pages) -> list[int]:
        """Read pages without usable text by OCR, where that is wanted and possible; return the pages that remain."""
        mode = self._hints.limits.ocr
        wanted = [index for index in range(len(pages)) if pages[index] is not None]
        if mode != "force":
            wanted = sorted({*file.scanned, *file.undecoded} & set(wanted))
        if not wanted or mode == "off" or not available():
            return wanted
        seen, left, self._left_because = read_scanned(file, pages, wanted, hints=self._hints)
        for words in seen.warnings():
            self._out.warn(words)
        self._ocr = seen.metadata()
        return [index for index in left if index in file.scanned or index in file.undecoded]

    def _read_pictures(self, file: PdfiumFile, pages: Pages) -> None:
        """Read the pictures inside pages by OCR where that is wanted; pages that OCR reads whole need none."""
        inner = InnerPictures(self._hints)
        if inner.wanted:
            whole = range(len(pages)) if self._hints.limits.ocr == "force" else {*file.scanned, *file.undecoded}
            read_pictures(file, pages, whole, inner=inner)
        inner.report(self._out)

    def _report_extras(self, file: PdfiumFile) -> None:
        """Warn of letters that no font explains, of attached files and of forms that pdfium cannot draw."""
        if file.undecoded:
            numbers = [index + 1 for index in file.undecoded]
            left = any(index in self._wanting for index in file.undecoded)
            end = f"OCR is wanted ({CURE})" if left else "it was read by OCR"
            self._out.warn(f"{_pages(numbers)}: the font does not tell which characters it draws: {end}")
        if file.partly:
            numbers = [index + 1 for index in file.partly]
            self._out.warn(f"{_pages(numbers)}: some letters have a font without a Unicode map, and cannot be read")
        if file.files:
            self._out.warn(attached_words(file.files))
        if file.dynamic:
            self._out.warn("it is a form that only Adobe's programs draw (XFA): its pages hold a note at most")

    def _open_pdfium(self) -> PdfiumFile | None:
        try:
            return PdfiumFile(self._data)
        except ExtractionError as error:
            if error.reason == "encrypted":
                raise
        mended = with_trailer(self._data)
        if mended:
            try:
                file = PdfiumFile(mended)
            except ExtractionError:
                pass
            else:
                self._data = mended
                self._out.warn("its table of objects is lost: it was rebuilt from what is there")
                return file
        self._out.warn("pdfium cannot open it: read by pypdf")
        return None

    def _read_pages(self, file: PdfiumFile) -> Pages:
        limit = min(file.count, self._hints.limits.max_pages)
        self._count = file.count
        pages: Pages = []
        for index in range(limit):
            if self._hints.budget.spent():
                self._out.warn(f"stopped before page {index + 1:,} of {file.count:,}: out of time")
                return pages
            pages.append(file.page(index))
        if file.count > limit:
            self._out.warn(f"only the first {limit:,} of {file.count:,} pages were read")
        return pages

    def _open_pypdf(self) -> PypdfFile | None:
        if not self._tried:
            self._tried = True
            try:
                self._pypdf = PypdfFile(self._data, seconds=self._structure_seconds())
            except ExtractionError as error:
                if error.reason == "encrypted" and not self._count:
                    raise
                if not self._count:
                    self._out.warn(f"its outline and metadata cannot be read ({error.reason})")
        return self._pypdf

    def _structure_seconds(self) -> float:
        return min(_STRUCTURE_SECONDS, self._hints.budget.left() + 1)

    def _fill(self, pages: Pages) -> Pages:
        """Read by pypdf what pdfium could not: the whole file, or pages without text, while time is left."""
        missing = [index for index, page in enumerate(pages) if not page and index not in self._settled]
        if pages and not missing:
            return pages
        pypdf = self._open_pypdf()
        if pypdf is None:
            if pages:
                return pages
            raise ExtractionError("damaged", "no PDF library can open it")
        if not pages:
            self._structure = pypdf.structure(seconds=self._structure_seconds())
            self._count = pypdf.count()
            pages = [None] * min(self._count, self._hints.limits.max_pages)
            missing = list(range(len(pages)))
            if not pages:
                raise ExtractionError("damaged", "it has no page that can be read")
        self._fill_missing(pages, missing, pypdf)
        return pages

    def _fill_missing(self, pages: Pages, missing: Sequence[int], pypdf: PypdfFile) -> None:
        seconds = _FALLBACK_SECONDS
        for index in missing:
            before = self._hints.budget.left()
            left = min(seconds, before)
            if left <= 0:
                return
            text = pypdf.page_text(index, seconds=left)
            seconds -= before - self._hints.budget.left()
            if text and text.strip():
                pages[index] = [Line(line.strip()) for line in text.splitlines() if line.strip()]
            elif text is not None:
                pages[index] = []

    def _report(self, pages: Pages) -> None:
        """Warn of pages without text; raise when there is no text at all."""
        broken = [number for number, page in enumerate(pages, 1) if page is None]
        blank = [number for number, page in enumerate(pages, 1) if page is not None and not page]
        if len(broken) + len(blank) == len(pages):
            if too_nested(self._data):
                raise ExtractionError("too_deep", "its objects are nested hundreds of levels deep")
            if broken:
                raise ExtractionError("damaged", f"none of its {len(pages):,} pages can be read")
            if not self._drawn:
                raise ExtractionError("no_text", "its pages are empty")
            raise self._no_text_layer(len(pages))
        if broken:
            self._out.warn(f"{_pages(broken)} cannot be read")
        if blank:
            self._out.warn(f"{_pages(blank)} without text{self._ocr_advice(blank)}")
        sparse = [index + 1 for index in self._wanting if pages[index]]
        if sparse:
            self._out.warn(
                f"{_pages(sparse)}: a picture fills the page, and has hardly any text{self._ocr_advice(sparse)}"
            )

    def _ocr_advice(self, numbers: Sequence[int]) -> str:
        """Return the advice for pages that need OCR, "" when it was done or they are blank."""
        if not any(number - 1 in self._wanting for number in numbers):
            return ""
        if self._hints.limits.ocr == "off":
            return ": OCR is wanted, and it is off (--ocr auto)"
        return f": {self._left_because}" if available() else f": OCR is wanted ({CURE})"

    def _no_text_layer(self, count: int) -> ExtractionError:
        many = "s" if count > 1 else ""
        words = f"{count:,} page{many} without text"
        if any("font does not tell" in line for line in self._out.warnings):
            words = f"{count:,} page{many} whose font does not tell which characters it draws"
        if self._hints.limits.ocr == "off":
            return ExtractionError("no_text_layer", words, cure="turn OCR on: --ocr auto")
        if not available():
            return ExtractionError("no_text_layer", words, cure=f"install OCR: {CURE}")
        return ExtractionError("no_text_layer", f"{words}; {self._left_because or 'OCR finds none either'}")


def with_trailer(data: bytes) -> bytes:
    """Return a PDF that lost its end with a new one, so that its objects are searched for; b"" without a catalog."""
    catalogs = _CATALOG.findall(data)
    if not catalogs:
        return b""
    return data + b"\nendstream\nendobj\ntrailer\n<</Root %b %b R>>\nstartxref\n0\n%%%%EOF\n" % catalogs[-1]


def _pages(numbers: list[int]) -> str:
    """Return "page 3", or "pages 3, 5-9 and 12 more"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs[:10])
    more = sum(last - first + 1 for first, last in runs[10:])
    word = "page" if len(numbers) == 1 else "pages"
    return f"{word} {shown}" + (f" and {more:,} more" if more else "")
