"""Hits as the results of OpenAI's file search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from starlette.requests import Request

from ragkit import Hit, MetadataValue
from ragkit_service.document_ids import document_id, document_url

_MOST_ATTRIBUTES: Final = 16
_LONGEST_KEY, _LONGEST_VALUE = 64, 512


def search_result(request: Request, collection: str, hit: Hit) -> dict[str, Any]:
    """Return a hit with the five fields of a search result."""
    return {
        "file_id": document_id(hit.source),
        "filename": hit.source,
        "score": round(hit.score, 6),
        "attributes": _attributes(request, collection, hit),
        "content": [{"type": "text", "text": hit.text}],
    }


def merged(found: Sequence[Iterable[Hit]], *, least: float, most: int) -> list[Hit]:
    """Return the best of the hits of several searches: each passage once, with its best score."""
    best: dict[tuple[str, int, int], Hit] = {}
    for hits in found:
        for hit in hits:
            place = (hit.source, hit.start, hit.end)
            if hit.score >= least and (place not in best or hit.score > best[place].score):
                best[place] = hit
    return sorted(best.values(), key=lambda hit: -hit.score)[:most]


def _attributes(request: Request, collection: str, hit: Hit) -> dict[str, Any]:
    """Return the place of the passage, then as much of the metadata as OpenAI's limits allow.

    Those are 16 pairs, keys of 64 and values of 512 characters; `metadata_omitted` counts what did not fit.
    """
    own: dict[str, MetadataValue] = {
        "sha256": hit.sha256,
        "page": hit.page,
        "page_label": hit.page_label,
        "start": hit.start,
        "end": hit.end,
        "title": hit.title,
        "heading": hit.heading,
        "url": document_url(request, collection, hit.source, start=hit.start, end=hit.end),
    }
    out: dict[str, Any] = {key: value for key, value in own.items() if _fits(key, value)}
    more = {key: value for key, value in hit.metadata.items() if _fits(key, value) and key not in own}
    for key in list(more)[: _MOST_ATTRIBUTES - 1 - len(out)]:
        out[key] = more[key]
    omitted = sum(key not in out for key in hit.metadata)
    return {**out, "metadata_omitted": omitted} if omitted else out


def _fits(key: str, value: MetadataValue) -> bool:
    if isinstance(value, str):
        return len(key) <= _LONGEST_KEY and 0 < len(value) <= _LONGEST_VALUE
    return len(key) <= _LONGEST_KEY and isinstance(value, bool | int | float)
