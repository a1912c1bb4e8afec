"""What only this store has: bounded index keys, and look-ups that do not read a whole collection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ragkit.store.base import Store
from ragkit.store.filters import parse_filter
from ragkit.store.postgres.backend import PostgresBackend
from tests.store.contract import Place, condition, file_of, put, writing
from tests.support.store_fakes import cut

LONG = "ö" * 3_000


@pytest.fixture
def store(postgres: str) -> Iterator[Store]:
    """An empty collection."""
    with Place(PostgresBackend(), postgres).open() as opened:
        yield opened


def sources(store: Store, where: dict[str, Any]) -> list[str]:
    parsed = parse_filter(where)
    with store.read() as reader:
        return [info.source[-1] for info in reader.documents.infos(where=parsed)]


def test_keys_texts_sources_and_paths_of_any_length(store: Store) -> None:
    metadata = {f"{LONG}{end}": f"{LONG}{end * 2}" for end in "xy"}
    put(store, cut(f"{LONG}1", metadata=metadata), cut(f"{LONG}2", metadata={f"{LONG}x": LONG}), cut("3"))
    with writing(store) as writer:
        for name in (b"a", b"b"):
            writer.record_file(file_of(f"{LONG}1", LONG.encode() + name))
    assert sources(store, condition("eq", f"{LONG}x", f"{LONG}xx")) == ["1"]
    assert sources(store, condition("in", f"{LONG}x", [f"{LONG}xx", LONG])) == ["1", "2"]
    assert sources(store, condition("ne", f"{LONG}y", "z")) == ["3", "1", "2"]
    assert sources(store, condition("gt", f"{LONG}x", LONG)) == ["1"]
    assert sources(store, condition("eq", "source", f"{LONG}2")) == ["2"]
    with store.read() as reader:
        assert reader.documents.metadata_keys() == [f"{LONG}x", f"{LONG}y"]
        assert len(reader.files.below("/docs")) == len(reader.files.of(f"{LONG}1")) == 2
        assert reader.documents.get(f"{LONG}2").metadata == {f"{LONG}x": LONG}


@pytest.mark.parametrize(
    ("pattern", "found"), [("50%*", "1"), ("a_b*", "2"), ("a?b*", "23"), (r"c\d*", "4"), ("*[x]*", "5"), ("50*", "16")]
)
def test_signs_of_like_stand_for_themselves(store: Store, pattern: str, found: str) -> None:
    names = ["50% off 1", "a_b 2", "axb 3", r"c\d 4", "[x] 5", "500 off 6"]
    put(store, *(cut(name, metadata={"name": name}) for name in names))
    for key in ("source", "name"):
        assert "".join(sorted(sources(store, condition("glob", key, pattern)))) == found


def test_numbers_are_compared_exactly(store: Store) -> None:
    big = 2**53
    numbers = {"1": big, "2": big + 1, "3": float(big), "4": 0.1, "5": 5e-324, "6": -0.0, "7": 2**1024 - 1}
    put(store, *(cut(name, metadata={"n": number}) for name, number in numbers.items()))
    assert sources(store, condition("eq", "n", big)) == ["1", "3"]
    assert sources(store, condition("eq", "n", big + 1)) == ["2"]
    assert sources(store, condition("gt", "n", big)) == ["2", "7"]
    assert sources(store, condition("eq", "n", 0.1)) == ["4"]
    assert sources(store, condition("eq", "n", 0)) == ["6"]
    assert sources(store, condition("lt", "n", 0.1)) == ["5", "6"]


def test_look_ups_use_the_indexes(store: Store, postgres: str) -> None:
    put(store, *(cut(f"{number}", ["t"], metadata={"team": f"t{number}"}) for number in range(30)))
    options = "-c search_path=ragkit,public -c enable_seqscan=off -c enable_sort=off"
    with psycopg.connect(postgres, options=options) as connection:
        connection.execute("ANALYZE metadata, documents")  # or the plan is that for tables of an unknown size

        def plan(sql: str) -> str:
            return " ".join(row[0] for row in connection.execute(f"EXPLAIN {sql}"))

        key = "\"left\"(key, 64) = 'team' AND key = 'team' AND kind = 3 AND number = 0 AND \"left\"(text, 128) = 't7'"
        assert "metadata_value" in plan(f"SELECT 1 FROM metadata WHERE collection = 1 AND {key}")
        order = 'ORDER BY "left"(source, 500), source LIMIT 5'
        assert "documents_source" in plan(f"SELECT 1 FROM documents WHERE collection = 1 {order}")
    assert store.size() > 0
