"""Split a document into chunks by structure, then sentences, then tokens; never over the model's limit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ragkit.chunking.context import Contexts, Tokenizing
from ragkit.chunking.ruler import Ruler
from ragkit.chunking.units import Gap, Unit, Units, document_units
from ragkit.settings import ChunkSettings
from ragkit.text.addresses import without_addresses
from ragkit.types.documents import Chunk, Document, HeadingPaths

_CHARACTERS_PER_TOKEN = 12  # a "token" of more characters than this on average is no text that a model can read
_CUT_COST = {
    Gap.SENTENCE: 0.12,
    Gap.LINE: 0.05,
    Gap.PARAGRAPH: 0.0,
    Gap.PAGE: -0.05,
    Gap.BLOCK: -0.05,
    Gap.SECTION: -0.1,
}
_COUNTED = 256  # chunks that are counted together
_CHUNK_COST = 0.08  # what one more chunk costs: keeps the packer from cutting at every good gap


def chunk_document(document: Document, *, embedder: Tokenizing, settings: ChunkSettings | None = None) -> list[Chunk]:
    """Split a document into chunks that fit the embedder's limit.

    Every chunk satisfies `document.text[start:end] == text`; its text has at most settings.max_tokens tokens, and
    `tokens`, counted by the embedder's own tokenizer over the context line and the text, special tokens and prompt
    included, is at most the model's limit. A sentence, row or item is split only if it is longer than that by itself.
    Boilerplate is left out.
    """
    settings = settings or ChunkSettings()
    units = document_units(document)
    if not units:
        return []
    ruler = Ruler.of(document.text, embedder)
    paths = HeadingPaths(document)
    contexts = Contexts(document, paths, embedder, settings)
    spans: list[tuple[int, int, str]] = []
    pieces = Units()
    for group in _sections(units, ruler, settings.min_tokens):
        context, room = contexts.of(units[group.start])
        first_piece = len(pieces)
        _add_short(pieces, units, group, ruler, document, room)
        for first, last in _pack(pieces, range(first_piece, len(pieces)), ruler, room):
            of = context if first == first_piece else contexts.of(pieces[first])[0]
            spans.append((pieces.starts[first], pieces.ends[last], of))
    return _finish(document, paths, spans, pieces, embedder=embedder)


def _sections(units: Units, ruler: Ruler, min_tokens: int) -> list[range]:
    """Group units by section and page; a group under min_tokens joins the next, so that no chunk is a bare heading."""
    starts = [0]
    for index in range(1, len(units)):
        if (
            units.gap(index) in (Gap.SECTION, Gap.PAGE)
            and ruler.count(units.starts[starts[-1]], units.ends[index - 1]) >= min_tokens
        ):
            starts.append(index)
    if len(starts) > 1 and ruler.count(units.starts[starts[-1]], units.ends[-1]) < min_tokens:
        starts.pop()
    return [range(first, stop) for first, stop in pairwise([*starts, len(units)])]


def _add_short(pieces: Units, units: Units, group: range, ruler: Ruler, document: Document, room: int) -> None:
    """Add the units of a group, cut where one is longer than a chunk: at line ends, at blanks, then between tokens."""
    for index in group:
        unit = units[index]
        if _fits(unit.start, unit.end, ruler, room):
            pieces.append(unit)
            continue
        for number, (start, end) in enumerate(_cut_span(unit.start, unit.end, ruler, document.text, room)):
            gap = unit.gap if number == 0 else Gap.SENTENCE
            pieces.append(Unit(start, end, gap, unit.block))


def _fits(start: int, end: int, ruler: Ruler, room: int) -> bool:
    return end - start <= room * _CHARACTERS_PER_TOKEN and ruler.count(start, end) <= room


def _cut_span(start: int, end: int, ruler: Ruler, text: str, room: int) -> list[tuple[int, int]]:
    """Cut one over-long span into pieces that fit, without blanks at their ends."""
    pieces: list[tuple[int, int]] = []
    room = max(room, 1)
    while start < end:
        stop = _cut_point(start, end, ruler, text, room)
        left, right = start, stop
        while left < right and text[left].isspace():
            left += 1
        while left < right and text[right - 1].isspace():
            right -= 1
        if left < right:
            pieces.append((left, right))
        start = stop
    return pieces


def _cut_point(start: int, end: int, ruler: Ruler, text: str, room: int) -> int:
    """Return where the first piece of [start, end) ends: the last line end or blank of its second half, if any."""
    if _fits(start, end, ruler, room):
        return end
    first = int(np.searchsorted(ruler.starts, start))
    token = first + room
    stop = min(end, start + room * _CHARACTERS_PER_TOKEN)
    if token < len(ruler.starts):
        stop = min(stop, max(int(ruler.starts[token]), start + 1))
    half = start + (stop - start) // 2
    for mark in ("\n", " "):
        at = text.rfind(mark, half, stop)
        if at > start:
            return at + 1
    return stop


def _pack(units: Units, group: range, ruler: Ruler, room: int) -> list[tuple[int, int]]:
    """Return the indexes of the (first, last) unit of each chunk: the cheapest cutting by dynamic programming.

    A chunk costs the square of its unused share, plus the cost of the gap that ends it. So chunks have similar sizes
    and end at paragraphs, rows and pages rather than between sentences.
    """
    size = len(group)
    starts, stops = units.starts[group.start : group.stop], units.ends[group.start : group.stop]
    begins, ends = ruler.indexes(starts), ruler.indexes(stops)
    best = [0.0] + [float("inf")] * size
    origin = [0] * (size + 1)
    for stop in range(1, size + 1):
        cut = 0.0 if stop == size else _cut_cost(units, group.start + stop)
        for start in range(stop - 1, -1, -1):
            tokens = ends[stop - 1] - begins[start]
            characters = stops[stop - 1] - starts[start]
            if start < stop - 1 and (tokens > room or characters > room * _CHARACTERS_PER_TOKEN):
                break
            short = max(0.0, 1.0 - tokens / room)
            cost = best[start] + short * short + cut + _CHUNK_COST
            if cost < best[stop]:
                best[stop], origin[stop] = cost, start
    cuts = [size]
    while cuts[-1] > 0:
        cuts.append(origin[cuts[-1]])
    cuts.reverse()
    return [(group.start + start, group.start + stop - 1) for start, stop in pairwise(cuts)]


def _cut_cost(units: Units, index: int) -> float:
    """Return the cost of ending a chunk before a unit."""
    return _CUT_COST[units.gap(index)] + (5.0 if units.glued(index - 1) else 0.0)


def _finish(
    document: Document,
    paths: HeadingPaths,
    spans: list[tuple[int, int, str]],
    units: Units,
    *,
    embedder: Tokenizing,
) -> list[Chunk]:
    """Count every chunk as it will be embedded; a chunk that is over the limit is split again, in halves."""
    done: list[tuple[int, int, str, int]] = []
    while spans:
        over: list[tuple[int, int, str]] = []
        for (start, end, context), count in _counted(document.text, spans, embedder):
            if count <= embedder.max_tokens:
                done.append((start, end, context, count))
            else:
                over.extend((left, right, context) for left, right in _halves(document.text, start, end))
        spans = over
    done.sort()
    return [_chunk(document, paths, ordinal, span, _within(units, span)) for ordinal, span in enumerate(done)]


def _counted(
    text: str, spans: list[tuple[int, int, str]], embedder: Tokenizing
) -> Iterator[tuple[tuple[int, int, str], int]]:
    """Yield each span with the size of what will be embedded, some hundred at a time: all at once would fill memory."""
    for first in range(0, len(spans), _COUNTED):
        part = spans[first : first + _COUNTED]
        texts = [_embedded(text[start:end], context) for start, end, context in part]
        yield from zip(part, embedder.count_tokens(texts), strict=True)


def _within(units: Units, span: tuple[int, int, str, int]) -> tuple[tuple[int, int], ...]:
    """Return the units of a chunk, relative to its start; () where it is one unit."""
    start, end = span[:2]
    found: list[tuple[int, int]] = []
    for index in range(max(0, bisect_right(units.starts, start) - 1), len(units)):
        if units.starts[index] >= end:
            break
        left, right = max(units.starts[index], start), min(units.ends[index], end)
        if left < right:
            found.append((left - start, right - start))
    return tuple(found) if len(found) > 1 else ()


def _embedded(text: str, context: str) -> str:
    text = without_addresses(text)
    return f"{context}\n{text}" if context else text


def _halves(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut a span in two at the blank nearest to its middle, without blanks at the ends of the parts."""
    middle = (start + end) // 2
    left, right = text.rfind(" ", start + 1, middle), text.find(" ", middle, end - 1)
    if left > 0 or right > 0:
        middle = min((at for at in (left, right) if at > 0), key=lambda at: abs(at - middle))
    parts = []
    for a, b in ((start, middle), (middle, end)):
        stripped = text[a:b].strip()
        if stripped:
            offset = a + text[a:b].index(stripped)
            parts.append((offset, offset + len(stripped)))
    return parts


def _chunk(
    document: Document,
    paths: HeadingPaths,
    ordinal: int,
    span: tuple[int, int, str, int],
    units: tuple[tuple[int, int], ...],
) -> Chunk:
    start, end, context, tokens = span
    return Chunk(
        ordinal=ordinal,
        start=start,
        end=end,
        text=document.text[start:end],
        context=context,
        tokens=tokens,
        heading=" › ".join(paths.at(start)),
        page=document.page_at(start),
        page_end=document.page_at(end - 1),
        units=units,
    )
