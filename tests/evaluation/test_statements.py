"""Statement sets: what is read, what is measured, and what is refused by file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit.evaluation.datasets.lines import DatasetError
from ragkit.evaluation.datasets.statements import is_statement_set, load_statement_set
from ragkit.evaluation.measures.statements import measure_statements
from ragkit.types.documents import Document

TABLE = "Station | Depth | Keeper\nNorth | 14 m | Ada\nSouth | 22 m | Bo\nWest | 9 m | Cleo"


def write(folder: Path, *rows: object) -> Path:
    (folder / "tables").mkdir(parents=True)
    (folder / "tables" / "wells.csv").write_text(TABLE, encoding="utf-8")
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "statements.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def read(path: Path, *, source: str) -> Document:
    return Document(source, path.read_text(encoding="utf-8"))


def row(statement: str, supported: object = True, **more: object) -> dict[str, object]:
    return {"source": "wells.csv", "statement": statement, "supported": supported, **more}


def test_accepted_refused_and_balanced_accuracy(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "set",
        row("The depth of South is 22 m.", part="test", simple=True),
        row("The keeper of West is Cleo.", part="test", simple=False),
        row("The depth of South is 14 m.", False, part="test", simple=True),
        row("The keeper of North is Bo.", False, part="test"),
        row("The depth of West is 9 m.", part="tune"),
    )
    assert is_statement_set(folder)
    result = measure_statements(load_statement_set(folder), part="test", reader=read, progress=lambda *_: None)
    shape = result.as_dict()
    assert shape["statements"] == 4
    assert {name: found["value"] for name, found in shape["groups"]["all"].items()} == {
        "accepted": 1.0,
        "refused": 1.0,
        "balanced_accuracy": 1.0,
    }
    assert set(shape["groups"]["other"]) == {"accepted"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (row("x is y", supported="yes"), "statements.jsonl:1: 'supported'"),
        (row("  "), "statements.jsonl:1: 'statement' is empty"),
        ({**row("x is y"), "source": "none.csv"}, "no file 'none.csv'"),
        ({**row("x is y"), "source": "../etc/passwd"}, "leaves the folder"),
        ("{", "statements.jsonl:1"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: object, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load_statement_set(write(tmp_path / "set", line))
