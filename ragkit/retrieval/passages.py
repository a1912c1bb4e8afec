"""Ranked chunks -> hits: neighbouring chunks of a document become one passage, and no text is returned twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragkit.numeric.arrays import Scores
from ragkit.retrieval.candidates import UnitCosines
from ragkit.store.base import Reader
from ragkit.store.rows import ChunkRow
from ragkit.types.hits import Hit

MERGE_LIMIT = 4
"""The largest number of chunks in one passage."""
GAP_LIMIT = 400
"""Most code points between two neighbours that are in no chunk (blanks, running heads)."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chunk with its fused score and its parts, each 0..1; units: the cosines of its units, if it has any."""

    row: ChunkRow
    score: float
    parts: Mapping[str, float]
    units: Sequence[float] = ()


@dataclass(slots=True)
class _Passage:
    """Neighbouring chunks; the best one gives the score."""

    best: Ranked
    rows: list[ChunkRow] = field(default_factory=list)

    @property
    def first(self) -> ChunkRow:
        return self.rows[0]

    @property
    def last(self) -> ChunkRow:
        return self.rows[-1]

    def takes(self, row: ChunkRow) -> bool:
        """Add a chunk that directly precedes or follows; return whether it was added."""
        if row.document_id != self.first.document_id or len(self.rows) >= MERGE_LIMIT:
            return False
        if row.ordinal == self.last.ordinal + 1 and row.start - self.last.end <= GAP_LIMIT:
            self.rows.append(row)
        elif row.ordinal == self.first.ordinal - 1 and self.first.start - row.end <= GAP_LIMIT:
            self.rows.insert(0, row)
        else:
            return False
        return True


def passages(ranked: Sequence[Ranked], *, k: int, merge: bool) -> list[_Passage]:
    """Return chunks ranked best first as at most k passages, best first.

    A chunk next to a passage joins it. The free place is filled from the chunks beyond the best k, where the caller
    gives such: for a sure search they are seldom useful (see `Retriever`).
    """
    out: list[_Passage] = []
    for at, item in enumerate(ranked):
        if at >= k and len(out) >= k:
            break
        if not merge or not any(passage.takes(item.row) for passage in out):
            out.append(_Passage(item, [item.row]))
    return out


def to_hits(reader: Reader, ranked: Sequence[Ranked], *, k: int, merge: bool) -> list[Hit]:
    """Return the hits of ranked chunks; their text is a slice: `document.text[start:end] == hit.text`."""
    found = passages(ranked, k=k, merge=merge)
    documents = reader.documents.rows(sorted({passage.first.document_id for passage in found}))
    cosines = {item.row.id: item.units for item in ranked}
    hits: list[Hit] = []
    for rank, passage in enumerate(found, 1):
        first, last = passage.first, passage.last
        document = documents[first.document_id]
        whole = len(passage.rows) == 1
        text = first.text if whole else reader.documents.text_slice(first.document_id, first.start, last.end)
        pages = reader.documents.pages(first.document_id) if first.page is not None else ()
        hits.append(
            Hit(
                rank=rank,
                score=passage.best.score,
                scores=passage.best.parts,
                source=document.source,
                title=document.title,
                sha256=document.sha256,
                media_type=document.media_type,
                page=first.page,
                page_end=last.page_end,
                page_label=pages[first.page - 1].label if first.page and first.page <= len(pages) else None,
                start=first.start,
                end=last.end,
                heading=passage.best.row.heading,
                text=text,
                metadata=document.metadata,
                context=first.context,
                page_starts=tuple(page for page in pages if first.start < page.start < last.end),
                units=tuple(unit for row in passage.rows for unit in _units(row, cosines[row.id])),
            )
        )
    return hits


def _units(row: ChunkRow, cosines: Sequence[float]) -> list[tuple[int, int, float]]:
    spans = row.units or ((0, len(row.text)),)
    if len(spans) != len(cosines):
        return []
    return [(row.start + start, row.start + end, cosine) for (start, end), cosine in zip(spans, cosines, strict=True)]


def ranked_rows(
    order: NDArray[np.int64],
    ids: NDArray[np.int64],
    fused: Scores,
    parts: Mapping[str, Scores],
    units: UnitCosines,
    rows: Mapping[int, ChunkRow],
) -> list[Ranked]:
    """Return the chunks at some positions of the candidates, with their scores; `rows` has them by id."""
    shown = {name: np.clip(values, 0.0, 1.0).tolist() for name, values in parts.items()}
    return [
        Ranked(
            rows[int(ids[at])],
            min(max(float(fused[at]), 0.0), 1.0),
            {name: values[at] for name, values in shown.items()},
            units.of(at),
        )
        for at in order.tolist()
    ]
