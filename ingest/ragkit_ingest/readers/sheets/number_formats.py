"""Numbers as a spreadsheet shows them: a format code is compiled once, and then shows many values.

Written after ECMA-376 part 1, 18.8.30 and 18.8.31, and what Excel does where that is silent. Three things differ on
purpose: a date in digits only is written ISO 8601, whole numbers in General keep up to 15 digits, where Excel would
show 1.23457E+11, and a built-in format that depends on the reader's country shows the ISO date.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from ragkit_ingest.readers.sheets.number_dates import LAST_SERIAL, date_renderer
from ragkit_ingest.readers.sheets.number_digits import renderer
from ragkit_ingest.readers.sheets.number_tokens import Section, sections_of

_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_BUILT_IN: Final = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0_);("$"#,##0)',
    6: '"$"#,##0_);("$"#,##0)',
    7: '"$"#,##0.00_);("$"#,##0.00)',
    8: '"$"#,##0.00_);("$"#,##0.00)',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    37: "#,##0_);(#,##0)",
    38: "#,##0_);(#,##0)",
    39: "#,##0.00_);(#,##0.00)",
    40: "#,##0.00_);(#,##0.00)",
    41: "_(* #,##0_);_(* (#,##0);_(* -_);_(@_)",
    42: '_("$"* #,##0_);_("$"* (#,##0);_("$"* -_);_(@_)',
    43: "_(* #,##0.00_);_(* (#,##0.00);_(* -??_);_(@_)",
    44: '_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* -??_);_(@_)',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
    59: "0",
    60: "0.00",
    61: "#,##0",
    62: "#,##0.00",
    67: "0%",
    68: "0.00%",
    69: "# ?/?",
    70: "# ??/??",
    71: "yyyy-mm-dd",
    72: "yyyy-mm-dd",
    73: "d-mmm-yy",
    74: "d-mmm",
    75: "mmm-yy",
    76: "h:mm",
    77: "h:mm:ss",
    78: "yyyy-mm-dd h:mm",
    79: "mm:ss",
    80: "[h]:mm:ss",
    81: "mm:ss.0",
}
_EAST_ASIAN: Final = frozenset([*range(27, 37), *range(50, 59)])
_PLAIN_DIGITS: Final = 11


class NumberFormat:
    """A compiled format code; `shown` is a number as it is displayed, `shown_text` a text."""

    __slots__ = ("_date1904", "_renders", "_sections", "_text", "plain")

    def __init__(self, code: str, *, date1904: bool = False) -> None:
        self._date1904 = date1904
        sections = sections_of(code)[:4]
        self._text = next((s for number, s in enumerate(sections) if s.kind == "text" or number == 3), None)
        self._sections = [s for number, s in enumerate(sections) if number < 3 and s.kind != "text"]
        self._renders = [_render(section, date1904=date1904) for section in self._sections]
        self.plain = not self._sections or (len(sections) == 1 and [t.kind for t in sections[0].tokens] == ["general"])

    def shown(self, value: float) -> str:
        """Return the number as it is displayed; "" where the format shows nothing."""
        if not self._sections:
            return general(value)
        at = self._choose(value)
        if at < 0:
            return general(value)
        if self._sections[at].kind == "date":
            return self._renders[at](value) or general(value)
        unsigned = len(self._sections) > 1 and at == self._negative(at)
        shown = self._renders[at](abs(value))
        return (
            f"-{shown.lstrip()}" if value < 0 and not unsigned and any(map("123456789".__contains__, shown)) else shown
        )

    def shown_text(self, text: str) -> str:
        """Return a text as it is displayed: most formats leave it as it is."""
        if self._text is None:
            return text
        tokens = self._text.tokens
        if not tokens:
            return ""
        return "".join(
            text if t == ("sign", "@") or t.kind == "general" else t.text for t in tokens if t.kind != "digit"
        )

    def _choose(self, value: float) -> int:
        """Return the index of the section of a number, -1 for none."""
        conditions = [section.condition for section in self._sections]
        if any(conditions):
            for at, condition in enumerate(conditions):
                if condition is not None and _COMPARE[condition[0]](value, condition[1]):
                    return at
            others = [at for at, condition in enumerate(conditions) if condition is None]
            if len(others) == 2 and value < 0:
                return others[1] if others[0] == 0 else others[0]
            return others[-1] if others else -1
        if len(self._sections) == 1:
            return 0
        if value < 0:
            return 1
        return 2 if value == 0 and len(self._sections) == 3 else 0

    def _negative(self, at: int) -> int:
        """Return `at` when its section is for negative numbers only, which has its own signs."""
        condition = self._sections[at].condition
        if condition is not None:
            return at if condition[0] in ("<", "<=") and condition[1] <= 0 else -1
        return at if at == 1 and self._sections[0].condition is None else -1


def _render(section: Section, *, date1904: bool) -> Callable[[float], str]:
    if section.kind == "date":
        return date_renderer(section.tokens, section.language, date1904=date1904)
    if section.kind == "general":
        before_after = [(t.kind == "general", t.text) for t in section.tokens]
        return lambda value: "".join(general(value) if here else text for here, text in before_after)
    show = renderer(section.tokens)

    def shown(value: float) -> str:
        try:
            return show(Decimal(f"{value:.15g}"))
        except (InvalidOperation, OverflowError, ValueError):  # infinity, or more digits than a number has
            return general(value)

    return shown


def general(value: float) -> str:
    """Return a number in the format General: at most eleven characters of a decimal fraction, as Excel shows it."""
    if value == int(value) if abs(value) < 1e15 else False:
        return str(int(value))
    if not 1e-9 <= abs(value) < 1e15:
        return _short_power(value)
    whole = len(str(int(abs(value))))
    if abs(value) < 1e-4 and len(f"{abs(value):.15f}".rstrip("0")) > _PLAIN_DIGITS:
        return _short_power(value)
    shown = f"{Decimal(f'{value:.15g}'):.{max(0, _PLAIN_DIGITS - 1 - whole)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _short_power(value: float) -> str:
    mantissa, _, exponent = f"{value:.5E}".partition("E")
    if not exponent:  # nan, inf
        return f"{value}"
    return f"{mantissa.rstrip('0').rstrip('.')}E{exponent}"


def _east_asian(value: float) -> str:
    """Show a built-in date or time whose look differs from country to country (ids 27 to 36 and 50 to 58)."""
    if not 0 <= value < LAST_SERIAL:
        return general(value)
    code = "h:mm:ss" if value < 1 else "yyyy-mm-dd" if value == int(value) else "yyyy-mm-dd h:mm:ss"
    return compiled(code).shown(value)


class _EastAsian(NumberFormat):
    __slots__ = ()

    def shown(self, value: float) -> str:
        return _east_asian(value + 1_462 if self._date1904 and value >= 1 else value)


@lru_cache(maxsize=512)
def compiled(code: str, *, date1904: bool = False) -> NumberFormat:
    """Return the compiled format of a code; the same one each time."""
    return NumberFormat(code, date1904=date1904)


@lru_cache(maxsize=256)
def built_in(number: int, *, date1904: bool = False) -> NumberFormat:
    """Return the format of a built-in id (0 to 81); General for those that are not known."""
    if number in _EAST_ASIAN:
        return _EastAsian("yyyy-mm-dd", date1904=date1904)
    return compiled(_BUILT_IN.get(number, "General"), date1904=date1904)
