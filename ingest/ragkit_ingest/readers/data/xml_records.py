"""XML of data as lines: an element with only text is `name: value`, a record is a group of lines under its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.data.xml_words import MARKED_UP, TAGS_IN_TEXT, UNITS, as_raised
from ragkit_ingest.readers.grid import JOIN
from ragkit_ingest.readers.text.embedded import LEFT_OUT
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.web.html import html_to_text

_GROUP: Final = 60  # lines that stand in one block
_WAITING: Final = 400  # children that wait for their parent's end; more are put out as records
_ATTRIBUTE: Final = 300  # characters of an attribute's value that are kept
_ON_ONE_LINE: Final = 400  # characters of a repeated record inside a record


class _Child(NamedTuple):
    """The result of reading a child. line: of an element with text; words: its text alone; lines: of one with
    children."""

    name: str
    line: str
    words: str = ""
    lines: tuple[str, ...] = ()

    @property
    def is_record(self) -> bool:
        """Whether it has children of its own."""
        return bool(self.lines)


@dataclass(slots=True)
class _Open:
    """An open element: its children so far, and its own text with that of children inside it, in order."""

    name: str
    attributes: Mapping[str, str]
    children: list[_Child] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    mixed: bool = False  # text next to children: it is a paragraph
    headed: bool = False  # its name was put out already


class RecordLayout:
    """Writes the children of the root, and of lists below it, as records.

    A group inside a record puts its name before its lines; of records that repeat inside a record each is one line.
    """

    def __init__(self, builder: TextBuilder, *, bare: bool = False) -> None:
        """bare: attributes describe presentation, and are left out."""
        self.title = ""
        self._out = builder
        self._bare = bare
        self._open: list[_Open] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Open an element."""
        kept = {} if self._bare else _useful(attributes)
        if self._open and not self._open[-1].mixed and _has_words(self._open[-1]):
            self._open[-1].mixed = True
        self._open.append(_Open(name, kept))
        if len(self._open) == 1 and kept:
            self._put([_head(name, kept)])

    def text(self, words: str) -> None:
        """Add characters to the element that is open; children before them become a part of the text."""
        top = self._open[-1]
        if top.children and not top.mixed and not words.isspace():
            top.mixed = True
            top.pieces = [" ".join(child.words or child.line or " ".join(child.lines) for child in top.children), " "]
            top.children.clear()
        top.pieces.append(words)

    def end(self) -> None:
        """Close the element that is open."""
        element = self._open.pop()
        above = self._open[-1] if self._open else None
        if above is not None and above.name == "dict" and above.children and above.children[-1].name == "key":
            value, element.name = element.name, above.children.pop().words or "key"  # of a property list
            if value in ("true", "false"):
                element.pieces.append(value)
        child = self._child(element)
        if above is None:
            self._close_root(element, child)
        elif above.mixed:
            above.pieces.append(as_raised(child.name.lower(), child.words or child.line or " ".join(child.lines)))
        elif len(self._open) == 1 and child.is_record:
            if above.children:  # text before a record is written before it
                self._put(item.line for item in above.children)
                above.children.clear()
            above.headed = True
            self._put_record(element)
        else:
            if child.line or child.lines:
                above.children.append(child)
            if child.name.lower() == "title" and not self.title and len(self._open) <= 3:
                self.title = child.words
            if len(above.children) > _WAITING:
                self._flush()

    # ------------------------------------------------------------------ what an element becomes

    def _child(self, element: _Open) -> _Child:
        words = squeeze("".join(element.pieces))
        name = element.name
        if element.mixed or not element.children:
            if name.lower() in MARKED_UP and TAGS_IN_TEXT.search(words):
                words = squeeze(html_to_text(words))
            return _Child(name, _leaf(name, element.attributes, words), words)
        lines = _nested(element.children)
        if element.attributes:
            lines = [_head(name, element.attributes), *lines]
        return _Child(name, "", "", tuple(lines))

    def _close_root(self, element: _Open, child: _Child) -> None:
        if element.mixed or not (element.children or element.headed):
            self._put([child.line])
            return
        self._put(item.line for item in element.children if not item.is_record)
        self._put([squeeze("".join(element.pieces))])

    def _put_record(self, element: _Open) -> None:
        """Write a child of the root: as one record, or each record of a list in it."""
        records = [child for child in element.children if child.is_record]
        name, times = Counter(child.name for child in records).most_common(1)[0] if records else ("", 0)
        size = sum(len(child.lines) for child in records if child.name == name)
        repeated = times > 1 and size > 2 * (len(element.children) - len(records))
        head = [] if element.headed else [_head(element.name, element.attributes)]
        if not repeated:
            self._put([*head, *_nested(element.children)])
            return
        self._put([*head, *(child.line for child in element.children if not child.is_record)])
        for child in records:
            named = child.lines[0].startswith(f"{child.name} (")
            self._put(child.lines if named else [child.name, *child.lines])

    def _flush(self) -> None:
        """Write the pending lines of the open elements, the outermost first, so that memory holds no long list."""
        for element in self._open:
            if element.children:
                if len(self._open) > 1 and element is self._open[0]:
                    self._put(child.line for child in element.children)
                else:
                    self._put_record(element)
                element.children.clear()
                element.headed = True

    def _put(self, lines: Iterable[str]) -> None:
        found = [line for line in lines if line]
        for start in range(0, len(found), _GROUP):
            part = found[start : start + _GROUP]
            if len(part) == 1:
                self._out.paragraph(part[0])
            else:
                self._out.items(part)


def _nested(children: list[_Child]) -> list[str]:
    """Return the lines of children inside a record."""
    names = Counter(child.name for child in children if child.is_record)
    lines: list[str] = []
    for child in children:
        if not child.is_record:
            lines.append(child.line)
        elif names[child.name] > 1 and sum(map(len, child.lines)) <= _ON_ONE_LINE:
            lines.append(f"{child.name}: {'; '.join(child.lines)}")
        else:
            lines.extend(f"{child.name}{JOIN}{line}" if line.count(JOIN) < 3 else line for line in child.lines)
    return lines


def _has_words(element: _Open) -> bool:
    return any(not piece.isspace() for piece in element.pieces)


def _useful(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the informative attributes: no schema locations, no long lists of numbers."""
    kept: dict[str, str] = {}
    for key, raw in attributes.items():
        space, _, name = key.rpartition(" ")
        value = squeeze(raw)
        if value and len(value) <= _ATTRIBUTE and name not in ("schemaLocation", "noNamespaceSchemaLocation", "space"):
            kept[f"xml:{name}" if space.endswith("/XML/1998/namespace") else name] = value
    return kept


def _head(name: str, attributes: Mapping[str, str]) -> str:
    shown = ", ".join(f"{key} {value}" for key, value in attributes.items())
    return f"{name} ({shown})" if shown else name


def _leaf(name: str, attributes: Mapping[str, str], value: str) -> str:
    """Return the line of an element without children: its name, its attributes, and its value with the unit."""
    unit = next((key for key in attributes if key.lower() in UNITS), "")
    rest = {key: shown for key, shown in attributes.items() if key != unit}
    if value and value != LEFT_OUT:
        return f"{_head(name, rest)}: {value}{' ' + attributes[unit] if unit else ''}"
    return _head(name, attributes) if attributes else ""
