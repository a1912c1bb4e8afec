"""Make a large collection out of a small real one, quickly: without embedding a text.

Every made chunk takes about half of the units (sentences, rows) of two real chunks, in turn. Its vector is a mixture of
theirs and noise, its units keep the real units' vectors. Words, lengths, pages and units are thus as in the real one;
the vectors are synthetic. The fingerprint is the real one's, so the usual commands open it.

    python -m tests.bench.made BASE_DATA DATA CHUNKS
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import ragkit
from ragkit.index.cache import Caches
from ragkit.settings import Settings
from ragkit.store.base import Writer
from ragkit.store.sqlite.catalog import collection_folder
from ragkit.store.sqlite.store import Store
from ragkit.types.collection import Fingerprint
from ragkit.types.documents import Chunk, Document, Page

Vectors = NDArray[np.float32]
Made = tuple[Document, list[Chunk], Vectors, list[Vectors]]
PER_DOCUMENT = 100
PER_PAGE = 3
NOISE = 0.0077
"""Of each component: a chunk lies at a cosine of some 0.99 from its noiseless mixture."""


@dataclass(frozen=True)
class Base:
    """The real chunks: vectors (n, d), units as texts, and the vectors of each chunk's units."""

    fingerprint: Fingerprint
    vectors: Vectors
    units: list[list[str]]
    unit_vectors: list[Vectors]


def read_base(data: Path, *, limit: int | None = None) -> Base:
    """Read a collection that was ingested as usual; its first `limit` chunks, or all."""
    store = Store(collection_folder(data, "default"))
    with store.read() as reader:
        ids = reader.chunks.all_chunk_ids()[:limit]
        rows = reader.chunks.rows(ids)
        vectors = reader.chunks.vectors(ids)
        flat, owners = reader.chunks.unit_vectors(ids)
        fingerprint = reader.fingerprint
    store.close()
    assert fingerprint is not None
    units, unit_vectors, kept = [], [], []
    for place, chunk_id in enumerate(ids.tolist()):
        row = rows[chunk_id]
        own = flat[owners == place]
        if len(row.units) == len(own) and len(own):
            kept.append(place)
            units.append([row.text[start:end] for start, end in row.units])
            unit_vectors.append(own / np.linalg.norm(own, axis=1, keepdims=True))
    return Base(fingerprint, vectors[kept], units, unit_vectors)


def make_document(base: Base, number: int, *, chunks: int = PER_DOCUMENT) -> Made:
    """Make a document, its chunks, their vectors and their units' vectors; the same every time for a number."""
    random = np.random.default_rng([7, number])
    pairs = random.integers(0, len(base.units), (chunks, 2))
    share = random.uniform(0.15, 0.75, chunks).astype(np.float32)[:, None]
    rows: Vectors = base.vectors[pairs[:, 0]] + share * base.vectors[pairs[:, 1]]
    rows += random.standard_normal(rows.shape).astype(np.float32) * np.float32(NOISE)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    texts: list[str] = []
    made: list[tuple[int, list[tuple[int, int]]]] = []
    parts: list[Vectors] = []
    at = 0
    for first, second in pairs.tolist():
        lines, vectors = _mixed(base, first, second, random)
        spans, end = [], 0
        for line in lines:
            spans.append((end, end + len(line)))
            end += len(line) + 1
        texts.append("\n".join(lines))
        made.append((at, spans))
        parts.append(vectors)
        at += end
    pages = tuple(Page(made[place][0], str(index + 1)) for index, place in enumerate(range(0, chunks, PER_PAGE)))
    document = Document(f"made/{number:06}.txt", "\n".join(texts), title=f"Made {number}", pages=pages)
    cut = [
        Chunk(
            ordinal=ordinal,
            start=start,
            end=start + len(text),
            text=text,
            context=f"Made {number}",
            tokens=max(1, len(text) // 4),
            page=ordinal // PER_PAGE + 1,
            page_end=ordinal // PER_PAGE + 1,
            units=tuple(spans),
        )
        for ordinal, (text, (start, spans)) in enumerate(zip(texts, made, strict=True))
    ]
    return document, cut, rows, parts


def _mixed(base: Base, first: int, second: int, random: np.random.Generator) -> tuple[list[str], Vectors]:
    lines: list[str] = []
    rows: list[Vectors] = []
    for chunk in (first, second):
        count = len(base.units[chunk])
        for unit in sorted(random.choice(count, -(-count // 2), replace=False).tolist()):
            lines.append(base.units[chunk][unit])
            rows.append(base.unit_vectors[chunk][unit])
    return lines, np.array(rows, dtype=np.float32)


def put(writer: Writer, base: Base, number: int) -> None:
    """Store one made document."""
    document, chunks, rows, units = make_document(base, number)
    writer.put(document, chunks, rows, units=units)


def make(base: Base, data: Path, size: int) -> None:
    """Make a collection of `size` chunks with its caches, unless it is there."""
    folder = collection_folder(data, "default")
    settings = Settings()
    with Store(folder, create=True) as store:
        with store.read() as reader:
            done = reader.counts().documents
        if done < -(-size // PER_DOCUMENT):
            pinned = {**settings.pinned(), "model": base.fingerprint.model}
            with store.write(kind="ingest", fingerprint=base.fingerprint, settings=pinned) as writer:
                for number in range(done, -(-size // PER_DOCUMENT)):
                    put(writer, base, number)
        with store.read() as reader:
            Caches(folder, dense=settings.dense).persist(reader.chunks)


def main() -> None:
    """Make one collection."""
    make(read_base(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))
    with ragkit.open(sys.argv[2], create=False) as kb:
        sys.stdout.write(f"{kb.status()}\n")


if __name__ == "__main__":
    main()
