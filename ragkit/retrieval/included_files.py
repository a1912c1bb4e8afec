"""Hits that include a file -> the same hits, and that file as one more passage."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ragkit.errors import NotFoundError
from ragkit.retrieval.whole_blocks import spanning
from ragkit.store.base import DocumentReader
from ragkit.text.inclusions import INCLUDED
from ragkit.types.hits import Hit, Hits

_MOST: Final = 2
_SIZE_LIMIT: Final = 2_400  # code points of a file; a longer one is not the piece that a page shows
_SHARE: Final = 0.9  # of the score of the passage that names it


def with_included_files(hits: Hits, documents: DocumentReader) -> Hits:
    """Return the hits followed by at most two files that they include, where those are documents of the collection.

    A documentation page often keeps its examples in files of their own ("literalinclude", "{* file.py *}"). A path is
    read from the page's folder, then from each folder above it. Files over 2,400 code points are left out.
    """
    out = list(hits)
    known = {hit.source for hit in hits}
    for hit in hits:
        for match in INCLUDED.finditer(hit.text):
            found = _included(hit, match[1], documents, known)
            if found is not None:
                known.add(found.source)
                out.append(found)
            if len(out) == len(hits) + _MOST:
                return hits.of(out)
    return hits.of(out)


def _included(hit: Hit, path: str, documents: DocumentReader, known: set[str]) -> Hit | None:
    for source in _candidates(hit.source, path):
        if source in known:
            return None
        try:
            structure = documents.structure(source)
        except NotFoundError:
            continue
        if not 0 < structure.characters <= _SIZE_LIMIT:
            return None
        row = documents.rows([structure.id])[structure.id]
        named = replace(hit, source=row.source, title=row.title, sha256=row.sha256, media_type=row.media_type)
        shell = replace(named, metadata=row.metadata, score=hit.score * _SHARE, heading="", context="", units=())
        return spanning(shell, (0, structure.characters), structure, documents)
    return None


def _candidates(source: str, path: str) -> Iterator[str]:
    """Yield the sources that a path may name: from the page's folder, then from each folder above, the root last."""
    folder = posixpath.dirname(source)
    first = posixpath.normpath(posixpath.join(folder, path))
    if not first.startswith(".."):
        yield first
    bare = re.sub(r"^(?:\.{0,2}/)+", "", path)
    while folder:
        folder = posixpath.dirname(folder)
        yield posixpath.normpath(posixpath.join(folder, bare))
