"""The SQL of a chain reads, and nothing else: refused by its syntax, by SQLite's authorizer, and by the connection."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from ragkit.chains.sql import check_query, checked_parameters, open_database, run_query
from ragkit.errors import InputError


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "trams & more?.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE trams (id INTEGER PRIMARY KEY, line TEXT, late REAL, photo BLOB);"
            "INSERT INTO trams VALUES (1, 'A', 2.5, x'00ff'), (2, 'B', 0, NULL), (3, 'A', 7, NULL);"
            "CREATE VIEW late_trams AS SELECT line, late FROM trams WHERE late > 1;"
        )
    connection.close()
    return path


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("SELECT id, line FROM trams WHERE line = :line ORDER BY id", {"id": 1, "line": "A"}),
        ("SELECT count(*) AS n, max(late) AS m FROM trams", {"n": 3, "m": 7.0}),
        ("SELECT * FROM late_trams ORDER BY late DESC", {"line": "A", "late": 7.0}),
        ("WITH a AS (SELECT line, sum(late) AS s FROM trams GROUP BY line) SELECT s FROM a ORDER BY s", {"s": 0.0}),
        ("SELECT line FROM trams UNION SELECT 'Z' ORDER BY line DESC", {"line": "Z"}),
        ("SELECT CASE WHEN late > 2 THEN 'late' ELSE 'fine' END AS w FROM trams WHERE id = 2", {"w": "fine"}),
        ("SELECT photo FROM trams WHERE id = 1", {"photo": "(2 bytes)"}),
        ("SELECT upper(substr(line, 1, 1)) || coalesce(photo, '-') AS x FROM trams WHERE id = 2", {"x": "B-"}),
        (
            "SELECT strftime('%Y', '2026-03-01') AS y, row_number() OVER (ORDER BY id) AS n FROM trams",
            {"y": "2026", "n": 1},
        ),
        ("SELECT id FROM trams WHERE line LIKE 'a%' AND EXISTS (SELECT 1 FROM late_trams)", {"id": 1}),
    ],
)
def test_questions_are_answered(database: Path, query: str, first: dict[str, object]) -> None:
    names = check_query(database, query)
    found = run_query(database, query, {"line": "A"} if names else {}, most=5, seconds=5)
    assert found.rows[0] == first


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM trams",
        "UPDATE trams SET late = 0",
        "INSERT INTO trams (line) VALUES ('x') RETURNING id",
        "SELECT 1; DELETE FROM trams",
        "SELECT 1 -- ; \n; DROP TABLE trams",
        "WITH gone AS (DELETE FROM trams RETURNING id) SELECT * FROM gone",
        "CREATE TEMP TABLE x AS SELECT 1",
        "SELECT 1 INTO OUTFILE 'x'",
        "PRAGMA user_version = 3",
        "PRAGMA writable_schema",
        "ATTACH DATABASE 'x.db' AS x",
        "VACUUM INTO 'copy.db'",
        "EXPLAIN SELECT 1",
        "REPLACE INTO trams VALUES (1)",
        "BEGIN IMMEDIATE",
        "SELECT load_extension('./x')",
        "SELECT LOAD_EXTENSION('./x', 'y')",
        "SELECT writefile('x', 'y')",
        "SELECT readfile('/etc/hostname')",
        "SELECT hex(zeroblob(100000000))",
        "SELECT printf('%.*c', 100000000, 'x')",
        "SELECT replace(line, 'A', 'B') FROM trams",
        "SELECT group_concat(line) FROM trams",
        "SELECT randomblob(9)",
        "SELECT sqlite_version()",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM pragma_table_info('trams')",
        "SELECT * FROM json_each('[1,2]')",
        "SELECT * FROM generate_series(1, 1000000000)",
        "SELECT name FROM sqlite_master",
        "SELECT * FROM sqlite_schema",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
        "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
        "SELECT id FROM trams WHERE line = ?",
        "SELECT id FROM trams WHERE line = ?1",
        "SELECT id FROM trams WHERE line = @line",
        "SELECT id FROM trams WHERE line = $line",
        "SELECT id FROM trams WHERE line = '{{ question }}'",
        "SELECT nothing FROM trams",
        "SELECT id FROM nowhere",
        "SELECT id FROM",
        "VALUES (1)",
        "",
        "-- nothing",
        "SELECT " + "(" * 3_000 + "1" + ")" * 3_000,
    ],
)
def test_all_else_is_refused_before_it_runs(database: Path, query: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = database.read_bytes()
    with pytest.raises(InputError):
        check_query(database, query)
    assert database.read_bytes() == before
    assert [path.name for path in database.parent.iterdir()] == [database.name]
    assert capfd.readouterr().err == ""


def test_bound_values_are_values_and_never_sql(database: Path) -> None:
    query = "SELECT id FROM trams WHERE line = :line"
    assert checked_parameters(query) == {"line"}
    hostile = "A' OR '1'='1'; DROP TABLE trams; --"
    assert run_query(database, query, {"line": hostile}, most=5, seconds=5).rows == ()
    assert len(run_query(database, query, {"line": "A"}, most=5, seconds=5).rows) == 2


def test_the_connection_cannot_write_even_without_a_check(database: Path) -> None:
    for statement in ("DELETE FROM trams", "PRAGMA query_only = OFF", "CREATE TABLE x (y)", "ATTACH 'z.db' AS z"):
        with pytest.raises(InputError, match="not authorized"), open_database(database, seconds=5) as connection:
            connection.execute(statement)


def test_rows_and_time_are_bounded(database: Path) -> None:
    found = run_query(database, "SELECT id FROM trams ORDER BY id", {}, most=2, seconds=5)
    assert ([row["id"] for row in found.rows], found.truncated) == ([1, 2], True)
    crossed = ", ".join(f"trams AS t{number}" for number in range(20))
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"ran longer than 0\.3 s"):
        run_query(database, f"SELECT count(*) AS n FROM {crossed}", {}, most=1, seconds=0.3)
    assert time.monotonic() - begun < 30


def test_a_value_that_is_too_large_is_an_error(database: Path) -> None:
    query = "SELECT :x || :x || :x AS big FROM trams"
    with pytest.raises(InputError, match="the query fails"):
        run_query(database, query, {"x": "x" * 400_000}, most=1, seconds=5)


def test_two_columns_of_one_name_are_an_error(database: Path) -> None:
    with pytest.raises(InputError, match="two columns"):
        run_query(database, "SELECT id, line AS id FROM trams", {}, most=1, seconds=5)


def test_what_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("This is no database, and long enough to be read as the first page of one." * 20)
    with pytest.raises(InputError, match="not a database"):
        check_query(tmp_path / "x.db", "SELECT 1 AS one")
    with pytest.raises(InputError, match="cannot be opened"):
        check_query(tmp_path / "none.db", "SELECT 1 AS one")
    assert not (tmp_path / "none.db").exists()
