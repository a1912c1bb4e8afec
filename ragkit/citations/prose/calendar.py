"""Weekdays, months and hours as sets: "Monday to Friday" holds Tuesday, and "weekdays" does not hold "every day"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.citations.meaning.antonyms import opposites
from ragkit.citations.quantities import denies
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim

_MEMBERS: Final = {
    "day": (
        "monday mondays montag montags",
        "tuesday tuesdays dienstag dienstags",
        "wednesday wednesdays mittwoch mittwochs",
        "thursday thursdays donnerstag donnerstags",
        "friday fridays freitag freitags",
        "saturday saturdays samstag samstags",
        "sunday sundays sonntag sonntags",
    ),
    "month": (
        "january januar",
        "february februar",
        "march märz",
        "april",
        "may mai",
        "june juni",
        "july juli",
        "august",
        "september",
        "october oktober",
        "november",
        "december dezember",
    ),
}
_PLACES: Final = {
    word: (series, at)
    for series, members in _MEMBERS.items()
    for at, words in enumerate(members)
    for word in words.split()
}
_GROUPS: Final = (
    ("day", r"weekdays?|werktags|wochentags", range(5)),
    ("day", r"weekends?|wochenenden?", range(5, 7)),
    ("day", r"every day|each day|any day|daily|seven days a week|around the clock|24/7|täglich|jeden tag", range(7)),
    ("month", r"all year(?: round)?|year-round|throughout the year|every month|ganzjährig", range(12)),
)
_GROUP: Final = tuple(
    (series, re.compile(rf"\b(?:{words})\b", re.IGNORECASE), frozenset(members)) for series, words, members in _GROUPS
)
_NAME: Final = "|".join(sorted(_PLACES, key=len, reverse=True))
_RANGE: Final = re.compile(
    rf"\b(?P<first>{_NAME})\b(?:(?:\s*[–-]\s*|\s+(?:to|through|until|till|bis)\s+|(?P<between>\s+and\s+))"
    rf"(?:(?:the|end|beginning|of|late|early|mid|\d{{1,2}}\.?)[\s-]+)*(?P<last>{_NAME})\b)?",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(
    r"\b(?:between|zwischen)\s+(?:(?:the|end|beginning|of|late|early|mid|\d{1,2}\.?)[\s-]+)*$", re.IGNORECASE
)
_LEFT_OUT: Final = re.compile(
    r"\b(?:except(?: for)?|but not|excluding|apart from|not|außer|closed)(?:\s+(?:on|in|the|am|an))*\s+$", re.IGNORECASE
)
_DATE: Final = re.compile(rf",?\s+(?:the\s+)?(?:\d{{1,2}}\b(?![:.]\d)|(?:{_NAME})\s+\d)", re.IGNORECASE)
_DATED: Final = re.compile(r"\d(?:st|nd|rd|th|\.)?\s+(?:of\s+)?$")
_ALWAYS_OPEN: Final = re.compile(
    r"\b(?:around|round) the clock|\b24/7|\b24 hours a day|\bday and night|\brund um die Uhr", re.IGNORECASE
)
_HOURS: Final = re.compile(
    r"\b\d{1,2}(?:[:.]\d\d)?\s*(?:[ap]\.?m\.?|uhr)?\s*(?:[–-]|to|until|bis|and)\s*(?:\d{1,2}[:.]\d\d|\d{1,2}\s*(?:[ap]\.?m|uhr))"
    r"|\bfrom\s+\d{1,2}\s+to\s+\d{1,2}\b(?!\s+[^\W\d])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Span:
    """Days or months that a text names together.

    series: "day" or "month". members: their places, from 0 for Monday or January. words: as the text names them. ends:
    first and last of a range, None for one member and for groups. left_out: whether the text excepts them.
    """

    series: str
    members: frozenset[int]
    words: str
    ends: tuple[int, int] | None = None
    left_out: bool = False


def names_time(word: str) -> bool:
    """Return whether a word in lower case names a day, a month or a part of the day."""
    return word in _PLACES or word in {"noon", "midnight", "midday", "end", "deadline", "today", "tomorrow"}


def calendar_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim names days, months or hours that its quote does not.

    A claim of what does not happen ("closed on Mondays") about days that the quote leaves open is `unclear`.
    """
    held = [span for text in quote for span in _spans(text)]
    ours = list(_spans(claim.text))
    for series, members in _MEMBERS.items():
        theirs = [span for span in held if span.series == series]
        there = _all_of(theirs, len(members))
        for span in ours:
            if span.series != series or not theirs or span.left_out:
                continue
            turned = span.ends is not None and any(other.ends == span.ends[::-1] for other in theirs)
            wanted = _all_of([item for item in ours if item is span or item.left_out], len(members))
            if wanted <= _excepted(theirs):
                continue  # a statement about the exception
            if turned or not wanted <= there:
                open_ended = not wanted & there and (denies(claim.text) or any(opposites(claim, quote)))
                reason = f"it says {theirs[0].words}, not {span.words}"
                return "unclear" if open_ended else "contradicted", reason
    return _hours_fault(claim, quote)


def held_names(claim: Claim, text: str) -> frozenset[str]:
    """Return the terms of a claim that name days or months which a text may include: "Tuesday" of "weekdays".

    Others of the same series are left to `calendar_fault`, where the text names any; so is the weekday of a date, which
    the text may have without it.
    """
    series = {span.series for span in _spans(text)}
    return frozenset(
        token.term
        for token in claim.tokens
        if (place := _PLACES.get(token.word))
        and (place[0] in series or (place[0] == "day" and _DATE.match(claim.text, token.start + len(token.word))))
    )


def _hours_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    always = _ALWAYS_OPEN.search(claim.text)
    hours = next((match for text in quote if (match := _HOURS.search(text))), None)
    if always and hours and not any(_ALWAYS_OPEN.search(text) for text in quote):
        return "contradicted", f"it says {hours.group()}, not {always.group()}"
    return None


def _all_of(named: Sequence[_Span], size: int) -> frozenset[int]:
    """Return all members that spans name, without the excepted ones; only an exception leaves all others."""
    there = frozenset[int]().union(*(span.members for span in named if not span.left_out))
    return (there or frozenset(range(size))) - _excepted(named)


def _excepted(named: Sequence[_Span]) -> frozenset[int]:
    return frozenset[int]().union(*(span.members for span in named if span.left_out))


def _spans(text: str) -> Iterator[_Span]:
    """Yield the weekdays and months that a text names; the weekday of a date ("Monday, 3 March") only says the date."""
    for series, pattern, members in _GROUP:
        for match in pattern.finditer(text):
            yield _Span(series, members, match.group().lower(), left_out=_is_left_out(text, match.start()))
    for match in _RANGE.finditer(text):
        names = [match["first"], match["last"]] if match["last"] else [match["first"]]
        if not _is_month_name(text, match):
            continue
        if match["between"] and not _BETWEEN.search(text, 0, match.start()):
            names, pairs = names[:1], [names[1:]]
        else:
            pairs = []
        for found in (names, *pairs):
            yield from _read(text, match, found)


def _is_month_name(text: str, match: re.Match[str]) -> bool:
    """Return whether a word is a name: "may" and "march" are verbs where they have no capital of their own."""
    begins = text[: match.start()].rstrip()[-1:] in ("", ".", "!", "?", ":")
    return match["first"].lower() not in ("may", "march") or (match["first"][0].isupper() and not begins)


def _read(text: str, match: re.Match[str], names: Sequence[str]) -> Iterator[_Span]:
    series, first = _PLACES[names[0].lower()]
    other, last = _PLACES[names[-1].lower()]
    dated = _DATE.match(text, match.end()) if series == "day" else _DATED.search(text, 0, match.start())
    if series != other or (dated and len(names) == 1):
        return
    size = len(_MEMBERS[series])
    members = frozenset((first + step) % size for step in range((last - first) % size + 1))
    words = match.group() if len(names) > 1 else names[0]
    ends = (first, last) if len(names) > 1 else None
    yield _Span(series, members, words, ends, _is_left_out(text, match.start()))


def _is_left_out(text: str, at: int) -> bool:
    """Return whether an exception stands right before an offset: "daily except Sundays"."""
    return bool(_LEFT_OUT.search(text, max(0, at - 40), at))
