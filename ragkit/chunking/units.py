"""Split a document into units (sentences, rows, items, code lines), which chunking does not split, and their gaps."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from ragkit.types.documents import Block, Document


class Gap(IntEnum):
    """How strongly the text breaks before a unit; a higher gap is a better place to cut."""

    SENTENCE = 0
    LINE = 1
    PARAGRAPH = 2
    PAGE = 3
    BLOCK = 4
    SECTION = 5


@dataclass(slots=True)
class Unit:
    """A span `[start, end)` of a document, without blanks at its ends.

    gap: what stands before it. block: index into `document.blocks`, -1 for prose. glued: it is a heading, so a chunk
    must not end after it.
    """

    start: int
    end: int
    gap: Gap
    block: int = -1
    glued: bool = False


class Units:
    """Units in order, as columns: a long document has a million, and the garbage collector would visit each object.

    starts, ends, blocks: the fields of each unit. An item of it is a copy; `set_gap` and `mark_heading` change a unit.
    """

    __slots__ = ("_gaps", "_glued", "blocks", "ends", "starts")

    def __init__(self) -> None:
        self.starts = array("q")
        self.ends = array("q")
        self.blocks = array("q")
        self._gaps = bytearray()
        self._glued = bytearray()

    def append(self, unit: Unit) -> None:
        """Add a unit that follows all others."""
        self.starts.append(unit.start)
        self.ends.append(unit.end)
        self.blocks.append(unit.block)
        self._gaps.append(unit.gap)
        self._glued.append(unit.glued)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Unit:
        return Unit(self.starts[index], self.ends[index], self.gap(index), self.blocks[index], bool(self._glued[index]))

    def __iter__(self) -> Iterator[Unit]:
        return (self[index] for index in range(len(self)))

    def gap(self, index: int) -> Gap:
        """Return the gap before a unit."""
        return _GAPS[self._gaps[index]]

    def glued(self, index: int) -> bool:
        """Return whether a unit is a heading."""
        return bool(self._glued[index])

    def set_gap(self, index: int, gap: Gap) -> None:
        """Change the gap before a unit."""
        self._gaps[index] = gap

    def mark_heading(self, index: int, *, glued: bool) -> None:
        """Begin a section at a unit; glued: a chunk must not end after it."""
        self._gaps[index] = Gap.SECTION
        self._glued[index] = glued


_GAPS = tuple(Gap)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_LINE = re.compile(r"[^\n]+")
_ITEM = re.compile(r"\n(?=[ \t]*(?:[-*•●▪◦‣–]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]+\S)")
_SPLITTER_LIMIT = 20_000  # a paragraph longer than this is cut by lines before it meets the sentence splitter


def document_units(document: Document) -> Units:
    """Return the units of a document in order; they cover all text but blanks and boilerplate."""
    units = Units()
    for start, end, index in _regions(document):
        block = document.blocks[index] if index >= 0 else None
        for number, unit in enumerate(_region_units(document, start, end, block)):
            unit.block = index
            if number == 0 and (index >= 0 or (len(units) > 0 and units.blocks[-1] >= 0)):
                unit.gap = max(unit.gap, Gap.BLOCK)
            units.append(unit)
    _mark_pages(document, units)
    _mark_headings(document, units)
    return units


def _regions(document: Document) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, block index or -1) over the text, boilerplate left out."""
    position = 0
    for index, block in enumerate(document.blocks):
        if position < block.start:
            yield position, block.start, -1
        if block.kind != "boilerplate":
            yield block.start, block.end, index
        position = block.end
    if position < len(document.text):
        yield position, len(document.text), -1


def _region_units(document: Document, start: int, end: int, block: Block | None) -> Iterator[Unit]:
    if block is None:
        yield from _prose_units(document, start, end)
        return
    gap = Gap.PARAGRAPH
    for match in _LINE.finditer(document.text, start, end):
        unit = _trimmed(document.text, match.start(), match.end(), gap)
        if unit is None:
            gap = Gap.PARAGRAPH
            continue
        yield unit
        # A blank line inside code separates paragraphs; the gaps between rows and between items are equal.
        after = document.text[match.end() : match.end() + 2]
        gap = Gap.PARAGRAPH if block.kind == "code" and after == "\n\n" else Gap.LINE


def _prose_units(document: Document, start: int, end: int) -> Iterator[Unit]:
    cuts = {start, end}
    cuts.update(item.offset for item in document.headings if start < item.offset < end)
    for heading in document.headings:
        if start <= heading.offset < end:
            line_end = document.text.find("\n", heading.offset, end)
            cuts.add(line_end if line_end >= 0 else end)
    edges = sorted(cuts)
    language = str(document.metadata.get("language") or "en")
    for left, right in pairwise(edges):
        position = left
        for match in _BLANK_LINES.finditer(document.text, left, right):
            yield from _paragraph_units(document.text, position, match.start(), language)
            position = match.end()
        yield from _paragraph_units(document.text, position, right, language)


def _paragraph_units(text: str, start: int, end: int, language: str) -> Iterator[Unit]:
    """Yield list items and sentences of one paragraph."""
    gap = Gap.PARAGRAPH
    position = start
    for match in _ITEM.finditer(text, start, end):
        yield from _sentences(text, position, match.start(), gap, language)
        position, gap = match.start(), Gap.LINE
    yield from _sentences(text, position, end, gap, language)


def _sentences(text: str, start: int, end: int, gap: Gap, language: str) -> Iterator[Unit]:
    if end - start > _SPLITTER_LIMIT:
        for match in _LINE.finditer(text, start, end):
            if match.end() - match.start() > _SPLITTER_LIMIT:
                unit = _trimmed(text, match.start(), match.end(), gap)
                if unit:
                    yield unit
            else:
                yield from _sentences(text, match.start(), match.end(), gap, language)
            gap = Gap.LINE
        return
    # Line ends inside a paragraph are only how it was wrapped: the splitter sees blanks, and offsets stay.
    position = start
    for size in _sentence_sizes(text[start:end].replace("\n", " "), language):
        unit = _trimmed(text, position, position + size, gap)
        if unit:
            yield unit
            gap = Gap.SENTENCE
        position += size


def _sentence_sizes(text: str, language: str) -> list[int]:
    """Return the length of each sentence, blanks included; they add up to the text's."""
    if len(text) < 40 and not re.search(r"[.!?。！？।]\s?\S", text):
        return [len(text)]
    from sentencex import segment

    sizes = [len(sentence) for sentence in segment(language, text)]
    return sizes if sum(sizes) == len(text) else [len(text)]


def _trimmed(text: str, start: int, end: int, gap: Gap) -> Unit | None:
    """Return the unit without blanks at its ends, None where nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return Unit(start, end, gap) if start < end else None


def _mark_pages(document: Document, units: Units) -> None:
    starts = [page.start for page in document.pages]
    if not starts:
        return
    before = 0
    for index, (start, end) in enumerate(zip(units.starts, units.ends, strict=True)):
        page = bisect_right(starts, start)
        if page != before and before and Gap.SENTENCE < units.gap(index) < Gap.PAGE:
            units.set_gap(index, Gap.PAGE)
        before = bisect_right(starts, end - 1)


def _mark_headings(document: Document, units: Units) -> None:
    for heading in document.headings:
        at = bisect_right(units.starts, heading.offset) - 1
        if at < 0 or units.ends[at] <= heading.offset:
            at += 1  # the offset points at blanks before the unit
        if at >= len(units):
            continue
        start, end = units.starts[at], units.ends[at]
        if start >= heading.offset:
            # An outline entry of a PDF may point into the middle of a page: only a line of its own is a heading.
            line = document.text[start:end].strip("#= ")
            units.mark_heading(at, glued=line.startswith(heading.text[:40]))
