"""Metadata, outline and page labels of an open PDF, by pdfium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ragkit_ingest.readers.pdf.calls import address_of, wide_text
from ragkit_ingest.readers.pdf.structure.base import OUTLINE_LIMIT, OutlineItem, Structure
from ragkit_ingest.readers.titles import squeeze

_DEPTH: Final = 100  # levels of an outline


def structure_of(api: Any, document: Any) -> Structure:
    """Return metadata, outline and page labels of an open document of pdfium's."""
    found = Structure()
    found.take_metadata(
        lambda key: wide_text(lambda *to: api.FPDF_GetMetaText(document, key.encode(), *to)),
        wide_text(lambda *to: api.FPDFCatalog_GetLanguage(document, *to)),
    )
    for level, entry in _entries(api, document):
        title = squeeze(wide_text(lambda *to, entry=entry: api.FPDFBookmark_GetTitle(entry, *to)))
        place = api.FPDFBookmark_GetDest(document, entry)
        page = api.FPDFDest_GetDestPageIndex(document, place) if place else -1
        if not found.add_entry(OutlineItem(level, title, page if page >= 0 else None)):
            break
    _add_labels(found, api, document)
    return found


def _add_labels(found: Structure, api: Any, document: Any) -> None:
    labels: list[str] = []
    for index in range(api.FPDF_GetPageCount(document)):
        label = wide_text(lambda *to, index=index: api.FPDF_GetPageLabel(document, index, *to))
        if not label and not labels:
            return
        labels.append(label)
    found.take_labels(labels)


def _entries(api: Any, document: Any) -> Iterator[tuple[int, Any]]:
    """Yield (level, entry) of the outline in order; an entry that repeats ends its branch."""
    seen: set[int | None] = set()
    waiting = [api.FPDFBookmark_GetFirstChild(document, None)]
    while waiting and len(seen) <= 2 * OUTLINE_LIMIT:
        entry = waiting.pop()
        if not entry or address_of(entry) in seen:
            continue
        seen.add(address_of(entry))
        yield len(waiting) + 1, entry
        waiting.append(api.FPDFBookmark_GetNextSibling(document, entry))
        if len(waiting) < _DEPTH:
            waiting.append(api.FPDFBookmark_GetFirstChild(document, entry))
