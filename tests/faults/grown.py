"""A large collection that has grown: documents came, changed and went, and its caches followed. And what to ask it."""

from __future__ import annotations

import random
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import apsw
import numpy as np

import ragkit
from ragkit import Document
from ragkit.embedding.base import Embedder
from ragkit.index.cache import Caches
from ragkit.settings import DenseSettings, ModelSettings, RetrievalSettings, Settings
from ragkit.store.sqlite.catalog import collection_folder
from ragkit.store.sqlite.store import Store
from tests.bench.made import Base, Made, make_document, read_base

ROOT: Final = Path(__file__).parents[2]
ROUNDS: Final = 5
FOREIGN: Final = (
    "How do bees find their way home?", "Who wrote the Divine Comedy?", "best sourdough starter ratio",
    "Wie hoch ist der Mount Everest?", "東京の天気", "¿Dónde está la biblioteca?", "zzyzx qwrtp", "42",
    "what is the boiling point of gallium", "the of and a",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """kind: which of the kinds it is of. where: a filter, or none."""

    kind: str
    text: str
    where: dict[str, Any] | None = None


# --------------------------------------------------------------------- a collection that has grown


def base_of_pages(folder: Path, embedder: Embedder) -> Base:
    """Make a small collection of the texts of this repository, to make a large one of."""
    paths = [*ROOT.glob("docs/*.md"), *ROOT.glob("sample_docs/*.md"), *ROOT.glob("*.md")]
    with ragkit.open(folder, embedder=embedder) as kb:
        kb.add(Document.from_text(path.name, path.read_text(encoding="utf-8")) for path in sorted(paths))
    return read_base(folder)


def settings_of(kind: str, model: str) -> Settings:
    """Return settings that show every chunk by itself; no question has a second reading, with candidates of its own."""
    return Settings(
        model=ModelSettings(name=model),
        dense=DenseSettings(kind=kind),  # type: ignore[arg-type]  # checked where it is read
        retrieval=RetrievalSettings(merge=False, vocabulary=()),
    )


def grow(data: Path, base: Base, *, kind: str, seed: int = 0) -> list[str]:
    """Build caches where there are none, then add, change and remove documents, following each time as a writer does.

    The last changes are left to memory. Returns the texts of what is new and of what is gone.
    """
    chance = random.Random(seed)
    folder = collection_folder(data, "default")
    told: list[str] = []
    with Store(folder) as store:
        caches = Caches(folder, dense=DenseSettings(kind=kind))  # type: ignore[arg-type]
        with store.read() as reader:
            caches.persist(reader.chunks)
            sources = list(reader.documents.sources())
            pinned, fingerprint = reader.pinned, reader.fingerprint
        assert pinned is not None
        number = 10 * len(sources)
        size = max(len(sources) // 100, 1)  # 3 % of all documents change in a round
        for turn in range(ROUNDS + 1):
            count = size if turn < ROUNDS else 1
            chance.shuffle(sources)
            gone, changed, sources = sources[:count], sources[count : 2 * count], sources[count:]
            with store.write(kind="ingest", fingerprint=fingerprint, settings=pinned) as writer:
                for source in gone:
                    told.append(next(iter(reader_text(store, source))))
                    writer.remove(source)
                for source in [*changed, *(f"new/{turn}-{item}.txt" for item in range(count))]:
                    document, chunks, rows, units = renamed(make_document(base, number), source)
                    writer.put(document, chunks, rows, units=units)
                    told.append(chunks[0].text)
                    number += 1
                    if source not in changed:
                        sources.append(source)
            with store.read() as reader:
                caches.snapshot(reader.chunks)
                if turn < ROUNDS:
                    caches.persist(reader.chunks)
    return told


def reader_text(store: Store, source: str) -> list[str]:
    """Return the texts of a document's chunks."""
    with store.read() as reader:
        return [row.text for row in reader.chunks.of_document(source)]


def renamed(made: Made, source: str) -> Made:
    """Return a made document under another source."""
    document, *rest = made
    return replace(document, source=source), *rest


def alone(data: Path, to: Path) -> Path:
    """Copy the database, and nothing else, into a new data folder."""
    old, new = collection_folder(data, "default"), collection_folder(to, "default")
    connection = apsw.Connection(str(old / "collection.sqlite"))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log is written into the database
    connection.close()
    assert not (old / "collection.sqlite-wal").exists()
    new.mkdir(parents=True)
    shutil.copyfile(old / "collection.sqlite", new / "collection.sqlite")
    return to


# --------------------------------------------------------------------- questions


def questions_about(data: Path, told: Sequence[str], *, each: int, seed: int = 0) -> list[Question]:
    """Return `each` questions of each kind."""
    chance = random.Random(f"questions {seed}")
    with Store(collection_folder(data, "default")) as store, store.read() as reader:
        ids = chance.sample(reader.chunks.all_chunk_ids().tolist(), each)
        rows = reader.chunks.rows(ids)
        sources = sorted(reader.documents.sources())
    texts = [rows[number].text for number in ids]
    made: list[Question] = []
    for text in texts:
        few = chance.sample(sources, max(len(sources) // 20, 2))
        among = {"type": "in", "key": "source", "value": few}
        page = {"type": "lte", "key": "page", "value": chance.randint(1, 12)}
        one = {"type": "eq", "key": "source", "value": few[0]}
        made += [
            Question("words in a row", _some_words(text, chance, 3, 8)),
            Question("a whole line", chance.choice(text.split("\n"))[:400]),
            Question("a word or two", _some_words(text, chance, 1, 2)),
            Question("words, filtered", _some_words(text, chance, 2, 6), chance.choice((among, page, one))),
            Question("words shuffled", _shuffled(text, chance)),
            Question("new, changed or gone", _some_words(chance.choice(told), chance, 4, 12)),
            Question("foreign", f"{chance.choice(FOREIGN)} {chance.choice(FOREIGN)}"),
        ]
    return [item for item in made if item.text.strip()]


def _some_words(text: str, chance: random.Random, least: int, most: int) -> str:
    words = [word for word in text.split() if any(map(str.isalnum, word))] or ["nothing"]
    count = min(chance.randint(least, most), len(words))
    at = chance.randint(0, len(words) - count)
    return " ".join(words[at : at + count])


def _shuffled(text: str, chance: random.Random) -> str:
    words = text.split()[:60]
    chance.shuffle(words)
    return " ".join(words)


# --------------------------------------------------------------------- controls, which must be caught


def change_a_vector(data: Path, source: str) -> None:
    """Turn the vector of a document's first chunk round, with its checksum, as no other part would notice."""
    connection = apsw.Connection(str(collection_folder(data, "default") / "collection.sqlite"))
    ((number, blob),) = connection.execute(
        """SELECT v.id, v.vector FROM vectors v JOIN chunks c ON c.vector_id = v.id JOIN documents d ON
        d.id = c.document_id WHERE d.source = ? AND c.ordinal = 0""",
        (source,),
    ).fetchall()
    row = (-np.frombuffer(blob, dtype="<f2")).tobytes()
    connection.execute("UPDATE vectors SET vector = ?, crc = ? WHERE id = ?", (row, zlib.crc32(row), number))
    connection.close()


def drop_a_document(data: Path, source: str) -> None:
    """Lose a document."""
    with Store(collection_folder(data, "default")) as store, store.read() as reader:
        pinned = reader.pinned
    assert pinned is not None
    with (
        Store(collection_folder(data, "default")) as store,
        store.write(kind="remove", fingerprint=None, settings=pinned) as writer,
    ):
        assert writer.remove(source)


CONTROLS: Final[dict[str, Callable[[Path, str], None]]] = {"vector": change_a_vector, "document": drop_a_document}
