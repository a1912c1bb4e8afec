"""The results of retrieval: a hit, and the hits of one question."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ragkit.types.documents import Block, Heading, Metadata, Page


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that matches a question: one chunk, or neighbouring chunks of a document merged.

    score: 0..1, the fused score; scores: its parts by name ("dense", "lexical", "rerank"), each 0..1.
    page, page_end: numbers from 1; page_label: what is printed on the first page. page_starts: the pages that begin
    inside the passage, in order, the first of them page + 1. context: the context line of its first chunk (title ›
    headings › the names of a table's columns). units: its sentences and rows as (start, end, cosine with the question),
    offsets in the document; empty where the embedder has no vectors for them. collection: the collection's name, in a
    search of several.
    blocks: the blocks of the document that overlap the passage, None where they were not read or the document has no
    structure; headings: those in the passage; offsets of both in the document. They are read for prompts and answers.
    """

    rank: int
    score: float
    scores: Mapping[str, float]
    source: str
    title: str
    sha256: str
    media_type: str
    page: int | None
    page_end: int | None
    page_label: str | None
    start: int
    end: int
    heading: str
    text: str
    metadata: Metadata = field(default_factory=dict)
    context: str = ""
    page_starts: tuple[Page, ...] = ()
    units: tuple[tuple[int, int, float], ...] = ()
    collection: str = ""
    blocks: tuple[Block, ...] | None = None
    headings: tuple[Heading, ...] = ()

    def page_at(self, offset: int) -> tuple[int | None, str | None]:
        """Return the number and the printed label of the page that holds an offset (of the document) in the passage."""
        inside = bisect_right(self.page_starts, offset, key=lambda page: page.start)
        if self.page is None or not inside:
            return self.page, self.page_label
        return self.page + inside, self.page_starts[inside - 1].label

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit search --json`."""
        return {
            "rank": self.rank,
            "score": round(self.score, 6),
            "scores": {name: round(value, 6) for name, value in self.scores.items()},
            "source": self.source,
            "title": self.title,
            "sha256": self.sha256,
            "media_type": self.media_type,
            "page": self.page,
            "page_end": self.page_end,
            "page_label": self.page_label,
            "start": self.start,
            "end": self.end,
            "heading": self.heading,
            "text": self.text,
            "metadata": dict(self.metadata),
            **({"collection": self.collection} if self.collection else {}),
        }

    @property
    def place(self) -> str:
        """Return "source, p. 3" (printed label in brackets where it differs), for people."""
        if self.page is None:
            return self.source
        label = f" [{self.page_label}]" if self.page_label and self.page_label != str(self.page) else ""
        return f"{self.source}, p. {self.page}{label}"


class Hits(list[Hit]):
    """Hits, best first, with the confidence and the generation of the whole search.

    confidence: 0..1, how likely it is that the collection holds the answer at all (for abstention).
    generation: the committed ingest run that every one of these hits comes from.
    warnings: sentences for the person who asks: a filter that matches nothing, a word that was corrected, a language
    that the documents are not in. corrected: words of the question that no chunk holds, and what was searched instead.
    """

    def __init__(
        self,
        hits: Sequence[Hit] = (),
        *,
        confidence: float = 0.0,
        generation: int = 0,
        warnings: Sequence[str] = (),
        corrected: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(hits)
        self.confidence = confidence
        self.generation = generation
        self.warnings = tuple(warnings)
        self.corrected = dict(corrected or {})

    def of(self, hits: Sequence[Hit]) -> Hits:
        """Return other hits of the same search, ranked from 1 in their order."""
        return Hits(
            [replace(hit, rank=rank) for rank, hit in enumerate(hits, 1)],
            confidence=self.confidence,
            generation=self.generation,
            warnings=self.warnings,
            corrected=self.corrected,
        )
