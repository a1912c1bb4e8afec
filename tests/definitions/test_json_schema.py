"""Schemas are checked before use, with lines, and nothing is fetched; errors of values name the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.definitions.json_schema import load_schema, make_schema
from ragkit.definitions.json_text import json_in
from ragkit.errors import DefinitionError


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_value_is_told_where_and_how_it_departs(tmp_path: Path) -> None:
    schema = load_schema(
        written(
            tmp_path,
            "s.yaml",
            "type: object\nproperties:\n  boats:\n    type: array\n    items: {type: integer, maximum: 9}\n",
        )
    )
    assert schema.fields == frozenset({"boats"})
    assert schema.problem({"boats": [1, 2]}) == ""
    assert schema.problem({"boats": [1, 12]}).startswith("at $.boats[1]: 12 is greater than")


@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        ("a.json", '{\n "type": "object",\n "properties": {\n  "x": {"type": "strin"}}}', 4, "the schema is wrong"),
        ("b.json", '{\n "type": "object"\n "properties": {}}', 3, "is not JSON"),
        ("c.json", '{"properties": {\n "x": {"$ref": "https://example.org/s.json"}}}', 2, "leads nowhere"),
        ("d.json", '{"properties": {\n "x": {\n "$ref": "#/$defs/none"}}}', 3, "leads nowhere"),
        ("e.yaml", "type: object\nproperties:\n  x:\n    pattern: '(['", 4, "the pattern"),
        ("f.json", "[1]", 1, "is no object"),
        ("g.yaml", "type: [object\n", 2, "is not YAML"),
    ],
)
def test_a_bad_schema_is_refused_with_its_line(tmp_path: Path, name: str, text: str, line: int, said: str) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(DefinitionError, match=said) as caught:
        load_schema(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)


def test_a_file_that_is_missing_too_large_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="cannot be read"):
        load_schema(tmp_path / "none.json")
    with pytest.raises(DefinitionError, match="larger than 256 KiB"):
        load_schema(written(tmp_path, "big.json", " " * 300_000))
    (tmp_path / "latin.json").write_bytes(b'{"title":\n "caf\xe9"}')
    with pytest.raises(DefinitionError, match="is not UTF-8") as caught:
        load_schema(tmp_path / "latin.json")
    assert caught.value.line == 2


def test_a_schema_that_refers_to_itself_is_allowed_and_ends() -> None:
    tree = make_schema({"type": "object", "properties": {"child": {"$ref": "#"}, "name": {"type": "string"}}})
    assert tree.problem({"child": {"child": {"name": "leaf"}}}) == ""
    assert "at $.child.name" in tree.problem({"child": {"name": 3}})
    loop = make_schema({"$ref": "#"})
    assert loop.problem({}) == "the value is nested too deeply for the schema"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (' {"a": 1}\n', {"a": 1}),
        ('Here you are:\n```json\n{"a": [true]}\n```\nDone.', {"a": [True]}),
        ('The answer is {"a": {"b": "}"}} as asked.', {"a": {"b": "}"}}),
        ("[1, 2] and [3]", [1, 2]),
        ('"only text"', "only text"),
    ],
)
def test_json_is_found_in_what_a_model_writes(text: str, value: object) -> None:
    assert json_in(text) == value


@pytest.mark.parametrize("text", ["", "no JSON at all", '{"a": NaN}', '{"a": 1', "{'a': 1}", "[" * 100_000])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"it is|is no number"):
        json_in(text)
