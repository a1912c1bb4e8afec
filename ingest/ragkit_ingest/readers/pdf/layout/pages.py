"""Pages of lines -> canonical text; paragraphs stay whole over page breaks."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit import BlockKind
from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.pdf.furniture import running_lines
from ragkit_ingest.readers.pdf.layout.body import body_of, usual_height
from ragkit_ingest.readers.pdf.layout.page import PageLayout, add_kept
from ragkit_ingest.readers.pdf.lines import Words, continues, ends_in_hyphen, make_whole
from ragkit_ingest.readers.pdf.structure.base import OutlineItem
from ragkit_ingest.readers.pdf.text import Line


def add_pages(
    builder: TextBuilder,
    pages: Sequence[list[Line] | None],
    *,
    heights: Sequence[float] = (),
    labels: Sequence[str] = (),
    outline: Sequence[OutlineItem] = (),
) -> None:
    """Add all pages; headings are those of the outline where the file has a useful one, else lines that look like
    headings.

    heights: of the pages, in points, for what stands in their margins. A sentence that goes on over a page break
    stays whole: running lines between its parts are moved before it or behind it.
    """
    words = make_whole(pages)
    running = running_lines(pages, heights, usual_height(pages))
    body = body_of(pages, running)
    by_looks = len(outline) < 3
    by_page: dict[int, list[OutlineItem]] = {}
    if not by_looks:
        for item in outline:
            if item.page is not None:
                by_page.setdefault(item.page, []).append(item)
    planned = [
        PageLayout(builder, page, running[number], body, by_looks=by_looks) if page else None
        for number, page in enumerate(pages)
    ]
    goes_on = _breaks_inside(planned, words)
    kept: list[tuple[str, BlockKind]] = []
    for number, planned_page in enumerate(planned):
        builder.page(labels[number] if number < len(labels) else None)
        if planned_page is not None:
            planned_page.add(by_page.get(number, []), goes_on=(goes_on[number], goes_on[number + 1]), kept=kept)
    add_kept(builder, kept)


def _breaks_inside(planned: Sequence[PageLayout | None], words: Words) -> list[bool]:
    """Tell for each page, and for the end, whether the page's first paragraph continues the text before it."""
    inside = [False] * (len(planned) + 1)
    for number in range(1, len(planned)):
        above, below = planned[number - 1], planned[number]
        if above is None or below is None:
            continue
        last, first = above.last_line(), below.first_line()
        if last is None or first is None or not continues(last, first, right=above.right):
            continue
        inside[number] = True
        if ends_in_hyphen(last.text, first.text):
            word, _, rest = first.text.partition(" ")
            left, _, cut = last.text[:-1].rpartition(" ")
            whole = words.join(cut, word) if cut[-1:].isalnum() else f"{cut}-{word}"
            last.text = f"{left} {whole}".strip()
            first.text = rest
    return inside
