"""What goes wrong with a server is one line with its cure, shows no secret, and leaves nothing half there."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import ragkit
from ragkit.errors import (
    ConfigError,
    CorruptError,
    InputError,
    LockedError,
    MissingPackageError,
    ModelMismatchError,
    NotFoundError,
    RagkitError,
    SchemaVersionError,
    StoreError,
)
from ragkit.store import opening
from ragkit.store.postgres import connection as connections
from ragkit.store.postgres.backend import PostgresBackend
from ragkit.store.postgres.location import parse_location
from ragkit.store.postgres.schema import SCHEMA_VERSION, migrate
from ragkit.testing import HashEmbedder
from tests.store.contract import Place, put, writing
from tests.support.store_fakes import cut

SECRET = "Tr0ub4dor&3/x"
ENCODED = "Tr0ub4dor%263%2Fx"


@pytest.fixture
def place(postgres: str) -> Place:
    """A database without collections."""
    return Place(PostgresBackend(), postgres)


@pytest.fixture
def admin(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of the superuser."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection


@pytest.fixture
def guest(admin: psycopg.Connection[Any], server: str) -> Iterator[str]:
    """A database of a user who may not do much, by another name, without pgvector."""
    admin.execute(f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
    admin.execute("CREATE DATABASE bare OWNER guest")
    yield server.replace("postgres@/postgres", f"guest:{ENCODED}@/bare")
    admin.execute("DROP DATABASE bare WITH (FORCE)")
    admin.execute("DROP ROLE guest")


def refusal(location: str, **options: Any) -> RagkitError:
    with pytest.raises(RagkitError) as caught:
        PostgresBackend().open(location, "default", **{"create": True} | options)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        ("postgresql://me:{pw}@127.0.0.1:1/db", StoreError, "check that the server runs there"),
        ("postgresql://me:{pw}@/db?host=/nowhere/at/all", StoreError, "check that the server runs there"),
        ("postgresql://me:{pw}%zz@host/db", ConfigError, "percent-encoded"),
        ("postgresql://me:{pw}@host:port/db", RagkitError, ""),
        ("postgres://me@127.0.0.1:1/db?password={pw}", StoreError, "check that the server runs there"),
        ("postgresql://me:{pw}@host/db?nonsense=1", ConfigError, "not valid"),
    ],
)
def test_a_server_that_is_not_there(address: str, error: type[RagkitError], said: str) -> None:
    found = refusal(address.format(pw=ENCODED))
    assert isinstance(found, error)
    assert said in str(found)
    chain: BaseException | None = found
    while chain is not None:
        assert SECRET not in str(chain)
        assert ENCODED not in str(chain)
        chain = chain.__cause__


def test_a_wrong_password_and_a_database_that_is_not_there(guest: str, postgres: str) -> None:
    found = refusal(guest.replace(ENCODED, "hunter22"))
    assert "check the user and the password" in str(found)
    assert "hunter22" not in repr([found, found.__cause__])
    found = refusal(postgres.replace("@/postgres", "@/none"))
    assert "create the database first" in str(found)
    assert NotFoundError is type(refusal(postgres, create=False))


def test_a_database_without_pgvector_says_who_installs_it(guest: str, admin: psycopg.Connection[Any]) -> None:
    found = refusal(guest)
    assert isinstance(found, ConfigError)
    assert "CREATE EXTENSION vector" in found.cure
    with psycopg.connect(guest.replace(f"guest:{ENCODED}", "postgres"), autocommit=True) as own:
        own.execute("CREATE EXTENSION vector SCHEMA public")
    with PostgresBackend().open(guest, "default", create=True) as store:
        put(store, cut("a"))
        assert store.verify() == []


def test_a_server_that_is_too_old(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "OLDEST_SERVER", 990000)
    assert "use version" in str(refusal(postgres))


def test_a_server_without_pgvector_names_the_package(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragkit.store.postgres import schema

    monkeypatch.setattr(schema, "EXTENSION", "vector_that_nobody_has")
    monkeypatch.setattr(schema, "register_vectors", lambda _connection: False)
    with psycopg.connect(place.location, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS ragkit CASCADE")
    assert "apt install postgresql-16-pgvector" in str(refusal(place.location))


def test_a_newer_version_is_refused_and_an_older_one_migrated(place: Place, admin: psycopg.Connection[Any]) -> None:
    place.open().close()
    admin.execute("UPDATE ragkit.version SET number = number + 1")
    assert isinstance(refusal(place.location), SchemaVersionError)
    with pytest.raises(SchemaVersionError, match="pip install -U"):
        place.backend.names(place.location)
    admin.execute("UPDATE ragkit.version SET number = 1")
    location = parse_location(place.location)

    def fails(to: connections.Connection) -> None:
        to.execute("SELECT 1 / 0")

    def adds(to: connections.Connection) -> None:
        to.execute("CREATE TABLE later (n integer)")

    with connections.connect(location) as connection:
        with pytest.raises(StoreError, match="division"), connections.translated(location):
            migrate(connection, location, steps=[adds, fails])
        assert migrate(connection, location, steps=[adds]) == 1
        with pytest.raises(SchemaVersionError):
            migrate(connection, location, steps=[])
        connection.execute(f"DROP TABLE later; UPDATE version SET number = {SCHEMA_VERSION}")


def test_a_dropped_table_is_named(place: Place, admin: psycopg.Connection[Any]) -> None:
    with place.open() as store:
        put(store, cut("a"))
        admin.execute("ALTER TABLE ragkit.passages RENAME TO moved")
        try:
            with pytest.raises(CorruptError, match=r"lost a table.*passages"), store.read() as reader:
                reader.chunks.of_document("a")
            assert "passages" in store.doctor()["problems"][0]
        finally:
            admin.execute("ALTER TABLE ragkit.moved RENAME TO passages")
        assert store.verify() == []


def test_another_models_collection_is_refused(place: Place) -> None:
    with ragkit.open(place.location, embedder=HashEmbedder(32)) as kb:
        kb.add([ragkit.Document.from_text("a", "some words")])
    with pytest.raises(ModelMismatchError, match="rebuild"):
        ragkit.open(place.location, embedder=HashEmbedder(24, name="other"))


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_BACKENDS", {})
    for name in [name for name in sys.modules if name.startswith("ragkit.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'ragkit\[postgres\]'"):
        ragkit.list_collections("postgresql://host/db")


def test_a_nul_is_refused_before_anything_is_written(place: Place) -> None:
    with place.open() as store:
        with writing(store) as writer, pytest.raises(InputError, match="NUL"):
            cut("a", title="with \0 inside").put(writer)
        with store.read() as reader:
            assert reader.revision == 0
            assert reader.documents.infos(prefix="a\0") == []
            with pytest.raises(NotFoundError):
                reader.documents.get("a\0")


# ---------------------------------------------------------------------- lost connections and killed writers


def end_sessions(admin: psycopg.Connection[Any], role: str) -> int:
    """End the sessions of readers or writers, as a server that restarts does; return how many."""
    return len(
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s",
            (f"ragkit {role}%",),
        ).fetchall()
    )


def test_a_lost_connection_leaves_nothing_half_there(place: Place, admin: psycopg.Connection[Any]) -> None:
    with place.open() as store:
        put(store, cut("a"))

        def cut_off() -> None:
            with writing(store) as writer:
                cut("kept").put(writer)
                with writer.atomic():
                    cut("half").put(writer)
                    assert end_sessions(admin, "writer") == 1
                    cut("never").put(writer)

        with pytest.raises(StoreError, match=r"was lost.*again"):
            cut_off()
        assert store.writer_holder() == ""
        with store.read() as reader:
            assert reader.documents.sources() == ["a", "kept"]
        assert put(store, cut("kept"), cut("half")) == ["unchanged", "added"]  # the retry
        assert (store.verify(), store.doctor()["problems"]) == ([], [])


def test_readers_survive_a_restart_of_the_server(place: Place, admin: psycopg.Connection[Any]) -> None:
    with place.open() as store:
        put(store, cut("a"))
        with store.read() as one, store.read() as two:
            assert one.revision == two.revision
        assert end_sessions(admin, "reader") >= 2
        for _ in range(3):
            with store.read() as reader:
                assert reader.documents.sources() == ["a"]

        def cut_off() -> None:
            with store.read() as reader:
                end_sessions(admin, "reader")
                reader.documents.sources()

        with pytest.raises(StoreError, match="was lost"):
            cut_off()


WRITER = """
import os, signal, sys
from ragkit.store.postgres import documents, session
from ragkit.store.postgres.backend import PostgresBackend
from tests.store.contract import writing
from tests.support.store_fakes import cut

def kill(*_ignored, **_options):
    os.kill(os.getpid(), signal.SIGKILL)

with PostgresBackend().open(sys.argv[1], "default") as store, writing(store) as writer:
    cut("whole").put(writer)
    print("whole", flush=True)
    point = sys.argv[2]
    if point == "commit":
        session.Session._settle = kill
    elif point == "vectors":
        documents.store_vectors = kill
    cut("a", ["another", "version"]).put(writer)
    kill()
"""


@pytest.mark.parametrize("point", ["vectors", "commit", "after"])
def test_a_killed_writer_loses_nothing_that_it_committed(place: Place, point: str) -> None:
    with place.open() as store:
        put(store, cut("a"))
        run = subprocess.run(
            [sys.executable, "-c", WRITER, place.location, point], capture_output=True, text=True, timeout=60
        )
        assert (run.returncode, run.stdout) == (-signal.SIGKILL, "whole\n"), run.stderr
        wanted = cut("a", ["another", "version"]) if point == "after" else cut("a")
        assert put(store, wanted, wait=10) == ["unchanged"]
        with store.read() as reader:
            assert reader.documents.sources() == ["a", "whole"]
            assert reader.documents.get("a") == wanted.document
        assert (store.verify(), store.doctor()["problems"]) == ([], [])


# ---------------------------------------------------------------------- secrets


def test_no_secret_of_an_address_is_shown(
    guest: str, admin: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    with psycopg.connect(guest.replace(f"guest:{ENCODED}", "postgres"), autocommit=True) as own:
        own.execute("CREATE EXTENSION vector")
    with ragkit.open(guest, embedder=HashEmbedder()) as kb:
        kb.add([ragkit.Document.from_text("a", "some words about ships")])
        kb.search("ships")
        store = kb._store
        titles = admin.execute("SELECT application_name, query FROM pg_stat_activity").fetchall()
        options: Any = {"fingerprint": None, "settings": {}}
        alone = writing(store, "rebuild", **options)
        with alone, pytest.raises(LockedError) as locked, writing(store, **options):
            pass
        shown = [kb.status(), kb.doctor(), kb.location, kb.path, repr(kb), repr(store), repr(vars(store)), titles]
        shown += [str(locked.value), kb.backup(tmp_path / "file"), caplog.text, ragkit.list_collections(guest)]
        assert kb.status()["data"].startswith("postgresql://guest@/bare")
    found = refusal(guest.replace("/bare", "/none"))
    text = repr([*shown, str(found), repr(found), found.__cause__])
    assert "guest" in text
    assert SECRET not in text
    assert ENCODED not in text
    run = subprocess.run(
        [sys.executable, "-m", "ragkit.cli", "status", "--json", "--collection", "none"],
        env={**os.environ, "RAGKIT_DATA": guest},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode != 0
    assert "'none'" in run.stderr
    assert SECRET not in run.stdout + run.stderr
    assert ENCODED not in run.stdout + run.stderr
