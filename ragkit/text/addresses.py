"""Addresses that stand in parentheses after the text of a link: shown to people, and left out for the embedder."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ADDRESS = re.compile(r"\s\((?:https?://|mailto:)[^\s()]{1,600}\)")


def without_addresses(text: str) -> str:
    """Return a text without ` (https://…)` and ` (mailto:…)`; a text of addresses only stays as it is."""
    if "(http" not in text and "(mailto:" not in text:
        return text
    bare = _ADDRESS.sub("", text)
    return bare if bare.strip() else text


def spans_without_addresses(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans of a text as spans of `without_addresses(text)`; one that held an address only is empty."""
    removed = [match.span() for match in _ADDRESS.finditer(text)] if without_addresses(text) != text else []
    if not removed:
        return list(spans)
    points = sorted({point for span in spans for point in span})
    moved: dict[int, int] = {}
    shift, index = 0, 0
    for point in points:
        while index < len(removed) and removed[index][1] <= point:
            shift += removed[index][1] - removed[index][0]
            index += 1
        inside = index < len(removed) and removed[index][0] < point
        moved[point] = (removed[index][0] if inside else point) - shift
    return [(moved[start], moved[end]) for start, end in spans]
