"""Hits -> hits with whole paragraphs, lists, tables and blocks of code, and the line that introduces them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ragkit.store.base import DocumentReader
from ragkit.store.rows import StructureRow
from ragkit.types.documents import Block, BlockKind
from ragkit.types.hits import Hit, Hits

# All in code points.
_BLOCK_LIMITS: Final[dict[BlockKind, int]] = {"list": 1_500, "table": 1_200, "code": 2_400, "boilerplate": 0}
"""A longer block is not completed, because one item, row or part of it is the answer."""
_PARAGRAPH_LIMIT: Final = 600
_LEAD_LIMIT: Final = 500
_GROWTH_LIMIT: Final = 2_400  # on each side of a passage
_MERGED_LIMIT: Final = 6_000
_LEAD_ENDS: Final = (":", "：")


def with_whole_blocks(hits: Hits, documents: DocumentReader) -> Hits:
    """Return the hits, each widened to whole blocks and paragraphs; `document.text[start:end] == hit.text` still holds.

    A passage that begins with a list, table or block of code also gets the paragraph before it, and one that ends
    before code or a table, or with a colon, what comes next. It never goes beyond its section. Hits that come to
    overlap become one, or, where that would be long, the lower one gives way. Costs a look-up and a slice of the text
    for each hit.
    """
    widened: list[Hit] = []
    for hit in hits:
        structure = documents.structure(hit.source)
        whole = _widened(hit, structure, documents)
        _take(whole, hit, structure, into=widened, documents=documents)
    return hits.of(widened)


def _take(whole: Hit, hit: Hit, structure: StructureRow, *, into: list[Hit], documents: DocumentReader) -> None:
    """Add a widened hit; merge it with those that it overlaps, in the place of the best one. hit: as it was found."""
    place = len(into)
    at = 0
    while at < len(into):
        other = into[at]
        if other.source != whole.source or other.start >= whole.end or whole.start >= other.end:
            at += 1
            continue
        start, end = min(other.start, whole.start), max(other.end, whole.end)
        if end - start <= _MERGED_LIMIT:
            best = other if at <= place else whole
            joined = replace(best, units=tuple(sorted({*other.units, *whole.units})))
            whole = spanning(joined, (start, end), structure, documents)
            into.pop(at)
            place = min(place, at)
            at = 0  # what it has grown by may overlap another one
            continue
        span = (other.end, whole.end) if hit.start >= other.start else (whole.start, other.start)
        if span[0] >= span[1]:
            return
        whole = spanning(whole, span, structure, documents)
    if whole.text.strip():
        into.insert(place, whole)


def spanning(hit: Hit, span: tuple[int, int], structure: StructureRow, documents: DocumentReader) -> Hit:
    """Return a hit with another span of its document."""
    start, end = span
    pages = structure.pages
    page = bisect_right(pages, start, key=lambda item: item.start) or None
    has_structure = bool(structure.blocks or structure.headings)
    return replace(
        hit,
        start=start,
        end=end,
        text=documents.text_slice(structure.id, start, end),
        page=page,
        page_end=bisect_right(pages, max(start, end - 1), key=lambda item: item.start) or None,
        page_label=pages[page - 1].label if page else None,
        page_starts=tuple(item for item in pages if start < item.start < end),
        blocks=_overlapping(structure.blocks, start, end) if has_structure else None,
        headings=tuple(heading for heading in structure.headings if start <= heading.offset < end),
    )


def _widened(hit: Hit, structure: StructureRow, documents: DocumentReader) -> Hit:
    starts = [heading.offset for heading in structure.headings]
    above = bisect_right(starts, hit.start) - 1
    below = bisect_left(starts, hit.end)
    first = max(starts[above] if above >= 0 else 0, hit.start - _GROWTH_LIMIT)
    last = min(starts[below] if below < len(starts) else structure.characters, hit.end + _GROWTH_LIMIT)
    text = documents.text_slice(structure.id, first, last)
    edges = _Edges(text, first, _overlapping(structure.blocks, first, last))
    return spanning(hit, (edges.start_of(hit.start), edges.end_of(hit.end)), structure, documents)


def _overlapping(blocks: Sequence[Block], start: int, end: int) -> tuple[Block, ...]:
    """Return the blocks that overlap a span."""
    first = bisect_right(blocks, start, key=lambda block: block.end)
    return tuple(blocks[first : bisect_left(blocks, end, key=lambda block: block.start)])


@dataclass(frozen=True, slots=True)
class _Edges:
    """Finds where a passage should begin and end within the text of its section. Offsets are those of the document.

    text: what may be shown; base: its offset; blocks: those in it.
    """

    text: str
    base: int
    blocks: tuple[Block, ...]

    @property
    def _limit(self) -> int:
        return self.base + len(self.text)

    def start_of(self, start: int) -> int:
        """Return where the block or paragraph at `start` begins, or the line that leads into the block."""
        held = next((block for block in self.blocks if block.start < start < block.end), None)
        if held is not None:
            start = held.start if self._may_complete(held) else start
        else:
            start = self._paragraph_start(start)
        opened = next((block for block in self.blocks if block.start == start and block.kind != "boilerplate"), None)
        if opened is None or (held is not None and held.start != start):
            return start
        lead = self._paragraph_start(self._last_sign(start))
        is_prose = all(not block.start <= lead < block.end for block in self.blocks)
        return lead if is_prose and start - lead <= _LEAD_LIMIT else start

    def end_of(self, end: int) -> int:
        """Return where the block or paragraph at `end` ends, or what it leads into."""
        held = next((block for block in self.blocks if block.start < end < block.end), None)
        if held is None:
            end = self._paragraph_end(end)
        elif self._may_complete(held):
            end = held.end
        if held is not None and held.kind != "code":
            return end
        leads = self.text[: end - self.base].rstrip().endswith(_LEAD_ENDS)
        for block in self.blocks:
            if block.start < end or not self._may_complete(block):
                continue
            if self.text[end - self.base : block.start - self.base].strip():
                break
            if block.kind == "list" and not leads:
                break
            end, leads = block.end, False
        return end

    def _may_complete(self, block: Block) -> bool:
        inside = self.base <= block.start and block.end <= self._limit
        return inside and block.end - block.start <= _BLOCK_LIMITS[block.kind]

    def _last_sign(self, at: int) -> int:
        """Return the end of the text before an offset, without the white space between."""
        return self.base + len(self.text[: at - self.base].rstrip())

    def _paragraph_start(self, at: int) -> int:
        """Return where the paragraph that an offset is in, or that ends there, begins; the offset if that is far."""
        before = self.text[: at - self.base]
        floor = max((block.end for block in self.blocks if block.end <= at), default=self.base)
        start = max(before.rfind("\n\n") + 2 if "\n\n" in before else 0, floor - self.base, 0)
        start += len(before[start:]) - len(before[start:].lstrip())
        return self.base + start if len(before) - start <= _PARAGRAPH_LIMIT else at

    def _paragraph_end(self, at: int) -> int:
        """Return where the paragraph that goes on at an offset ends; the offset if that is far."""
        ceiling = min((block.start for block in self.blocks if block.start >= at), default=self._limit)
        after = self.text[at - self.base : ceiling - self.base]
        stop = after.find("\n\n")
        held = after[: stop if stop >= 0 else len(after)].rstrip()
        return at + len(held) if len(held) <= _PARAGRAPH_LIMIT else at
