"""Charts of Office files (c:chartSpace and the newer cx:chartSpace): title, axes and series as a table of values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.grid import JOIN
from ragkit_ingest.readers.sheets.number_formats import compiled
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Event

_MAX_POINTS: Final = 20_000
_AXES: Final = frozenset({"catAx", "valAx", "dateAx", "serAx", "axis"})
_DIMENSIONS: Final = {"cat": "x", "xVal": "x", "val": "y", "yVal": "y", "bubbleSize": "size"}
_KINDS: Final = {
    **dict.fromkeys(("barChart", "bar3DChart"), "bar"),
    **dict.fromkeys(("lineChart", "line3DChart"), "line"),
    **dict.fromkeys(("pieChart", "pie3DChart", "ofPieChart"), "pie"),
    **dict.fromkeys(("areaChart", "area3DChart"), "area"),
    **dict.fromkeys(("surfaceChart", "surface3DChart"), "surface"),
    "scatterChart": "scatter",
    "doughnutChart": "doughnut",
    "radarChart": "radar",
    "bubbleChart": "bubble",
    "stockChart": "stock",
}
_LAYOUTS: Final = {
    "waterfall": "waterfall",
    "funnel": "funnel",
    "treemap": "treemap",
    "sunburst": "sunburst",
    "boxWhisker": "box and whisker",
    "clusteredColumn": "histogram",
    "regionMap": "map",
}
"""Names of the kinds of newer charts (cx:series), by their layoutId."""
_NAMES: Final = frozenset({"trendline", "errBars", "dLbls", "dTable"})


@dataclass(slots=True)
class Points:
    """The values of one dimension of a series by index; levels: outer names of categories, the innermost first."""

    levels: list[dict[int, str]] = field(default_factory=lambda: [{}])
    code: str = ""  # Excel's number format
    reference: str = ""  # the cells that hold the values: Sheet1!$B$2:$B$4

    def labels(self, *, from_1904: bool) -> dict[int, str]:
        """Return the shown value of each index; outer names stand before inner ones."""
        found = {index: shown(text, self.code, from_1904=from_1904) for index, text in self.levels[0].items()}
        for level in self.levels[1:]:
            outer = ""
            for index in sorted(found):
                outer = level.get(index, outer)
                found[index] = f"{outer}{JOIN}{found[index]}" if outer else found[index]
        return found


@dataclass(slots=True)
class Series:
    """A series of a chart: its name and its dimensions "x", "y" and "size"."""

    name: str = ""
    points: dict[str, Points] = field(default_factory=dict)
    data: str = ""  # id of the data block that holds the values (cx:chartSpace)
    name_reference: str = ""

    def labels(self, key: str, from_1904: bool) -> dict[int, str]:
        """Return the shown value of each index of a dimension."""
        return self.points[key].labels(from_1904=from_1904) if key in self.points else {}


@dataclass(slots=True)
class Chart:
    """The readable parts of a chart. axes: titles in the order of the file; labels: texts written at single points.

    kinds: how it draws its series, as in "bar" or "line". x_axis: the title of the axis that names the categories.
    """

    title: str = ""
    kinds: list[str] = field(default_factory=list)
    axes: list[str] = field(default_factory=list)
    x_axis: str = ""
    series: list[Series] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    from_1904: bool = False
    cut: bool = False

    def fill(self, lookup: Callable[[str], Sequence[str]]) -> None:
        """Take what the chart does not store itself from the cells that it refers to (a workbook's own charts)."""
        for one in self.series:
            if not one.name and one.name_reference:
                one.name = squeeze(" ".join(lookup(one.name_reference)))
            for points in one.points.values():
                if points.reference and not points.levels[0]:
                    points.levels = [{at: text for at, text in enumerate(lookup(points.reference)) if text}]

    def rows(self) -> list[list[str]]:
        """Return a header row and a row for each category; [] when no values are stored."""
        base = self.from_1904
        found = [
            (one.name, one.labels("x", base), one.labels("y", base), one.labels("size", base)) for one in self.series
        ]
        found = [one for one in found if one[1] or one[2]]
        if not found:
            return []
        y_axis = next((title for title in self.axes if title != self.x_axis), "y")
        if any(one[3] for one in found) or any(one[1] != found[0][1] for one in found if one[1]):
            rows = [["Series", self.x_axis or "x", y_axis]]
            for name, xs, ys, sizes in found:
                for index in sorted({*xs, *ys}):
                    cells = [name, xs.get(index, str(index + 1)), ys.get(index, ""), sizes.get(index, "")]
                    rows.append(cells)
            return rows
        names: dict[int, str] = next((one[1] for one in found if one[1]), {})
        rows = [[self.x_axis or "Category", *(one[0] or f"Series {number}" for number, one in enumerate(found, 1))]]
        for index in sorted({*names, *(at for one in found for at in one[2])}):
            rows.append([names.get(index, str(index + 1)), *(one[2].get(index, "") for one in found)])
        return rows


def read_chart(events: Iterable[Event]) -> Chart:
    """Return the chart of a part's XML events."""
    reader = _ChartReader()
    for event in events:
        if event.kind == "start":
            reader.start(event)
        elif event.kind == "end":
            reader.end(event.name)
        else:
            reader.text(event.text)
    return reader.done()


def chart_lines(chart: Chart) -> list[str]:
    """Return the lines before the table of a chart: its title, its axes and labels."""
    lines = [named_chart(chart.kinds, chart.title)]
    if chart.axes:
        lines.append("Axes: " + "; ".join(chart.axes))
    if chart.labels:
        lines.append("Labels: " + "; ".join(chart.labels))
    return lines


def named_chart(kinds: Sequence[str], title: str) -> str:
    """Return the kind and the title of a chart: "Bar and line chart: Sales"."""
    words = " and ".join(dict.fromkeys(kinds))
    name = f"{words.capitalize()} chart" if words else "Chart"
    return f"{name}: {title}" if title else name


def add_chart(out: TextBuilder, chart: Chart) -> None:
    """Add a chart: its title and axes as lines, its series as a table; one without stored values is reported."""
    rows = chart.rows()
    if chart.title or chart.axes or chart.labels or rows:
        out.paragraph("\n".join(chart_lines(chart)))
    if chart.cut:
        out.warn(f"a chart is cut: it has over {_MAX_POINTS:,} points")
    if rows:
        out.table(rows, header=True, caption=chart.title)
    else:
        out.warn("a chart has no stored values")


class _ChartReader:
    """Reads the events of a chart part; the open elements give the meaning of a text."""

    def __init__(self) -> None:
        self._chart = Chart()
        self._open: list[str] = []
        self._words: list[str] = []
        self._data: dict[str, dict[str, Points]] = {}
        self._block: dict[str, Points] = {}  # the data block that is open (cx:data)
        self._points: Points | None = None
        self._index = 0
        self._size = 0
        self._first_level = False
        self._names_categories = False  # whether the open axis does

    def start(self, event: Event) -> None:
        name, attributes = event.name, event.attributes
        self._open.append(name)
        if name in _KINDS:
            self._chart.kinds.append(_KINDS[name])
        elif name in ("ser", "series"):
            self._chart.series.append(Series())
            kind = _LAYOUTS.get(attributes.get("layoutId", ""))
            self._chart.kinds += [kind] if kind else []
        elif name == "date1904":
            self._chart.from_1904 = attributes.get("val", "1") in ("1", "true")
        elif name == "dataId" and self._chart.series:
            self._chart.series[-1].data = attributes.get("val", "")
        elif name == "data":
            self._block = self._data.setdefault(attributes.get("id", ""), {})
        elif name == "pt":
            index = attributes.get("idx", "")[:9]
            self._index = int(index) if index.isdecimal() else 0
        elif name in _AXES or name in ("catScaling", "axPos"):
            self._axis(name, attributes)
        else:
            self._dimension(name, attributes)
        if name in ("title", "v", "f", "formatCode", "tx", "rich", "pt"):
            self._words.clear()

    def _axis(self, name: str, attributes: Mapping[str, str]) -> None:
        """Begin an axis, or set its kind: of two value axes, the horizontal one is x."""
        if name != "axPos":
            self._names_categories = name in ("catAx", "dateAx", "catScaling")
        elif self._open[-2:-1] == ["valAx"] and not {"scatter", "bubble"}.isdisjoint(self._chart.kinds):
            self._names_categories = attributes.get("val") in ("b", "t")

    def _dimension(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in ("strDim", "numDim"):
            kind = attributes.get("type", "")
            key = "size" if kind == "size" and "y" in self._block else "y" if name == "numDim" and kind != "x" else "x"
            self._points = self._block.setdefault(key, Points())
            self._first_level = True
        elif name in _DIMENSIONS and self._open[-2:-1] == ["ser"]:
            self._points = self._chart.series[-1].points.setdefault(_DIMENSIONS[name], Points())
            self._first_level = True
        elif name == "lvl" and self._points is not None:
            if not self._first_level:
                self._points.levels.append({})
            self._first_level = False
            self._points.code = attributes.get("formatCode", self._points.code)

    def text(self, text: str) -> None:
        if self._open and self._open[-1] in ("v", "t", "f", "formatCode", "pt"):
            self._words.append(text)

    def end(self, name: str) -> None:
        if self._open:
            self._open.pop()
        if name in ("p", "br") and self._words:
            self._words.append(" ")
        elif name in ("f", "formatCode"):
            self._setting(name)
        elif name == "pt":
            self._point()
        elif name in _DIMENSIONS or name in ("strDim", "numDim"):
            self._points = None
        elif name == "tx":
            self._named()

    def _setting(self, name: str) -> None:
        text = "".join(self._words).strip()
        self._words.clear()
        if self._points is not None:
            self._points.code = text if name == "formatCode" else self._points.code
            self._points.reference = text if name == "f" else self._points.reference
        elif name == "f" and self._chart.series and self._open[-1:] == ["strRef"]:
            self._chart.series[-1].name_reference = text

    def _point(self) -> None:
        text = squeeze("".join(self._words))
        if self._points is None or not text:
            return  # the words of a name (c:tx) stay until it ends
        self._words.clear()
        self._size += 1
        if self._size > _MAX_POINTS:
            self._chart.cut = True
            return
        self._points.levels[-1][self._index] = text

    def _named(self) -> None:
        """End a c:tx: its text is the title of the chart or of an axis, the name of a series, or a label."""
        text = squeeze("".join(self._words))
        self._words.clear()
        if not text:
            return
        inside = self._open
        if "title" in inside and not _AXES.isdisjoint(inside):
            self._chart.axes.append(text)
            self._chart.x_axis = self._chart.x_axis or (text if self._names_categories else "")
        elif "title" in inside:
            self._chart.title = f"{self._chart.title} {text}".strip()
        elif not _NAMES.isdisjoint(inside):
            self._chart.labels.append(text)
        elif self._chart.series and inside[-1:] in (["ser"], ["series"]):
            self._chart.series[-1].name = text

    def done(self) -> Chart:
        for one in self._chart.series:
            if one.data:
                one.points = self._data.get(one.data, {})
        return self._chart


_LITERALS: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_AFFIX: Final = re.compile(r'"[^"]*\w[^"]*"|\[\$[^\]-]|[€£¥$]|"[€£¥$]')
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 (Excel knows no zone)
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001


def shown(text: str, code: str, *, from_1904: bool = False) -> str:
    """Return a stored value as text: dates and percents by Excel's number format, other numbers without binary
    rounding noise."""
    try:
        number = float(text)
    except ValueError:
        return text
    if number != number or abs(number) > 1e15:
        return text
    plain = _LITERALS.sub("", code.partition(";")[0]).lower()
    if "general" not in plain and re.search(r"[ymd]", plain) and 0 <= number < 2_958_466:
        moment = (_EPOCH_1904 if from_1904 else _EPOCH) + timedelta(days=number)
        return moment.strftime("%Y-%m-%d" if number == int(number) else "%Y-%m-%d %H:%M")
    if "%" in plain:
        return f"{tidy(number * 100)}%"
    return _with_unit(number, code) or tidy(number)


def _with_unit(number: float, code: str) -> str:
    """Return a number with the currency or unit of its format, "" where the format has none or rounds the number."""
    own = compiled(code).shown(number).replace(",", "") if _AFFIX.search(code.partition(";")[0]) else ""
    digits = re.sub(r"[^\d.-]", "", own).strip(".")
    return own.strip() if re.fullmatch(r"-?\d+(?:[.]\d+)?", digits) and float(digits) == number else ""


def tidy(number: float) -> str:
    """Return a number without the noise of binary fractions: 0.30000000000000004 is 0.3."""
    text = f"{number:.12g}"
    if "e" in text:
        text = f"{number:.12f}".rstrip("0").rstrip(".") if abs(number) >= 1e-6 else text
    return text
