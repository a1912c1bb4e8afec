"""Invitations and calendar files (RFC 5545): what, when, where, who, in plain lines."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.mail.recurrence import duration_in_words, in_words
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import CALENDAR
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.web.html import html_to_text

_KINDS: Final = {"VEVENT": "Event", "VTODO": "Task", "VJOURNAL": "Note"}
_SHOWN: Final = (
    ("SUMMARY", ""),
    ("STATUS", "Status"),
    ("DTSTART", "Start"),
    ("DTEND", "End"),
    ("DUE", "Due"),
    ("DURATION", "Duration"),
    ("RRULE", "Repeats"),
    ("RDATE", "Also on"),
    ("EXDATE", "Not on"),
    ("RECURRENCE-ID", "In place of"),
    ("LOCATION", "Place"),
    ("ORGANIZER", "Organiser"),
    ("ATTENDEE", "Attendees"),
    ("URL", "Link"),
    ("CATEGORIES", "Categories"),
    ("CONTACT", "Contact"),
    ("DESCRIPTION", "Description"),
    ("COMMENT", "Comment"),
)
_TIMES: Final = frozenset({"DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "RDATE", "EXDATE"})
_ANSWERS: Final = frozenset({"accepted", "declined", "tentative", "delegated"})
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LINE = re.compile(
    r"([A-Za-z0-9-]{1,60})((?:;[A-Za-z0-9-]{1,60}=(?:\"[^\"\n]*\"|[^\";:\n]*)(?:,(?:\"[^\"\n]*\"|[^\";:\n]*))*)*):(.*)"
)
_PARAMETER = re.compile(r";([A-Za-z0-9-]+)=(\"[^\"]*\"|[^\";:]*)")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z?))?")
_ATTENDEES: Final = 100
_DATES: Final = 200  # of a list of dates
_EVENTS: Final = 20_000


class CalendarReader:
    """Reads text/calendar."""

    name = "calendar"
    media_types: tuple[str, ...] = (CALENDAR,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the events; a file without events is kept as text and reported."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        for number, (_, lines) in enumerate(event_groups(without_embedded(source, builder.warn)), 1):
            builder.items(lines)
            if number >= _EVENTS or (number % 500 == 0 and hints.budget.spent()):
                builder.warn(f"stopped after {number:,} events")
                break
        if not builder.size:
            builder.warn("no event in it: kept as text")
            add_plain(builder, source)
        return builder.finish(name=name)


@dataclass(slots=True)
class _Event:
    kind: str
    values: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def event_groups(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (unique id, lines) of each event, task and note."""
    method, event, inner = "", None, 0
    for line in re.sub(r"\r?\n[ \t]", "", text).replace("\r", "").split("\n"):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        name, value = match[1].upper(), match[3]
        kind = value.strip().upper()
        if name == "METHOD":
            method = kind
        elif name == "BEGIN" and event is None and kind in _KINDS:
            event = _Event(kind)
        elif name in ("BEGIN", "END") and event is not None and kind != event.kind:
            inner += 1 if name == "BEGIN" else -1  # an alarm inside it
        elif name == "END" and event is not None:
            yield _event_text(event, method)
            event, inner = None, 0
        elif event is not None and not inner:
            event.values.setdefault(name, []).append((match[2], value))
    if event is not None:
        yield _event_text(event, method)


def _event_text(event: _Event, method: str) -> tuple[str, list[str]]:
    lines: list[str] = []
    if method == "CANCEL":
        lines.append("Cancelled")
    starts = event.values.get("DTSTART", [("", "")])[0][1]
    for name, title in _SHOWN:
        words = _value(name, event.values.get(name, []))
        if name == "DTEND" and _DAY.fullmatch(words):
            words = _last_day(words, starts.strip())
        if words:
            lines.append(f"{title or _KINDS[event.kind]}: {words}")
    uid = event.values.get("UID", [("", "")])[0][1].strip()
    moved = event.values.get("RECURRENCE-ID", [("", "")])[0][1]
    return (f"{uid} {moved} {method}".strip() if uid else ""), lines


def _value(name: str, found: list[tuple[str, str]]) -> str:
    if not found:
        return ""
    value = found[0][1]
    if name in _TIMES:
        return ", ".join(_time(time, parameters) for parameters, times in found for time in times.split(",")[:_DATES])
    if name == "RRULE":
        return squeeze(in_words(value))
    if name == "DURATION":
        return squeeze(duration_in_words(value))
    if name in ("ORGANIZER", "ATTENDEE"):
        people = list(dict.fromkeys(filter(None, (_person(value, parameters) for parameters, value in found))))
        more = f" and {len(people) - _ATTENDEES:,} more" if len(people) > _ATTENDEES else ""
        return ", ".join(people[:_ATTENDEES]) + more
    words = "\n".join(_unescaped(each) for _, each in found)
    return squeeze(html_to_text(words)) if re.search(r"</\w+>|<br", words) else squeeze(words)


def _last_day(day: str, starts: str) -> str:
    """Return the last day of an event of whole days, which the file ends on the day after (RFC 5545, 3.6.1)."""
    try:
        last = dt.date.fromisoformat(day) - dt.timedelta(days=1)
    except (ValueError, OverflowError):
        return day
    return last.isoformat() if f"{last:%Y%m%d}" > starts else ""


def _time(value: str, parameters: str) -> str:
    """Return `2026-04-02 12:00 UTC`, a date alone, or the value as it is."""
    match = _TIME.fullmatch(value.strip())
    if match is None:
        return squeeze(value)
    day = f"{match[1]}-{match[2]}-{match[3]}"
    if match[4] is None:
        return day
    zone = "UTC" if match[7] else next((word for key, word in _parameters(parameters) if key == "TZID"), "")
    return f"{day} {match[4]}:{match[5]} {zone}".strip()


def _person(value: str, parameters: str) -> str:
    name = next((word for key, word in _parameters(parameters) if key == "CN"), "")
    address = re.sub(r"^mailto:", "", value.strip(), flags=re.IGNORECASE)
    person = f"{name} <{address}>" if name and address and name != address else name or address
    answer = next((word.lower() for key, word in _parameters(parameters) if key == "PARTSTAT"), "")
    return f"{person} ({answer})" if person and answer in _ANSWERS else person


def _parameters(source: str) -> list[tuple[str, str]]:
    return [(key.upper(), squeeze(value.strip('"'))) for key, value in _PARAMETER.findall(source)]


def _unescaped(value: str) -> str:
    return re.sub(r"\\([nN,;\\])", lambda match: "\n" if match[1] in "nN" else match[1], value)
