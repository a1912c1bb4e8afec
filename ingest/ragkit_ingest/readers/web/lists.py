"""The numbers of a page's lists, as browsers count them (HTML 4.4.5 and 4.4.8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from ragkit_ingest.readers.office.number_formats import formatted
from ragkit_ingest.readers.web.rules import LISTS

BULLET: Final = "- "
_REVERSED = re.compile(r"<ol\b[^>]{0,1000}?\breversed\b", re.IGNORECASE)
_INTEGER = re.compile(r"\s*([-+]?[0-9]{1,6})")
_LIST_STYLE = re.compile(r"(?:^|;)\s*list-style(?:-type)?\s*:([^;]*)", re.IGNORECASE)
_FORM_LIMIT: Final = 5_000  # characters of a style that are read
_TYPED: Final = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_STYLED: Final = {
    "decimal": "decimal",
    "lower-alpha": "lowerLetter",
    "lower-latin": "lowerLetter",
    "upper-alpha": "upperLetter",
    "upper-latin": "upperLetter",
    "lower-roman": "lowerRoman",
    "upper-roman": "upperRoman",
    "decimal-leading-zero": "decimalZero",
    "disc": "",
    "circle": "",
    "square": "",
    "none": "",
}


@dataclass(slots=True)
class OpenList:
    """A list that is being read. number: of its next item; form: how it is written, as Word names it, "" for a bullet.

    step: 1, or -1 for a list that counts down.
    """

    number: int = 1
    form: str = ""
    step: int = 1

    @classmethod
    def opened(cls, tag: str, attributes: Mapping[str, str]) -> Self:
        """Return the list that a tag opens."""
        step = -1 if tag == "ol" and "reversed" in attributes else 1
        return cls(_integer(attributes.get("start", ""), 1), _form(attributes, "decimal" if tag == "ol" else ""), step)

    def mark(self, attributes: Mapping[str, str]) -> str:
        """Count an item, and return what stands before it: "3. ", "c. ", "- " for a bullet."""
        self.number = _integer(attributes.get("value", ""), self.number)
        number, form = self.number, _form(attributes, self.form)
        self.number += self.step
        return f"{formatted(number, form)}. " if form else BULLET


class LineBlocks:
    """Blocks of HTML on one line, such as a list in a cell of a Markdown table, written as in a cell of a page."""

    def __init__(self) -> None:
        self._lists: list[OpenList] = []
        self._items = 0

    def between(self, tag: str, attributes: Mapping[str, str], *, closing: bool) -> str:
        """Return what a tag puts between the words before and after it.

        That is "; " before every item but the first, with its number where it has one, ": " after a term, and else a
        line break.
        """
        if tag == "li":
            return "" if closing else self._item(attributes)
        if tag == "dt" and closing:
            return ": "
        if tag in LISTS and not closing:
            self._lists.append(OpenList.opened(tag, attributes))
        elif tag in LISTS and self._lists:
            self._lists.pop()
        return "\n"

    def _item(self, attributes: Mapping[str, str]) -> str:
        mark = self._lists[-1].mark(attributes) if self._lists else BULLET
        self._items += 1
        return ("; " if self._items > 1 else " ") + (mark if mark != BULLET else "")


class ListLengths:
    """A target of the HTML parser that counts the items of each ordered list, in the order of their tags."""

    def __init__(self) -> None:
        self._lengths: list[int] = []
        self._open: list[int] = []  # places of the open lists, -1 for those without an order

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002 (the parser's protocol)
        """Open a tag."""
        if tag == "ol":
            self._open.append(len(self._lengths))
            self._lengths.append(0)
        elif tag in ("ul", "menu", "dir"):
            self._open.append(-1)
        elif tag == "li" and self._open and self._open[-1] >= 0:
            self._lengths[self._open[-1]] += 1

    def end(self, tag: str) -> None:
        """Close a tag."""
        if tag in ("ol", "ul", "menu", "dir") and self._open:
            self._open.pop()

    def close(self) -> list[int]:
        """Return the number of items of each list."""
        return self._lengths


def list_lengths(html: str) -> list[int]:
    """Return how many items each <ol> of a page has; nothing where none counts down, so that it is not asked."""
    if _REVERSED.search(html) is None:
        return []
    from lxml import etree

    parser = etree.HTMLParser(target=ListLengths(), huge_tree=True, no_network=True, remove_pis=True)
    parser.feed(html)
    return list(parser.close())


def _form(attributes: Mapping[str, str], inherited: str) -> str:
    """Return how numbers are written, as Word names it; an element's own style goes before its type."""
    for value in reversed(_LIST_STYLE.findall(attributes.get("style", "")[:_FORM_LIMIT])):
        for word in value.lower().split():
            if word in _STYLED:
                return _STYLED[word]
    return _TYPED.get(attributes.get("type", "").strip(), inherited)


def _integer(value: str, default: int) -> int:
    match = _INTEGER.match(value)
    return int(match[1]) if match is not None else default
