"""`where` filters: what is malformed is named, what is well-formed means the same as in Python."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.errors import FilterError
from ragkit.store.filters import Condition, Group, parse_filter
from ragkit.store.sqlite.store import Store
from tests.support.store_fakes import cut, new_store, writing

PUT_AT = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)


def condition(operator: str, key: Any, value: Any) -> dict[str, Any]:
    return {"type": operator, "key": key, "value": value}


def nested(depth: int) -> dict[str, Any]:
    where = condition("eq", "a", 1)
    for _ in range(depth - 1):
        where = {"type": "and", "filters": [where]}
    return where


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ({}, "where.type is null"),
        ([], "where is a list"),
        ("x", "where is 'x'"),
        ({"type": "like", "key": "a", "value": 1}, "where.type is 'like'"),
        ({"type": ["eq"], "key": "a", "value": 1}, "where.type is a list"),
        ({"type": "eq", "key": "a"}, "where has no 'value'"),
        ({"type": "eq", "value": 1}, "where has no 'key'"),
        ({"type": "eq", "key": "a", "value": 1, "not": True}, "unknown field 'not'"),
        (condition("eq", "", 1), "where.key"),
        (condition("eq", "a\ud800", 1), "where.key"),
        (condition("eq", "a\0", 1), "where.key"),
        (condition("eq", 1, 1), "where.key"),
        ({"type": "and"}, "where has no 'filters'"),
        ({"type": "and", "filters": []}, "where.filters is a list"),
        ({"type": "or", "filters": "ab"}, "where.filters is 'ab'"),
        ({"type": "or", "filters": [condition("eq", "a", 1)], "key": "a"}, "unknown field 'key'"),
        ({"type": "and", "filters": [condition("eq", "a", 1), 7]}, r"where.filters\[1\] is 7"),
        (
            {"type": "and", "filters": [{"type": "or", "filters": [condition("gt", "a", math.nan)]}]},
            r"where.filters\[0\].filters\[0\].value is nan",
        ),
        (condition("eq", "a", math.inf), "where.value is inf"),
        (condition("in", "a", [1, -math.inf]), r"where.value\[1\] is -inf"),
        (condition("eq", "a", [1]), "where.value is a list"),
        (condition("after", "time", {}), "where.value is an object instead of a time"),
        (condition("before", "time", [1]), "where.value is a list instead of a time"),
        (condition("eq", "a", {"b": 1}), "where.value is an object"),
        (condition("in", "a", "abc"), "where.value is 'abc' instead of a list"),
        (condition("in", "a", [[1]]), r"where.value\[0\] is a list"),
        (condition("nin", "a", 3), "where.value is 3 instead of a list"),
        (condition("gt", "a", True), "where.value is true, which has no order"),
        (condition("lt", "a", None), "where.value is null, which has no order"),
        (condition("eq", "a", "x\0"), "where.value is not text"),
        (condition("eq", "source", 3), "source is text"),
        (condition("in", "title", ["a", None]), r"where.value\[1\] is null, and title is text"),
        (condition("eq", "page", "3"), "page number"),
        (condition("eq", "page", 2.5), "page number"),
        (condition("eq", "page", True), "page number"),
        (condition("eq", "page", 2**64), "page number"),
        (condition("gt", "time", "yesterday"), "not an ISO 8601 time"),
        (condition("after", "time", "5 March 2026"), "which is no date"),
        (condition("before", "published", "2026-13-40"), "not an ISO 8601 time"),
        (condition("before", "source", "2026"), "source is no date"),
        (condition("before", "published", 2026), "which is no date"),
        (condition("prefix", "page", "3"), "page is no text"),
        (condition("contains", "time", []), "time is no text"),
        (condition("in", "page", [10**15 + 1]), "page number"),
        (condition("contains", "a", ""), "compares text"),
        (condition("glob", "a", 4), "compares text"),
        (condition("glob", "a", "x" * 1001), "1,001 characters"),
        (condition("gt", "time", True), "instead of a time"),
        (condition("gt", "time", 10**15), "no time in Unix seconds"),
        (condition("gt", "time", 10**5000), "no time in Unix seconds|too|huge"),
        (nested(11), "deeper than 10 levels"),
        ({"type": "or", "filters": [condition("eq", "a", 1)] * 101}, "condition 101"),
        (condition("in", "a", list(range(10_001))), "10,001 values"),
    ],
)
def test_what_is_malformed_is_named(where: Any, place: str) -> None:
    with pytest.raises(FilterError, match=place) as caught:
        parse_filter(where)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_the_tree() -> None:
    assert parse_filter(None) is None
    where = {"type": "and", "filters": [condition("eq", "a", 1), condition("nin", "b", ["x"])]}
    assert parse_filter(where) == Group("and", (Condition("eq", "a", (1,)), Condition("nin", "b", ("x",))))
    assert parse_filter(nested(10)) is not None
    hash(parse_filter(where))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with new_store(tmp_path_factory.mktemp("data"), clock=lambda: PUT_AT) as opened, writing(opened) as writer:
        for source, metadata in DOCUMENTS.items():
            cut(source, [f"{source} {part}" for part in range(3)], metadata=metadata, paged=source != "c").put(writer)
        yield opened


DOCUMENTS: Mapping[str, dict[str, Any]] = {
    "a": {"n": 1, "s": "abc", "tags": ("x", "y", 1), "b": True, "source": "shadowed"},
    "b": {"n": 2.5, "s": "ABC", "tags": ("y",), "b": False, 'we"ird.$[0]': 1},
    "c": {"n": "1", "s": "é", "tags": (), "none": None},
    "d": {"n": 2**70, "s": "", "b": 1},
    "e": {"n": True, "tags": (None, 2.5, "x"), "none": 0},
    "dir/f%_": {},
}


def found(store: Store, where: dict[str, Any]) -> list[str]:
    parsed = parse_filter(where)
    assert parsed is not None
    with store.read() as reader:
        ids = reader.chunks.select(parsed)
        assert len(ids) == reader.chunks.count(parsed)
        rows = reader.chunks.rows(ids)
        documents = reader.documents.rows([row.document_id for row in rows.values()])
        return sorted({documents[row.document_id].source for row in rows.values()})


@pytest.mark.parametrize(
    ("where", "sources"),
    [
        (condition("eq", "n", 1), "a"),
        (condition("eq", "n", 1.0), "a"),
        (condition("eq", "n", "1"), "c"),
        (condition("eq", "n", True), "e"),
        (condition("ne", "n", 1), "bcdef"),
        (condition("gt", "n", 1), "bd"),
        (condition("gte", "n", 1), "abd"),
        (condition("lt", "n", 10**30), "abd"),
        (condition("lt", "n", "2"), "c"),
        (condition("in", "n", [1, "1", True]), "ace"),
        (condition("in", "n", []), ""),
        (condition("nin", "n", []), "abcdef"),
        (condition("nin", "n", [1, "1", True]), "bdf"),
        (condition("eq", "s", "abc"), "a"),
        (condition("gt", "s", "a"), "ac"),
        (condition("eq", "s", ""), "d"),
        (condition("eq", "tags", "x"), "ae"),
        (condition("ne", "tags", "x"), "bcdf"),
        (condition("eq", "tags", None), "e"),
        (condition("eq", "none", None), "c"),
        (condition("ne", "none", None), "abdef"),
        (condition("eq", "b", 1), "d"),
        (condition("eq", "b", False), "b"),
        (condition("eq", 'we"ird.$[0]', 1), "b"),
        (condition("eq", "source", "dir/f%_"), "f"),
        (condition("eq", "source", "dir/f"), ""),
        (condition("gte", "source", "dir/"), "ef"),
        (condition("in", "source", ["a", "b", "zz"]), "ab"),
        (condition("eq", "title", "Title"), "abcdef"),
        (condition("eq", "media_type", "text/plain"), "abcdef"),
        (condition("eq", "page", 2), "abdef"),
        (condition("eq", "page", 4), ""),
        (condition("ne", "page", 4), "abcdef"),
        (condition("gt", "page", 2), "abdef"),
        (condition("lte", "page", 3.0), "abdef"),
        (condition("in", "page", list(range(2, 9_000))), "abdef"),
        (condition("eq", "time", "2026-03-01T12:00:00.5Z"), "abcdef"),
        (condition("eq", "time", PUT_AT.timestamp()), "abcdef"),
        (condition("gt", "time", "2026-03-01"), "abcdef"),
        (condition("gt", "time", "2026-03-01T13:00:00"), ""),
        (condition("gt", "time", "2026-03-01T13:00:00+02:00"), "abcdef"),
        (condition("lt", "time", 0), ""),
        ({"type": "and", "filters": [condition("gt", "n", 0), condition("eq", "b", True)]}, "a"),
        ({"type": "or", "filters": [condition("eq", "n", 1), condition("eq", "n", "1")]}, "ac"),
        (nested(10) | {}, ""),
    ],
)
def test_what_a_filter_finds(store: Store, where: dict[str, Any], sources: str) -> None:
    assert {source.removeprefix("dir/")[0] for source in found(store, where)} == set(sources)


def test_pages_are_of_chunks(store: Store) -> None:
    where = parse_filter(
        {"type": "and", "filters": [condition("eq", "source", "a"), condition("in", "page", [1, 3, 70])]}
    )
    assert where is not None
    with store.read() as reader:
        rows = reader.chunks.rows(reader.chunks.select(where))
        assert [row.page for row in rows.values()] == [1, 3]


def test_quotes_and_semicolons_are_values(store: Store) -> None:
    attack = "' OR 1=1; DROP TABLE documents; --"
    assert found(store, condition("eq", "source", attack)) == []
    assert found(store, condition("eq", attack, attack)) == []
    assert len(found(store, condition("ne", attack, attack))) == 6


SCALARS = st.one_of(
    st.sampled_from([0, 1, 2, 2.5, -1, "1", "x", "y", "", "é", True, False, None, 2**70]),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab\U0001f600é", max_size=3),
)
KEYS = st.sampled_from(["n", "s", "tags", "b", "none", "absent"])
LEAVES = st.one_of(
    st.builds(condition, st.sampled_from(["eq", "ne"]), KEYS, SCALARS),
    st.builds(condition, st.sampled_from(["in", "nin"]), KEYS, st.lists(SCALARS, max_size=4)),
    st.builds(
        condition,
        st.sampled_from(["gt", "gte", "lt", "lte"]),
        KEYS,
        SCALARS.filter(lambda value: value is not None and not isinstance(value, bool)),
    ),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda operator, filters: {"type": operator, "filters": filters},
        st.sampled_from(["and", "or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


def kind(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return type(value).__name__
    return "number"


def number(value: Any) -> Any:
    """Integers beyond 64 bits compare as the nearest float."""
    big = isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63
    return float(value) if big else value


def holds(where: dict[str, Any], metadata: dict[str, Any]) -> bool:
    """The meaning of a filter, in Python."""
    operator = where["type"]
    if operator in ("and", "or"):
        return (all if operator == "and" else any)(holds(item, metadata) for item in where["filters"])
    stored = metadata.get(where["key"], ())
    values = [number(value) for value in (stored if isinstance(stored, tuple) else (stored,))]
    wanted = where["value"] if operator in ("in", "nin") else [where["value"]]
    pairs = [(a, number(b)) for a in values for b in wanted if kind(a) == kind(b)]
    if operator in ("eq", "ne", "in", "nin"):
        return any(a == b for a, b in pairs) == (operator in ("eq", "in"))
    compare = {
        "gt": lambda a, b: a > b,
        "gte": lambda a, b: a >= b,
        "lt": lambda a, b: a < b,
        "lte": lambda a, b: a <= b,
    }
    return any(compare[operator](a, b) for a, b in pairs)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(where=FILTERS)
def test_a_filter_means_what_it_means_in_python(store: Store, where: dict[str, Any]) -> None:
    assert found(store, where) == sorted(source for source, metadata in DOCUMENTS.items() if holds(where, metadata))


@settings(max_examples=300, deadline=None)
@given(
    where=st.recursive(
        st.one_of(SCALARS, st.floats(), st.text(max_size=3)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(["type", "key", "value", "filters", "x"]), inner, max_size=4),
            st.builds(
                condition, st.sampled_from(["eq", "in", "gt", "and"]), st.sampled_from(["page", "time", "n"]), inner
            ),
        ),
        max_leaves=10,
    )
)
def test_no_input_raises_anything_else(store: Store, where: Any) -> None:
    try:
        parsed = parse_filter(where)
    except FilterError:
        return
    if parsed is not None:
        with store.read() as reader:
            reader.chunks.select(parsed)


@pytest.mark.parametrize("operator", ["before", "after", "gt", "eq"])
@pytest.mark.parametrize("value", [{}, [], True, None], ids=str)
def test_a_time_is_text_or_a_number_and_nothing_else(operator: str, value: object) -> None:
    with pytest.raises(FilterError):
        parse_filter({"type": operator, "key": "time", "value": value})
