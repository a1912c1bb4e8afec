"""The words of a paragraph of an OpenDocument file, with its links, notes, comments, fields and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.links import linked
from ragkit_ingest.readers.odf.nodes import Node
from ragkit_ingest.readers.odf.objects import Chart, Objects
from ragkit_ingest.readers.odf.styles import Styles
from ragkit_ingest.readers.raised import subscript, superscript
from ragkit_ingest.readers.text.symbols import symbol_text
from ragkit_ingest.readers.titles import squeeze

SHAPES: Final = frozenset(
    ["frame", "custom-shape", "rect", "ellipse", "circle", "line", "connector", "polygon", "path", "g", "caption",
     "polyline", "regular-polygon", "measure", "control", "page-thumbnail", "scene"]
)  # fmt: skip
_SILENT: Final = frozenset(
    ["tracked-changes", "forms", "annotation-end", "glue-point", "event-listeners", "enhanced-geometry", "image-map",
     "table-of-content-source", "alphabetical-index-source", "illustration-index-source", "table-index-source",
     "object-index-source", "user-index-source", "bibliography-source", "sequence-decls", "variable-decls",
     "user-field-decls", "dde-connection-decls", "notes-configuration", "meta", "settings", "scripts", "shapes-info"]
)  # fmt: skip
ROW_GROUPS: Final = frozenset(["table-rows", "table-row-group", "table-header-rows"])
STRUCK: Final = "struck-out text left out (characters)"
_PAGE_FIELDS: Final = frozenset(["page-number", "page-count", "sheet-name", "file-name", "time", "date"])


@dataclass(slots=True)
class Inline:
    """Turns paragraphs into text. later: notes, comments and shapes that follow their block, in order.

    keep_comments: comments become text. pictures: reads the words of a picture, given its part; "" for none.
    """

    styles: Styles
    objects: Objects
    forms: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    later: list[str | Chart | Node] = field(default_factory=list)
    furniture: bool = False
    keep_comments: bool = True
    pictures: Callable[[str], str] | None = None

    def text(self, node: Node) -> str:
        """Return the text of a paragraph or of an element in one; lines are separated by newlines."""
        if node.name in ("p", "h") and self.is_struck(node):
            return ""
        return "".join(" ".join(c.split("\n")) if isinstance(c, str) else self._piece(c) for c in node.children)

    def is_struck(self, node: Node) -> bool:
        """Tell whether the style of an element strikes its words out; they are counted, and left out."""
        if not self.styles.style(node.get("style-name")).struck:
            return False
        self.counts[STRUCK] += len(squeeze(node.words()))
        return True

    def line(self, node: Node) -> str:
        """Return the words of a paragraph on one line."""
        return squeeze(self.text(node))

    def flush(self, out: TextBuilder) -> list[Node]:
        """Add the pending notes, comments and charts to a text; return the frames that hold blocks."""
        frames: list[Node] = []
        waiting, self.later = self.later, []
        for item in waiting:
            if isinstance(item, Node):
                frames.append(item)
            elif isinstance(item, Chart):
                item.add(out)
            else:
                out.paragraph(item)
        return frames

    def _piece(self, node: Node) -> str:
        name = node.name
        if name in _SILENT or (self.furniture and name in _PAGE_FIELDS):
            return ""
        if name == "s":
            return " " * node.count("c", most=100)
        if name == "tab":
            return " "
        if name == "line-break":
            return "\n"
        if name in ("span", "a"):
            return self._styled(node)
        if name in ("note", "annotation"):
            return self._aside(node)
        if name in SHAPES:
            return self.shape(node)
        if name in ("hidden-text", "hidden-paragraph"):
            self.counts["hidden passages"] += node.get("is-hidden") == "true"
            return "" if node.get("is-hidden") == "true" else self.text(node)
        if name == "ruby-text":
            return f"({self.text(node)})"
        return self.text(node)

    def _styled(self, node: Node) -> str:
        style = self.styles.style(node.get("style-name"))
        if style.hidden:
            self.counts["hidden passages"] += bool(node.words().strip())
            return ""
        if self.is_struck(node):
            return ""
        text = symbol_text(self.text(node), style.font) if style.font else self.text(node)
        if node.name == "a":
            return linked(text, node.get("href"))
        if style.raised and text.strip():
            raised = (superscript if style.raised == "super" else subscript)(text)
            return f"{' ' * text[:1].isspace()}{raised}{' ' * text[-1:].isspace()}"
        return text

    def _aside(self, node: Node) -> str:
        """Keep a note or a comment for after the block; return the mark of a note."""
        if node.name == "annotation" and not self.keep_comments:
            self.counts["comments left out"] += 1
            return ""
        if node.name == "annotation":
            author = next((squeeze(child.words()) for child in node.nodes() if child.name == "creator"), "")
            words = self.words_of(node, leave=frozenset(["creator", "date", "creator-initials", "date-string"]))
            if words:
                self.later.append(f"Comment{' by ' if author else ''}{author}: {words}")
            return ""
        mark = next((squeeze(child.words()) for child in node.nodes() if child.name == "note-citation"), "")
        words = " ".join(filter(None, (self.words_of(c) for c in node.nodes() if c.name == "note-body")))
        if words:
            self.later.append(f"Note {mark}: {words}" if mark else f"Note: {words}")
        return superscript(mark)

    def words_of(self, node: Node, *, leave: frozenset[str] = frozenset()) -> str:
        """Return the words of all paragraphs below on one line; lists keep their items apart by blanks."""
        parts: list[str] = []
        for child in node.children:
            if isinstance(child, str):
                parts.append(squeeze(child))  # blanks, or content that was nested too deeply for elements
            elif child.name in leave:
                continue
            elif child.name in ("p", "h"):
                parts.append(self.line(child))
            elif child.name in SHAPES:
                parts.append(squeeze(self.shape(child)))
            elif child.name == "table":
                parts.append(self._inner_table(child))
            elif child.name not in _SILENT:
                parts.append(self.words_of(child, leave=leave))
        return " ".join(filter(None, parts))

    def _inner_table(self, node: Node) -> str:
        """Return a table that stands in a cell on one line: cells by commas, rows by semicolons."""
        rows: list[str] = []
        for child in node.nodes():
            if child.name == "table-row":
                cells = (self.words_of(cell) for cell in child.nodes() if cell.name == "table-cell")
                rows.append(", ".join(filter(None, cells)))
            elif child.name in ROW_GROUPS:
                rows.append(self._inner_table(child))
        return "; ".join(filter(None, rows))

    def shape(self, node: Node) -> str:
        """Keep a shape for after the block; return its text within the line: a formula, or nothing."""
        if node.name == "control":
            return self.forms.get(node.get("control"), "")
        described = next((squeeze(c.words()) for c in node.nodes() if c.name == "desc"), "") or next(
            (squeeze(c.words()) for c in node.nodes() if c.name == "title"), ""
        )
        for child in node.nodes():
            if child.name in ("object", "object-ole") or (child.name == "math"):
                return self._object(child, described)
        if described:
            self.later.append(f"Picture: {described}")
        if node.name == "g" or any(child.name in ("text-box", "table", "p", "list") for child in node.nodes()):
            self.later.append(node)
        else:
            self._images(node, described)
        return ""

    def _images(self, node: Node, described: str) -> None:
        """Keep the words of pictures for after the block; a picture without description is counted."""
        images = [child for child in node.nodes() if child.name == "image"]
        read = [self.pictures(image.get("href")) for image in images[:1]] if self.pictures is not None else []
        self.later += [text for text in read if text]
        self.counts["pictures without text"] += bool(images) and not described and not any(read)

    def _object(self, node: Node, described: str) -> str:
        found = self.objects.read(node)
        if isinstance(found, Chart):
            self.later.append(found)
            return ""
        if described:
            self.later.append(f"Picture: {described}")
        if not found and not described:
            self.counts["embedded objects not read"] += 1
        return found
