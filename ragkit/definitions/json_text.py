"""A model's text -> the JSON value in it."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

LONGEST: Final = 1 << 20
"""Characters of the longest text that is read as JSON."""
_FENCED: Final = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL | re.IGNORECASE)
_OPENS: Final = re.compile(r"[\[{]")


def json_in(text: str) -> Any:
    """Return the JSON value of a text: the whole, that of its fenced block, or the first object or list in it.

    Raises ValueError, with one line that says why, for a text without one, and for NaN and infinite numbers.
    """
    if len(text) > LONGEST:
        raise ValueError("it is longer than any JSON that is read")
    stripped = text.strip()
    if not stripped:
        raise ValueError("it is empty")
    decoder = json.JSONDecoder(parse_constant=_refuse)
    fenced = _FENCED.search(stripped)
    candidates = [stripped, *([fenced[1].strip()] if fenced else [])]
    fault = ""
    try:
        for candidate in candidates:
            try:
                return decoder.decode(candidate)
            except json.JSONDecodeError as error:
                fault = fault or f"{error.msg} at line {error.lineno}, column {error.colno}"
        for found in list(_OPENS.finditer(stripped))[:20]:
            try:
                return decoder.raw_decode(stripped, found.start())[0]
            except json.JSONDecodeError:
                continue
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    raise ValueError(f"it is no JSON: {fault}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
