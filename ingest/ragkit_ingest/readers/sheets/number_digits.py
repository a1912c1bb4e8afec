"""Numbers by the placeholders of a format: grouping, scale, percent, exponents, fractions, digits among literals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Final

from ragkit_ingest.readers.sheets.number_tokens import Token

_CONTEXT: Final = Context(prec=400, rounding=ROUND_HALF_UP)
Render = Callable[[Decimal], str]
"""Formats a number that is not negative."""


def renderer(tokens: Sequence[Token]) -> Render:
    """Return a function that formats a number by the tokens of a section."""
    slash = _slash(tokens)
    if slash:
        return _fraction(tokens, slash)
    power = next((at for at, token in enumerate(tokens) if token.kind == "exponent"), -1)
    if power >= 0:
        return _scientific(tokens, power)
    return _plain(tokens)


def _plain(tokens: Sequence[Token]) -> Render:
    cleaned, grouped, thousands = _commas(tokens)
    shift = 2 * sum(token == ("sign", "%") for token in cleaned) - 3 * thousands
    whole, part = _split(cleaned)
    places = sum(token.kind == "digit" for token in part)
    unit = Decimal(1).scaleb(-places)
    simple = _simple(whole, part, grouped=grouped)

    def show(value: Decimal) -> str:
        value = _CONTEXT.quantize(value.scaleb(shift, _CONTEXT), unit)
        if simple is not None:
            return simple(value)
        digits, _, decimals = f"{value:f}".partition(".")
        return _whole(whole, digits.lstrip("0"), grouped=grouped) + _decimals(part, decimals)

    return show


def _simple(whole: Sequence[Token], part: Sequence[Token], *, grouped: bool) -> Render | None:
    """Return a fast way for codes like #,##0.00: no literal between digits, no optional decimals; None for others."""
    digits = [at for at, token in enumerate(whole) if token.kind == "digit"]
    if not digits or digits[-1] - digits[0] != len(digits) - 1:
        return None
    marks = "".join(whole[at].text for at in digits).lstrip("#")
    decimals = [token.kind == "digit" for token in part[1:]]
    count = sum(decimals)
    if marks.strip("0") or not all(decimals[:count]) or any(t.text != "0" for t in part[1 : count + 1]):
        return None
    if (grouped and len(marks) > 1) or not marks or (part and not count):
        return None
    before = "".join(token.text for token in whole[: digits[0]])
    after = "".join(token.text for token in [*whole[digits[-1] + 1 :], *part[count + 1 :]])
    pattern, width = f"{',' if grouped else ''}.{count}f", len(marks) + (count + 1 if count else 0)

    def show(value: Decimal) -> str:
        return f"{before}{format(value, pattern).rjust(width, '0')}{after}"

    return show


def _commas(tokens: Sequence[Token]) -> tuple[list[Token], bool, int]:
    """Return tokens without the commas for grouping and scaling, whether digits are grouped, and the number of scaling
    commas."""
    places = [at for at, token in enumerate(tokens) if token.kind == "digit"]
    if not places:
        return list(tokens), False, 0
    dot = next((at for at, token in enumerate(tokens) if token == ("sign", ".")), len(tokens))
    last_whole = max((at for at in places if at < dot), default=-1)
    kept: list[Token] = []
    grouped, thousands = False, 0
    for at, token in enumerate(tokens):
        if token != ("sign", ","):
            kept.append(token)
        elif places[0] < at < last_whole:
            grouped = True
        elif _follows_digit(tokens, at):
            thousands += 1
        else:
            kept.append(Token("literal", ","))
    return kept, grouped, thousands


def _follows_digit(tokens: Sequence[Token], at: int) -> bool:
    while at > 0 and tokens[at] == ("sign", ","):
        at -= 1
    return tokens[at].kind == "digit"


def _split(tokens: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    """Return the tokens before the decimal point, and those from it on."""
    dot = next((at for at, token in enumerate(tokens) if token == ("sign", ".")), len(tokens))
    return list(tokens[:dot]), list(tokens[dot:])


def _whole(tokens: Sequence[Token], digits: str, *, grouped: bool) -> str:
    """Return the part before the point, filled from the right; the leftmost place takes the digits that are left."""
    out: list[str] = []
    left, done = list(digits), 0
    first = next((at for at, token in enumerate(tokens) if token.kind == "digit"), -1)
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if token.kind != "digit":
            out.append(token.text)
            continue
        coming = [left.pop() if left else {"0": "0", "?": " "}.get(token.text, "")]
        if at == first:
            coming.extend(reversed(left))
        for digit in filter(None, coming):
            out.append(("," if grouped and done and done % 3 == 0 and digit != " " else "").join([digit, ""]))
            done += 1
    return "".join(reversed(out))


def _decimals(tokens: Sequence[Token], digits: str) -> str:
    marks = [token.text for token in tokens if token.kind == "digit"]
    shown = list(digits.ljust(len(marks), "0"))
    for at in range(len(marks) - 1, -1, -1):
        if shown[at] != "0" or marks[at] == "0":
            break
        shown[at] = "" if marks[at] == "#" else " "
    coming = iter(shown)
    return "".join(next(coming) if token.kind == "digit" else token.text for token in tokens)


def _scientific(tokens: Sequence[Token], power: int) -> Render:
    end = power + 1
    while end < len(tokens) and tokens[end].kind == "digit":
        end += 1
    mantissa, _, _ = _commas(tokens[:power])
    whole, part = _split(mantissa)
    step = max(1, sum(token.kind == "digit" for token in whole))
    width = max(1, sum(token.text == "0" for token in tokens[power + 1 : end]))
    unit = Decimal(1).scaleb(-sum(token.kind == "digit" for token in part))
    tail = "".join(token.text for token in tokens[end:])

    def show(value: Decimal) -> str:
        exponent = value.adjusted() // step * step if value else 0
        number = _CONTEXT.quantize(value.scaleb(-exponent, _CONTEXT), unit)
        if number >= Decimal(10) ** step:
            exponent += step
            number = _CONTEXT.quantize(value.scaleb(-exponent, _CONTEXT), unit)
        digits, _, decimals = f"{number:f}".partition(".")
        sign = "-" if exponent < 0 else "+" if tokens[power].text == "+" else ""
        shown = _whole(whole, digits.lstrip("0"), grouped=False) + _decimals(part, decimals)
        return f"{shown}E{sign}{abs(exponent):0{width}d}{tail}"

    return show


def _slash(tokens: Sequence[Token]) -> int:
    """Return where the bar of a fraction stands, 0 when there is none."""
    for at in range(1, len(tokens) - 1):
        after = tokens[at + 1]
        counts = after.kind == "digit" or after.text.isdecimal()
        if tokens[at] == ("sign", "/") and tokens[at - 1].kind == "digit" and counts:
            return at
    return 0


def _fraction(tokens: Sequence[Token], slash: int) -> Render:
    start, end = slash, slash + 1
    while start > 0 and tokens[start - 1].kind == "digit":
        start -= 1
    while end < len(tokens) and (tokens[end].kind == "digit" or tokens[end].text.isdecimal()):
        end += 1
    below = "".join(token.text for token in tokens[slash + 1 : end])
    fixed = int(below) if below.isdecimal() and below.strip("0") else 0
    most = 10 ** min(len(below), 4) - 1
    whole, tail = list(tokens[:start]), "".join(token.text for token in tokens[end:])
    mixed = any(token.kind == "digit" for token in whole)

    def show(value: Decimal) -> str:
        exact = Fraction(value)
        units = exact.numerator // exact.denominator if mixed else 0
        rest = exact - units
        part = Fraction(int(rest * fixed + Fraction(1, 2)), fixed) if fixed else rest.limit_denominator(most)
        if mixed and part == 1:
            units, part = units + 1, Fraction(0)
        bottom = fixed or part.denominator
        before = _whole(whole, str(units).lstrip("0"), grouped=False)
        if mixed and not part:
            return f"{before.strip() or '0'}{tail}"
        return f"{before}{part.numerator * bottom // part.denominator}/{bottom}{tail}"

    return show
