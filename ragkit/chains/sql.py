"""Read a SQLite database with a fixed SELECT: parsed, limited to known functions, values bound, time and rows bounded.

Three barriers: sqlglot's syntax tree (one SELECT of tables, no function that it does not know and we do not name),
SQLite's authorizer, which sees each function and table that is really compiled, and a connection that is read-only.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ragkit.errors import InputError

Scalar = str | int | float | None
FUNCTIONS: Final = frozenset(
    (
        "abs", "avg", "coalesce", "count", "date", "datetime", "ifnull", "iif", "instr", "julianday", "length", "lower",
        "ltrim", "max", "min", "nullif", "round", "rtrim", "strftime", "substr", "substring", "sum", "time", "total",
        "trim", "upper", "like", "glob", "row_number", "rank", "dense_rank", "lag", "lead", "first_value", "last_value",
    )
)  # fmt: skip
"""SQL functions that a query may call; none of them reads files, loads code or makes large values."""
_READS: Final = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION))
_LONGEST_VALUE: Final = 1_000_000  # bytes of one value
_LONGEST_QUERY: Final = 10_000  # characters
_STEPS: Final = 1_000  # instructions of SQLite between two looks at the clock


@dataclass(frozen=True, slots=True)
class Rows:
    """The result of a query. truncated: there were more rows than requested."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Scalar], ...]
    truncated: bool


def checked_parameters(query: str) -> frozenset[str]:
    """Return the names of the bound values of a query; InputError unless it is one SELECT of known functions."""
    import sqlglot
    from sqlglot import exp

    if len(query) > _LONGEST_QUERY:
        raise InputError(f"the query is longer than {_LONGEST_QUERY:,} characters")
    if "{{" in query or "{%" in query:
        raise InputError("the query holds {{ … }}", cure="write :name in the query and name: value in params")
    try:
        first = sqlglot.tokenize(query, dialect="sqlite")[:1]
        reads = bool(first) and first[0].text.upper() in ("SELECT", "WITH", "(")
        found = [tree for tree in sqlglot.parse(query, dialect="sqlite") if tree is not None] if reads else []
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(f"the query cannot be parsed: {said}") from error
    if len(found) != 1 or not isinstance(found[0], exp.Select | exp.SetOperation):
        raise InputError("the query is not one SELECT", cure="a step may read and never write")
    return frozenset(name for node in found[0].walk() for name in _bound_names(node))


def _bound_names(node: Any) -> list[str]:
    """Return the name that a node binds, if it binds one. Raises InputError for a node that is not allowed."""
    from sqlglot import exp

    reads = isinstance(node, exp.Select | exp.SetOperation | exp.Subquery)
    if isinstance(node, exp.DML | exp.DDL | exp.Command | exp.Pragma | exp.Into) and not reads:
        raise InputError(f"the query holds {type(node).__name__.upper()}", cure="a step may read and never write")
    if isinstance(node, exp.With) and node.args.get("recursive"):
        raise InputError("the query is recursive", cure="write it without WITH RECURSIVE")
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Func):
        raise InputError("the query reads from a function", cure="read from tables")
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) and node.name.lower() not in FUNCTIONS:
        raise InputError(f"the query calls {node.name}()", cure=f"use one of: {', '.join(sorted(FUNCTIONS))}")
    if isinstance(node, exp.Parameter) or (isinstance(node, exp.Placeholder) and not node.name.isidentifier()):
        raise InputError("the query binds a value without a name", cure="write :name")
    return [node.name] if isinstance(node, exp.Placeholder) else []


@contextmanager
def open_database(path: Path, *, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a database read-only for at most some seconds. Raises InputError for a file that is not a database."""
    end = time.monotonic() + seconds
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=min(seconds, 5.0))
    except sqlite3.Error as error:
        raise InputError(f"the database {path} cannot be opened: {error}", cure="check its path") from error
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()  # reads the file's head
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(lambda: int(time.monotonic() > end), _STEPS)
        yield connection
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            raise InputError(f"the query ran longer than {seconds:g} s", cure="raise seconds or simplify it") from error
        raise InputError(f"the query fails: {error}", cure="check its tables and columns") from error
    except sqlite3.Error as error:
        cure = f"it may SELECT from tables and call: {', '.join(sorted(FUNCTIONS))}"
        raise InputError(f"the query fails: {error}", cure=cure) from error
    finally:
        connection.close()


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Allow reading ordinary tables and calling known functions; deny all else."""
    if action not in _READS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_READ and (first or "").lower().startswith(("sqlite_", "pragma_")):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def check_query(path: Path, query: str, *, seconds: float = 5.0) -> frozenset[str]:
    """Return the names that a query binds, after SQLite has compiled it without running it. Raises InputError."""
    names = checked_parameters(query)
    with open_database(path, seconds=seconds) as connection:
        connection.execute(f"EXPLAIN {query}", dict.fromkeys(names)).fetchall()
    return names


def run_query(path: Path, query: str, values: Mapping[str, Scalar], *, most: int, seconds: float) -> Rows:
    """Return at most `most` rows of a checked query. Raises InputError (time, a value that is too large)."""
    with open_database(path, seconds=seconds) as connection:
        cursor = connection.execute(query, dict(values))
        columns = tuple(column[0] for column in cursor.description)
        if len(set(columns)) < len(columns):
            raise InputError("two columns of the query have one name", cure="name them with AS")
        found = cursor.fetchmany(most + 1)
    rows = tuple(dict(zip(columns, map(_plain, row), strict=True)) for row in found[:most])
    return Rows(columns, rows, truncated=len(found) > most)


def _plain(value: Any) -> Scalar:
    """Return a JSON value: of bytes, only the length is given."""
    return f"({len(value):,} bytes)" if isinstance(value, bytes) else value
