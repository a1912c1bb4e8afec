"""reStructuredText by docutils: no includes, no raw text, nothing configured from outside; bounded in size and time."""

from __future__ import annotations

from typing import Any

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder, TimeLimitError, squeeze, time_limit
from ragkit_ingest.readers.encoding import decode
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import RST
from ragkit_ingest.readers.text.embedded import without_embedded

_SIZE_LIMIT = 2_000_000  # characters; docutils reads about 100,000 a second
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": False,
    "syntax_highlight": "none",
    "smart_quotes": False,
    "line_length_limit": 1_000_000,
    "dump_settings": False,
    "traceback": True,  # docutils would end the process otherwise
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "pep_references": False,
    "rfc_references": False,
}


class RstReader:
    """Reads text/x-rst."""

    name = "rst"
    media_types: tuple[str, ...] = (RST,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text of the document tree; what docutils cannot read in time is kept as plain text."""
        decoded = decode(data)
        builder = TextBuilder()
        for words in decoded.warnings:
            builder.warn(words)
        text = without_embedded(decoded.text, builder.warn)
        tree = None if len(text) > _SIZE_LIMIT else _parse(text, min(12.0, hints.budget.left()))
        if tree is None:
            builder.warn("long or deeply nested reStructuredText: read as plain text")
            add_plain(builder, text)
            return builder.finish(name=name)
        walk = _Walk(builder)
        walk.run(tree)
        return builder.finish(name=name, metadata=walk.fields)


def _parse(text: str, seconds: float) -> Any | None:
    from docutils.core import publish_doctree
    from docutils.utils import SystemMessage

    try:
        with time_limit(seconds):
            return publish_doctree(text, settings_overrides=dict(_SETTINGS))
    except (
        TimeLimitError,
        RecursionError,
        SystemMessage,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        AssertionError,
    ):
        return None


class _Walk:
    """Visits the tree with a stack of its own, since its depth is the input's."""

    def __init__(self, builder: TextBuilder) -> None:
        self.fields: dict[str, object] = {}
        self._out = builder
        self._items: list[str] = []

    def run(self, tree: Any) -> None:
        from docutils import nodes

        skipped = (
            nodes.comment,
            nodes.system_message,
            nodes.substitution_definition,
            nodes.target,
            nodes.raw,
            nodes.pending,
        )
        stack: list[tuple[Any, int, str]] = [(tree, 0, "")]  # node, section level, mark of the list item
        while stack:
            node, level, mark = stack.pop()
            if isinstance(node, skipped):
                continue
            if isinstance(node, nodes.docinfo | nodes.field_list):
                self._fields(node)
            elif isinstance(node, nodes.title | nodes.rubric):
                self._flush()
                self._out.heading(node.astext(), max(level, 1))
            elif isinstance(node, nodes.literal_block | nodes.doctest_block | nodes.math_block):
                self._flush()
                language = next((name for name in node.get("classes", []) if name != "code"), "")
                self._out.code(node.astext(), language)
            elif isinstance(node, nodes.table):
                self._flush()
                self._table(node, nodes)
            elif isinstance(node, nodes.TextElement):
                self._text(node, mark)
            else:
                stack.extend(self._below(node, level, mark, nodes))
        self._flush()

    def _below(self, node: Any, level: int, mark: str, nodes: Any) -> list[tuple[Any, int, str]]:
        """Return the children to visit, the last one first, with the mark of list items."""
        if isinstance(node, nodes.section):
            level += 1
        children = list(node.children)
        if isinstance(node, nodes.bullet_list | nodes.enumerated_list):
            start = int(node.get("start", 1))
            numbered = isinstance(node, nodes.enumerated_list)
            indent = "  " + mark[: len(mark) - len(mark.lstrip())] if mark else ""
            marks = [f"{indent}{start + i}. " if numbered else f"{indent}- " for i in range(len(children))]
            pairs = [(child, level, item) for child, item in zip(children, marks, strict=True)]
        elif isinstance(node, nodes.list_item):
            hanging = mark[: len(mark) - len(mark.lstrip())] + "  " if mark else ""
            texts = [isinstance(child, nodes.TextElement) for child in children]
            first = texts.index(True) if True in texts else -1
            pairs = [
                (child, level, mark if i == first or not texts[i] else hanging or "  ")
                for i, child in enumerate(children)
            ]
        else:
            pairs = [(child, level, mark) for child in children]
        pairs.reverse()
        return pairs

    def _text(self, node: Any, mark: str) -> None:
        text = node.astext()
        if mark:
            self._items.append(mark + squeeze(text))
        else:
            self._flush()
            self._out.paragraph(text)

    def _fields(self, node: Any) -> None:
        """Add a field list as lines; the one at the top of the file is its metadata too."""
        lines = []
        top = self._out.size < 200
        for item in node.children:
            name = item.children[0].astext() if item.tagname == "field" and len(item.children) == 2 else item.tagname
            value = squeeze(item.children[-1].astext() if item.tagname == "field" else item.astext())
            if top and value:
                self.fields[name] = value
            lines.append(f"{name}: {value}" if value else name)
        self._flush()
        self._out.paragraph("\n".join(lines))

    def _table(self, node: Any, nodes: Any) -> None:
        caption = next((child.astext() for child in node.children if isinstance(child, nodes.title)), "")
        rows = [[squeeze(entry.astext()) for entry in row.children] for row in node.findall(nodes.row)]
        self._out.table(rows, header=any(True for _ in node.findall(nodes.thead)), caption=caption)

    def _flush(self) -> None:
        if self._items:
            self._out.items(self._items)
            self._items = []
