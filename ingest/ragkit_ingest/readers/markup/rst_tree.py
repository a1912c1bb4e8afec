"""docutils' document tree as text with structure: headings, boxes, lists, terms, tables with merged cells, code."""

from __future__ import annotations

import re
from typing import Any, Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.grid import Cell, add_grid
from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.office.number_formats import formatted
from ragkit_ingest.readers.raised import subscript, superscript
from ragkit_ingest.readers.titles import squeeze

_ENUMERATED: Final = {
    "loweralpha": "lowerLetter",
    "upperalpha": "upperLetter",
    "lowerroman": "lowerRoman",
    "upperroman": "upperRoman",
}
_OF_THE_FILE: Final = frozenset({"orphan", "tocdepth", "nocomments", "nosearch", "no-search", "allow-section-headings"})
"""Fields that tell Sphinx what to do with a file."""
_FIELD = re.compile(r"(param|parameter|arg|argument|key|keyword|raises|raise|except|exception|var|ivar|cvar)[ ](.+)")
_FIELD_KINDS: Final = {"raise": "Raises", "except": "Raises", "exception": "Raises", "key": "Keyword"} | {
    **dict.fromkeys(("param", "arg"), "Parameter"),
    **dict.fromkeys(("var", "ivar", "cvar"), "Variable"),
}


def _field_name(match: re.Match[str]) -> str:
    """Return `Parameter limit (int)` for the field `param int limit` of an interface."""
    kind = _FIELD_KINDS.get(match[1], match[1].capitalize())
    of_type, _, name = match[2].rpartition(" ")
    return f"{kind} {name} ({of_type})" if of_type and kind != "Raises" else f"{kind} {match[2]}"


class TreeWalk:
    """Visits the tree with an explicit stack, since the input decides its depth."""

    def __init__(self, builder: TextBuilder) -> None:
        from docutils import nodes

        self.fields: dict[str, object] = {}
        self.unread = 0  # places that are no correct reStructuredText
        self._out = builder
        self._nodes = nodes
        self._items: list[str] = []
        self._term = ""
        self._skipped = (
            nodes.comment,
            nodes.substitution_definition,
            nodes.target,
            nodes.raw,
            nodes.pending,
        )

    def run(self, tree: Any) -> None:
        """Add the whole tree."""
        nodes = self._nodes
        stack: list[tuple[Any, int, str]] = [(tree, 0, "")]  # node, section level, mark of the list item
        while stack:
            node, level, mark = stack.pop()
            if isinstance(node, self._skipped):
                continue
            if isinstance(node, nodes.system_message):
                self._fault(node)
            elif isinstance(node, nodes.docinfo | nodes.field_list):
                self._fields(node)
            elif isinstance(node, nodes.title | nodes.rubric):
                self._title(node, level)
            elif isinstance(node, nodes.literal_block | nodes.doctest_block | nodes.math_block):
                self._flush()
                self._out.code(node.astext(), next((name for name in node.get("classes", []) if name != "code"), ""))
            elif isinstance(node, nodes.table):
                self._flush()
                self._table(node)
            elif not self._text(node, mark):
                stack.extend(self._below(node, level, mark))
        self._flush()

    def _text(self, node: Any, mark: str) -> bool:
        """Add a node that holds words only; False for one that holds others."""
        nodes = self._nodes
        if isinstance(node, nodes.line_block):
            self._lines(node, mark)
        elif isinstance(node, nodes.image):
            self._words(str(node.get("alt", "")), mark)
        elif isinstance(node, nodes.option_group):
            self._term = ", ".join(option.astext() for option in node.children)
        elif isinstance(node, nodes.term):
            self._term = f"{self._term}, {self._inline(node)}" if self._term else self._inline(node)
        elif isinstance(node, nodes.TextElement):
            self._words(self._inline(node), mark)
        else:
            return False
        return True

    def _fault(self, node: Any) -> None:
        """Keep lines that docutils cannot parse as they are."""
        for source in node.findall(self._nodes.literal_block):
            self.unread += 1
            self._flush()
            self._out.paragraph(source.astext())

    def _title(self, node: Any, level: int) -> None:
        nodes = self._nodes
        words = self._inline(node)
        if isinstance(node, nodes.title) and not isinstance(node.parent, nodes.section | nodes.document):
            self._words(words, "")  # of a box or a sidebar
            return
        self._flush()
        self._out.heading(words, max(level, 1))

    def _below(self, node: Any, level: int, mark: str) -> list[tuple[Any, int, str]]:
        """Return the children to visit, the last one first, with the mark of list items."""
        nodes = self._nodes
        if isinstance(node, nodes.section):
            level += 1
        if isinstance(node, nodes.Admonition) and not isinstance(node, nodes.admonition | nodes.system_message):
            self._words(node.tagname.capitalize(), mark)
        children = list(node.children)
        if isinstance(node, nodes.bullet_list | nodes.enumerated_list):
            start = int(node.get("start", 1))
            lead = self._number if isinstance(node, nodes.enumerated_list) else lambda _list, _number: "-"
            indent = "  " + mark[: len(mark) - len(mark.lstrip())] if mark else ""
            marks = [f"{indent}{lead(node, start + i)} " for i in range(len(children))]
            pairs = [(child, level, item) for child, item in zip(children, marks, strict=True)]
        elif isinstance(node, nodes.list_item):
            hanging = mark[: len(mark) - len(mark.lstrip())] + "  " if mark else ""
            texts = [isinstance(child, nodes.TextElement) for child in children]
            first = texts.index(True) if True in texts else -1
            pairs = [
                (child, level, mark if i == first or not texts[i] else hanging or "  ")
                for i, child in enumerate(children)
            ]
        elif isinstance(node, nodes.footnote | nodes.citation) and children and isinstance(children[0], nodes.label):
            self._term = f"[{children[0].astext()}]"
            pairs = [(child, level, mark) for child in children[1:]]
        else:
            pairs = [(child, level, mark) for child in children]
        pairs.reverse()
        return pairs

    def _number(self, node: Any, number: int) -> str:
        """Return the number of a list's item as the file writes it: `a)`, `(iv)`, `3.`."""
        shown = formatted(number, _ENUMERATED.get(str(node.get("enumtype")), "decimal"))
        return f"{node.get('prefix', '')}{shown}{node.get('suffix', '.')}"

    def _words(self, text: str, mark: str) -> None:
        if self._term:
            text, self._term = f"{self._term.rstrip(': ')}: {text}", ""
        if not text.strip():
            return
        if mark:
            self._items.append(mark + squeeze(text))
        else:
            self._flush()
            self._out.paragraph(text)

    def _inline(self, node: Any) -> str:
        """Return the text of a node with the addresses of its links; raised words keep apart from numbers."""
        nodes = self._nodes
        parts: list[str] = []
        stack: list[Any] = [node]
        while stack:
            item = stack.pop()
            if isinstance(item, str) and not isinstance(item, nodes.Text):
                parts.append(item)
            elif isinstance(item, nodes.Text):
                parts.append(item.astext())
            elif isinstance(item, nodes.superscript | nodes.subscript):
                parts.append((superscript if isinstance(item, nodes.superscript) else subscript)(item.astext()))
            elif isinstance(item, nodes.image):
                parts.append(f" {item.get('alt', '')} ")
            elif isinstance(item, nodes.footnote_reference | nodes.citation_reference):
                parts.append(("" if parts and parts[-1][-1:].isspace() else " ") + f"[{item.astext()}]")
            elif isinstance(item, nodes.raw | nodes.target | nodes.system_message):
                continue
            elif isinstance(item, nodes.reference):
                parts.append(item.astext() + address_after(item.astext(), str(item.get("refuri", ""))))
            else:
                stack.extend(reversed(item.children))
        return "".join(parts)

    def _lines(self, node: Any, mark: str) -> None:
        """Add verse and addresses with their lines."""
        nodes = self._nodes
        text = "\n".join(self._inline(line) for line in node.findall(nodes.line))
        self._words(squeeze(text) if mark else text, mark)

    def _fields(self, node: Any) -> None:
        """Add a field list as lines; the one at the top of the file is its metadata too."""
        lines = []
        top = self._out.size < 200
        for item in node.children:
            pair = item.tagname == "field" and len(item.children) == 2
            name = item.children[0].astext() if pair else item.tagname
            value = squeeze(self._inline(item.children[-1]) if item.tagname == "field" else self._inline(item))
            if top and name in _OF_THE_FILE:
                continue
            name = _FIELD.sub(_field_name, name)
            if top and value:
                self.fields[name] = value
            lines.append(f"{name}: {value}" if value else name)
        self._flush()
        self._out.paragraph("\n".join(lines))

    def _table(self, node: Any) -> None:
        nodes = self._nodes
        caption = next((child.astext() for child in node.children if isinstance(child, nodes.title)), "")
        rows = []
        for row in node.findall(nodes.row):
            heads = isinstance(row.parent, nodes.thead)
            rows.append([self._cell(entry, heads=heads) for entry in row.children])
        add_grid(self._out, rows, header=any(True for _ in node.findall(nodes.thead)), caption=caption)

    def _cell(self, entry: Any, *, heads: bool) -> Cell:
        parts = [squeeze(self._inline(child)) for child in entry.children]
        return Cell(
            " ".join(filter(None, parts)),
            int(entry.get("morerows", 0)) + 1,
            int(entry.get("morecols", 0)) + 1,
            heads=heads,
        )

    def _flush(self) -> None:
        if self._term:
            term, self._term = self._term, ""
            self._out.paragraph(term)
        if self._items:
            self._out.items(self._items)
            self._items = []
