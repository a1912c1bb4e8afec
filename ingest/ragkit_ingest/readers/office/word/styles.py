"""The styles of a Word document: their headings, lists and character formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ragkit_ingest.readers.office.word.numbering import small
from ragkit_ingest.readers.zip_package import Event

_OFF = frozenset({"0", "off", "false"})


@dataclass(slots=True)
class Style:
    """A style. level: of a heading, 0 for none; numbering: id of its list, "" for none; indent: level of the list.

    hidden, struck, raised, font: of its letters; None and "" where the style does not say.
    """

    name: str = ""
    parent: str = ""
    level: int = 0
    body: bool = False  # its outline level 9 means body text
    numbering: str = ""
    indent: int | None = None
    hidden: bool | None = None
    struck: bool | None = None
    raised: str = ""
    font: str = ""


def is_on(attributes: Mapping[str, str]) -> bool:
    """Tell whether a switch (w:vanish) is on: it is when it has no value."""
    return attributes.get("val", "1") not in _OFF


def outline_level(value: str) -> int:
    """Return the heading level of an outline level (0 to 8), 0 for body text."""
    return int(value) + 1 if value.isdecimal() and len(value) == 1 and value != "9" else 0


def read_styles(events: Iterable[Event]) -> dict[str, Style]:
    """Return the styles of styles.xml by id, with what they inherit; "" is the default paragraph style."""
    styles: dict[str, Style] = {}
    current = Style()
    for event in events:
        if event.kind != "start":
            continue
        if event.name == "style":
            current = styles.setdefault(event.attributes.get("styleId", ""), Style())
            if event.attributes.get("type") == "paragraph" and event.attributes.get("default") in ("1", "on", "true"):
                styles[""] = current
        else:
            _take(current, event.name, event.attributes)
    for style in list(styles.values()):
        _inherit(style, styles)
    return styles


def _take(style: Style, name: str, attributes: Mapping[str, str]) -> None:
    value = attributes.get("val", "")
    if name == "name":
        style.name = value.lower()
        word, _, number = style.name.partition(" ")
        style.level = int(number[:2]) if word == "heading" and number.isdecimal() else style.level
    elif name == "basedOn":
        style.parent = value
    elif name == "outlineLvl":
        style.level = style.level or outline_level(value)
        style.body = value == "9"
    elif name in ("numId", "ilfo"):
        style.numbering = value
    elif name == "ilvl":
        style.indent = small(value)
    elif name == "vanish":
        style.hidden = is_on(attributes)
    elif name in ("strike", "dstrike"):
        style.struck = is_on(attributes)
    elif name == "vertAlign":
        style.raised = value
    elif name == "rFonts":
        style.font = attributes.get("ascii", attributes.get("hAnsi", ""))


def _inherit(style: Style, styles: Mapping[str, Style]) -> None:
    parent, steps = styles.get(style.parent) if style.parent else None, 0
    while parent is not None and steps < 20:
        if not style.body:
            style.level = style.level or parent.level
        if not style.numbering:
            style.numbering = parent.numbering
            style.indent = parent.indent if style.indent is None else style.indent
        style.hidden = parent.hidden if style.hidden is None else style.hidden
        style.struck = parent.struck if style.struck is None else style.struck
        style.raised = style.raised or parent.raised
        style.font = style.font or parent.font
        parent, steps = styles.get(parent.parent) if parent.parent else None, steps + 1
