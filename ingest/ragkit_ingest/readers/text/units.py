"""Units of measurement as a row below the names of columns gives them: "kg", "(m/s)", "% vol"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WORDS: Final = """m km dm cm mm µm μm nm ft yd in inch mi nmi ha acre m² m³ l dl cl ml hl gal bbl ft² ft³
    g kg mg µg μg t lb lbs oz ct s sec min h hr hrs d day days wk week weeks mo month months y yr year years ms µs ns
    °c °f k ° deg rad hz khz mhz ghz bit kb mb gb tb kib mib gib bps kbps mbps gbps
    w kw mw gw wh kwh mwh gwh j kj mj cal kcal v kv mv ma ka ah mah ω kω mω ohm pa hpa kpa mpa bar mbar psi atm n kn nm
    mol mmol ppm ppb ph db dba lx lm cd % ‰ pct percent vol rpm pcs pc pieces stk stück
    € $ £ ¥ ₹ eur usd gbp chf jpy cny sek nok dkk pln czk inr k€ m€ teur tusd mio mrd knots kn mph kph
    ntu psu meq cfu iu fte keur kusd kchf"""
_UNITS: Final = frozenset(_WORDS.split())
_LONGEST: Final = 40
_BRACKETED: Final = re.compile(r"[(\[]\s*([^()\[\]]{1,20})\s*[)\]]")
_PARTS: Final = re.compile(r"\s*[/·*⋅×]\s*|\s+")
_POWER: Final = re.compile(r"(?:\^[-−]?[1-4]|[-−][1-4]|[²³⁻¹]+|(?<=m)[23]|(?<=ft)[23]|(?<=in)[23])$")  # no "H1"
_PLAIN_WORD: Final = re.compile(r"[^\W\d_]?[^\W\d_A-Z]+")
_HEADS: Final = frozenset(
    {"unit", "units", "einheit", "einheiten", "unité", "unités", "unidad", "unità", "eenheid", "單位", "单位", "単位"}
)


def is_unit(text: str) -> bool:
    """Tell whether a cell says in what unit the values below it are: a known unit, also composed and in brackets."""
    if len(text) > _LONGEST:
        return False
    bracketed = _BRACKETED.fullmatch(text.strip())
    parts = _PARTS.split((bracketed[1] if bracketed else text).strip().lower())
    return len(parts) <= 4 and all(part in _UNITS or _POWER.sub("", part) in _UNITS for part in parts)


def are_units(cells: Sequence[str]) -> bool:
    """Tell whether the cells of a row say units: more of them are known units than are words that no unit looks like.

    Brackets, signs and capitals look like a unit: "[PSU]", "CFU/ml", "kEUR", "NTU".
    """
    said = [cell.strip() for cell in cells if not names_units(cell)]
    unknown = [cell for cell in said if not is_unit(cell)]
    if any(len(cell) > _LONGEST // 2 or cell.count(" ") > 1 for cell in unknown):
        return False
    return len(said) - len(unknown) > sum(map(bool, map(_PLAIN_WORD.fullmatch, unknown)))


def names_units(text: str) -> bool:
    """Tell whether a cell is the name of a row of units, or blank as its corner and columns without a unit are."""
    return not text.strip(" :.-–—[]()") or heads_units(text)


def heads_units(text: str) -> bool:
    """Tell whether a cell is the name of a row of units: "Unit:"."""
    return text.strip(" :.-–—[]()").lower() in _HEADS


def with_unit(name: str, unit: str) -> str:
    """Return the name of a column with its unit: "Depth (m)"."""
    return f"{name} {unit}" if _BRACKETED.fullmatch(unit.strip()) else f"{name} ({unit})"
