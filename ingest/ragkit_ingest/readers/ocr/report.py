"""The report on pages that were read by OCR: the confidence, and the pages that may be wrong."""

from __future__ import annotations

from statistics import mean

from ragkit_ingest.readers.base import Hints
from ragkit_ingest.readers.ocr.engine import LOW_CONFIDENCE, PAGE_SECONDS, OcrPage, threads

_LISTED = 5


class Confidences:
    """The confidence of each page that was read by OCR; pages count from 0."""

    def __init__(self) -> None:
        self._pages: dict[int, float] = {}
        self._unreadable = 0

    def add(self, page: int, found: OcrPage) -> None:
        """Note a page."""
        if found.lines:
            self._pages[page] = found.confidence
        self._unreadable += found.unreadable

    def warnings(self) -> list[str]:
        """Return a line for each page, or one for all when there are many, and one for each of low confidence."""
        pages = self._pages
        if len(pages) <= _LISTED:
            found = [f"page {page + 1:,}: OCR, confidence {value:.2f}" for page, value in pages.items()]
        else:
            lowest = min(pages, key=lambda page: pages[page])
            span = f"mean confidence {mean(pages.values()):.2f}, lowest {pages[lowest]:.2f} (page {lowest + 1:,})"
            found = [f"{len(pages):,} pages: OCR, {span}"]
        low = [page for page, value in pages.items() if value < LOW_CONFIDENCE]
        found += [f"page {page + 1:,}: low OCR confidence {pages[page]:.2f}" for page in low[:_LISTED]]
        if len(low) > _LISTED:
            found.append(f"{len(low) - _LISTED:,} more pages of low OCR confidence")
        if self._unreadable:
            found.append(f"{self._unreadable:,} lines that OCR cannot read are left out")
        return found

    def metadata(self) -> dict[str, object]:
        """Return the number of pages and their mean confidence; nothing without any."""
        if not self._pages:
            return {}
        return {"ocr_pages": len(self._pages), "ocr_confidence": round(mean(self._pages.values()), 3)}


def allow_page(hints: Hints) -> bool:
    """Ask for the time that the OCR of one page may take; tell whether there is any left."""
    hints.ask_time(PAGE_SECONDS, threads=threads())
    return not hints.budget.spent()
