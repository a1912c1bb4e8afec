"""Judge a data folder by what was acknowledged: nothing lost, no half document, caches right, searches right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import ragkit
from ragkit import KnowledgeBase, NotFoundError, RagkitError
from ragkit.chunking.chunker import chunk_document
from ragkit.index.cache import Caches
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.lexical.part import LexicalPart
from ragkit.settings import DenseSettings
from ragkit.store.sqlite.backup import verify_backup
from ragkit.store.sqlite.integrity import verify_store
from ragkit.store.sqlite.reading.reader import Reader
from ragkit.store.sqlite.store import Store
from ragkit.text.analyzer import analyse
from ragkit_ingest import IngestOptions, ingest_folder
from tests.faults.workload import SETTINGS, PlainPool, embedder, sha

MODEL = embedder()


class Truth:
    """What the lines of a workload say must be, and what may be.

    A call that fails with an error may have been done all the same, as with every database: SQLite's commit stands in
    the log before the flush that failed, and is found when the log is read again; or the commit was whole and what came
    after it failed. So a document may be as any attempt since its last acknowledgement would have made it, and nothing
    else: `pending` holds the digests, None for no document.
    """

    def __init__(self, said: Iterable[dict[str, Any]]) -> None:
        self.acknowledged: dict[str, str] = {}
        self.pending: dict[str, set[str | None]] = {}
        self.move: Sequence[str] = ()
        self.backups: dict[str, dict[str, str]] = {}
        self.problems: list[str] = []
        self.created = False
        for line in said:
            self._hear(line)

    def _hear(self, line: dict[str, Any]) -> None:
        if "begin" in line:
            for source, digest in line["begin"].items():
                self.pending.setdefault(source, set()).add(digest)
            self.move = line.get("move", self.move)
        elif "done" in line:
            self.created = True
            for source, digest in line["done"].items():
                self.pending.pop(source, None)
                if digest is None:
                    self.acknowledged.pop(source, None)
                else:
                    self.acknowledged[source] = digest
            self.move = self.move if self.pending else ()
        elif "backup" in line:
            self.backups[line["backup"]] = line["holds"]
        elif "crash" in line:
            self.problems.append(f"an error that is not ragkit's: {line['crash']}")
        elif "delete the collection" in line.get("failed", ""):  # a disk that refuses writes has damaged nothing
            self.problems.append(f"a cure that loses documents: {line['failed']}")
        elif "problems" in line:
            self.problems.append(f"files were not read: {line['problems']}")

    def judge(self, found: dict[str, str]) -> list[str]:
        """Return what is wrong with the documents found: their texts' digests by source."""
        wrong = []
        for source in sorted({*self.acknowledged, *self.pending, *found}):
            if found.get(source) not in {self.acknowledged.get(source), *self.pending.get(source, ())}:
                what = "lost" if source not in found else "not what was acknowledged"
                wrong.append(f"document {source} is {what}")
        renaming = bool(self.move) and self.move[0] in self.acknowledged and bool(self.pending)
        if renaming and sum(name in found for name in self.move) != 1:
            wrong.append(f"the rename {self.move} was done by half")
        return wrong


def check(data: Path, docs: Path, said: Sequence[dict[str, Any]], *, cut_off_files: bool = False) -> list[str]:
    """Return what is wrong with a data folder, then bring it up to date with `docs` and look again.

    cut_off_files: cache files may be damaged (after a power cut), as long as that is noticed.
    """
    truth = Truth(said)
    wrong = list(truth.problems)
    try:
        with Store(data / "collections" / "default") as store:
            wrong += _look(store, truth, cut_off_files=cut_off_files)
    except NotFoundError as error:
        if truth.created or truth.acknowledged:
            wrong.append(f"the collection is lost: {error}")
    except RagkitError as error:
        wrong.append(f"the collection can't be read: {type(error).__name__}: {error}")
        return wrong
    for name, holds in truth.backups.items():
        wrong += _look_at_backup(data / name, holds)
    if not wrong:
        wrong += _continue(data, docs)
    return wrong


def _look(store: Store, truth: Truth, *, cut_off_files: bool) -> list[str]:
    with store.read() as reader:
        wrong = [f"integrity: {row[0]}" for row in reader.inspect("PRAGMA integrity_check") if row[0] != "ok"]
        found = {source: sha(reader.documents.get(source).text) for source in reader.documents.sources()}
    wrong += truth.judge(found)
    with ragkit.open(store.folder.parent.parent, embedder=MODEL, settings=SETTINGS, create=False) as kb:
        wrong += [f"verify: {problem}" for problem in verify_store(store) if problem.kind != "file"]
        report = kb.doctor()
        wrong += [f"doctor: {problem}" for problem in report["problems"]]
        if not cut_off_files:
            wrong += [f"cache: {problem}" for problem in report["caches"]]
    with store.read() as reader:
        fresh = LexicalPart().in_memory(reader.chunks)
        wrong += halves(reader) + wrong_answers(store.folder, reader, made_anew=fresh)
        if reader.fingerprint is not None:
            persist = Caches(store.folder, dense=DenseSettings())
            persist.persist(reader.chunks)
            wrong += (
                [f"cache after persist: {problem}" for problem in persist.check(reader.chunks)]
                if not cut_off_files
                else []
            )
            wrong += wrong_answers(store.folder, reader, made_anew=fresh)
    return wrong


def halves(reader: Reader) -> list[str]:
    """Return the documents whose chunks are not those that their text is cut into."""
    wrong = []
    for document in reader.documents.iterate():
        wanted = chunk_document(document, embedder=MODEL, settings=SETTINGS.chunk)
        stored = [row.chunk for row in reader.chunks.of_document(document.source)]
        if [(item.start, item.end, item.text) for item in wanted] != [(c.start, c.end, c.text) for c in stored]:
            wrong.append(f"document {document.source} has {len(stored)} chunks instead of {len(wanted)}")
    return wrong


def wrong_answers(
    folder: Path, reader: Reader, *, caches: Caches | None = None, made_anew: LexicalIndex | None = None
) -> list[str]:
    """Compare what both indexes answer with brute force over the store's own rows.

    made_anew: a lexical index of this very state, where the caller compares the state more than once.
    """
    held = caches or Caches(folder, dense=DenseSettings())
    snapshot = held.snapshot(reader.chunks)
    ids = reader.chunks.all_chunk_ids()
    if (snapshot.revision, snapshot.generation) != (reader.revision, reader.generation):
        return [f"the indexes are at revision {snapshot.revision}, the store at {reader.revision}"]
    if snapshot.dense.ids().tolist() != ids.tolist() or snapshot.lexical.ids().tolist() != ids.tolist():
        return ["the indexes hold other chunks than the store"]
    if not len(ids):
        return []
    wrong = []
    rows = reader.chunks.vectors(ids).astype(np.float16).astype(np.float64)
    fresh = made_anew or LexicalPart().in_memory(reader.chunks)
    texts = reader.chunks.texts(ids)
    terms = " ".join(fresh.terms(ids)).split()
    if (snapshot.lexical.statistics(), snapshot.lexical.languages) != (fresh.statistics(), fresh.languages):
        wrong.append("the word statistics are not those of the chunks that are there")
    if snapshot.lexical.idf(terms) != fresh.idf(terms):
        wrong.append("terms weigh otherwise than in an index made anew")
    for place in range(0, len(ids), max(len(ids) // 4, 1)):
        query = MODEL.embed_queries([texts[place][2]])[0]
        scores = (rows @ query.astype(np.float64)).astype(np.float32)
        best = np.lexsort((ids, -scores))[:5]
        found, values = snapshot.dense.search(query, 5)
        told = dict(zip(ids.tolist(), scores.tolist(), strict=True))
        if len(found) != len(best) or not np.allclose(values, scores[best], atol=1e-5):
            wrong.append(f"dense search for chunk {ids[place]} is not brute force")
        elif any(abs(told[int(item)] - value) > 1e-5 for item, value in zip(found, values.tolist(), strict=True)):
            wrong.append(f"dense search for chunk {ids[place]} scores chunks with others' vectors")
        words = " ".join(texts[place][2].split()[:6])
        got, want = (set(index.search(words, len(ids))[0].tolist()) for index in (snapshot.lexical, fresh))
        if got != want:
            wrong.append(f"lexical search for chunk {ids[place]} does not find what an index made anew finds")
        if not set(analyse(words)) <= set(snapshot.lexical.terms(ids[place : place + 1])[0].split()):
            wrong.append(f"the terms of chunk {ids[place]} are not its own")
    return wrong


def _look_at_backup(file: Path, holds: dict[str, str]) -> list[str]:
    try:
        report = verify_backup(file)
    except RagkitError as error:
        return [f"an acknowledged backup is damaged: {error}"]
    return [] if report["documents"] == len(holds) else [f"{file.name} holds {report['documents']} documents"]


def _continue(data: Path, docs: Path) -> list[str]:
    """Go on as a user would: ingest the folder again; then the collection is what the folder is."""
    try:
        with ragkit.open(data, embedder=MODEL, settings=SETTINGS) as kb:
            report = ingest_folder(kb, docs, options=IngestOptions(pool=PlainPool()))
            wrong = [f"going on: {problem}" for problem in report.problems]
            return wrong + equals_folder(kb, docs)
    except Exception as error:  # noqa: BLE001 (any error at all is a finding)
        return [f"going on failed: {type(error).__name__}: {error}"]


def equals_folder(kb: KnowledgeBase, docs: Path) -> list[str]:
    """Compare the documents that came from a folder with its files."""
    wanted = {path.name: sha(path.read_text()) for path in docs.iterdir()}
    found = {info.source: info.sha256 for info in kb.documents() if not info.source.startswith("python-")}
    wrong = [] if found == wanted else [f"after going on the documents differ in {sorted(set(found) ^ set(wanted))}"]
    for name in sorted(wanted)[:2]:
        code = (docs / name).read_text().split("\n", 1)[0]
        hits = kb.search(code, k=1)
        if not hits or hits[0].source != name:
            wrong.append(f"{code} is not found")
    return wrong
