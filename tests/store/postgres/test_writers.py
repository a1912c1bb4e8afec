"""Writers of one collection on a real server: bounded waits, a full disk, and a table that is dropped meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ragkit.errors import CorruptError, LockedError, StorageFullError
from ragkit.store.postgres import connection as connections
from ragkit.store.postgres.backend import PostgresBackend
from ragkit.store.postgres.location import parse_location
from ragkit.store.postgres.reading.kept import Kept
from tests.store.contract import Place, put, writing
from tests.support.store_fakes import cut

FULL = """
CREATE FUNCTION ragkit.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'could not extend file "base/5/1": No space left on device' USING ERRCODE = '53100';
END $$;
CREATE TRIGGER no_room BEFORE INSERT ON ragkit.passages FOR EACH ROW EXECUTE FUNCTION ragkit.no_room();
"""


@pytest.fixture
def place(postgres: str) -> Place:
    """A database without collections."""
    return Place(PostgresBackend(), postgres)


@pytest.fixture
def admin(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of the superuser."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection


def test_a_wait_for_a_turn_is_bounded_and_names_who_has_it(place: Place) -> None:
    impatient = Place(place.backend, f"{place.location}&options=-c%20lock_timeout%3D100")
    with place.open() as one, impatient.open() as two, writing(one) as first, writing(two) as second:
        with first.atomic():
            cut("a").put(first)
            with pytest.raises(LockedError, match=r"process \d+") as caught:
                cut("b").put(second)
            assert caught.value.holder.startswith("process")
        assert cut("b").put(second) == "added"
        assert (one.verify(), one.doctor()["problems"]) == ([], [])


def test_a_full_disk_keeps_what_was_committed(place: Place, admin: psycopg.Connection[Any]) -> None:
    with place.open() as store:
        put(store, cut("a"))
        admin.execute(FULL)
        try:
            with writing(store) as writer:
                with pytest.raises(StorageFullError, match=r"disk of postgresql://.* is full.*; free some space"):
                    cut("b").put(writer)
                assert writer.remove("a")  # the run goes on
        finally:
            admin.execute("DROP TRIGGER no_room ON ragkit.passages; DROP FUNCTION ragkit.no_room")
        assert put(store, cut("a"), cut("b")) == ["added", "added"]
        assert (store.verify(), store.doctor()["problems"]) == ([], [])


def test_a_table_that_is_dropped_during_a_run(place: Place, admin: psycopg.Connection[Any]) -> None:
    with place.open() as store, writing(store) as writer:
        cut("a").put(writer)
        admin.execute("ALTER TABLE ragkit.metadata RENAME TO moved")
        try:
            with pytest.raises(CorruptError, match=r"lost a table.*metadata"):
                cut("b", metadata={"team": "x"}).put(writer)
        finally:
            admin.execute("ALTER TABLE ragkit.moved RENAME TO metadata")
        assert cut("b", metadata={"team": "x"}).put(writer) == "added"
        assert (store.verify(), store.doctor()["problems"]) == ([], [])


def test_a_long_statement_is_not_taken_for_silence(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SILENT_SECONDS", 0.15)
    with connections.connect(parse_location(postgres)) as connection:
        assert connection.execute("SELECT 7, pg_sleep(0.6)").fetchall()[0][0] == 7


def test_what_readers_keep_is_bounded() -> None:
    kept = Kept(unit_bytes=100)
    kept.keep_units([(number, bytes([number]) * 30) for number in range(1, 6)])
    assert kept.units([1, 2, 3, 4, 5]) == {number: bytes([number]) * 30 for number in (3, 4, 5)}
    kept.keep_units([(3, b"x" * 40)])
    assert kept.units([3, 4, 5]) == {3: b"x" * 40, 4: b"\4" * 30, 5: b"\5" * 30}
    kept.keep_keys(7, ["a"])
    kept.keep_keys(5, ["old"])
    assert (kept.keys(7), kept.keys(5)) == (["a"], None)
