"""Other ways to cut documents than ragkit's, for comparison through the same retrieval: the same model, sentences as
units of matching inside every chunk, and the document's title as the line above it. Only where the cuts are differs.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import ragkit.knowledge.writer
from ragkit.chunking.chunker import chunk_document
from ragkit.chunking.context import Tokenizing
from ragkit.settings import ChunkSettings
from ragkit.types.documents import Chunk, Document

Span = tuple[int, int]
OVERLAP = 0.2
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")


class Ruler:
    """The tokens and the sentences of one text. A line end inside a paragraph does not end a sentence."""

    def __init__(self, text: str, embedder: Tokenizing) -> None:
        from sentencex import segment

        self.text = text
        self.tokens = embedder.token_offsets(text)
        self._starts = [start for start, _ in self.tokens]
        self.sentences: list[Span] = []
        for start, end in self.paragraphs(()):
            position = start
            for sentence in segment("en", text[start:end].replace("\n", " ")):
                self.sentences += self.trimmed(position, position + len(sentence))
                position += len(sentence)

    def paragraphs(self, edges: Sequence[int]) -> list[Span]:
        """Return what lies between blank lines, and between these edges too."""
        cuts = {0, len(self.text), *edges, *(match.end() for match in _PARAGRAPH.finditer(self.text))}
        return [span for start, end in pairwise(sorted(cuts)) for span in self.trimmed(start, end)]

    def trimmed(self, start: int, end: int) -> list[Span]:
        """Return the span without blanks at its ends, or nothing."""
        text = self.text[start:end]
        left, right = start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())
        return [(left, right)] if left < right else []

    def count(self, span: Span) -> int:
        """Return how many tokens begin in a span."""
        return bisect_left(self._starts, span[1]) - bisect_left(self._starts, span[0])

    def cut(self, span: Span, size: int, step: int) -> Iterator[Span]:
        """Yield windows of so many tokens, one every `step`."""
        first, last = bisect_left(self._starts, span[0]), bisect_left(self._starts, span[1])
        for at in range(first, last, step):
            stop = min(at + size, last)
            yield self.tokens[at][0], self.tokens[stop - 1][1]
            if stop == last:
                return

    def packed(self, spans: Sequence[Span], size: int) -> Iterator[Span]:
        """Join neighbouring spans as long as they fit; cut one that does not fit alone, without overlap."""
        held: Span | None = None
        for span in spans:
            if held and self.count((held[0], span[1])) <= size:
                held = (held[0], span[1])
                continue
            if held:
                yield from self.cut(held, size, size)
            held = span
        if held:
            yield from self.cut(held, size, size)


def token_windows(document: Document, ruler: Ruler, size: int) -> Iterator[Span]:
    """Windows of tokens that overlap by a fifth, as most frameworks cut; words, sentences and rows are cut anywhere."""
    yield from ruler.cut((0, len(document.text)), size, size - int(size * OVERLAP))


def sentence_windows(document: Document, ruler: Ruler, size: int) -> Iterator[Span]:
    """As many sentences as fit, whatever heading, page or table they are of."""
    yield from ruler.packed(ruler.sentences, size)


def paragraphs(document: Document, ruler: Ruler, size: int) -> Iterator[Span]:
    """As many paragraphs of one page as fit; a longer one is cut between its sentences."""
    edges = [page.start for page in document.pages]
    pages = [0, *edges, len(document.text)]
    spans = ruler.paragraphs(edges)
    for start, end in pairwise(sorted(set(pages))):
        short: list[Span] = []
        for span in spans:
            if start <= span[0] < end:
                inside = [item for item in ruler.sentences if span[0] <= item[0] < span[1]]
                short += [span] if ruler.count(span) <= size else inside or [span]
        yield from ruler.packed(short, size)


CUTTERS: dict[str, Callable[[Document, Ruler, int], Iterator[Span]]] = {
    "windows of tokens, a fifth of overlap": token_windows,
    "windows of sentences": sentence_windows,
    "paragraphs of a page": paragraphs,
}


@contextmanager
def cutting(name: str | None) -> Iterator[None]:
    """Cut by the strategy of this name in all that is added meanwhile; None is ragkit's own."""
    if name is None:
        yield
        return
    cutter = CUTTERS[name]

    def cut(document: Document, *, embedder: Tokenizing, settings: ChunkSettings | None = None) -> list[Chunk]:
        return chunks_of(document, cutter, embedder, (settings or ChunkSettings()).max_tokens)

    room: Any = ragkit.knowledge.writer
    room.chunk_document = cut
    try:
        yield
    finally:
        room.chunk_document = chunk_document


def chunks_of(
    document: Document, cutter: Callable[[Document, Ruler, int], Iterator[Span]], embedder: Tokenizing, size: int
) -> list[Chunk]:
    """Return the chunks that a strategy makes of a document."""
    ruler = Ruler(document.text, embedder)
    spans = list(cutter(document, ruler, size))
    texts = [document.text[start:end] for start, end in spans]
    line = document.title
    counts = embedder.count_tokens([f"{line}\n{text}" if line else text for text in texts])
    assert max(counts, default=0) <= embedder.max_tokens, "the model would not read all of a chunk"
    starts = [start for start, _ in ruler.sentences]
    chunks = []
    for ordinal, ((start, end), text, tokens) in enumerate(zip(spans, texts, counts, strict=True)):
        held = ruler.sentences[max(0, bisect_right(starts, start) - 1) : bisect_left(starts, end)]
        units = [(max(a, start) - start, min(b, end) - start) for a, b in held if b > start]
        chunks.append(
            Chunk(
                ordinal=ordinal,
                start=start,
                end=end,
                text=text,
                context=line,
                tokens=tokens,
                page=document.page_at(start),
                page_end=document.page_at(end - 1),
                units=tuple(units) if len(units) > 1 else (),
            )
        )
    return chunks
