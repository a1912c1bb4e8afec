"""The meta file of a made question set: seed, split and digests; and the check of a set against it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragkit.evaluation.datasets.lines import DatasetError
from ragkit.evaluation.datasets.types import PARTS, RankingSet
from ragkit.knowledge.knowledge_base import KnowledgeBase

META = "meta.json"
FORMAT = 1


def read_meta(folder: Path) -> Mapping[str, Any] | None:
    """Return the meta file of a set, None for a set without one. Raises DatasetError."""
    path = folder / META
    if not path.exists():
        return None
    try:
        meta = json.loads(path.read_bytes())
        documents = meta["documents"]
        known = all(item["part"] in PARTS and isinstance(item["text_sha256"], str) for item in documents.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is malformed ({error})", cure="make the set again") from error
    if meta.get("format") != FORMAT or not known:
        raise DatasetError(f"{path} is of a format that this version does not know", cure="make the set again")
    found: Mapping[str, Any] = meta
    return found


def text_digest(text: str) -> str:
    """Return the sha256 of a document's text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def check_meta(folder: Path, dataset: RankingSet) -> None:
    """Check that the questions were made from these documents, and that no question crosses the split.

    Questions may be edited, dropped and added; each must stay in its documents' part. Raises DatasetError.
    """
    meta = read_meta(folder)
    if meta is None:
        return
    stated, again = meta["documents"], "make the set again"
    for document in dataset.documents:
        if document.source not in stated:
            raise DatasetError(f"{folder / META} does not know the document {document.source!r}", cure=again)
        if stated[document.source]["text_sha256"] != text_digest(document.text):
            raise DatasetError(
                f"{folder}: the document {document.source!r} changed since the questions were made", cure=again
            )
    for name, query in dataset.queries.items():
        for source, grade in dataset.qrels[name].items():
            if grade > 0 and stated[source]["part"] != query.part:
                raise DatasetError(
                    f"{folder}: the query {name!r} is in part {query.part!r} and its document {source!r} in"
                    f" {stated[source]['part']!r}: the split leaks",
                    cure="leave every question in its document's part",
                )


def changed_documents(kb: KnowledgeBase, meta: Mapping[str, Any]) -> list[str]:
    """Return the sources of the documents that changed since the questions were made."""
    held = {info.source: info.sha256 for info in kb.documents()}
    return sorted(name for name, item in meta["documents"].items() if name in held and held[name] != item.get("sha256"))
