"""Warnings for filters with a probable mistake: a key that no document has, or no matching document."""

from __future__ import annotations

from typing import Final

from ragkit.store.base import Reader
from ragkit.store.filters import KEYS, Filter, metadata_keys_of
from ragkit.text.cleaning import show

_SHOWN: Final = 30


def filter_warnings(where: Filter | None, *, matches: int, reader: Reader, name_keys: bool = True) -> tuple[str, ...]:
    """Return a sentence for each unknown key, or one for a filter that matches nothing; they name the known keys.

    matches: the number of chunks that the filter selects. name_keys: False where some documents are hidden from the
    reader: their keys are then not named.
    """
    if where is None:
        return ()
    if not name_keys:
        return () if matches else ("the filter matches no document",)
    named = metadata_keys_of(where)
    if not named and matches:
        return ()
    held = reader.documents.metadata_keys()
    known = ", ".join([*KEYS, *(show(key, 60) for key in held[:_SHOWN])])
    more = f" and {len(held) - _SHOWN:,} more" if len(held) > _SHOWN else ""
    unknown = [key for key in named if key not in held]
    found = [f"no document has the filter's key {show(repr(key), 60)}; known keys: {known}{more}" for key in unknown]
    if not matches and not found:
        found = [f"the filter matches no document; known keys: {known}{more}"]
    return tuple(found)
