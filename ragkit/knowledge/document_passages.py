"""One document as passages that statements are checked against, without an index: its parts, ranked by shared terms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ragkit.citations.judges import Judge
from ragkit.citations.sources import Sources
from ragkit.citations.statements import check_text
from ragkit.text.content_terms import guess_language, wording
from ragkit.types.answers import CheckedSentence, TextCheck
from ragkit.types.documents import Document
from ragkit.types.hits import Hit

_PART: Final = 1_500  # code points of a part; a table stays whole up to four times that
_BEST: Final = 8


@dataclass(frozen=True, slots=True)
class DocumentPassages:
    """The parts of a document, each with its terms, and how many parts have each term."""

    hits: tuple[Hit, ...]
    terms: tuple[frozenset[str], ...]
    shared: Counter[str]

    @classmethod
    def of(cls, document: Document) -> DocumentPassages:
        """Return the passages of a document."""
        language = guess_language(document.text)
        hits = tuple(_hit(document, start, end) for start, end in _parts(document))
        terms = tuple(wording(f"{hit.heading}\n{hit.context}\n{hit.text}", language=language).terms for hit in hits)
        return cls(hits, terms, Counter(term for part in terms for term in part))

    def find(self, statement: str) -> list[Hit]:
        """Return the eight parts that share most of a statement's terms, rare ones first, best first."""
        said = wording(statement, language=guess_language(statement)).terms
        weights = {term: math.log(1 + len(self.hits) / self.shared[term]) for term in said if self.shared[term]}
        scores = [(sum(weights.get(term, 0.0) for term in part & said), -at) for at, part in enumerate(self.terms)]
        return [self.hits[-at] for score, at in sorted(scores, reverse=True)[:_BEST] if score > 0]


def _parts(document: Document) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the parts of a text: whole paragraphs, tables and lists, up to the size of a part."""
    text = document.text
    tables = {block.start: block.end for block in document.blocks if block.kind in ("table", "list")}
    breaks = sorted(
        {heading.offset for heading in document.headings} | set(tables) | set(tables.values()) | {len(text)}
    )
    start = 0
    for stop in breaks:
        limit = 4 * _PART if start in tables else _PART
        while stop - start > limit:
            cut = text.rfind("\n", start + limit // 2, start + limit)
            cut = cut if cut > start else start + limit
            yield start, cut
            start = cut
        if text[start:stop].strip():
            yield start, stop
        start = stop


def _hit(document: Document, start: int, end: int) -> Hit:
    page = document.page_at(start)
    headings = document.heading_path(start)
    header = next((block.header for block in document.blocks if block.start <= start < block.end), "")
    return Hit(
        rank=1,
        score=1.0,
        scores={},
        source=document.source,
        title=document.title,
        sha256=document.sha256,
        media_type=document.media_type,
        page=page,
        page_end=document.page_at(max(start, end - 1)),
        page_label=document.page_label(page),
        start=start,
        end=end,
        heading=" › ".join(headings),
        text=document.text[start:end],
        metadata=document.metadata,
        context=header,
        page_starts=tuple(item for item in document.pages if start < item.start < end),
    )


def check_statement(text: str, passages: DocumentPassages, *, judge: Judge | None = None) -> CheckedSentence:
    """Return the verdict of one document on one statement, taken as a single sentence. judge: decides where the words
    leave it undecided."""
    citation = Sources(passages.find(text), judge=judge).best(text)
    return CheckedSentence(text, 0, len(text), citation.verdict if citation else "unclear", citation)


def check_against(text: str, documents: Iterable[Document], *, judge: Judge | None = None) -> TextCheck:
    """Return a text checked sentence by sentence against documents that are in no collection.

    judge: decides what words cannot, see `load_judge`.
    """
    read = [DocumentPassages.of(document) for document in documents]
    return check_text(
        text, lambda statement: [hit for passages in read for hit in passages.find(statement)], judge=judge
    )
