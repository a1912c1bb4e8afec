"""Row-level security: a role reads the rows of its collections, and of the documents that its labels cover."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import ragkit
from ragkit import Document, NotFoundError
from ragkit.testing import HashEmbedder

psycopg = pytest.importorskip("psycopg", reason="pip install ragkit[postgres]")

SCRIPT = Path(__file__).parents[3] / "docs" / "examples" / "postgresql" / "tenants.sql"
ROLES = ("ragkit_team_a", "ragkit_reader", "ragkit_clerk")
PASSWORD = "words of a tenant"
TABLES = (
    "documents", "texts", "metadata", "chunks", "passages", "vectors", "unit_vectors", "generations", "revisions",
    "fingerprints",
)  # fmt: skip

Rows = Callable[[str, str], list[tuple[Any, ...]]]


@pytest.fixture
def tenants(postgres: str) -> Iterator[Rows]:
    """Two collections of labelled documents, the policies, and what runs a query as a role."""
    labels: dict[str, tuple[str, ...]] = {"pay": ("hr", "board"), "plan": ("board",), "menu": ()}
    for name in ("team-a", "team-b"):
        with ragkit.open(postgres, collection=name, embedder=HashEmbedder()) as knowledge:
            knowledge.add(
                Document.from_text(f"{name}/{what}", f"The {what} of {name}.", metadata={"acl": given} if given else {})
                for what, given in labels.items()
            )
    with psycopg.connect(postgres, autocommit=True) as owner:
        owner.execute(SCRIPT.read_text(encoding="utf-8"))
        owner.execute(SCRIPT.read_text(encoding="utf-8"))  # a second time changes nothing
        for role in ROLES:
            owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' IN ROLE ragkit_tenant")
        owner.execute(
            """INSERT INTO ragkit.tenants VALUES ('ragkit_team_a', 'team-a', NULL), ('ragkit_reader', 'team-a', '{}'),
            ('ragkit_reader', 'team-b', '{hr,other}')"""
        )

        def run(role: str, sql: str) -> list[tuple[Any, ...]]:
            owner.execute(f"SET ROLE {role}")
            try:
                return owner.execute(sql).fetchall()
            finally:
                owner.execute("RESET ROLE")

        yield run
        for table in (
            *TABLES,
            "collections",
            "removed_chunks",
            "adapters",
            "quantizers",
            "own_files",
            "own_file_pieces",
        ):
            owner.execute(
                f"DROP POLICY tenant ON ragkit.{table}; ALTER TABLE ragkit.{table} DISABLE ROW LEVEL SECURITY"
            )
        owner.execute("DROP TABLE ragkit.tenants")
        owner.execute(f"DROP OWNED BY ragkit_tenant; DROP ROLE {', '.join(ROLES)}, ragkit_tenant")


def test_rows_of_other_collections_and_labels_are_not_there(tenants: Rows) -> None:
    sources = "SELECT source FROM ragkit.documents ORDER BY source"
    seen = {role: [row[0] for row in tenants(role, sources)] for role in ROLES}
    assert seen["ragkit_team_a"] == ["team-a/menu", "team-a/pay", "team-a/plan"]
    assert seen["ragkit_reader"] == ["team-a/menu", "team-b/menu", "team-b/pay"]
    assert seen["ragkit_clerk"] == []
    assert tenants("ragkit_reader", "SELECT text FROM ragkit.texts WHERE text LIKE '%plan%'") == []
    texts = sorted(row[0] for row in tenants("ragkit_reader", "SELECT text FROM ragkit.passages"))
    assert texts == ["The menu of team-a.", "The menu of team-b.", "The pay of team-b."]
    assert tenants("ragkit_reader", "SELECT DISTINCT role FROM ragkit.tenants") == [("ragkit_reader",)]


def test_prompts_and_feedback_are_for_who_sees_a_collection_whole(tenants: Rows, postgres: str) -> None:
    for name in ("team-a", "team-b"):
        with ragkit.open(postgres, collection=name, embedder=HashEmbedder()) as knowledge:
            (knowledge.folder / "feedback.jsonl").write_text('{"question": "pay?"}\n')
            knowledge.follow_files()
    counts = "SELECT (SELECT count(*) FROM ragkit.own_files), (SELECT count(*) FROM ragkit.own_file_pieces)"
    assert [tenants(role, counts) for role in ROLES] == [[(1, 1)], [(0, 0)], [(0, 0)]]


@pytest.mark.parametrize("table", TABLES)
def test_a_role_without_collections_sees_no_row_of_any_table(tenants: Rows, table: str) -> None:
    owned = tenants("ragkit_team_a", f"SELECT count(*) FROM ragkit.{table}")[0][0]
    assert owned or table == "unit_vectors"
    assert tenants("ragkit_clerk", f"SELECT count(*) FROM ragkit.{table}") == [(0,)]


@pytest.mark.parametrize("change", ["DELETE FROM ragkit.documents", "UPDATE ragkit.tenants SET labels = NULL"])
def test_a_role_changes_nothing(tenants: Rows, change: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tenants("ragkit_team_a", f"{change} RETURNING 1")


def test_ragkit_answers_a_role_from_its_own_collection_only(tenants: Rows, postgres: str) -> None:
    del tenants
    host = postgres.partition("?")[2]
    address = f"postgresql://ragkit_team_a:{quote(PASSWORD)}@/postgres?{host}"
    with ragkit.open(address, collection="team-a", embedder=HashEmbedder(), create=False) as knowledge:
        assert knowledge.search("the plan")[0].source == "team-a/plan"
    with pytest.raises(NotFoundError):
        ragkit.open(address, collection="team-b", embedder=HashEmbedder(), create=False)
    assert ragkit.list_collections(address) == ["team-a"]


def test_tables_of_the_first_version_get_the_labels_of_their_metadata(postgres: str) -> None:
    from ragkit.store.postgres.connection import connect
    from ragkit.store.postgres.location import parse_location
    from ragkit.store.postgres.schema import add_acl

    given = {"a": {"acl": ("hr", "board")}, "b": {"team": "x"}, "c": {"acl": 7}, "d": {"acl": "hr"}}
    with ragkit.open(postgres, embedder=HashEmbedder()) as knowledge:
        knowledge.add(Document.from_text(name, f"Text {name}.", metadata=pairs) for name, pairs in given.items())
        with closing(connect(parse_location(postgres))) as connection:
            sql = "SELECT source, (SELECT array_agg(x ORDER BY x) FROM unnest(acl) AS x), acl IS NULL FROM documents"
            before = sorted(connection.execute(sql).fetchall())
            connection.execute("ALTER TABLE documents DROP COLUMN acl")
            add_acl(connection)
            assert sorted(connection.execute(sql).fetchall()) == before
        assert before == [("a", ["board", "hr"], False), ("b", None, True), ("c", None, False), ("d", ["hr"], False)]
        assert knowledge.doctor()["problems"] == []
        assert [item.source for item in knowledge.view(["hr"]).documents()] == ["a", "b", "d"]
