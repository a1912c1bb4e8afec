"""SmartArt of Office files (diagrams/data*.xml): the texts of its points in the order of its tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Event

_MAX_POINTS: Final = 10_000
_LAYOUT: Final = frozenset({"pres", "parTrans", "sibTrans"})


@dataclass(slots=True)
class _Point:
    kind: str = "node"
    text: list[str] = field(default_factory=list)
    placeholder: bool = False


def read_diagram(events: Iterable[Event]) -> list[tuple[int, str]]:
    """Return (depth, text) of a diagram's points, parents before their children."""
    points: dict[str, _Point] = {}
    children: dict[str, list[tuple[int, str]]] = {}
    point = _Point()
    in_text = False
    for event in events:
        if event.kind == "text":
            if in_text:
                point.text.append(event.text)
        elif event.kind == "end":
            in_text = False
            if event.name in ("p", "br"):
                point.text.append(" ")
        elif event.name == "pt" and len(points) < _MAX_POINTS:
            point = points.setdefault(event.attributes.get("modelId", ""), _Point(event.attributes.get("type", "node")))
        elif event.name == "prSet":
            point.placeholder = event.attributes.get("phldr") in ("1", "true")
        elif event.name == "cxn" and event.attributes.get("type", "parOf") == "parOf":
            place = event.attributes.get("srcOrd", "")[:9]
            child = (int(place) if place.isdecimal() else 0, event.attributes.get("destId", ""))
            children.setdefault(event.attributes.get("srcId", ""), []).append(child)
        else:
            in_text = event.name == "t"
    return _in_order(points, children)


def _in_order(points: dict[str, _Point], children: dict[str, list[tuple[int, str]]]) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    seen: set[str] = set()
    roots = [name for name, point in points.items() if point.kind == "doc"]
    waiting = [(name, -1) for name in reversed([*roots, *(name for name in points if name not in roots)])]
    while waiting:
        name, depth = waiting.pop()
        point = points.get(name)
        if point is None or name in seen:
            continue
        seen.add(name)
        text = squeeze("".join(point.text))
        if text and not point.placeholder and point.kind not in _LAYOUT:
            lines.append((max(depth, 0), text))
        below = sorted(children.get(name, []), key=lambda child: child[0])
        waiting.extend((child, depth + 1) for _, child in reversed(below))
    transitions = [squeeze("".join(point.text)) for point in points.values() if point.kind == "sibTrans"]
    return lines + [(0, text) for text in transitions if text]


def add_diagram(out: TextBuilder, lines: Iterable[tuple[int, str]]) -> None:
    """Add the texts of a diagram as a list."""
    out.items([f"{'  ' * min(depth, 20)}- {text}" for depth, text in lines])
