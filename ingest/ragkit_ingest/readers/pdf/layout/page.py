"""One page of lines -> canonical text: paragraphs by the gaps between lines, headings by size and weight, tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

from ragkit import BlockKind
from ragkit_ingest.readers.base import TextBuilder, looks_like_header
from ragkit_ingest.readers.pdf.layout.body import Body
from ragkit_ingest.readers.pdf.lines import continues
from ragkit_ingest.readers.pdf.structure.base import OutlineItem
from ragkit_ingest.readers.pdf.tables.levels import is_amount, may_name
from ragkit_ingest.readers.pdf.tables.runs import TableSpan, find_tables
from ragkit_ingest.readers.pdf.text import Line

_HEADING_LENGTH = 120
_HEADING_LINES = 3
_LEADING = 1.5  # lines of a paragraph are at most so many letter heights apart
_SMALL = 0.93  # letters of a footnote are at most so high as the body's
_MARK = re.compile(r"[*†‡¹²³⁴⁵⁶⁷⁸⁹⁰§]|\(?\d{1,3}[)\]. ]")
_SIZES = 3  # heading levels that sizes alone make
_LETTERS = re.compile(r"[^\W\d_]")
_SENTENCE_END = (".", "!", "?", ":", "”", '"', ")")
_BULLET = re.compile(r"[•●▪◦‣■□–*·-] |\(?\w{1,3}[.)] ")
_NOT_HEADING = re.compile(r"[.,;]$|\s\d{5}$|^[(\[•●▪◦‣–☐☒*†‡$€£-]|^\W*$|^[a-z]|^[“\"]")  # 5 digits: a postal code


_Kind = Literal["furniture", "note", "footnote", "table", "cells", "heading", "text"]
_ASIDE = ("furniture", "note", "footnote")  # lines beside the running text


class _Group(NamedTuple):
    """Lines [start, end) of a page that belong together."""

    start: int
    end: int
    kind: _Kind
    span: TableSpan | None = None


class PageLayout:
    """Adds one page: cuts it into tables, furniture, headings and paragraphs."""

    def __init__(self, builder: TextBuilder, lines: list[Line], skip: set[int], body: Body, *, by_looks: bool) -> None:
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
        if any(self._levels):
            _drop_long_runs(self._levels, [(round(line.height, 1), line.bold) for line in lines])
        self.right = self._right
        self._joined: set[int] = set()  # first lines of groups that go on with the paragraph before them
        self._groups = self._behind_text(self._plan())

    def last_line(self) -> Line | None:
        """Return the last line of the page's text; None when that is not running text."""
        body = [group for group in self._groups if group.kind not in _ASIDE]
        return self._lines[body[-1].end - 1] if body and body[-1].kind == "text" else None

    def first_line(self) -> Line | None:
        """Return the first line of the page's text; None when that is not running text."""
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
            joined = (goes_on[0] and at == 0) or group.start in self._joined
            if not joined:
                add_kept(self._out, kept)
            self._add_group(group, waiting, joined=joined)
        for item in waiting:
            if self._out.size > before:
                self._out.mark_heading_at(self._out.page_start(), item.level, item.title)

    def _ordered(self, goes_on: tuple[bool, bool], kept: list[tuple[str, BlockKind]]) -> list[_Group]:
        """Return the groups so that nothing stands before text that goes on from the page before, or behind text that
        goes on in the next; what has no place for it is kept for later."""
        text = [group for group in self._groups if group.kind not in _ASIDE]
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
                groups.append(_Group(index, end, self._kind(index)))
            index = end
        return groups

    def _kind(self, index: int) -> _Kind:
        """Return the kind of group that a line of text begins."""
        line = self._lines[index]
        if index in self._skip:
            return "furniture"
        if self._levels[index]:
            return "heading"
        small = 0 < line.height < _SMALL * self._body.height
        return "footnote" if small and _MARK.match(line.text) else "text"

    def _behind_text(self, groups: list[_Group]) -> list[_Group]:
        """Return the groups with footnotes that stand between two columns put behind a paragraph that goes on there."""
        found: list[_Group] = []
        at = 0
        while at < len(groups):
            after = at + 1
            while after < len(groups) and groups[after].kind in _ASIDE:
                after += 1
            found.append(groups[at])
            if after > at + 1 and after < len(groups) and self._goes_on(groups[at], groups[after]):
                found.append(groups[after])
                self._joined.add(groups[after].start)
                after += 1
                found += groups[at + 1 : after - 1]
            else:
                found += groups[at + 1 : after]
            at = after
        return found

    def _goes_on(self, above: _Group, below: _Group) -> bool:
        if above.kind != "text" or below.kind != "text":
            return False
        right = max(line.right for line in self._lines[above.start : above.end])
        return continues(self._lines[above.end - 1], self._lines[below.start], right=right)

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
        below = self._lines[group.start + 1].cells if group.end - group.start > 1 else ()
        header = " | ".join(filter(None, names)) if below and _name_columns(names, below) else ""
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
        """Return the level of a line as a heading by its format, 0 when it is not a heading."""
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
        """Tell whether a line is set off from the one above it, or that one is bold or furniture too."""
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


def add_kept(out: TextBuilder, kept: list[tuple[str, BlockKind]]) -> None:
    """Add pieces of earlier pages that waited for the end of a paragraph, and clear the list."""
    for text, kind in kept:
        out.mark_block(*out.paragraph(text), kind)
    kept.clear()


def _name_columns(names: Sequence[str], below: Sequence[str]) -> bool:
    """Tell whether a first row names the columns: by its looks, or by words and years above figures."""
    return looks_like_header([*names]) or (all(may_name(text) for text in names if text) and any(map(is_amount, below)))


def _drop_long_runs(levels: list[int], looks: Sequence[tuple[float, bool]]) -> None:
    """Drop headings of too many consecutive lines in one format: they are text in that format."""
    start = 0
    for index in range(1, len(levels) + 1):
        if index == len(levels) or looks[index] != looks[start]:
            if index - start > _HEADING_LINES:
                levels[start:index] = [0] * (index - start)
            start = index


def _wraps(above: str, below: str) -> bool:
    """Tell whether a row's label began on the line above: that line has no values, and this one begins in lower
    case."""
    if above.endswith((":", ".", ")", "%", "—", "-")) or above[-1:].isdigit():
        return False
    return below[:1].islower() or above.endswith((",", ";", " and", " of", " the", " in", " for", " to"))


def _find_title(text: str, title: str) -> int:
    """Return the offset of a title in a text, ignoring white space; -1 when it is not there."""
    at = text.find(title)
    if at >= 0:
        return at
    words = title.split()
    if not words or len(words) > 30:
        return -1
    match = re.search(r"\s+".join(map(re.escape, words)), text, re.IGNORECASE)
    return match.start() if match else -1
