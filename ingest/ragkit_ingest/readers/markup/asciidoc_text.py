"""AsciiDoc within a line, and the cells of its tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Final

from ragkit_ingest.readers.grid import Cell
from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.office.number_formats import formatted
from ragkit_ingest.readers.raised import subscript, superscript
from ragkit_ingest.readers.titles import squeeze

_REFERENCE = re.compile(r"\{([\w][\w-]{0,60})\}")
_LINK = re.compile(r"(?:link:|(?=https?://|mailto:))([^\s\[\]<>]{1,500})\[([^\]\n]{0,500})\]")
_XREF = re.compile(r"<<([^,<>\n]{1,200})(?:,\s*([^<>]{1,300}))?>>")
_XREF_MACRO = re.compile(r"xref:([^\s\[\]]{1,300})\[([^\]\n]{0,300})\]")
_MACRO = re.compile(
    r"(footnote|kbd|btn|menu|image|icon|stem|latexmath|asciimath|pass|anchor|indexterm2?):([^\s\[\]:]{0,200})\[([^\]\n]{0,500})\]"
)
_QUOTED = re.compile(r"(?<![\w\\])(?:\[[^\]\n]{1,100}\])?(\*\*|__|``|##|[*_`#])(?=\S)([^\n]{1,400}?)(?<=\S)\1(?![\w])")
_UNBOUND = re.compile(r"(?:\[[^\]\n]{1,100}\])?(\*\*|__|``|##)(?=\S)([^\n]{1,400}?)(?<=\S)\1")
_RAISED = re.compile(r"\^([^\s^]{1,40})\^")
_LOWERED = re.compile(r"~([^\s~]{1,40})~")
_ANCHOR = re.compile(r"\[\[[^\]\n]{1,100}\]\]|\(\(\(([^()\n]{1,200})\)\)\)")
_VERBATIM = re.compile(r"(?<![\w+])(\+{1,3})(?=[^\s+])([^\n]{1,400}?)(?<=[^\s+])\1(?![\w+])")
_HELD: Final = 0xF0000  # private characters stand for verbatim text until the marks are removed
_MOST_HELD: Final = 1_000
_BREAK = re.compile(r"[ \t]\+$", re.MULTILINE)
_KNOWN: Final = {
    "nbsp": "\u00a0",
    "sp": " ",
    "empty": "",
    "plus": "+",
    "vbar": "|",
    "amp": "&",
    "lt": "<",
    "gt": ">",
    "cpp": "C++",
    "zwsp": "",
    "apos": "'",
    "quot": '"',
    "startsb": "[",
    "endsb": "]",
    "caret": "^",
    "asterisk": "*",
    "tilde": "~",
    "backslash": "\\",
    "backtick": "`",
    "two-colons": "::",
    "two-semicolons": ";;",
    "deg": "°",
}
_STRUCK = re.compile(r"\[(?:[\w.-]*\.)?line-through\](##?)(.+?)\1", re.DOTALL)
_NUMBERED: Final = {
    "arabic": "decimal",
    "decimal": "decimalZero",
    "loweralpha": "lowerLetter",
    "upperalpha": "upperLetter",
    "lowerroman": "lowerRoman",
    "upperroman": "upperRoman",
}
_BY_DEPTH: Final = ("decimal", "lowerLetter", "lowerRoman", "upperLetter", "upperRoman")
_LINE_LIMIT: Final = 50_000
_SPEC = re.compile(r"(?:(\d{1,3})?(?:\.(\d{1,3}))?\+|(\d{1,3})\*)?([<^>]?(?:\.[<^>])?)([aehlmsv]?)$")


class AsciidocText:
    """Turns marked text into words; attributes: the values that {names} stand for, which may grow.

    struck: characters that are struck out, and left out.
    """

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self.struck = 0
        self._attributes = attributes

    def values(self, text: str) -> str:
        """Return text with attributes in place of their names; unknown names stay."""
        return _REFERENCE.sub(lambda match: self._value(match[1], match[0]), text) if "{" in text else text

    def words(self, text: str) -> str:
        """Return text without its marks; links keep their words and addresses."""
        if len(text) > _LINE_LIMIT:
            return text
        held: list[str] = []
        text = _VERBATIM.sub(partial(_hold, held), text) if "+" in text else text
        text = self._plain(text)
        for number, verbatim in enumerate(held):
            text = text.replace(chr(_HELD + number), verbatim, 1)
        return text

    def _plain(self, text: str) -> str:
        text = _BREAK.sub("", self.values(text))
        if "line-through" in text:
            text = _STRUCK.sub(self._strike, text)
        text = _ANCHOR.sub(lambda match: match[1] or "", text)
        text = _LINK.sub(_link, text)
        text = _XREF.sub(lambda match: match[2] or match[1].rpartition("#")[2], text)
        text = _XREF_MACRO.sub(lambda match: match[2] or match[1], text)
        text = _MACRO.sub(_inline_macro, text)
        for _ in range(3):  # marks in marks
            plainer = _QUOTED.sub(r"\2", _UNBOUND.sub(r"\2", text)) if re.search(r"[*_`#]", text) else text
            if plainer == text:
                break
            text = plainer
        text = _RAISED.sub(lambda match: superscript(match[1]), text)
        return _LOWERED.sub(lambda match: subscript(match[1]), text)

    def _strike(self, match: re.Match[str]) -> str:
        self.struck += len(match[2])
        return ""

    def _value(self, name: str, unknown: str) -> str:
        return self._attributes.get(name.lower(), _KNOWN.get(name.lower(), unknown))


def _hold(held: list[str], match: re.Match[str]) -> str:
    """Keep verbatim text (`+a_b_c+`), and return its placeholder character."""
    if len(held) >= _MOST_HELD:
        return match[0]
    held.append(match[2])
    return chr(_HELD + len(held) - 1)


def _link(match: re.Match[str]) -> str:
    words = match[2].rstrip("^").split(",role=")[0].split(",window=")[0].strip().strip('"').rstrip("^")
    if not words:
        return match[1].removeprefix("mailto:")
    return words + address_after(words, match[1])


def _inline_macro(match: re.Match[str]) -> str:
    kind, target, inner = match[1], match[2], match[3]
    if kind == "footnote":
        return f" [{inner}]" if inner else ""
    if kind == "menu":
        return " > ".join(filter(None, [target, *re.split(r"\s*>\s*", inner)]))
    if kind == "image":
        return inner.split(",")[0] if "=" not in inner.split(",")[0] else ""
    return "" if kind in ("icon", "anchor") else inner


@dataclass(slots=True)
class _OpenList:
    """A list that is open. number: of its last item; form: how numbers are written; step: -1 for one that counts down.

    items: the places of its items among those of all lists, where their numbers depend on how many there are.
    """

    mark: str
    number: int
    form: str
    step: int = 1
    items: list[int] | None = None


class AsciidocLists:
    """The open lists of a page, and the items that were read since the last block."""

    def __init__(self) -> None:
        self._open: list[_OpenList] = []
        self._items: list[str] = []
        self._down: list[_OpenList] = []  # those among the items that count down

    def __len__(self) -> int:
        """How deep the lists are nested."""
        return len(self._open)

    def knows(self, mark: str) -> bool:
        """Tell whether a list with this mark of its items is open."""
        return any(one.mark == mark for one in self._open)

    def item(self, mark: str, callout: str, style: str) -> str:
        """Count an item, and return what stands before its words. style: the attributes of a list that it may begin."""
        if self.knows(mark):
            while self._open[-1].mark != mark:
                self._open.pop()
            self._open[-1].number += self._open[-1].step
        else:
            self._open.append(_list_of(mark, style))
        last = self._open[-1]
        if mark == "<.>" and callout.isdecimal():
            last.number = int(callout[:4])
        lead = f"{formatted(last.number, last.form)}. " if mark[0] in ".1<" else "- "
        return f"{'  ' * (len(self._open) - 1)}{lead}"

    def add(self, text: str, *, begins: bool) -> None:
        """Add the text of an item, or one that goes on with it."""
        self._items.append(text)
        last = self._open[-1] if self._open else None
        if begins and last is not None and last.items is not None:
            if not last.items:
                self._down.append(last)
            last.items.append(len(self._items) - 1)

    def take(self) -> list[str]:
        """Return the items, and remove them; lists that count down get their numbers, now that all are known."""
        taken, self._items = self._items, []
        for one in self._down:
            for number, at in enumerate(reversed(one.items or ()), 1):
                text = taken[at]
                indent = text[: len(text) - len(text.lstrip())]
                taken[at] = f"{indent}{formatted(number, one.form)}. {text.partition('. ')[2]}"
            one.items = []
        self._down = []
        return taken

    def close(self) -> None:
        """End all lists."""
        self._open.clear()


def _list_of(mark: str, attributes: str) -> _OpenList:
    """Return the list that an item begins: the form and the start of its numbers, by its attributes or its depth."""
    names = [part.strip().lower().strip('%"') for part in attributes.split(",")]
    options = {option for name in names for option in name.split("%")}
    depth = len(mark) if mark[0] == "." else 1
    form = next((_NUMBERED[option] for option in options if option in _NUMBERED), "")
    start = next((name[6:].strip('"') for name in names if name.startswith("start=")), "")
    down = not options.isdisjoint({"reversed", "options=reversed", "opts=reversed"})
    return _OpenList(
        mark,
        int(start[:6]) if start.isdecimal() else 1,
        form or _BY_DEPTH[min(depth, len(_BY_DEPTH)) - 1],
        step=-1 if down else 1,
        items=[] if down and not start else None,
    )


def table_cells(lines: Sequence[str], style: str, separator: str, words: Callable[[str], str]) -> list[list[Cell]]:
    """Return the rows of a table; its width is that of the cols attribute, else of its first line.

    A first line with a blank line after it names the columns.
    """
    content = [line.rstrip() for line in lines]
    data = separator in ",:" or re.search(r"format=\"?(?:csv|dsv|tsv)", style) is not None
    if data:
        sign = separator if separator in ",:" else ","
        rows = [
            [Cell(words(squeeze(cell.strip().strip('"')))) for cell in _split(line, sign)]
            for line in content
            if line.strip()
        ]
        heads = (len(content) > 1 and not content[1].strip()) or "header" in style
        return [[Cell(cell.text, heads=True) for cell in rows[0]], *rows[1:]] if rows and heads else rows
    return _psv(content, style, separator, words)


def _split(line: str, separator: str) -> list[str]:
    import csv

    return next(csv.reader([line], delimiter=separator), [])


@dataclass(slots=True)
class _Raw:
    """A cell that is being read."""

    parts: list[str]
    rows: int = 1
    columns: int = 1
    heads: bool = False

    def done(self, *, heads: bool = False) -> Cell:
        return Cell(" ".join(filter(None, self.parts)), self.rows, self.columns, heads=self.heads or heads)


def _psv(content: list[str], style: str, separator: str, words: Callable[[str], str]) -> list[list[Cell]]:
    cells: list[_Raw] = []
    first_line = 0
    pattern = re.compile(
        r"(?:^|(?<=[ \t]))((?:\d{1,3}(?:\.\d{1,3})?\+|\.\d{1,3}\+|\d{1,3}\*)?"
        rf"(?:[<^>](?:\.[<^>])?|\.[<^>])?[aehlmsv]?)(?<!\\)\{separator}"
    )
    for line in content:
        marks = [*pattern.finditer(line)] if separator in line else []
        before = line[: marks[0].start()] if marks else line
        if before.strip() and cells:
            cells[-1].parts.append(words(before.strip()))
        for mark, following in zip_longest(marks, marks[1:]):
            text = line[mark.end() : following.start() if following else len(line)]
            cells.extend(_with_spec(mark[1], words(squeeze(text.replace(f"\\{separator}", separator)))))
        first_line = first_line or sum(cell.columns for cell in cells)
    width = _columns(style) or first_line or 1
    rows = _in_rows(cells, width)
    blank_after = next((not content[at + 1].strip() for at, line in enumerate(content[:-1]) if line.strip()), False)
    heads = "noheader" not in style and ("header" in style or (blank_after and first_line == width))
    return [[cell.done(heads=heads and number == 0) for cell in row] for number, row in enumerate(rows)]


def _with_spec(spec: str, text: str) -> list[_Raw]:
    match = _SPEC.match(spec)
    if match is None:
        return [_Raw([text])]
    columns, rows, copies = int(match[1] or 1), int(match[2] or 1), int(match[3] or 1)
    return [_Raw([text], rows, columns, heads=match[5] == "h") for _ in range(min(copies, 100))]


def _columns(style: str) -> int:
    match = re.search(r"cols=(?:\"([^\"]*)\"|'([^']*)'|([^,\s]+))", style)
    if match is None:
        return 0
    total = 0
    for part in re.split(r"[,;]", match[1] or match[2] or match[3] or ""):
        times = re.match(r"\s*(\d{1,3})\*", part)
        total += int(times[1]) if times else 1
    if total == 1 and (match[3] or match[1] or "").isdigit():
        return int(match[3] or match[1])
    return total


def _in_rows(cells: Sequence[_Raw], width: int) -> list[list[_Raw]]:
    """Distribute cells over rows of a width, around the places that spans from above occupy."""
    rows: list[list[_Raw]] = []
    taken: dict[int, int] = {}  # row -> columns that cells from above fill
    at = 0
    while at < len(cells):
        row: list[_Raw] = []
        left = width - taken.get(len(rows), 0)
        while at < len(cells) and left > 0:
            cell = cells[at]
            at += 1
            left -= cell.columns
            row.append(cell)
            for below in range(1, min(cell.rows, 1_000)):
                taken[len(rows) + below] = taken.get(len(rows) + below, 0) + cell.columns
        rows.append(row)
        if not row and len(rows) > 10 * len(cells) + 1_000:
            break
    return rows
