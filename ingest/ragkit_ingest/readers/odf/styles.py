"""The effect of an OpenDocument file's styles on its text: hidden, raised or lowered text, and the numbers of lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.odf.nodes import Node, steps
from ragkit_ingest.readers.text.symbols import is_symbol_font
from ragkit_ingest.readers.zip_package import Package

_CONTAINERS: Final = frozenset(
    ["document-styles", "document-content", "document", "styles", "automatic-styles", "master-styles", "body"]
)
_LEVELS: Final = frozenset(["list-level-style-number", "list-level-style-bullet", "outline-level-style"])
_ROMAN: Final = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
                 (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a list style. format: "1", "a", "A", "i", "I", or "" for a level without number."""

    format: str = ""
    prefix: str = ""
    suffix: str = ""
    shown: int = 1
    start: int = 1
    bullet: bool = False


@dataclass(slots=True)
class Style:
    """A style of text, a paragraph, a table or a slide. raised: "super", "sub" or "". font: one that holds signs."""

    parent: str = ""
    name: str = ""
    hidden: bool = False
    struck: bool = False
    raised: str = ""
    font: str = ""


@dataclass(slots=True)
class Styles:
    """The styles of a file by name. lists: levels by number, from 1; furniture: headers and footers of its pages."""

    found: dict[str, Style] = field(default_factory=dict)
    lists: dict[str, dict[int, Level]] = field(default_factory=dict)
    outline: dict[int, Level] = field(default_factory=dict)
    furniture: list[Node] = field(default_factory=list)

    def style(self, name: str) -> Style:
        """Return a style; a plain one when the name is not known."""
        return self.found.get(name, _PLAIN)

    def is_named(self, name: str, wanted: str) -> bool:
        """Tell whether a style is, or comes from, the style of this name."""
        for _ in range(10):
            if name == wanted or self.style(name).name == wanted:
                return True
            name = self.style(name).parent
            if not name:
                return False
        return False


_PLAIN: Final = Style()


def read_styles(package: Package) -> Styles:
    """Return the styles of styles.xml and of content.xml."""
    styles = Styles()
    for part in ("styles.xml", "content.xml"):
        if part not in package:
            continue
        for step in steps(package.events(part), _CONTAINERS):
            if step.kind == "open" and step.node.name == "body":
                break
            if step.kind == "node":
                _take(styles, step.node)
    return styles


def _take(styles: Styles, node: Node) -> None:
    if node.name == "style":
        styles.found[node.get("name")] = _style(node)
    elif node.name == "list-style":
        styles.lists[node.get("name")] = _levels(node)
    elif node.name == "outline-style":
        styles.outline = _levels(node)
    elif node.name == "master-page":
        for child in node.nodes():
            kind = child.name.startswith(("header", "footer"))
            if kind and child.get("display") not in ("false", "none"):
                styles.furniture.append(child)


def _style(node: Node) -> Style:
    style = Style(parent=node.get("parent-style-name"), name=node.get("display-name") or node.get("name"))
    for properties in node.nodes():
        position = properties.get("text-position").split(" ")[0]
        percent = position.rstrip("%").lstrip("-")
        if position in ("super", "sub"):
            style.raised = position
        elif percent.isdecimal() and int(percent[:3]):
            style.raised = "sub" if position.startswith("-") else "super"
        style.hidden = style.hidden or properties.get("display") in ("none", "false")
        style.hidden = style.hidden or properties.get("visibility") == "hidden"
        font = properties.get("font-name") or properties.get("font-family").strip("'")
        style.font = font if is_symbol_font(font) else style.font
        lined = properties.get("text-line-through-style") or properties.get("text-line-through-type")
        style.struck = style.struck or lined not in ("", "none")
    return style


def _levels(node: Node) -> dict[int, Level]:
    found: dict[int, Level] = {}
    for child in node.nodes():
        if child.name in _LEVELS:
            found[child.count("level", most=20)] = Level(
                format=child.get("num-format"),
                prefix=child.get("num-prefix"),
                suffix=child.get("num-suffix"),
                shown=child.count("display-levels", most=20),
                start=child.count("start-value", most=10**6),
                bullet=child.name.endswith("bullet"),
            )
    return found


@dataclass(slots=True)
class Counter:
    """Counts the items of one list or of the headings; numbers of deeper levels begin anew."""

    levels: dict[int, Level]
    numbers: dict[int, int] = field(default_factory=dict)

    def next(self, depth: int, *, start: int = 0) -> str:
        """Return the label of the next item of a level: "2.1", "(a)"; "" for a level that has none."""
        level = self.levels.get(depth)
        for deeper in [known for known in self.numbers if known > depth]:
            del self.numbers[deeper]
        if level is None or level.bullet:
            return ""
        self.numbers[depth] = start or self.numbers.get(depth, level.start - 1) + 1
        if not level.format:
            return ""
        shown = range(max(1, depth - level.shown + 1), depth + 1)
        parts = [
            numeral(self.numbers.get(at, self.levels[at].start), self.levels[at].format)
            for at in shown
            if at in self.levels and self.levels[at].format
        ]
        return f"{level.prefix}{'.'.join(parts)}{level.suffix}"


def numeral(number: int, kind: str) -> str:
    """Return a number as digits ("1"), letters ("a", "A": z is followed by aa, bb) or Roman numerals ("i", "I")."""
    if kind in ("a", "A") and 0 < number <= 26 * 20:
        return chr(ord(kind) + (number - 1) % 26) * ((number - 1) // 26 + 1)
    if kind in ("i", "I") and 0 < number < 4_000:
        text = ""
        for value, letters in _ROMAN:
            text += letters * (number // value)
            number %= value
        return text.upper() if kind == "I" else text
    return str(number)
