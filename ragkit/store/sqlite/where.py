"""A filter as SQL: a WHERE clause over documents `d` and chunks `c`; every value and key is a bound parameter."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from ragkit.store.filters import (
    BOOLEAN,
    COLUMNS,
    DATED_GLOBS,
    NULL,
    NUMBER,
    TEXT,
    Condition,
    Filter,
    Value,
    kind_of,
    like_glob,
    write_clause,
)

_SYMBOLS: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_COLUMN_SQL: Final = {**{name: f"d.{name}" for name in COLUMNS}, "time": "d.updated_us"}
_TEXT_TESTS: Final = {
    "prefix": "substr({0}, 1, length({1})) = {1}",
    "glob": "{0} GLOB {1}",
    "contains": "instr({0}, {1}) > 0",
    "before": "({0} GLOB ? OR {0} GLOB ?) AND {0} < {1}",
    "after": "({0} GLOB ? OR {0} GLOB ?) AND {0} >= {1}",
}
_OVERLAPS: Final = {
    "gt": "c.page_end > ?",
    "gte": "c.page_end >= ?",
    "lt": "c.page < ?",
    "lte": "c.page <= ?",
}


def filter_sql(where: Filter) -> tuple[str, list[str | int | float]]:
    """Return the clause and its bindings, in order."""
    bindings: list[str | int | float] = []
    return write_clause(where, lambda condition: _positive(condition, bindings)), bindings


def _positive(condition: Condition, bindings: list[str | int | float]) -> str:
    """Return a clause that is true or false, never NULL, so that NOT is its exact opposite."""
    if condition.operator == "missing":
        bindings.append(condition.key)
        return "(d.id NOT IN (SELECT document_id FROM metadata WHERE key = ?))"
    if not condition.values:
        return "(0)"
    if condition.key == "page":
        return _page_clause(condition, bindings)
    if condition.operator in _TEXT_TESTS:
        return _text_clause(condition, bindings)
    if condition.key in _COLUMN_SQL:
        column = _COLUMN_SQL[condition.key]
        bindings.extend(kind_of(value)[1] for value in condition.values)
        if condition.operator in _SYMBOLS:
            return f"({column} {_SYMBOLS[condition.operator]} ?)"
        return f"({column} IN ({_marks(condition.values)}))"
    return _metadata_clause(condition, bindings)


def _page_clause(condition: Condition, bindings: list[str | int | float]) -> str:
    if condition.operator in _OVERLAPS:
        bindings.extend(kind_of(value)[1] for value in condition.values)
        return f"(c.page IS NOT NULL AND {_OVERLAPS[condition.operator]})"
    bindings.append(json.dumps(condition.values))  # a list can be longer than an expression may be deep
    touches = "SELECT 1 FROM json_each(?) AS j WHERE c.page <= j.value AND c.page_end >= j.value"
    return f"(c.page IS NOT NULL AND EXISTS ({touches}))"


def _text_clause(condition: Condition, bindings: list[str | int | float]) -> str:
    """Return a test of a column, or a look-up of metadata that is text, for any of the values."""
    column = _COLUMN_SQL.get(condition.key)
    if column is None:
        bindings.extend((condition.key, TEXT))
    form, subject = _TEXT_TESTS[condition.operator], column or "metadata.value"
    bound = [_bound(condition.operator, value) for value in condition.values]
    if len(bound) == 1:
        test = form.format(subject, "?")
        bindings.extend(bound[0])
    else:  # a list can be longer than an expression may be deep
        test = f"EXISTS (SELECT 1 FROM json_each(?) AS j WHERE {form.format(subject, 'j.value')})"
        bindings.append(json.dumps([texts[-1] for texts in bound]))
    if column is not None:
        return f"({test})"
    return f"(d.id IN (SELECT document_id FROM metadata WHERE key = ? AND kind = ? AND ({test})))"


def _bound(operator: str, value: Value) -> tuple[str, ...]:
    text = str(value)
    if operator == "prefix":
        return text, text
    if operator == "glob":
        return (like_glob(text),)
    return (text,) if operator == "contains" else (*DATED_GLOBS, text)


def _metadata_clause(condition: Condition, bindings: list[str | int | float]) -> str:
    """Return look-ups in the metadata index, one for each kind of value."""
    lookups: list[str] = []
    for kind in (NULL, BOOLEAN, NUMBER, TEXT):
        stored = [value for found, value in map(kind_of, condition.values) if found == kind]
        if stored:
            symbol = _SYMBOLS.get(condition.operator)
            test = f"{symbol} ?" if symbol else f"IN ({_marks(stored)})"
            lookups.append(f"SELECT document_id FROM metadata WHERE key = ? AND kind = ? AND value {test}")
            bindings.extend((condition.key, kind, *stored))
    return f"(d.id IN ({' UNION '.join(lookups)}))"


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
