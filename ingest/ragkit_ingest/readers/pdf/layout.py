"""Pages of lines -> canonical text: paragraphs by the gaps between lines, headings by size and weight, tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ragkit import BlockKind
from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.pdf.lines import make_whole, running_lines
from ragkit_ingest.readers.pdf.structure import OutlineItem
from ragkit_ingest.readers.pdf.tables import TableSpan, find_tables
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
    labels: Sequence[str] = (),
    outline: Sequence[OutlineItem] = (),
) -> None:
    """Add all pages; headings are the outline's where the file has one of use, else what looks like headings."""
    make_whole(pages)
    running = running_lines(pages)
    body = _body(pages, running)
    by_looks = len(outline) < 3
    by_page: dict[int, list[OutlineItem]] = {}
    if not by_looks:
        for item in outline:
            if item.page is not None:
                by_page.setdefault(item.page, []).append(item)
    for number, page in enumerate(pages):
        builder.page(labels[number] if number < len(labels) else None)
        if page:
            _Page(builder, page, running[number], body, by_looks=by_looks).add(by_page.get(number, []))


def _body(pages: Sequence[list[Line] | None], running: Sequence[set[int]]) -> _Body:
    """Find the height of running text, which fills long lines, and the heights that few lines have."""
    prose: Counter[float] = Counter()
    weights: Counter[float] = Counter()
    lines = bold = 0
    for page, skip in zip(pages, running, strict=True):
        for index, line in enumerate(page or ()):
            if index not in skip and line.height > 0:
                height = round(line.height, 1)
                weights[height] += len(line.text)
                prose[height] += max(0, len(line.text) - _PROSE_LENGTH)
                lines, bold = lines + 1, bold + line.bold
    if not weights:
        return _Body(0.0, (), bold=False)
    height = (prose if prose.total() else weights).most_common(1)[0][0]
    rare = weights.total() * _RARE
    sizes: list[float] = []
    for size in sorted(
        (size for size, weight in weights.items() if size > height * _LARGER and weight < rare), reverse=True
    ):
        if not sizes or size < sizes[-1] * 0.93:
            sizes.append(size)
    return _Body(height, tuple(sizes[:8]), bold=bold < lines * _RARE_BOLD)


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

    def add(self, outline: Sequence[OutlineItem]) -> None:
        before = self._out.size
        texts = [line.text for line in self._lines]
        tables = {span.start: span for span in find_tables(texts, self._skip)}
        waiting = list(outline)
        index = 0
        while index < len(self._lines):
            if index in tables:
                self._table(tables[index], waiting)
                index = tables[index].end
                continue
            end = self._group_end(index, tables)
            self._group(index, end, waiting)
            index = end
        for item in waiting:
            if self._out.size > before:
                self._out.mark_heading_at(self._out.page_start(), item.level, item.title)

    def _group_end(self, start: int, tables: dict[int, TableSpan]) -> int:
        """Return the end of the lines from `start` on that belong together: furniture, a heading, or a paragraph."""
        end = start + 1
        furniture, level = start in self._skip, self._levels[start]
        while end < len(self._lines) and end not in tables and (end in self._skip) == furniture:
            if not furniture and (self._levels[end] != level or self._breaks(end - 1)):
                break
            end += 1
        return end

    def _group(self, start: int, end: int, waiting: list[OutlineItem]) -> None:
        lines = self._lines[start:end]
        text = "\n".join(line.text for line in lines)
        level = self._levels[start]
        if start in self._skip:
            first, last = self._out.paragraph(text)
            self._out.mark_block(first, last, "boilerplate")
            return
        first, _last = self._out.paragraph(" ".join(line.text for line in lines) if level else text)
        if level and self._by_looks:
            self._out.mark_heading(first, level, " ".join(line.text for line in lines))
        self._find(waiting, text, first)

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
        if len(_LETTERS.findall(line.text[:40])) < 3 or _NOT_HEADING.search(line.text):
            return 0
        size = self._size(line)
        if size:
            return size
        if not (line.bold and self._body.bold) or line.height < self._body.height * 0.9:
            return 0
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
        if step <= 0:
            return abs(step) > 0.3 * above.height  # another column, or a box beside
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
