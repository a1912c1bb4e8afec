"""The lexical index on disk: a folder of tantivy segments, written once, opened memory-mapped.

A later state is a new folder: the old segments by hard link, one segment of new chunks, and marks of deleted ones.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError
from ragkit.index.chunk_files import (
    ChunkFile,
    ChunkFileWriter,
    chunk_file_path,
    extend_chunk_files,
    find_in_files,
    open_chunk_files,
)
from ragkit.index.lexical.base import LexicalFacts
from ragkit.index.lexical.chunk_terms import FIELDS, Terms, analyse_chunk
from ragkit.index.lexical.deletions import DeletedTermCounts
from ragkit.index.lexical.rescoring import explained_numbers
from ragkit.index.lexical.tantivy_base import TantivyBase
from ragkit.types.documents import ChunkText

Ids = NDArray[np.int64]
Batch = tuple[Ids, Sequence[ChunkText]]

_SMALLEST_HEAP: Final = 20_000_000
_LARGEST_HEAP: Final = 300_000_000
_HEAP_PER_CHUNK: Final = 2_000
_DELETED: Final = "gone.bin"
_TERMS: Final = "terms"
_MUTABLE: Final = ("meta.json", ".managed.json")
_SUFFIXES: Final = (".bin", ".del", ".fast", ".fieldnorm", ".idx", ".pos", ".store", ".term")


def build_lexical(folder: Path | None, batches: Iterable[Batch], *, expected: int) -> TantivyBase:
    """Write chunks into an empty folder (None: into memory) and open it. expected: their approximate number."""
    import tantivy

    with _as_oserror():
        index = tantivy.Index(_schema(), path=None if folder is None else str(folder), reuse=False)
    with _filling(index, expected=expected) as filling:
        terms = ChunkFileWriter(None if folder is None else chunk_file_path(folder, _TERMS))
        for ids, texts in batches:
            terms.add(ids, filling.add(ids, texts))
        return filling.finish(folder, [terms.finish()])


def extend_lexical(
    old: Path, folder: Path, batches: Iterable[Batch], *, removed: Ids, expected: int, facts: LexicalFacts
) -> TantivyBase:
    """Write the index of `old`, without the chunks `removed` and with new ones, into an empty folder, and open it."""
    import tantivy

    before = _open_deleted(old)
    for name in index_files(old):
        if name == _DELETED:
            continue
        if name in _MUTABLE:
            shutil.copyfile(old / name, folder / name)
        else:
            os.link(old / name, folder / name)
    with _as_oserror():
        index = tantivy.Index.open(str(folder))
    with _filling(index, expected=expected, facts=facts) as filling:
        packed = find_in_files(open_chunk_files(old, _TERMS), removed)
        filling.remove(removed, packed.values())
        terms = extend_chunk_files(
            folder, _TERMS, ((ids, filling.add(ids, texts)) for ids, texts in batches), expected=expected
        )
        base = filling.finish(folder, terms)
    deleted = _still_counted(base, before, packed)
    if len(deleted.ids):
        deleted.save(folder / _DELETED)
    return replace(base, deleted=deleted)


def _open_deleted(folder: Path) -> DeletedTermCounts:
    path = folder / _DELETED
    return DeletedTermCounts.load(path) if path.exists() else DeletedTermCounts()


def _still_counted(base: TantivyBase, before: DeletedTermCounts, packed: Mapping[int, memoryview]) -> DeletedTermCounts:
    """Return the term counts of deleted chunks, earlier and new ones, that no merge has dropped yet."""
    count = base.searcher.doc_freq
    kept = np.array([number for number in before.ids.tolist() if count("id", number)], dtype=np.int64)
    if len(kept) < len(before.ids):
        before = DeletedTermCounts.of(find_in_files(base.terms, kept))
    return before.joined(
        DeletedTermCounts.of({number: terms for number, terms in packed.items() if count("id", number)})
    )


def open_lexical(folder: Path, facts: LexicalFacts) -> TantivyBase:
    """Open a folder for searching. Raises StoreError (with tantivy's message) or OSError when it cannot be used."""
    import tantivy

    try:
        try:
            index = tantivy.Index.open(str(folder))
            index.config_reader("manual")
            searcher = index.searcher()
        except ValueError as error:
            if "ock" not in str(error):
                raise
            index, searcher = _open_read_only(folder)  # tantivy needs to create lock files in the folder
    except (ValueError, RuntimeError) as error:
        raise StoreError(f"the lexical index at {folder} can't be opened ({error})") from error
    if searcher.num_docs != facts.live:
        raise StoreError(f"the lexical index at {folder} holds {searcher.num_docs} chunks, not {facts.live}")
    deleted = _open_deleted(folder)
    expected = facts.documents - facts.live
    if len(deleted.ids) != expected:
        raise StoreError(f"the lexical index at {folder} counts {len(deleted.ids)} deleted chunks, not {expected}")
    return TantivyBase(searcher, index.schema, open_chunk_files(folder, _TERMS), facts, deleted)


def _open_read_only(folder: Path) -> tuple[Any, Any]:
    """Open through a temporary folder of links; the files stay mapped after the links are deleted."""
    import tantivy

    names = set(index_files(folder))
    with tempfile.TemporaryDirectory(prefix="ragkit-") as place:
        for item in folder.iterdir():
            if item.name in names:
                os.symlink(item.resolve(), Path(place) / item.name)
        index = tantivy.Index.open(place)
        index.config_reader("manual")
        return index, index.searcher()


def index_files(folder: Path) -> list[str]:
    """Return the names of an index's files: tantivy's except its locks, and the term files."""
    return sorted(item.name for item in folder.iterdir() if item.suffix in _SUFFIXES or item.name in _MUTABLE)


def _schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", stored=False, indexed=True, fast=True)
    for name in FIELDS:
        builder.add_text_field(name, stored=False, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


@contextmanager
def _as_oserror() -> Iterator[None]:
    """Raise tantivy's ValueError for a failed write as OSError, as everything else does."""
    try:
        yield
    except ValueError as error:
        raise OSError(f"tantivy can't write ({error})") from error


@contextmanager
def _filling(index: Any, *, expected: int, facts: LexicalFacts | None = None) -> Iterator[_Filling]:
    """Yield an index to fill; on an error it is abandoned, so that tantivy's thread writes nothing more."""
    filling = _Filling(index, expected=expected, facts=facts)
    try:
        yield filling
    except BaseException:
        filling.abandon()
        raise


class _Filling:
    """An index that is being written: chunks are deleted and added, and it is committed once."""

    def __init__(self, index: Any, *, expected: int, facts: LexicalFacts | None) -> None:
        heap = min(max(expected * _HEAP_PER_CHUNK, _SMALLEST_HEAP), _LARGEST_HEAP)
        self._index = index
        with _as_oserror():
            self._writer = index.writer(heap_size=heap, num_threads=1)
        self._languages = Counter(facts.languages if facts else {})
        self._lengths = Counter(facts.lengths if facts else {})
        self._last_id = facts.last_id if facts else 0

    def remove(self, ids: Ids, packed: Iterable[bytes | memoryview]) -> None:
        """Delete chunks. (delete_documents_by_term finds nothing in an unsigned field: tantivy 0.27.)

        packed: `Terms.packed` of each.
        """
        import tantivy

        if len(ids):
            query = tantivy.Query.term_set_query(self._index.schema, "id", ids.tolist())
            self._writer.delete_documents_by_query(query)
        for terms in map(Terms.unpacked, packed):
            self._languages[terms.language] -= 1
            self._lengths.subtract(terms.lengths())

    def add(self, ids: Ids, texts: Sequence[ChunkText]) -> list[bytes]:
        """Add chunks; return `Terms.packed` of each."""
        import tantivy

        written = []
        self._last_id = max(self._last_id, int(ids.max(initial=0)))
        for number, item in zip(ids.tolist(), texts, strict=True):
            terms = analyse_chunk(*item)
            self._languages[terms.language] += 1
            self._lengths.update(terms.lengths())
            document = tantivy.Document()
            document.add_unsigned("id", number)
            for name in FIELDS:
                document.add_text(name, terms.of_field(name))
            with _as_oserror():
                self._writer.add_document(document)
            written.append(terms.packed)
        return written

    def abandon(self) -> None:
        """Wait until tantivy's thread has stopped writing, whether or not it succeeded."""
        with suppress(ValueError, RuntimeError):  # RuntimeError: a wait that failed has consumed it
            self._writer.wait_merging_threads()

    def finish(self, folder: Path | None, terms: Sequence[ChunkFile]) -> TantivyBase:
        """Commit, wait for merges, and open what was written. Raises OSError when the disk cannot be written."""
        with _as_oserror():
            self._writer.commit()
            self._writer.wait_merging_threads()
            self._index.config_reader("manual")
            self._index.reload()
            searcher = self._index.searcher()
            if folder is not None:
                _share(folder)
            documents, averages = _sizes(searcher, self._index.schema)
        facts = LexicalFacts(
            documents=documents,
            live=int(searcher.num_docs),
            last_id=self._last_id,
            averages=averages,
            lengths=dict(self._lengths),
            languages=dict(+self._languages),
        )
        return TantivyBase(searcher=searcher, schema=self._index.schema, terms=terms, facts=facts)


def _share(folder: Path) -> None:
    """Make tantivy's two private files as readable as the folder, so that other users who may read it can open them."""
    for name in _MUTABLE:
        path = folder / name
        if path.exists():
            path.chmod(path.stat().st_mode | (folder.stat().st_mode & 0o044))


def _sizes(searcher: Any, schema: Any) -> tuple[int, dict[str, float]]:
    """Return the number of chunks and the mean lengths that tantivy scores with, from its explanation of a score."""
    import tantivy

    documents = int(searcher.num_docs)
    averages = dict.fromkeys(FIELDS, 1.0)
    for name in FIELDS:
        terms = searcher.terms_with_prefix(name, "", limit=1)
        if not terms:
            continue
        query = tantivy.Query.term_query(schema, name, terms[0][0], "freq")
        hits = searcher.search(query, limit=1, count=False).hits
        if hits:
            explained = explained_numbers(json.loads(query.explain(searcher, hits[0][1]).to_json()))
            documents = round(explained["N"])
            averages[name] = explained["avgdl"]
    return documents, averages
