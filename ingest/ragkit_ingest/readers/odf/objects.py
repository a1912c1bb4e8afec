"""Objects inside an OpenDocument file: charts with the table they draw, and formulas as linear text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.odf.nodes import Node, steps
from ragkit_ingest.readers.office.charts import named_chart
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Package, resolve

_MAX_ROWS: Final = 20_000
_MAX_REPEATED: Final = 1_000
_KINDS: Final = {"circle": "pie", "ring": "doughnut", "filled-radar": "radar", "add-in": ""}
_NO_CONTAINERS: Final[frozenset[str]] = frozenset()


@dataclass(slots=True)
class Chart:
    """A chart: what it draws ("bar", "line"), title, titles of its axes, and the table of its values, names first."""

    title: str = ""
    kind: str = ""
    axes: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def add(self, out: TextBuilder) -> None:
        """Add the chart to a text."""
        lines = [named_chart([self.kind] if self.kind else [], self.title)]
        if self.axes:
            lines.append("Axes: " + "; ".join(self.axes))
        if self.title or self.axes or self.rows:
            out.paragraph("\n".join(lines))
        out.table(self.rows, header=True, caption=self.title)


@dataclass(slots=True)
class Objects:
    """Reads objects by the address that the text names. without_data: charts that hold no values."""

    package: Package
    without_data: int = 0

    def read(self, node: Node) -> Chart | str:
        """Return a chart, a formula as text, or "" for anything else."""
        inner = next((child for child in node.nodes() if child.name in ("math", "document", "document-content")), None)
        if node.name == "math":
            return formula(node)
        if inner is not None:
            return self._known(inner)
        part = resolve("content.xml", f"{node.get('href')}/content.xml")
        if not node.get("href") or part not in self.package:
            return ""
        try:
            for step in steps(self.package.events(part), _NO_CONTAINERS):
                return self._known(step.node)
        except ExtractionError as error:
            if error.reason != "damaged":
                raise
        return ""

    def _known(self, root: Node) -> Chart | str:
        if root.name == "math":
            return formula(root)
        chart = next(root.find("chart"), None)
        inner = next((found for found in chart.find("chart") if found.get("class")), chart) if chart else None
        if inner is None:
            return ""
        found = _chart(inner)
        self.without_data += not found.rows
        return found


def _chart(node: Node) -> Chart:
    kind = node.get("class").rpartition(":")[2]
    chart = Chart(kind=_KINDS.get(kind, kind))
    for child in node.nodes():
        if child.name in ("title", "subtitle"):
            chart.title = squeeze(f"{chart.title} {_paragraphs(child)}")
        elif child.name == "plot-area":
            chart.axes = [words for title in child.find("title") if (words := _paragraphs(title))]
        elif child.name == "table":
            chart.rows = [_cells(row) for row in list(child.find("table-row"))[:_MAX_ROWS]]
    chart.rows = [row for row in chart.rows if any(row)]
    return chart


def _cells(row: Node) -> list[str]:
    cells: list[str] = []
    for cell in row.find("table-cell", "covered-table-cell"):
        text = _paragraphs(cell) or squeeze(cell.get("value"))
        cells.extend([text] * cell.count("number-columns-repeated", most=_MAX_REPEATED if text else 100))
    return ["" if cell == "NaN" else cell for cell in cells[:_MAX_REPEATED]]


def _paragraphs(node: Node) -> str:
    return squeeze(" ".join(child.words() for child in node.find("p")))


def formula(node: Node) -> str:
    """Return a MathML formula as linear text: the author's own line, or built from its parts."""
    for note in node.find("annotation"):
        if "starmath" in note.get("encoding").lower() or "tex" in note.get("encoding").lower():
            return squeeze(note.words())
    return squeeze(_linear(node))


def _linear(node: Node) -> str:
    if node.name == "annotation":
        return ""
    parts = [_linear(child) for child in node.nodes()]
    if not parts:
        return squeeze(node.words())
    build = _FORMS.get(node.name)
    if build is not None and len(parts) >= build[0]:
        return build[1](parts)
    return " ".join(filter(None, parts))


def _group(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"({text})"


_FORMS: Final[dict[str, tuple[int, Callable[[list[str]], str]]]] = {
    "mfrac": (2, lambda parts: f"{_group(parts[0])}/{_group(parts[1])}"),
    "msup": (2, lambda parts: f"{_group(parts[0])}^{_group(parts[1])}"),
    "msub": (2, lambda parts: f"{_group(parts[0])}_{_group(parts[1])}"),
    "msubsup": (3, lambda parts: f"{_group(parts[0])}_{_group(parts[1])}^{_group(parts[2])}"),
    "munder": (2, lambda parts: f"{parts[0]}_{_group(parts[1])}"),
    "mover": (2, lambda parts: f"{parts[0]}^{_group(parts[1])}"),
    "munderover": (3, lambda parts: f"{parts[0]}_{_group(parts[1])}^{_group(parts[2])}"),
    "msqrt": (1, lambda parts: f"sqrt({' '.join(parts)})"),
    "mroot": (2, lambda parts: f"root({parts[1]}, {parts[0]})"),
    "mfenced": (1, lambda parts: f"({', '.join(parts)})"),
}
