"""Word's automatic numbers, computed as the page shows them: numbering.xml with levels, restarts and overrides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ragkit_ingest.readers.office.number_formats import formatted
from ragkit_ingest.readers.text.symbols import symbol_text
from ragkit_ingest.readers.zip_package import Event

BULLET: Final = "-"
_LEVELS: Final = 9
_TICKS: Final = frozenset("✓✔✗✘☐☑☒❑❒□■➢→")
_MAX_NUMBER: Final = 10**6
_OFF: Final = frozenset({"0", "off", "false"})


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a list as numbering.xml has it. restart: the level (from 1) after which it begins anew, 0 never."""

    start: int = 1
    format: str = "decimal"
    text: str = ""
    restart: int | None = None
    legal: bool = False  # all numbers of its text in Arabic digits
    style: str = ""  # paragraph style that stands for this level
    font: str = ""  # of a bullet
    custom: str = ""  # the first numbers of a custom format: "001, 002, 003"


@dataclass(slots=True)
class _Instance:
    """A w:num: the list that it belongs to, and what it changes there."""

    abstract: str = ""
    starts: dict[int, int] = field(default_factory=dict)
    levels: dict[int, Level] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)  # levels whose start was taken already


class Numbering:
    """Counts the paragraphs of all lists of a document, and returns the number of each."""

    def __init__(self) -> None:
        self._abstract: dict[str, dict[int, Level]] = {}
        self._links: dict[str, str] = {}  # abstract list -> the numbering style that defines it
        self._styles: dict[str, str] = {}  # numbering style -> the abstract list that defines it
        self._instances: dict[str, _Instance] = {}
        self._counts: dict[str, dict[int, int]] = {}

    def read(self, events: Iterable[Event]) -> None:
        """Take the definitions of numbering.xml, or of w:lists in Word 2003 XML."""
        _Definitions(self._abstract, self._links, self._styles, self._instances).read(events)

    def define(self, abstract: str, levels: Mapping[int, Level]) -> None:
        """Take a list that another format than Word's XML defines."""
        self._abstract[abstract] = dict(levels)

    def use(self, number: str, abstract: str, starts: Mapping[int, int], levels: Mapping[int, Level]) -> None:
        """Take the number by which paragraphs name a list, with the starts and levels that it changes there."""
        self._instances[number] = _Instance(abstract, dict(starts), dict(levels))

    def level_of_style(self, number: str, style: str) -> int | None:
        """Return the level of a list that a paragraph style stands for, None when there is none."""
        instance = self._instances.get(number)
        if instance is None:
            return None
        levels = {**self._levels(instance.abstract), **instance.levels}
        return next((at for at, level in levels.items() if level.style and level.style == style), None)

    def mark(self, number: str, at: int) -> str:
        """Count a paragraph and return what stands before it: "2.1", "(a)", "-" for a bullet, "" for nothing."""
        instance = self._instances.get(number)
        if instance is None:
            return BULLET
        levels = self._levels(instance.abstract)
        level = instance.levels.get(at) or levels.get(at)
        if level is None:
            return BULLET
        counts = self._counts.setdefault(self._owner(instance.abstract), {})
        self._count(instance, counts, {**levels, **instance.levels}, at)
        if level.format == "bullet":
            return _bullet(level)
        return self._text(level, counts, {**levels, **instance.levels})

    def _count(self, instance: _Instance, counts: dict[int, int], levels: Mapping[int, Level], at: int) -> None:
        start = levels[at].start
        if at in instance.starts and at not in instance.used:
            counts[at] = instance.starts[at]
        elif at in counts:
            counts[at] = min(counts[at] + 1, _MAX_NUMBER)
        else:
            counts[at] = instance.starts.get(at, start)
        instance.used.add(at)
        for deeper in range(at + 1, _LEVELS):
            restart = levels[deeper].restart if deeper in levels else None
            if restart is None or at < restart:
                counts.pop(deeper, None)

    def _text(self, level: Level, counts: Mapping[int, int], levels: Mapping[int, Level]) -> str:
        if level.format == "none" and "%" not in level.text:
            return level.text.strip()
        words = level.text
        if not words and level.format != "none":
            return ""
        for other in range(_LEVELS):
            place = f"%{other + 1}"
            if place not in words:
                continue
            named = levels.get(other, Level())
            value = counts.get(other, named.start)
            style = "decimal" if level.legal and named.format != "decimalZero" else named.format
            words = words.replace(place, formatted(value, style, named.custom))
        return words.strip()

    def _owner(self, abstract: str) -> str:
        """Return the list that counts: one that a numbering style defines is the same list everywhere."""
        return self._styles.get(self._links.get(abstract, ""), abstract)

    def _levels(self, abstract: str) -> dict[int, Level]:
        return self._abstract.get(self._owner(abstract), {})


def _bullet(level: Level) -> str:
    sign = symbol_text(level.text, level.font).strip()
    return sign if sign in _TICKS else BULLET


NUMBER_CODES: Final = {
    "0": "decimal",
    "1": "upperRoman",
    "2": "lowerRoman",
    "3": "upperLetter",
    "4": "lowerLetter",
    "5": "ordinal",
    "6": "cardinalText",
    "7": "ordinalText",
    "22": "decimalZero",
    "23": "bullet",
    "255": "none",
}
"""The meaning of w:nfc of Word 2003 XML and of \\levelnfc of RTF."""


class _Definitions:
    """Follows the events of numbering definitions."""

    def __init__(
        self,
        abstract: dict[str, dict[int, Level]],
        links: dict[str, str],
        styles: dict[str, str],
        instances: dict[str, _Instance],
    ) -> None:
        self._abstract = abstract
        self._links = links
        self._styles = styles
        self._instances = instances
        self._list = ""
        self._number = ""
        self._override = -1
        self._at = 0
        self._level: Level | None = None
        self._in_choice = 0

    def read(self, events: Iterable[Event]) -> None:
        for event in _without_fallbacks(events):
            if event.kind == "start":
                self._start(event.name, event.attributes)
            elif event.kind == "end":
                self._end(event.name)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        value = attributes.get("val", "")
        if name in ("abstractNum", "listDef"):
            self._list = attributes.get("abstractNumId", attributes.get("listDefId", ""))
            self._abstract.setdefault(self._list, {})
        elif name in ("num", "list"):
            self._number = attributes.get("numId", attributes.get("ilfo", ""))
            self._instances.setdefault(self._number, _Instance())
        elif name == "numStyleLink":
            self._links[self._list] = value
        elif name == "styleLink":
            self._styles[value] = self._list
        elif name == "lvl":
            self._at, self._level = small(attributes.get("ilvl", "")), Level()
        elif self._level is not None:
            self._level = _changed(self._level, name, attributes)
        elif self._number in self._instances:
            self._instance(self._instances[self._number], name, attributes)

    def _instance(self, instance: _Instance, name: str, attributes: Mapping[str, str]) -> None:
        value = attributes.get("val", "")
        if name in ("abstractNumId", "ilst"):
            instance.abstract = value
        elif name == "lvlOverride":
            self._override = small(attributes.get("ilvl", ""))
        elif name == "startOverride" and self._override >= 0:
            instance.starts[self._override] = natural(value)

    def _end(self, name: str) -> None:
        if name == "lvlOverride":
            self._override = -1
        elif name == "num":
            self._number = ""
        elif name == "lvl" and self._level is not None:
            if self._override >= 0 and self._number in self._instances:
                self._instances[self._number].levels[self._at] = self._level
            else:
                self._abstract.setdefault(self._list, {})[self._at] = self._level
            self._level = None


def _changed(level: Level, name: str, attributes: Mapping[str, str]) -> Level:
    value = attributes.get("val", "")
    if name == "start":
        return replace(level, start=natural(value))
    if name == "numFmt":
        return replace(level, format=value, custom=attributes.get("format", ""))
    if name == "nfc":
        return replace(level, format=NUMBER_CODES.get(value, "decimal"))
    if name == "lvlText":
        return replace(level, text=value[:200])
    if name == "lvlRestart":
        return replace(level, restart=small(value))
    if name == "isLgl":
        return replace(level, legal=value not in _OFF)
    if name == "pStyle":
        return replace(level, style=value)
    if name == "rFonts":
        return replace(level, font=attributes.get("ascii", attributes.get("hAnsi", level.font)))
    return level


def _without_fallbacks(events: Iterable[Event]) -> Iterator[Event]:
    depth = 0
    for event in events:
        if depth or (event.kind == "start" and event.name == "Fallback"):
            depth += (event.kind == "start") - (event.kind == "end")
        else:
            yield event


def small(value: str) -> int:
    """Return a level (0 to 8) or a similar small number of an attribute; 0 where it is invalid."""
    return min(int(value[:3]), _LEVELS) if value[:3].isdecimal() else 0


def natural(value: str) -> int:
    """Return a number of an attribute, at most a million; 1 where it is invalid."""
    return min(int(value[:7]), _MAX_NUMBER) if value[:7].isdecimal() else 1
