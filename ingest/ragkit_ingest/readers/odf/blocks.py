"""Blocks of an OpenDocument text: headings and lists with their numbers, tables with merged cells, frames, sections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.grid import Cell, add_grid
from ragkit_ingest.readers.odf.inline import ROW_GROUPS, SHAPES, Inline
from ragkit_ingest.readers.odf.nodes import Node
from ragkit_ingest.readers.odf.styles import Counter, Level
from ragkit_ingest.readers.titles import squeeze

_CELL_LIMIT: Final = 1_500
_MAX_REPEATED: Final = 1_000
_INDENT: Final = "  "
_LEFT_OUT: Final = frozenset(["creator", "date", "thumbnail", "event-listeners", "soft-page-break", "desc", "title"])


@dataclass(slots=True)
class Blocks:
    """Adds blocks to a text, one after another. title: of the paragraph whose style is Title."""

    out: TextBuilder
    inline: Inline
    title: str = ""
    _outline: Counter = field(init=False)
    _lists: dict[str, Counter] = field(default_factory=dict)
    _ended: dict[str, Counter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._outline = Counter(self.inline.styles.outline)

    def add(self, node: Node) -> None:
        """Add a block, then the notes, comments, charts and frames that it contains."""
        self._block(node)
        self._after()

    def _after(self) -> None:
        for _ in range(20):  # frames may hold frames
            frames = self.inline.flush(self.out)
            if not frames:
                return
            for frame in frames:
                self._children(frame)
        if self.inline.later:
            self.inline.later.clear()
            self.inline.counts["frames nested too deeply"] += 1

    def _block(self, node: Node) -> None:
        name = node.name
        if name == "p":
            self._paragraph(node)
        elif name == "h":
            self._heading(node)
        elif name == "list":
            self._list(node)
        elif name == "table":
            self._table(node)
        elif name == "tracked-changes":
            self.inline.counts["deleted passages (tracked changes)"] += sum(1 for _ in node.find("deletion"))
        elif name == "annotation" or name in SHAPES:
            text = squeeze(self.inline.text(Node("", {}, [node])))
            self.out.paragraph(text)
        elif name.endswith("-source") or name in _LEFT_OUT or name in ("forms", "sequence-decls"):
            return
        elif self.inline.styles.style(node.get("style-name")).hidden or node.get("display") == "none":
            self.inline.counts["hidden passages"] += bool(node.words().strip())
        else:
            self._children(node)

    def _children(self, node: Node) -> None:
        for child in node.children:
            if isinstance(child, Node):
                self._block(child)
            elif not child.isspace():  # content that was nested too deeply for elements
                self.out.paragraph(child)

    def _paragraph(self, node: Node) -> None:
        styles, style = self.inline.styles, node.get("style-name")
        if styles.style(style).hidden:
            self.inline.counts["hidden passages"] += bool(node.words().strip())
            return
        text = "\n".join(filter(None, map(squeeze, self.inline.text(node).split("\n"))))
        if text and styles.is_named(style, "Title"):
            self.title = self.title or squeeze(text)
            self.out.heading(text, 1)
        else:
            self.out.paragraph(text)

    def _heading(self, node: Node) -> None:
        level = node.count("outline-level", most=9)
        text = self.inline.line(node)
        if not text:
            return
        label = ""
        if node.get("is-list-header") != "true":
            restart = node.count("start-value", most=10**6) if node.get("restart-numbering") == "true" else 0
            label = self._outline.next(level, start=restart)
        self.out.heading(f"{label} {text}" if label else text, level)

    def _list(self, node: Node) -> None:
        """Add a list; headings in lists, as some programs write them, become headings."""
        if any(True for _ in node.find("h")):
            for heading in node.find("h"):
                self._heading(heading)
            return
        lines: list[str] = []
        tables: list[Node] = []
        self._items(node, self._counter(node), 1, lines, tables)
        self.out.items(lines)
        for table in tables:
            self._table(table)

    def _counter(self, node: Node) -> Counter:
        """Return the counter of a list: a new one, or that of the list that it continues."""
        name = node.get("style-name")
        levels: dict[int, Level] = self.inline.styles.lists.get(name, {})
        before = self._ended.get(node.get("continue-list"))
        if before is None and node.get("continue-numbering") == "true":
            before = self._lists.get(name)
        counter = before or Counter(levels)
        self._lists[name] = counter
        if node.get("id"):
            self._ended[node.get("id")] = counter
        return counter

    def _items(self, node: Node, counter: Counter, depth: int, lines: list[str], tables: list[Node]) -> None:
        if node.get("style-name") in self.inline.styles.lists and depth > 1:
            own = self.inline.styles.lists[node.get("style-name")]
            counter = counter if own == counter.levels else Counter(own)
        for item in node.nodes():
            if item.name not in ("list-item", "list-header"):
                continue
            label = ""
            if item.name == "list-item" and not _only_lists(item):
                start = item.count("start-value", most=10**6) if item.get("start-value") else 0
                label = counter.next(depth, start=start) or self._bullet(counter, depth)
            self._item(item, counter, depth, lines, tables, label)

    def _bullet(self, counter: Counter, depth: int) -> str:
        level = counter.levels.get(depth)
        return "-" if level is None or level.bullet else ""

    def _item(self, item: Node, counter: Counter, depth: int, lines: list[str], tables: list[Node], label: str) -> None:
        for child in item.nodes():
            if child.name == "list":
                self._items(child, counter, depth + 1, lines, tables)
            elif child.name == "table":
                tables.append(child)
            else:
                text = self.inline.line(child) if child.name in ("p", "h") else self.inline.words_of(child)
                if text:
                    lines.append(f"{_INDENT * (depth - 1)}{label}{' ' * bool(label)}{text}")
                    label = "" if not label else " "

    def _table(self, node: Node) -> None:
        if self.inline.styles.style(node.get("style-name")).hidden:
            self.inline.counts["hidden tables"] += 1
            return
        rows = table_rows(node, self.inline, heads=False)
        texts = [cell.text for row in rows for cell in row]
        width = max((sum(cell.columns for cell in row) for row in rows), default=0)
        if width < 2 or max(map(len, texts), default=0) > _CELL_LIMIT:
            for text in texts:
                self.out.paragraph(text)
            return
        add_grid(self.out, rows)


def _only_lists(item: Node) -> bool:
    """Tell whether an item holds nothing but deeper lists: it has no number of its own."""
    kinds = {child.name for child in item.nodes()}
    return kinds <= {"list"}


def table_rows(node: Node, inline: Inline, *, heads: bool) -> list[list[Cell]]:
    """Return the cells of a table in rows; blank repeated cells at the end are left out."""
    rows: list[list[Cell]] = []
    for child in node.nodes():
        if child.name in ROW_GROUPS:
            rows.extend(table_rows(child, inline, heads=heads or child.name == "table-header-rows"))
        elif child.name == "table-row":
            row = _row(child, inline, heads=heads)
            if row or rows:
                rows.extend([row] * (child.count("number-rows-repeated", most=_MAX_REPEATED) if row else 1))
    return rows


def _row(node: Node, inline: Inline, *, heads: bool) -> list[Cell]:
    if node.get("visibility") in ("collapse", "filter"):
        inline.counts["hidden rows"] += bool(node.words().strip())
        return []
    cells: list[Cell] = []
    for child in node.nodes():
        if child.name != "table-cell":
            continue
        text = inline.words_of(child)
        rows = child.count("number-rows-spanned", most=10_000)
        columns = child.count("number-columns-spanned", most=1_000)
        repeated = child.count("number-columns-repeated", most=_MAX_REPEATED)
        cells.extend(Cell(text, rows, columns, heads) for _ in range(repeated))
    while cells and not cells[-1].text and cells[-1].rows == 1:
        cells.pop()
    return cells
