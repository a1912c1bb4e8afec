"""AsciiDoc within a line, and the cells of its tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ragkit_ingest.readers.base import squeeze
from ragkit_ingest.readers.grid import Cell
from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.raised import subscript, superscript

_REFERENCE = re.compile(r"\{([\w][\w-]{0,60})\}")
_LINK = re.compile(r"(?:link:|(?=https?://|mailto:))([^\s\[\]<>]{1,500})\[([^\]\n]{0,500})\]")
_XREF = re.compile(r"<<([^,<>\n]{1,200})(?:,\s*([^<>]{1,300}))?>>")
_XREF_MACRO = re.compile(r"xref:([^\s\[\]]{1,300})\[([^\]\n]{0,300})\]")
_MACRO = re.compile(r"(footnote|kbd|btn|menu|image|icon|stem|latexmath|asciimath|pass|anchor|indexterm2?):([^\s\[\]:]{0,200})\[([^\]\n]{0,500})\]")
_QUOTED = re.compile(
    r"(?<![\w\\])(?:\[[^\]\n]{1,100}\])?(\*\*|__|``|##|[*_`#])(?=\S)([^\n]{1,400}?)(?<=\S)\1(?![\w])"
)
_UNBOUND = re.compile(r"(?:\[[^\]\n]{1,100}\])?(\*\*|__|``|##)(?=\S)([^\n]{1,400}?)(?<=\S)\1")
_RAISED = re.compile(r"\^([^\s^]{1,40})\^")
_LOWERED = re.compile(r"~([^\s~]{1,40})~")
_ANCHOR = re.compile(r"\[\[[^\]\n]{1,100}\]\]|\(\(\(([^()\n]{1,200})\)\)\)")
_BREAK = re.compile(r"[ \t]\+$", re.MULTILINE)
_KNOWN: Final = {"nbsp": "\u00a0", "sp": " ", "empty": "", "plus": "+", "vbar": "|", "amp": "&", "lt": "<", "gt": ">", "cpp": "C++", "zwsp": "", "apos": "'", "quot": '"', "startsb": "[", "endsb": "]", "caret": "^", "asterisk": "*", "tilde": "~", "backslash": "\\", "backtick": "`", "two-colons": "::", "two-semicolons": ";;", "deg": "°"}
_LINE_LIMIT: Final = 50_000
_SPEC = re.compile(r"(?:(\d{1,3})?(?:\.(\d{1,3}))?\+|(\d{1,3})\*)?([<^>]?(?:\.[<^>])?)([aehlmsv]?)$")


class AsciidocText:
    """Turns marked text into words; attributes: the values that {names} stand for, which may grow."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._attributes = attributes

    def values(self, text: str) -> str:
        """Return text with attributes in place of their names; unknown names stay."""
        return _REFERENCE.sub(lambda match: self._value(match[1], match[0]), text) if "{" in text else text

    def words(self, text: str) -> str:
        """Return text without its marks; links keep their words and addresses."""
        if len(text) > _LINE_LIMIT:
            return text
        text = _BREAK.sub("", self.values(text))
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

    def _value(self, name: str, unknown: str) -> str:
        return self._attributes.get(name.lower(), _KNOWN.get(name.lower(), unknown))


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


def table_cells(
    lines: Sequence[str], style: str, separator: str, words: Callable[[str], str]
) -> list[list[Cell]]:
    """Return the rows of a table; its width is that of the cols attribute, else of its first line.

    A first line with a blank line after it names the columns.
    """
    content = [line.rstrip() for line in lines]
    data = separator in ",:" or re.search(r"format=\"?(?:csv|dsv|tsv)", style) is not None
    if data:
        rows = [[Cell(words(squeeze(cell.strip().strip('"')))) for cell in _split(line, separator if separator in ",:" else ",")] for line in content if line.strip()]
        heads = len(content) > 1 and not content[1].strip() or "header" in style
        return [[Cell(cell.text, heads=True) for cell in rows[0]], *rows[1:]] if rows and heads else rows
    return _psv(content, style, separator, words)


def _split(line: str, separator: str) -> list[str]:
    import csv

    return next(csv.reader([line], delimiter=separator), [])


def _psv(content: list[str], style: str, separator: str, words: Callable[[str], str]) -> list[list[Cell]]:
    cells: list[tuple[str, Cell]] = []  # cells in order with the kind of each
    first_line = 0
    pattern = re.compile(rf"(?:^|(?<=[ \t]))((?:\d{{1,3}}(?:\.\d{{1,3}})?\+|\.\d{{1,3}}\+|\d{{1,3}}\*)?(?:[<^>](?:\.[<^>])?|\.[<^>])?[aehlmsv]?)(?<!\\)\{separator}")
    for line in content:
        marks = [*pattern.finditer(line)] if separator in line else []
        if not marks:
            if cells and line.strip():
                kind, cell = cells[-1]
                cells[-1] = (kind, Cell(f"{cell.text} {words(line.strip())}".strip(), cell.rows, cell.columns, heads=cell.heads))
            continue
        before = line[: marks[0].start()].strip()
        if before and cells:
            kind, cell = cells[-1]
            cells[-1] = (kind, Cell(f"{cell.text} {words(before)}", cell.rows, cell.columns, heads=cell.heads))
        for mark, following in zip(marks, [*marks[1:], None], strict=True):
            text = words(squeeze(line[mark.end() : following.start() if following else len(line)].replace(f"\\{separator}", separator)))
            cells.extend(_with_spec(mark[1], text))
        if not first_line:
            first_line = sum(cell.columns for _, cell in cells)
    width = _columns(style) or first_line or 1
    rows = _in_rows([cell for _, cell in cells], width)
    blank_after = next((not content[at + 1].strip() for at, line in enumerate(content[:-1]) if line.strip()), False)
    if rows and ("header" in style or (blank_after and first_line == width and "noheader" not in style)):
        rows[0] = [Cell(cell.text, cell.rows, cell.columns, heads=True) for cell in rows[0]]
    return rows


def _with_spec(spec: str, text: str) -> list[tuple[str, Cell]]:
    match = _SPEC.match(spec)
    if match is None:
        return [("", Cell(text))]
    columns, rows, copies = int(match[1] or 1), int(match[2] or 1), int(match[3] or 1)
    return [(match[5], Cell(text, rows, columns, heads=match[5] == "h"))] * min(copies, 100)


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


def _in_rows(cells: Sequence[Cell], width: int) -> list[list[Cell]]:
    """Deal cells out over rows of a width, with the places that spans from above take."""
    rows: list[list[Cell]] = []
    taken: dict[int, int] = {}  # row -> columns that cells from above fill
    at = 0
    while at < len(cells):
        row: list[Cell] = []
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
