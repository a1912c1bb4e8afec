"""The date of a passage, from its metadata, its file name or title, or its text."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from ragkit.types.hits import Hit

_KEYS: Final = (
    "updated",
    "last_updated",
    "modified",
    "effective",
    "valid_from",
    "date",
    "published",
    "created",
    "year",
)
_ISO: Final = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:[-_./](\d{1,2})(?:[-_./](\d{1,2}))?)?(?!\d)")
_MONTH_NAMES: Final = "january february march april may june july august september october november december"
_MONTHS: Final = tuple(_MONTH_NAMES.split())
_WRITTEN: Final = re.compile(
    rf"\b(?:(\d{{1,2}})\.?\s+)?({'|'.join(_MONTHS)})\s+(?:(\d{{1,2}}),\s+)?((?:19|20)\d\d)\b", re.IGNORECASE
)
_SAID: Final = re.compile(
    r"\b(?:as of|updated|effective|valid from|last modified|revised|version of|stand|gültig ab|en vigueur)\b"
    r"[^\n]{0,40}",
    re.IGNORECASE,
)
_CURRENT: Final = re.compile(
    r"\b(?:current(?:ly)?|latest|newest|now|today|most recent|aktuell\w*|neuest\w*|derzeit|actuel\w*|actual\w*)\b"
    r"|目前|最新|现在|現在",
    re.IGNORECASE,
)


def date_of(hit: Hit) -> str:
    """Return the date of a passage as YYYY, YYYY-MM or YYYY-MM-DD, "" where it is unknown."""
    for key in _KEYS:
        value = hit.metadata.get(key)
        found = _read(str(value)) if value is not None else ""
        if found:
            return found
    for text in (hit.source.rsplit("/", 1)[-1], hit.title):
        found = _read(text)
        if found:
            return found
    said = _SAID.search(hit.text)
    return _read(said.group()) if said else ""


def wants_current(question: str) -> bool:
    """Return whether a question asks for the current state."""
    return bool(_CURRENT.search(question))


def _read(text: str) -> str:
    written = _WRITTEN.search(text)
    if written:
        day = written[1] or written[3]
        return _valid(written[4], str(_MONTHS.index(written[2].lower()) + 1), day)
    found = _ISO.search(text)
    return _valid(found[1], found[2], found[3]) if found else ""


def _valid(year: str, month: str | None, day: str | None) -> str:
    """Return the longest valid form of a date."""
    if month and 1 <= int(month) <= 12:
        if day:
            try:
                return date(int(year), int(month), int(day)).isoformat()
            except ValueError:
                pass
        return f"{year}-{int(month):02d}"
    return year
