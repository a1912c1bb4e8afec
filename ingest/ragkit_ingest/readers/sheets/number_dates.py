"""Serial numbers as dates, times and durations by the tokens of a format; dates of digits only are written ISO 8601."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ragkit_ingest.readers.sheets.month_names import MONTHS, WEEKDAYS
from ragkit_ingest.readers.sheets.number_tokens import Token

LAST_SERIAL: Final = 2_958_466
"""The day after 9999-12-31, the last date of a spreadsheet."""
_DAY: Final = 86_400
_MOST_DAYS: Final = 1e9
_ERAS: Final = (
    (dt.date(2019, 5, 1), "令和", "R"),
    (dt.date(1989, 1, 8), "平成", "H"),
    (dt.date(1926, 12, 25), "昭和", "S"),
    (dt.date(1912, 7, 30), "大正", "T"),
    (dt.date(1868, 1, 25), "明治", "M"),
)
_SEPARATORS: Final = frozenset(" ./-,")


@dataclass(frozen=True, slots=True)
class Moment:
    """A serial number in parts. whole: seconds of all of it; day: None for 1900-02-29 and day zero, which are not
    dates."""

    year: int
    month: int
    number: int
    day: dt.date | None
    seconds: int
    fraction: float
    whole: float

    @classmethod
    def of(cls, value: float, *, decimals: int, date1904: bool) -> Moment:
        """Split a serial number, rounded to so many decimals of a second."""
        whole = round(value * _DAY, decimals)
        days, seconds = divmod(whole, _DAY)
        serial = int(days) + (1_462 if date1904 else 0)
        if serial == 60:  # Lotus 1-2-3 took 1900 for a leap year, and Excel follows it
            year, month, number, day = 1900, 2, 29, None
        elif serial == 0:
            year, month, number, day = 1900, 1, 0, None
        elif serial >= LAST_SERIAL:  # a duration, or what was rounded up to the day after the last
            year, month, number, day = 9999, 12, 31, None
        else:
            day = dt.date(1899, 12, 30 if serial > 60 else 31) + dt.timedelta(days=serial)
            year, month, number = day.year, day.month, day.day
        return cls(year, month, number, day, int(seconds), seconds - int(seconds), whole)


def date_renderer(tokens: Sequence[Token], language: str, *, date1904: bool) -> Callable[[float], str]:
    """Return a function that formats a serial number; "" for a number that is not a date."""
    pieces = _minutes(_iso(list(tokens), language))
    decimals = _second_decimals(pieces)
    half_day = any(token.kind == "ampm" for token in pieces)
    elapsed = any(token.kind == "elapsed" for token in pieces)

    def show(value: float) -> str:
        if not elapsed and not 0 <= value < LAST_SERIAL - (1_462 if date1904 else 0):
            return ""
        moment = Moment.of(min(abs(value), _MOST_DAYS), decimals=decimals, date1904=date1904)
        shown = "".join(_piece(token, moment, language or "en", half_day=half_day) for token in pieces)
        return f"-{shown}" if value < 0 else shown

    return show


def _iso(tokens: list[Token], language: str) -> list[Token]:
    """Replace day, month and year in digits by one ISO date: 03/04/2026 reads in two ways, 2026-04-03 in one.

    Months by name of a language whose names are not known here are written so, too.
    """
    tokens = _months_not_minutes(tokens)
    known = language in MONTHS or not language or not any(t.kind == "date" and t.text in ("mmm", "mmmm", "mmmmm")
                                                          for t in tokens)  # fmt: skip
    places = [at for at, token in enumerate(tokens) if token.kind == "date" and token.text[0] in "ymd"
              and not (not known and token.text[0] == "d" and len(token.text) > 2)]  # fmt: skip
    letters = sorted(tokens[at].text[0] for at in places)
    if letters != ["d", "m", "y"]:
        return tokens
    between = tokens[places[0] : places[-1] + 1]
    digits = all(t.text[0] == "y" or len(t.text) <= 2 for t in between if t.kind == "date")
    plain = all(t.kind == "date" or set(t.text) <= _SEPARATORS for t in between)
    if known and not (digits and plain):
        return tokens
    return [*tokens[: places[0]], Token("iso", ""), *tokens[places[-1] + 1 :]]


def _months_not_minutes(tokens: list[Token]) -> list[Token]:
    """Mark each m or mm beside hours or seconds as minutes ("n")."""
    clocks = [at for at, token in enumerate(tokens) if token.kind in ("date", "elapsed")]
    out = list(tokens)
    for order, at in enumerate(clocks):
        token = tokens[at]
        if token.kind != "date" or token.text not in ("m", "mm"):
            continue
        before = tokens[clocks[order - 1]].text if order else ""
        after = tokens[clocks[order + 1]].text if order + 1 < len(clocks) else ""
        if before.startswith("h") or after.startswith("s"):
            out[at] = Token("date", "n" * len(token.text))
    return out


def _minutes(tokens: list[Token]) -> list[Token]:
    """Join the fraction of a second to its token: "s.00" shows two decimals."""
    out: list[Token] = []
    for token in tokens:
        last = out[-1] if out else Token("literal", "")
        if token == ("sign", ".") and last.kind in ("date", "elapsed") and last.text.startswith("s"):
            out[-1] = Token(last.kind, f"{last.text}.")
        elif token.kind == "digit" and "." in last.text and last.kind in ("date", "elapsed"):
            out[-1] = Token(last.kind, f"{last.text}0")
        else:
            out.append(token)
    return out


def _second_decimals(tokens: Sequence[Token]) -> int:
    return max((min(t.text.count("0"), 6) for t in tokens if t.kind in ("date", "elapsed")), default=0)


def _piece(token: Token, moment: Moment, language: str, *, half_day: bool) -> str:
    if token.kind == "iso":
        return f"{moment.year:04d}-{moment.month:02d}-{moment.number:02d}"
    if token.kind == "elapsed":
        return _elapsed(token.text, moment)
    if token.kind == "ampm":
        return _ampm(token.text, late=moment.seconds >= _DAY // 2)
    if token.kind != "date":
        return token.text
    return _clock(token.text, moment, half_day=half_day) or _calendar(token.text, moment, language)


def _ampm(text: str, *, late: bool) -> str:
    if text == "上午/下午":
        return text[3:] if late else text[:2]
    return {"am/pm": ("AM", "PM"), "a/p": ("A", "P")}[text.lower()][late]


def _elapsed(text: str, moment: Moment) -> str:
    mark, dot, zeros = text.partition(".")
    whole = int(moment.whole)
    amount = whole // {"h": 3_600, "m": 60, "s": 1}[mark[0]]
    decimals = f"{moment.fraction:.{len(zeros)}f}"[1:] if dot and zeros else ""
    return f"{amount:0{len(mark)}d}{decimals}"


def _clock(text: str, moment: Moment, *, half_day: bool) -> str:
    mark, dot, zeros = text.partition(".")
    width = min(len(mark), 2)
    if mark[0] == "h":
        hours = moment.seconds // 3_600
        return f"{(hours - 1) % 12 + 1 if half_day else hours:0{width}d}"
    if mark[0] == "n":
        return f"{moment.seconds // 60 % 60:0{width}d}"
    if mark[0] == "s":
        decimals = f"{moment.fraction:.{len(zeros)}f}"[1:] if dot and zeros else ""
        return f"{moment.seconds % 60:0{width}d}{decimals}"
    return ""


def _calendar(text: str, moment: Moment, language: str) -> str:
    mark, size = text[0], len(text)
    if mark == "y":
        return f"{moment.year % 100:02d}" if size <= 2 else f"{moment.year:04d}"
    if mark == "b":
        return f"{(moment.year + 543) % 100:02d}" if size <= 2 else f"{moment.year + 543:04d}"
    if mark == "m":
        name = MONTHS.get(language, MONTHS["en"])[moment.month - 1]
        return (f"{moment.month:0{size}d}", name.short, name.long, name.long[:1])[min(max(size - 2, 0), 3)]
    if mark == "d" and size <= 2:
        return f"{moment.number:0{size}d}"
    if mark in "da":
        weekday = moment.day.weekday() if moment.day is not None else (moment.number + 2) % 7
        name = WEEKDAYS.get(language, WEEKDAYS["en"])[weekday]
        return name.short if size == 3 else name.long
    return _era(text, moment, language)


def _era(text: str, moment: Moment, language: str) -> str:
    """Show g (the name of an era) and e (its year); outside Japanese, e is the year of the common calendar."""
    found = next((era for era in _ERAS if moment.day is not None and moment.day >= era[0]), None)
    if language != "ja" or found is None:
        return f"{moment.year:04d}" if text[0] == "e" else ""
    if text[0] == "e":
        return f"{moment.year - found[0].year + 1:0{min(len(text), 2)}d}"
    return found[2] if len(text) == 1 else found[1][:1] if len(text) == 2 else found[1]
