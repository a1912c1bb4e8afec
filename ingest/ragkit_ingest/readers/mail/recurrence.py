"""How often an event comes back and how long it lasts, in words: the rules of RFC 5545, 3.3.6 and 3.3.10."""

from __future__ import annotations

import re
from typing import Final

from ragkit_ingest.readers.sheets.month_names import MONTHS, WEEKDAYS

_UNITS: Final = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year", "HOURLY": "hour"}
_DAYS: Final = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), WEEKDAYS["en"], strict=True))
_ORDINALS: Final = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth", "-1": "last"}
_DAY: Final = re.compile(r"\+?(-?\d{1,2})?([A-Z]{2})")
_READ: Final = frozenset(("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "COUNT", "UNTIL", "WKST"))
_DURATION: Final = re.compile(r"\+?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def in_words(rule: str) -> str:
    """Return a rule as `every 2 weeks on Monday, 4 times`; the rule unchanged where it is more complex."""
    parts = dict(part.split("=", 1) for part in rule.strip().upper().split(";") if "=" in part)
    unit = _UNITS.get(parts.get("FREQ", ""))
    if unit is None or not parts.keys() <= _READ:
        return rule
    days = [_weekday(day) for day in parts.get("BYDAY", "").split(",") if day]
    months = [_month(month) for month in parts.get("BYMONTH", "").split(",") if month]
    if not all(days) or not all(months):
        return rule
    count = parts.get("INTERVAL", "1")
    words = [f"every {unit}" if count == "1" else f"every {count} {unit}s"]
    words += [f"on {', '.join(days)}"] if days else []
    words += [f"on day {', '.join(parts['BYMONTHDAY'].split(','))}"] if parts.get("BYMONTHDAY") else []
    words += [f"in {', '.join(months)}"] if months else []
    until = re.sub(r"(\d{4})(\d\d)(\d\d).*", r" until \1-\2-\3", parts.get("UNTIL", ""))
    times = f", {parts['COUNT']} times" if parts.get("COUNT") else ""
    return " ".join(words) + times + until


def duration_in_words(duration: str) -> str:
    """Return PT1H45M as `1 hour 45 minutes`; what is no duration stays as it is."""
    match = _DURATION.fullmatch(duration.strip().upper())
    if match is None:
        return duration
    units = zip(match.groups(), ("week", "day", "hour", "minute", "second"), strict=True)
    return " ".join(f"{int(count)} {unit}{'s' * (int(count) != 1)}" for count, unit in units if count) or duration


def _weekday(day: str) -> str:
    """Return `Monday` for MO and `the first Monday` for 1MO, "" for anything else."""
    match = _DAY.fullmatch(day)
    name = _DAYS[match[2]].long if match is not None and match[2] in _DAYS else ""
    place = _ORDINALS.get(match[1], "") if match is not None and match[1] else ""
    return f"the {place} {name}" if place and name else "" if match is not None and match[1] else name


def _month(number: str) -> str:
    return MONTHS["en"][int(number) - 1].long if number.isdecimal() and 1 <= int(number) <= 12 else ""
