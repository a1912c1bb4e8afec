"""Passage text -> its parts in order: sentences, list items, rows and blocks of code, and which belong together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ragkit.chat.extractive.code_blocks import code_blocks
from ragkit.text.sentences import Span, is_item, sentence_spans
from ragkit.text.tables import has_cells, is_row

PartKind = Literal["sentence", "item", "row", "code"]
_LINE: Final = re.compile(r"[^\n]*\n?")
_LEAD_END: Final = (":", "：")
_TAG: Final = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#[^{}\n]*\}|\{\*.*?\*\}|^[ \t]*(?::{3,}|/{3,})[^\n]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece `[start, end)` of a passage that is valued on its own."""

    start: int
    end: int
    kind: PartKind


@dataclass(frozen=True, slots=True)
class ListRegion:
    """A list: `[start, end)` of its items; lead: where the line that leads into it begins, `start` without one."""

    lead: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a passage in order, and its lists. A code block is one part."""

    text: str
    parts: tuple[Part, ...]
    lists: tuple[ListRegion, ...]

    def list_at(self, start: int, end: int) -> ListRegion | None:
        """Return the list that holds a span, or that the span leads into."""
        return next((found for found in self.lists if found.lead <= start < found.end and end > found.lead), None)

    def item_at(self, region: ListRegion, at: int) -> Span:
        """Return the whole item of a list, its continuation lines and items below it included."""
        starts = [start for start, line in _lines(self.text, region.start, region.end) if _opens_item(line)]
        depths = {start: _depth(self.text[start:]) for start in starts}
        own = max((start for start in starts if start <= at), default=region.start)
        after = (start for start in starts if start > own and depths[start] <= depths.get(own, 0))
        end = next(after, region.end)
        return own, own + len(self.text[own:end].rstrip())


def read_layout(text: str, *, language: str) -> Layout:
    """Return the parts of a passage: the units of `sentence_spans`, with each block of code as one."""
    codes = code_blocks(text)
    parts: list[Part] = []
    for start, end in _around_code(text, codes, language):
        if (start, end) in codes:
            parts.append(Part(start, end, "code"))
            continue
        unit = text[start:end]
        if not bare_of_tags(unit):
            continue
        kind: PartKind = "row" if has_cells(unit) or is_row(unit) else "item" if is_item(unit) else "sentence"
        parts.append(Part(start, end, kind))
    return Layout(text, tuple(parts), tuple(_list_regions(text, codes, parts)))


def bare_of_tags(text: str) -> str:
    """Return a text without the tags of site generators ({% .. %}, {{ .. }}, {#id}, ::: lines), "" for only these."""
    return _TAG.sub("", text).strip(" \t\n.,;:")


def _around_code(text: str, codes: Sequence[Span], language: str) -> Iterator[Span]:
    position = 0
    for start, end in [*codes, (len(text), len(text))]:
        for first, last in sentence_spans(text[position:start], language=language):
            yield position + first, position + last
        if start < end:
            yield start, end
        position = end


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    for match in _LINE.finditer(text, start, end):
        if match.group():
            yield match.start(), match.group().rstrip("\n")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _opens_item(line: str) -> bool:
    return is_item(line.lstrip(" \t"))


def _list_regions(text: str, codes: Sequence[Span], parts: Sequence[Part]) -> Iterator[ListRegion]:
    position = 0
    for start, end in [*codes, (len(text), len(text))]:
        for first, last in _regions(text, position, start):
            yield ListRegion(_lead(text, first, parts), first, last)
        position = end


def _regions(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield runs of item lines with their continuation lines; a blank line may stand between two items."""
    first = last = -1
    blank = False
    for at, line in _lines(text, start, end):
        if not line.strip():
            blank = True
            continue
        goes_on = first >= 0 and (_opens_item(line) or line[:1] in " \t" or not blank)
        if not goes_on and first >= 0:
            yield first, last
            first = -1
        if first < 0 and _opens_item(line) and not has_cells(line):
            first = at
        if first >= 0:
            last = at + len(line)
        blank = False
    if first >= 0:
        yield first, last


def _lead(text: str, start: int, parts: Sequence[Part]) -> int:
    """Return where the sentence that leads into what begins at `start` begins, `start` itself where none does."""
    before = [part for part in parts if part.end <= start and part.kind != "code"]
    if not before or text[before[-1].end : start].strip():
        return start
    return before[-1].start if text[: before[-1].end].endswith(_LEAD_END) else start
