"""`where` filters in the OpenAI shape: checked once into a frozen tree, then written as SQL with bound values.

A condition is `{"type": "eq", "key": "media_type", "value": "text/plain"}` with one of eq ne gt gte lt lte in nin
prefix glob contains before after; a group is `{"type": "and", "filters": [...]}` or `"or"`. The keys source, title,
media_type and sha256 are the document's own, `page` is any page that a chunk touches, `time` is when the document was
last stored (ISO 8601, UTC where no offset is given, or Unix seconds); any other key is metadata.

Values compare by type: numbers with numbers, text with text (by code point), true and false with themselves. Where
metadata holds a list, one element that matches is enough. `ne` and `nin` are the exact opposites of `eq` and `in`, so a
document without the key matches these two and no other operator.

`prefix`, `glob` (`*` any characters, `?` one) and `contains` compare text, case as written; they take one text or a
list of which one is enough. `before` and `after` compare dates: `time`, and metadata that is written as ISO 8601
("2026", "2026-03", "2026-03-05", with or without a time), which is compared as text. After a day means after its end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, cast

from ragkit.errors import FilterError
from ragkit.text.cleaning import show

Comparison = Literal[
    "eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "prefix", "glob", "contains", "before", "after", "missing"
]
"""`missing` (the document has no such metadata key) is ragkit's own: no `where` that a caller sends can hold it."""
Value = str | int | float | bool | None

MAX_DEPTH: Final = 10
MAX_CONDITIONS: Final = 100
MAX_VALUES: Final = 10_000
"""Limits of one filter: nested groups, conditions, and values of all its lists together."""

NULL, BOOLEAN, NUMBER, TEXT = range(4)
"""Kinds of metadata values: values of different kinds are never equal and never ordered."""

COLUMNS: Final = ("source", "title", "media_type", "sha256")
KEYS: Final = (*COLUMNS, "page", "time")
"""The keys that every document has; any other key is metadata."""
TEXT_OPERATORS: Final = ("prefix", "glob", "contains")
DATE_OPERATORS: Final = ("before", "after")
_OPERATORS: Final = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", *TEXT_OPERATORS, *DATE_OPERATORS)
_PATTERN_LIMIT: Final = 1_000
_LISTS: Final = ("in", "nin")
_ORDERED: Final = ("gt", "gte", "lt", "lte")
_SHAPE: Final = 'write {"type": "eq", "key": "media_type", "value": "text/plain"} or {"type": "and", "filters": [...]}'
_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})([T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?)?)?")
_DATED: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}|\Z)")
DATED_GLOBS: Final = ("[0-9][0-9][0-9][0-9]", "[0-9][0-9][0-9][0-9]-[0-9][0-9]*")
_LARGEST_PAGE: Final = 10**15  # far from 64 bits, and exact as a float: every reader of JSON sees the same bound
_LATEST_SECONDS: Final = 253_402_300_800  # the year 10000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `values` holds one value, for `in` and `nin` any number; of `time`, microseconds since 1970."""

    operator: Comparison
    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """All ("and") or any ("or") of at least one filter."""

    operator: Literal["and", "or"]
    filters: tuple[Condition | Group, ...]


Filter = Condition | Group


def parse_filter(where: Mapping[str, Any] | None) -> Filter | None:
    """Return the checked tree of a `where` filter, None for None; raises FilterError, which names the place."""
    if where is None:
        return None
    return _Parser().parse(where, place="where", depth=1)


class _Parser:
    """Carries the counts that bound one filter."""

    def __init__(self) -> None:
        self.conditions = 0
        self.values = 0

    def parse(self, where: Any, *, place: str, depth: int) -> Filter:
        """Return the tree of one filter; place: its path in the whole, for messages."""
        if not isinstance(where, Mapping):
            raise FilterError(f"{place} is {_shown(where)} instead of an object", cure=_SHAPE)
        if depth > MAX_DEPTH:
            raise FilterError(f"{place} is nested deeper than {MAX_DEPTH} levels", cure="flatten the filter")
        operator = where.get("type")
        if operator in ("and", "or"):
            return self._group(where, place=place, depth=depth)
        if not isinstance(operator, str) or operator not in _OPERATORS:
            raise FilterError(
                f"{place}.type is {_shown(operator)}", cure=f"use one of {' '.join(_OPERATORS)} and or; {_SHAPE}"
            )
        _check_names(where, ("type", "key", "value"), place=place)
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise FilterError(f"{place} is condition {self.conditions}", cure=f"use at most {MAX_CONDITIONS}, or `in`")
        key = where["key"]
        _check_key(key, operator, place)
        values = self._values(where["value"], operator=operator, place=f"{place}.value")
        if operator in DATE_OPERATORS:
            return _date_condition(operator, key, values[0][1], values[0][0])
        if operator in TEXT_OPERATORS:
            checked: tuple[Value, ...] = tuple(_check_text(value, operator, at) for at, value in values)
        else:
            checked = tuple(_check_value(value, operator, key, at) for at, value in values)
        return Condition(cast("Comparison", operator), key, checked)

    def _group(self, where: Mapping[str, Any], *, place: str, depth: int) -> Group:
        _check_names(where, ("type", "filters"), place=place)
        filters = where["filters"]
        if not isinstance(filters, Sequence) or isinstance(filters, str | bytes) or not filters:
            raise FilterError(f"{place}.filters is {_shown(filters)} instead of a list of filters", cure=_SHAPE)
        parsed = (
            self.parse(item, place=f"{place}.filters[{index}]", depth=depth + 1) for index, item in enumerate(filters)
        )
        return Group(where["type"], tuple(parsed))

    def _values(self, value: Any, *, operator: str, place: str) -> list[tuple[str, Any]]:
        is_list = isinstance(value, list | tuple | set | frozenset)
        if operator not in _LISTS and not (operator in TEXT_OPERATORS and is_list):
            return [(place, value)]
        if not is_list:
            raise FilterError(
                f"{place} is {_shown(value)} instead of a list", cure=f'write {{"type": "{operator}", "value": [1, 2]}}'
            )
        self.values += len(value)
        if self.values > MAX_VALUES:
            raise FilterError(
                f"{place} brings the filter to {self.values:,} values", cure=f"use at most {MAX_VALUES:,}"
            )
        return [(f"{place}[{index}]", item) for index, item in enumerate(value)]


def _check_names(where: Mapping[str, Any], names: tuple[str, ...], *, place: str) -> None:
    missing = [name for name in names if name not in where]
    unknown = [name for name in where if name not in names]
    if missing:
        raise FilterError(f"{place} has no {missing[0]!r}", cure=_SHAPE)
    if unknown:
        raise FilterError(f"{place} has the unknown field {_shown(unknown[0])}", cure=f"it takes {', '.join(names)}")


def _check_key(key: Any, operator: str, place: str) -> None:
    """Raise FilterError for a key that is none, or that an operator cannot compare, whatever the values are."""
    if not isinstance(key, str) or not key or not _is_storable(key):
        raise FilterError(f"{place}.key is {_shown(key)}", cure='name a field, such as "source", or a metadata key')
    if operator in TEXT_OPERATORS and key in ("page", "time"):
        raise FilterError(f"{place}: {key} is no text, which {operator} compares", cure=f"use gte or lte with {key}")


def _check_value(value: Any, operator: str, key: str, place: str) -> Value:
    """Return one value in the form that is compared, or raise FilterError."""
    if isinstance(value, float) and not math.isfinite(value):
        raise FilterError(f"{place} is {value}, which nothing can be compared with", cure="use a finite number")
    if value is not None and not isinstance(value, str | int | float):
        raise FilterError(f"{place} is {_shown(value)}", cure="use text, a number, true, false or null")
    if isinstance(value, str) and not _is_storable(value):
        raise FilterError(f"{place} is not text that can be stored: {_shown(value)}", cure="remove NUL and surrogates")
    if key == "time":
        return _microseconds(value, place)
    if key == "page":
        return _page(value, place)
    if key in COLUMNS and not isinstance(value, str):
        raise FilterError(f"{place} is {_shown(value)}, and {key} is text", cure='put it in quotes: "value"')
    if operator in _ORDERED and (value is None or isinstance(value, bool)):
        raise FilterError(f"{place} is {_shown(value)}, which has no order", cure="use eq or ne, or a number or text")
    return storable_number(value)


def _check_text(value: Any, operator: str, place: str) -> str:
    """Return the text of a prefix, a pattern or a part of a text."""
    if not isinstance(value, str) or not value:
        raise FilterError(f"{place} is {_shown(value)}, and {operator} compares text", cure='put it in quotes: "value"')
    if not _is_storable(value):
        raise FilterError(f"{place} is not text that can be stored: {_shown(value)}", cure="remove NUL and surrogates")
    if len(value) > _PATTERN_LIMIT:
        raise FilterError(f"{place} has {len(value):,} characters", cure=f"use at most {_PATTERN_LIMIT:,}")
    return re.sub(r"\*+", "*", value) if operator == "glob" else value


def _date_condition(operator: str, key: str, value: Any, place: str) -> Condition:
    """Return a comparison of dates: of `time` with microseconds, of metadata with ISO text."""
    if key in (*COLUMNS, "page"):
        raise FilterError(f"{place}: {key} is no date", cure='use {"type": "before", "key": "time", ...} or metadata')
    if key == "time" and not isinstance(value, str):
        return Condition("lt" if operator == "before" else "gt", key, (_microseconds(value, place),))
    written = _DATE.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise FilterError(
            f"{place} is {_shown(value)}, which is no date", cure='write "2026-03-05", "2026-03" or "2026"'
        )
    year, month, day, clock = written.groups()
    start = f"{year}-{month or '01'}-{day or '01'}"
    first = _microseconds(f"{start}{clock or ''}", place)
    if operator == "before":
        return Condition("lt", key, (first,)) if key == "time" else Condition("before", key, (str(value),))
    if clock:
        return Condition("gt", key, (first,)) if key == "time" else Condition("after", key, (f"{value} ",))
    following = _following(date.fromisoformat(start), by="day" if day else "month" if month else "year")
    if key == "time":
        return Condition("gte", key, (_microseconds(following.isoformat(), place),))
    return Condition("after", key, (following.isoformat()[: len(str(value))],))


def _following(start: date, *, by: str) -> date:
    """Return the first day after a day, a month or a year that begins on a day."""
    if start.year == date.max.year:
        return date.max
    if by == "day":
        return start + timedelta(days=1)
    return date(start.year + 1, 1, 1) if by == "year" or start.month == 12 else date(start.year, start.month + 1, 1)


def write_clause(where: Filter, positive: Callable[[Condition], str]) -> str:
    """Return a filter as an SQL clause, from the clauses of its conditions.

    positive: returns the clause of a condition, in order; `ne` and `nin` arrive as `eq` and `in` and are negated, so
    the clause must be true or false, never NULL.
    """
    if isinstance(where, Group):
        return "(" + f" {where.operator.upper()} ".join(write_clause(item, positive) for item in where.filters) + ")"
    if where.operator == "ne":
        return f"NOT {positive(Condition('eq', where.key, where.values))}"
    if where.operator == "nin":
        return f"NOT {positive(Condition('in', where.key, where.values))}"
    return positive(where)


def both(first: Filter | None, second: Filter | None) -> Filter | None:
    """Return a filter that matches what both match; None stands for everything."""
    if first is None or second is None:
        return second if first is None else first
    return Group("and", (first, second))


def is_about_chunks(where: Filter) -> bool:
    """Tell whether a filter has a condition on pages; without one it matches all chunks of a document or none."""
    if isinstance(where, Group):
        return any(is_about_chunks(item) for item in where.filters)
    return where.key == "page"


def check_about_documents(where: Filter) -> None:
    """Raise FilterError for a filter about pages, where whole documents are chosen."""
    if is_about_chunks(where):
        raise FilterError("the filter is about pages, and whole documents are chosen here", cure="leave `page` out")


def is_dated(text: str) -> bool:
    """Return whether a metadata value is written as a date of ISO 8601, as `DATED_GLOBS` say."""
    return _DATED.match(text) is not None


def like_glob(pattern: str) -> str:
    """Return a pattern in which brackets stand for themselves, for SQLite's GLOB and for fnmatch alike."""
    return pattern.replace("[", "[[]")


def keys_of(where: Filter) -> list[str]:
    """Return the keys that a filter names, each once, in its order."""
    if isinstance(where, Group):
        return list(dict.fromkeys(key for item in where.filters for key in keys_of(item)))
    return [where.key]


def metadata_keys_of(where: Filter) -> list[str]:
    """Return the metadata keys that a filter names, each once, in its order."""
    return [key for key in keys_of(where) if key not in KEYS]


def storable_number(value: Value) -> Value:
    """Return a value as SQLite can hold it: an integer beyond 64 bits becomes the nearest float (inf at the ends)."""
    if isinstance(value, bool) or not isinstance(value, int) or -(2**63) <= value < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def kind_of(value: Value) -> tuple[int, str | int | float]:
    """Return the kind of a metadata value and the value as it is stored for look-ups."""
    if value is None:
        return NULL, 0
    if isinstance(value, bool):
        return BOOLEAN, int(value)
    if isinstance(value, str):
        return TEXT, value
    number = storable_number(value)
    return NUMBER, number if isinstance(number, int | float) else 0


def _microseconds(value: object, place: str) -> int:
    cure = 'use "2026-03-01", "2026-03-01T12:00:00Z" or Unix seconds'
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FilterError(f"{place} is {_shown(value)} instead of a time", cure=cure)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise FilterError(f"{place} is {_shown(value)}, which is not an ISO 8601 time", cure=cure) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        elapsed = moment - _EPOCH
        return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    if not -_LATEST_SECONDS < value < _LATEST_SECONDS:
        raise FilterError(
            f"{place} is {_shown(value)}, which is no time in Unix seconds before the year 10000", cure=cure
        )
    return round(value * 1_000_000)


def _page(value: Value, place: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST_PAGE:
        raise FilterError(f"{place} is {_shown(value)} instead of a page number", cure="pages count from 1")
    return value


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > 256:
        return "a huge integer"
    if isinstance(value, str | int | float):
        return show(repr(value), 60)
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"
