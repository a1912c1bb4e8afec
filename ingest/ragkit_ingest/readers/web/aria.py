"""Tables of a page that are written with roles instead of table tags (WAI-ARIA 1.2, section 5.3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TABLES: Final = frozenset({"table", "grid", "treegrid"})
_PARTS: Final = {
    "rowgroup": "tbody",
    "row": "tr",
    "cell": "td",
    "gridcell": "td",
    "columnheader": "th",
    "rowheader": "th",
    "caption": "caption",
}
_SPANS: Final = {"aria-colspan": "colspan", "aria-rowspan": "rowspan"}
_OWN: Final = frozenset(
    ["table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "img", "input", "select", "button", "textarea"]
)


class AriaTables:
    """The open elements that stand for parts of a table, by their depth in the page."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def start(self, tag: str, attributes: Mapping[str, str], *, depth: int) -> str:
        """Return the table tag that an element stands for by its role, "" for none; `depth`: of the element.

        A part counts within a table of roles only, and a tag of a table keeps its own meaning.
        """
        role = attributes.get("role", "").strip().lower()
        if not role or tag in _OWN:
            return ""
        part = "table" if role in _TABLES else _PARTS.get(role, "") if self._open else ""
        if part:
            self._open.append((depth, part))
        return part

    def end(self, depth: int) -> str:
        """Return the table tag that the element stood for that ends at a depth, "" for none."""
        if self._open and self._open[-1][0] == depth:
            return self._open.pop()[1]
        return ""


def with_spans(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a cell with its spans under the names that table tags have."""
    return {_SPANS.get(name, name): value for name, value in attributes.items()}
