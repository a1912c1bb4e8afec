"""HTML blocks within a line of Markdown, such as a list in a cell of a table: what stands between their words."""

from __future__ import annotations

from ragkit_ingest.readers.markup.arguments import parse_tag
from ragkit_ingest.readers.web.lists import BULLET, OpenList
from ragkit_ingest.readers.web.rules import LISTS


class LineBlocks:
    """The lists of one line that are open. Items and terms are written as in a cell of a web page."""

    def __init__(self) -> None:
        self._lists: list[OpenList] = []
        self._items = 0

    def between(self, source: str, tag: str, *, closing: bool) -> str:
        """Return what a tag puts between the words before and after it.

        That is "; " before every item but the first, with its number where it has one, ": " after a term, and else a
        line break.
        """
        if tag == "li" and not closing:
            return self._item(_attributes(source))
        if tag == "dt" and closing:
            return ": "
        if tag in LISTS and not closing:
            self._lists.append(OpenList.opened(tag, _attributes(source)))
        elif tag in LISTS and self._lists:
            self._lists.pop()
        return "\n" if tag != "li" else ""

    def _item(self, attributes: dict[str, str]) -> str:
        mark = self._lists[-1].mark(attributes) if self._lists else BULLET
        self._items += 1
        return ("; " if self._items > 1 else " ") + (mark if mark != BULLET else "")


def _attributes(source: str) -> dict[str, str]:
    """Return the attributes of a tag that have a value, by name."""
    tag = parse_tag(source, 0)
    return {argument.name.lower(): argument.value for argument in tag.arguments} if tag is not None else {}
