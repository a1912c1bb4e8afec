"""Tables in lines of text: runs of rows that end in values, with the lines above that name the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_VALUE = re.compile(
    r"[(\[]?[-–—−+~<>≤≥]?[$€£¥]?\(?[-–—−+]?\d[\d,. ]*(?:%|x|X|bps|pts|pp|bn|m|M|k)?[)\]]?%?[*†‡]{0,2}|"
    r"[$€£¥]|[-–—−]{1,3}|[%)*]+|\(?N/?[AM]\)?|n/?[am]|n\.m\.?"
)
_HAS_NUMBER = re.compile(r"\d|^[-–—−]{1,3}$|^\(?N/?[AM]\)?$|^n/?[am]$")
_MONEY = re.compile(r"[$€£¥%]|\d,\d{3}|\(\d|\d\.\d")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*\.?"
_COLUMN_WORD = re.compile(
    rf"{_MONTH}|(?:19|20)\d\d|\d{{1,2}},?|q[1-4]|fy\d*|[$€£¥%()]+|first|second|third|fourth|quarter|quarters|year|years|"
    r"months?|weeks?|ended|ending|three|six|nine|twelve|change|total|increase|\(?decrease\)?|favorable|as|of|at|for|the|"
    r"dollars?|in|millions?|thousands?|billions?|except|per|data|u\.?s\.?|us\$|unaudited|level|euros?|eur|usd|"
    r"fiscal|and|to|vs\.?|from|actual|budget|note|notes|amount|percent|number|shares?|price|%",
    re.IGNORECASE,
)
_UNITS = re.compile(
    r"\(?[^()]{0,40}\b(?:in (?:millions|thousands|billions|(?:us )?dollars)|unaudited|millions)\b[^()]{0,60}\)?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_ROW_LIMIT = 220
_LABEL_LIMIT = 110
_GAP = 3  # label lines ("Current assets:") that may stand between two rows
_HEADER_LINES = 10


@dataclass(frozen=True, slots=True)
class TableSpan:
    """Lines [start, end) of a page are a table; its first row is at `body`; header: caption and column names."""

    start: int
    end: int
    body: int
    header: str


def is_value(token: str) -> bool:
    """Tell whether a word of a line is a cell value: a number, a currency sign, a dash."""
    return _VALUE.fullmatch(token) is not None


def find_tables(lines: Sequence[str], skip: set[int]) -> list[TableSpan]:
    """Return the tables of a page, in order; lines whose index is in `skip` belong to none."""
    kinds = [0 if index in skip else _row_kind(line) for index, line in enumerate(lines)]
    spans: list[TableSpan] = []
    index = floor = 0
    while index < len(lines):
        if kinds[index] == 0:
            index += 1
            continue
        end = _run_end(lines, kinds, skip, index)
        strong = sum(kind == 2 for kind in kinds[index:end])
        rows = sum(kind > 0 for kind in kinds[index:end])
        if strong >= 2 or rows >= 4:
            span = _with_header(lines, skip, floor, index, end)
            if not span.header and spans and span.start - spans[-1].end <= _HEADER_LINES:
                span = TableSpan(span.start, span.end, span.body, spans[-1].header)  # the same table goes on
            spans.append(span)
            floor = span.end
        index = end
    return spans


def _row_kind(line: str) -> int:
    """Return 2 for a row with several values at its end, 1 for one with a single amount, 0 for any other line."""
    if len(line) > _ROW_LIMIT or not line:
        return 0
    values = 0
    used = 0
    last = line.rsplit(maxsplit=1)[-1:]
    if not last or not is_value(last[0]):
        return 0
    tokens = line.split()
    for token in reversed(tokens):
        if not is_value(token):
            break
        used += 1
        values += _HAS_NUMBER.search(token) is not None
    if values >= 2:
        label = tokens[: len(tokens) - used]
        return 0 if label and label[-1].lower() in ("and", "or", "to", "of", "in", "than") and values < 3 else 2
    if values == 1 and len(tokens) > used and len(line) <= _LABEL_LIMIT:
        amount = " ".join(tokens[-used:])
        return 1 if _MONEY.search(amount) and not line.endswith(".") else 0
    return 0


def _run_end(lines: Sequence[str], kinds: Sequence[int], skip: set[int], start: int) -> int:
    """Return the end of the run of rows that begins at `start`, label lines between them included."""
    end = start + 1
    gap = 0
    for index in range(start + 1, len(lines)):
        if kinds[index]:
            end, gap = index + 1, 0
            continue
        gap += 1
        if index in skip or gap > _GAP or not _is_label(lines[index]):
            break
    return end


def _is_label(line: str) -> bool:
    return len(line) <= _LABEL_LIMIT and not line.endswith((".", "?", "!"))


def _with_header(lines: Sequence[str], skip: set[int], floor: int, start: int, end: int) -> TableSpan:
    body = start
    while body < end - 1 and _names_columns(lines[body]):
        body += 1
    first = body
    while first > floor and body - first < _HEADER_LINES and first - 1 not in skip and _is_label(lines[first - 1]):
        first -= 1
    region = list(range(first, body))
    naming = [index for index in region if _names_columns(lines[index]) or _UNITS.fullmatch(lines[index].strip())]
    if naming:
        # Labels between the column names and the first row ("ASSETS", "Current assets:") belong to the body.
        begin, last = max(first, naming[0] - 2), naming[-1] + 1
        while last < body and _repeats(lines[last]):
            last += 1
        return TableSpan(begin, end, last, " ".join(lines[begin:last]))
    near = [index for index in region[-2:] if not lines[index].endswith(":")]
    begin = near[0] if near else start
    return TableSpan(begin, end, body, " ".join(lines[index] for index in near))


def _repeats(line: str) -> bool:
    """Tell whether the words of a line repeat, as in "Total Level 1 Level 2 Total Level 1 Level 2"."""
    words = [word for word in line.split() if len(word) > 2]
    return len(words) > len(set(words))


def _names_columns(line: str) -> bool:
    """Tell whether a line holds only column names: years, dates, units, "Change"; at least one year or unit."""
    tokens = line.replace("/", " ").split()
    if not tokens or len(line) > _LABEL_LIMIT:
        return False
    known = sum(
        _COLUMN_WORD.fullmatch(token.strip("(),:;")) is not None or not token.strip("(),:;") for token in tokens
    )
    if known < len(tokens):
        return False
    return any(_YEAR.fullmatch(token.strip("(),:;")) for token in tokens) or (
        len(tokens) >= 2 and not all(map(is_value, tokens))
    )
