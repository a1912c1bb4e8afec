"""Statement -> the same in the notation of its source: "6:30" as "6.30", "2 March 2026" as "2026-03-02", "two times".

Only what says exactly the same is exchanged, and only where the source has the other notation.
"""

from __future__ import annotations

import re
from typing import Final

from ragkit.citations.amounts.equal_amounts import with_equal_amounts

_ENGLISH: Final = "january february march april may june july august september october november december"
_GERMAN: Final = "januar februar märz april mai juni juli august september oktober november dezember"
_MONTHS: Final = (
    tuple(_ENGLISH.split()),
    tuple(_GERMAN.split()),
)
_MONTH: Final = "|".join(name for names in _MONTHS for name in names)
_DATE: Final = re.compile(
    rf"\b(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?P<month>{_MONTH})"
    rf"|(?P<first>{_MONTH})\s+(?P<second>\d{{1,2}})(?:st|nd|rd|th)?),?\s+(?P<year>\d{{4}})\b",
    re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"(?<![\d.:])(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?:\s?(?P<half>[ap]\.m\.|[ap]m\b))?(?![\d:.]?\d)"
)
_PHRASES: Final = (
    (r"(?:two|2) times", "twice"),
    (r"twice", "two times"),
    (r"twice", "2 times"),
    (r"(?:one time|a single time)", "once"),
    (r"(?:paid|given|handed|sent|brought) back", "returned"),
    (r"returned", "handed back"),
    (r"returned", "paid back"),
    (r"(?:must|has to|have to) be paid (?:by|on)", "is due on"),
    (r"is due (?:on|by)", "must be paid by"),
    (r"(?:thrown away|thrown out)", "discarded"),
    (r"put off", "postponed"),
    (r"takes? place", "is"),
    (r"turned down", "rejected"),
    (r"(?:daily|each day)", "every day"),
    (r"(?:every|each) day", "daily"),
    (r"(?:every|each) week", "weekly"),
    (r"(?:every|each) month", "monthly"),
    (r"(?:every|each) year", "yearly"),
)
_EXCHANGED: Final = tuple((re.compile(rf"\b{ours}\b", re.IGNORECASE), theirs) for ours, theirs in _PHRASES)
_FREE: Final = re.compile(
    r"\b(?:free of (?:charge|cost)|(?:without|at no) (?:any )?(?:extra |additional )?(?:charge|cost|payment)"
    r"|for (?:free|nothing)|costs? nothing"
    r"|(?:there (?:is|are) no|no|not an?y?) (?:charge|fee|cost)s?(?: is| are)?"
    r"(?: charged| due| payable)?"
    r"|(?:do|does|need|have|has|is|are) ?(?:not|n['’]t) (?:have to |need to |to )?(?:pay|be paid)"
    r"(?: anything)?(?: for)?"
    r"|pays? nothing(?: for)?|(?:do|does) ?(?:not|n['’]t) cost anything|free(?!\s*(?:from\b|[-–]|up\b)))",
    re.IGNORECASE,
)
"""What costs nothing, in every form; "free from", "freeze" and "free-standing" are others."""
_NOON: Final = 12


def as_noted(statement: str, source: str) -> str:
    """Return a statement with its dates, times, amounts and set phrases as a source writes them."""
    found = _DATE.sub(lambda match: _date(match, source), statement)
    found = with_equal_amounts(_TIME.sub(lambda match: _time(match, source), found), source)
    low = source.lower()
    for ours, theirs in _EXCHANGED:
        match = ours.search(found)
        if match and theirs in low and match.group().lower() not in low:
            found = ours.sub(theirs, found)
    return _as_free(found, source)


def _as_free(statement: str, source: str) -> str:
    """Return a statement that says that something costs nothing with the source's words for that."""
    said, held = _FREE.search(statement), _FREE.search(source)
    if not (said and held) or said.group().lower() in {match.group().lower() for match in _FREE.finditer(source)}:
        return statement
    return f"{statement[: said.start()]}{held.group()}{statement[said.end() :]}"


def _date(match: re.Match[str], source: str) -> str:
    name = (match["month"] or match["first"]).lower()
    month = next(names.index(name) for names in _MONTHS if name in names) + 1
    written = f"{match['year']}-{month:02}-{int(match['day'] or match['second']):02}"
    return written if written in source and match.group() not in source else match.group()


def _time(match: re.Match[str], source: str) -> str:
    """Return a time of the day with the mark of the source: "6.30", or "19:00" for "7 p.m."."""
    minute, half = match["minute"], match["half"]
    if not (minute or half) or _stands(match.group(), source):
        return match.group()
    hour = int(match["hour"]) % _NOON + (_NOON if half[0] == "p" else 0) if half else int(match["hour"])
    whole = (f"{hour}:{minute or '00'}", f"{hour:02}:{minute or '00'}", f"{hour}.{minute or '00'}")
    plain = (f"{match['hour']}:{minute}", f"{match['hour']}.{minute}") if minute else ()
    bare = (f"{hour} o'clock", f"{hour}") if not minute or minute == "00" else ()
    return next((form for form in (*whole, *plain, *bare) if _stands(form, source)), match.group())


def _stands(form: str, source: str) -> bool:
    return bool(re.search(rf"(?<![\d.:,]){re.escape(form)}(?![\d:]|[.,]\d)", source))
