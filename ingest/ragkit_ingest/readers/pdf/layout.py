"""Pages of lines -> canonical text: paragraphs by the gaps between lines, headings by size and weight, tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

from ragkit import BlockKind
from ragkit_ingest.readers.base import TextBuilder, looks_like_header
from ragkit_ingest.readers.pdf.furniture import running_lines
from ragkit_ingest.readers.pdf.lines import Words, continues, ends_in_hyphen, make_whole
from ragkit_ingest.readers.pdf.structure.base import OutlineItem
from ragkit_ingest.readers.pdf.tables.runs import TableSpan, find_tables
from ragkit_ingest.readers.pdf.text import Line

_LARGER = 1.12  # a heading's letters are at least so much larger than the body's, or bold
_HEADING_LENGTH = 120
_HEADING_LINES = 3
_LEADING = 1.5  # lines of a paragraph are at most so many letter heights apart
_PROSE_LENGTH = 50  # running text is what goes on beyond this column
_RARE, _RARE_BOLD = 0.12, 0.2  # a size, or bold type, that takes more of the text than this makes no headings
_SIZES = 3  # heading levels that sizes alone make
_LETTERS = re.compile(r"[^\W\d_]")
_SENTENCE_END = (".", "!", "?", ":", "”", '"', ")")
_BULLET = re.compile(r"[•●▪◦‣■□–*·-] |\(?\w{1,3}[.)] ")
_NOT_HEADING = re.compile(r"[.,;]$|\s\d{5}$|^[(\[•●▪◦‣–☐☒*†‡$€£-]|^\W*$|^[a-z]|^[“\"]")  # 5 digits: a postal code


@dataclass(frozen=True, slots=True)
class _Body:
    """What is usual in a document: height of its letters, the heights that make headings, the largest first, and
    whether bold type is rare enough to mean something."""

    height: float
    sizes: tuple[float, ...]
    bold: bool


def add_pages(
    builder: TextBuilder,
    pages: Sequence[list[Line] | None],
    *,
    heights: Sequence[float] = (),
    labels: Sequence[str] = (),
    outline: Sequence[OutlineItem] = (),
) -> None:
    """Add all pages; headings are the outline's where the file has one of use, else what looks like headings.

    heights: of the pages, in points, for what stands in their margins. A sentence that goes on over a page break
    stays whole: running lines between its parts are moved before it or behind it.
    """
    words = make_whole(pages)
    running = running_lines(pages, heights, _usual_height(pages))
    body = _body(pages, running)
    by_looks = len(outline) < 3
    by_page: dict[int, list[OutlineItem]] = {}
    if not by_looks:
        for item in outline:
            if item.page is not None:
                by_page.setdefault(item.page, []).append(item)
    planned = [
        _Page(builder, page, running[number], body, by_looks=by_looks) if page else None
        for number, page in enumerate(pages)
    ]
    goes_on = _breaks_inside(planned, words)
    kept: list[tuple[str, BlockKind]] = []
    for number, planned_page in enumerate(planned):
        builder.page(labels[number] if number < len(labels) else None)
        if planned_page is not None:
            planned_page.add(by_page.get(number, []), goes_on=(goes_on[number], goes_on[number + 1]), kept=kept)
    _add_kept(builder, kept)


def _breaks_inside(planned: Sequence[_Page | None], words: Words) -> list[bool]:
    """Tell for each page, and for the end, whether the text before it goes on in the page's first paragraph."""
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


def _add_kept(out: TextBuilder, kept: list[tuple[str, BlockKind]]) -> None:
    for text, kind in kept:
        out.mark_block(*out.paragraph(text), kind)
    kept.clear()


def _usual_height(pages: Sequence[list[Line] | None]) -> float:
    """Return the height of the letters that fill long lines; of those that fill most lines where none is long."""
    for length in (_PROSE_LENGTH, 0):
        weights: Counter[float] = Counter()
        for page in pages:
            for line in page or ():
                if len(line.text) > length and line.height > 0:
                    weights[line.height] += len(line.text) - length
        if weights:
            return _rounded(weights).most_common(1)[0][0]
    return 0.0


def _body(pages: Sequence[list[Line] | None], running: Sequence[set[int]]) -> _Body:
    """Find the height of running text, which fills long lines, and the heights that few lines have."""
    kept = [
        [line for index, line in enumerate(page) if index not in skip] if skip else page
        for page, skip in zip(pages, running, strict=True)
        if page
    ]
    height = _usual_height(kept)
    counted: Counter[float] = Counter()
    lines = bold = 0
    for page in kept:
        for line in page:
            if line.height > 0:
                counted[line.height] += len(line.text)
                lines, bold = lines + 1, bold + line.bold
    weights = _rounded(counted)
    rare = weights.total() * _RARE
    sizes: list[float] = []
    for size in sorted(
        (size for size, weight in weights.items() if size > height * _LARGER and weight < rare), reverse=True
    ):
        if not sizes or size < sizes[-1] * 0.93:
            sizes.append(size)
    return _Body(height, tuple(sizes[:8]), bold=bold < lines * _RARE_BOLD)


def _rounded(weights: Counter[float]) -> Counter[float]:
    """Return the weights of heights to a tenth of a point."""
    found: Counter[float] = Counter()
    for height, weight in weights.items():
        found[round(height, 1)] += weight
    return found


_Kind = Literal["furniture", "note", "table", "cells", "heading", "text"]


class _Group(NamedTuple):
    """Lines [start, end) of a page that belong together."""

    start: int
    end: int
    kind: _Kind
    span: TableSpan | None = None


class _Page:
    """Adds one page: cuts it into tables, furniture, headings and paragraphs."""

    def __init__(self, builder: TextBuilder, lines: list[Line], skip: set[int], body: _Body, *, by_looks: bool) -> None:
        self._out = builder
        self._lines = lines
        self._skip = skip
        self._body = body
        self._by_looks = by_looks
        steps = [above.bottom - below.bottom for above, below in pairwise(lines) if below.height]
        usual = [step for step in steps if 0 < step < 3 * (body.height or 12)]
        leading = median(usual) if usual else 0.0
        self._leading = min(leading, _LEADING * body.height) if body.height else leading
        self._right = max((line.right for line in lines), default=0.0)
        self._levels = [self._looks(index) for index in range(len(lines))]
        _drop_long_runs(self._levels, [(round(line.height, 1), line.bold) for line in lines])
        self.right = self._right
        self._groups = self._plan()

    def last_line(self) -> Line | None:
        """Return the line that the text of the page ends with; None when that is no running text."""
        body = [group for group in self._groups if group.kind not in ("furniture", "note")]
        return self._lines[body[-1].end - 1] if body and body[-1].kind == "text" else None

    def first_line(self) -> Line | None:
        """Return the line that the text of the page begins with; None when that is no running text."""
        body = next((group for group in self._groups if group.kind != "furniture"), None)
        return self._lines[body.start] if body is not None and body.kind == "text" else None

    def add(
        self, outline: Sequence[OutlineItem], *, goes_on: tuple[bool, bool], kept: list[tuple[str, BlockKind]]
    ) -> None:
        """Add the page. goes_on: whether its text begins and ends inside a paragraph. kept: pieces of earlier pages
        that wait for the end of a paragraph."""
        before = self._out.size
        waiting = list(outline)
        for at, group in enumerate(self._ordered(goes_on, kept)):
            joined = goes_on[0] and at == 0
            if not joined:
                _add_kept(self._out, kept)
            self._add_group(group, waiting, joined=joined)
        for item in waiting:
            if self._out.size > before:
                self._out.mark_heading_at(self._out.page_start(), item.level, item.title)

    def _ordered(self, goes_on: tuple[bool, bool], kept: list[tuple[str, BlockKind]]) -> list[_Group]:
        """Return the groups so that nothing stands before text that goes on from the page before, or behind text that
        goes on in the next; what has no place for it is kept for later."""
        text = [group for group in self._groups if group.kind not in ("furniture", "note")]
        if all(goes_on) and len(text) == 1:
            rest = [group for group in self._groups if group is not text[0]]
            kept += [(self._text(one), "boilerplate" if one.kind == "furniture" else "list") for one in rest]
            return text
        groups = list(self._groups)
        for moves, group, place in ((goes_on[0], text[:1], 0), (goes_on[1], text[-1:], len(groups))):
            if moves:
                groups.remove(group[0])
                groups.insert(place, group[0])
        return groups

    def _text(self, group: _Group) -> str:
        return "\n".join(line.text for line in self._lines[group.start : group.end])

    def _plan(self) -> list[_Group]:
        """Cut the page into furniture, tables, annotations, headings and paragraphs."""
        lines = self._lines
        apart = self._skip | {index for index, line in enumerate(lines) if line.cells or line.note}
        tables = {span.start: span for span in find_tables([line.text for line in lines], apart)}
        groups: list[_Group] = []
        index = 0
        while index < len(lines):
            line = lines[index]
            end = index + 1
            span = tables.get(index)
            if span is not None:
                groups.append(_Group(index, span.end, "table", span))
                end = span.end
            elif line.note:
                groups.append(_Group(index, end, "note"))
            elif line.cells and index not in self._skip:
                while end < len(lines) and lines[end].table == line.table and end not in self._skip:
                    end += 1
                groups.append(_Group(index, end, "cells"))
            else:
                end = self._group_end(index, tables)
                kind: _Kind = "furniture" if index in self._skip else "heading" if self._levels[index] else "text"
                groups.append(_Group(index, end, kind))
            index = end
        return groups

    def _group_end(self, start: int, tables: dict[int, TableSpan]) -> int:
        """Return the end of the lines from `start` on that belong together: furniture, a heading, or a paragraph."""
        end = start + 1
        furniture, level = start in self._skip, self._levels[start]
        while end < len(self._lines) and end not in tables and (end in self._skip) == furniture:
            line = self._lines[end]
            if not furniture and (line.cells or line.note or self._levels[end] != level or self._breaks(end - 1)):
                break
            end += 1
        return end

    def _add_group(self, group: _Group, waiting: list[OutlineItem], *, joined: bool) -> None:
        if group.span is not None:
            self._table(group.span, waiting)
            return
        if group.kind == "cells":
            self._cells(group, waiting)
            return
        text = self._text(group)
        if group.kind == "furniture":
            self._out.mark_block(*self._out.paragraph(text), "boilerplate")
            return
        whole = " ".join(line.text for line in self._lines[group.start : group.end])
        level = self._levels[group.start]
        first, _last = (self._out.line if joined else self._out.paragraph)(whole if level else text)
        if level and self._by_looks:
            self._out.mark_heading(first, level, whole)
        self._find(waiting, text, first)

    def _cells(self, group: _Group, waiting: list[OutlineItem]) -> None:
        """Add a table of which the cells are known; the first row names the columns when it looks like that."""
        text = self._text(group)
        names = self._lines[group.start].cells
        first, last = self._out.paragraph(text)
        self._find(waiting, text, first)
        header = " | ".join(filter(None, names)) if looks_like_header([*names]) and group.end - group.start > 1 else ""
        self._out.mark_block(first, last, "table", header)

    def _table(self, span: TableSpan, waiting: list[OutlineItem]) -> None:
        texts: list[str] = []
        for index in range(span.start, span.end):
            text = self._lines[index].text
            if texts and index > span.body and _wraps(texts[-1], text):
                texts[-1] = f"{texts[-1]} {text}"
            else:
                texts.append(text)
        text = "\n".join(texts)
        kind: BlockKind = "table"
        first, last = self._out.paragraph(text)
        level = self._levels[span.start]
        if level and self._by_looks:
            self._out.mark_heading(first, level, self._lines[span.start].text)
        self._find(waiting, text, first)
        self._out.mark_block(first, last, kind, span.header)

    def _find(self, waiting: list[OutlineItem], text: str, offset: int) -> None:
        """Mark the outline's entries whose title stands in this text, as long as they come in order."""
        while waiting:
            at = _find_title(text, waiting[0].title)
            if at < 0:
                return
            item = waiting.pop(0)
            self._out.mark_heading_at(offset + at, item.level, item.title)

    def _looks(self, index: int) -> int:
        """Return the level of a line as a heading by its looks, 0 when it is none."""
        line = self._lines[index]
        if not line.height or len(line.text) > _HEADING_LENGTH or index in self._skip:
            return 0
        size = self._size(line)
        if not size and not (line.bold and self._body.bold and line.height >= self._body.height * 0.9):
            return 0
        if len(_LETTERS.findall(line.text[:40])) < 3 or _NOT_HEADING.search(line.text):
            return 0
        if size:
            return size
        if not (index == 0 or self._gap_above(index)) or not line.text[0].isupper():
            return 0
        base = min(len(self._body.sizes), _SIZES)
        return base + (1 if line.text.isupper() else 2)

    def _size(self, line: Line) -> int:
        """Return the level that the height of a line's letters stands for, 0 for running text."""
        for level, size in enumerate(self._body.sizes, 1):
            if size * 0.97 <= line.height <= size * 1.08:
                return min(level, _SIZES)
        return 0

    def _gap_above(self, index: int) -> bool:
        """Tell whether a line stands apart from the one above it, or that one is bold or furniture too."""
        above = self._lines[index - 1]
        step = above.bottom - self._lines[index].bottom
        return index - 1 in self._skip or above.bold or step <= 0 or step > 1.2 * (self._leading or step)

    def _breaks(self, index: int) -> bool:
        """Tell whether a paragraph ends after a line."""
        above, below = self._lines[index], self._lines[index + 1]
        if not above.height or not below.height:
            return False
        step = above.bottom - below.bottom
        if step <= 0:  # another column, or a box beside
            return abs(step) > 0.3 * above.height and not continues(above, below, right=above.right)
        if step > 1.4 * self._leading and step > 1.2 * below.height:
            return True
        if abs(above.height - below.height) > 0.12 * above.height:
            return not (above.text[-1:].islower() and below.text[:1].islower())
        short = above.right < self._right - 0.2 * (self._right - above.left)
        return (
            short
            and above.text.endswith(_SENTENCE_END)
            and below.left > above.left + 4
            and not _BULLET.match(below.text)
        )


def _drop_long_runs(levels: list[int], looks: Sequence[tuple[float, bool]]) -> None:
    """More lines of one look in a row than a heading has are text of that look."""
    start = 0
    for index in range(1, len(levels) + 1):
        if index == len(levels) or looks[index] != looks[start]:
            if index - start > _HEADING_LINES:
                levels[start:index] = [0] * (index - start)
            start = index


def _wraps(above: str, below: str) -> bool:
    """Tell whether a row's label began on the line above: that has no values, and this one goes on in small letters."""
    if above.endswith((":", ".", ")", "%", "—", "-")) or above[-1:].isdigit():
        return False
    return below[:1].islower() or above.endswith((",", ";", " and", " of", " the", " in", " for", " to"))


def _find_title(text: str, title: str) -> int:
    """Return where a title stands in a text, blanks aside; -1 when it does not."""
    at = text.find(title)
    if at >= 0:
        return at
    words = title.split()
    if not words or len(words) > 30:
        return -1
    match = re.search(r"\s+".join(map(re.escape, words)), text, re.IGNORECASE)
    return match.start() if match else -1
