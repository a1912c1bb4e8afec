"""A filter as SQL: a WHERE clause over documents `d` and chunks `c`; every value and key is a bound parameter."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from ragkit.store.filters import (
    BOOLEAN,
    COLUMNS,
    NULL,
    NUMBER,
    TEXT,
    Condition,
    Filter,
    kind_of,
    write_clause,
)
from ragkit.store.postgres.encoding import typed_value
from ragkit.store.postgres.schema import KEY_START, TEXT_START
from ragkit.types.labels import ACL_KEY

_SYMBOLS: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_COLUMN_SQL: Final = {**{name: f"d.{name}" for name in COLUMNS}, "time": "d.updated_us"}
_DATED: Final = "'^[0-9]{4}($|-[0-9]{2})'"
_TEXT_TESTS: Final = {
    "prefix": "starts_with(SUBJECT, v)",
    "glob": "SUBJECT LIKE v",
    "contains": "strpos(SUBJECT, v) > 0",
    "before": f"SUBJECT ~ {_DATED} AND SUBJECT < v",
    "after": f"SUBJECT ~ {_DATED} AND SUBJECT >= v",
}
_OVERLAPS: Final = {"gt": "c.page_end >", "gte": "c.page_end >=", "lt": "c.page <", "lte": "c.page <="}
_LIKE: Final = str.maketrans({"*": "%", "?": "_", "%": r"\%", "_": r"\_", "\\": r"\\"})


def filter_sql(where: Filter, bindings: Sequence[Any] = ()) -> tuple[str, list[Any]]:
    """Return the clause, for a statement whose $1 is the collection, and all bindings from $2 on.

    bindings: those from $2 on that the statement has already.
    """
    compiler = _Compiler(bindings)
    return write_clause(where, compiler.clause), compiler.bindings


class _Compiler:
    """Writes the clauses of conditions and gathers their bindings."""

    def __init__(self, bindings: Sequence[Any]) -> None:
        self.bindings = [*bindings]

    def clause(self, condition: Condition) -> str:
        """Return a clause that is true or false, never NULL, so that NOT is its exact opposite."""
        if condition.key == ACL_KEY and _is_about_labels(condition):
            return self._labels(condition)
        if condition.operator == "missing":
            return f"(d.id NOT IN ({self._of_key(condition.key)}))"
        if not condition.values:
            return "(false)"
        if condition.key == "page":
            return self._page(condition)
        if condition.operator in _TEXT_TESTS:
            return self._text(condition)
        if condition.key in _COLUMN_SQL:
            return self._column(condition)
        return self._metadata(condition)

    def _labels(self, condition: Condition) -> str:
        """Return a test of the column of access labels, which has an index; it holds texts only."""
        if condition.operator == "missing":
            return "(d.acl IS NULL)"
        labels = self._bind([typed_value(value)[2] for value in condition.values])
        return f"(d.acl IS NOT NULL AND d.acl && {labels}::text[])"

    def _page(self, condition: Condition) -> str:
        if condition.operator in _OVERLAPS:
            return f"(c.page IS NOT NULL AND {_OVERLAPS[condition.operator]} {self._bind(condition.values[0])})"
        pages = self._bind(list(condition.values))
        touches = f"SELECT 1 FROM unnest({pages}::bigint[]) AS v WHERE c.page <= v AND c.page_end >= v"
        return f"(c.page IS NOT NULL AND EXISTS ({touches}))"

    def _column(self, condition: Condition) -> str:
        column, kind = _COLUMN_SQL[condition.key], "numeric" if condition.key == "time" else "text"
        if condition.operator in _SYMBOLS:
            return f"({column} {_SYMBOLS[condition.operator]} {self._bind(condition.values[0])}::{kind})"
        return f"({column} = ANY ({self._bind(list(condition.values))}::{kind}[]))"

    def _text(self, condition: Condition) -> str:
        """Return a test of a column, or a look-up of metadata that is text, for any of the values."""
        column = _COLUMN_SQL.get(condition.key)
        texts = [str(value) for value in condition.values]
        bound = self._bind([text.translate(_LIKE) for text in texts] if condition.operator == "glob" else texts)
        test = _TEXT_TESTS[condition.operator].replace("SUBJECT", column or "metadata.text")
        found = f"EXISTS (SELECT 1 FROM unnest({bound}::text[]) AS v WHERE {test})"
        return f"({found})" if column else f"(d.id IN ({self._of_key(condition.key)} AND kind = {TEXT} AND {found}))"

    def _metadata(self, condition: Condition) -> str:
        """Return look-ups in the metadata index, one for each kind of value."""
        lookups = []
        for kind in (NULL, BOOLEAN, NUMBER, TEXT):
            stored = [typed_value(value) for value in condition.values if kind_of(value)[0] == kind]
            if stored:
                symbol = _SYMBOLS.get(condition.operator)
                if kind == TEXT:
                    test = self._texts(symbol, [text for _, _, text in stored])
                else:
                    test = self._numbers(symbol, [number for _, number, _ in stored])
                lookups.append(f"{self._of_key(condition.key)} AND kind = {kind} AND {test}")
        return f"(d.id IN ({' UNION '.join(lookups)}))"

    def _numbers(self, symbol: str | None, numbers: Sequence[Decimal]) -> str:
        if symbol:
            return f"number {symbol} {self._bind(numbers[0])}::numeric"
        return f"number = ANY ({self._bind(list(numbers))}::numeric[])"

    def _texts(self, symbol: str | None, texts: Sequence[str]) -> str:
        if symbol:
            return f"text {symbol} {self._bind(texts[0])}::text"
        starts, whole = self._bind([text[:TEXT_START] for text in texts]), self._bind(list(texts))
        return f'number = 0 AND "left"(text, {TEXT_START}) = ANY ({starts}::text[]) AND text = ANY ({whole}::text[])'

    def _of_key(self, key: str) -> str:
        """Return a query of the documents that have a metadata key."""
        start, whole = self._bind(key[:KEY_START]), self._bind(key)
        return f"""SELECT document_id FROM metadata WHERE collection = $1 AND "left"(key, {KEY_START}) = {start}::text
            AND key = {whole}::text"""

    def _bind(self, value: Any) -> str:
        """Bind a value and return its mark."""
        self.bindings.append(value)
        return f"${len(self.bindings) + 1}"


def _is_about_labels(condition: Condition) -> bool:
    """Tell whether the column of labels answers a condition; other operators and values look into the metadata."""
    texts = all(kind_of(value)[0] == TEXT for value in condition.values)
    return condition.operator == "missing" or (condition.operator in ("eq", "in") and texts and bool(condition.values))
