"""YAML knows its lines, and holds nothing that could surprise: no aliases, tags, doubled keys or depths."""

from __future__ import annotations

import pytest

from ragkit.definitions.yaml_lines import parse_yaml
from ragkit.errors import DefinitionError

TEXT = """\
name: kettle
when: 2026-03-01
steps:
  - kind: boil
    text: |
      first
      second
  - {kind: pour, cups: 3, warm: yes}
"""


def test_values_are_those_of_json_and_dates_stay_text() -> None:
    assert parse_yaml(TEXT, path="k.yaml").value == {
        "name": "kettle",
        "when": "2026-03-01",
        "steps": [{"kind": "boil", "text": "first\nsecond\n"}, {"kind": "pour", "cups": 3, "warm": True}],
    }


def test_every_part_has_its_line_and_a_missing_one_that_of_its_parent() -> None:
    parsed = parse_yaml(TEXT, path="k.yaml", first_line=11)
    assert parsed.line(("name",)) == 11
    assert parsed.line(("steps", 0, "text")) == 15
    assert parsed.starts["steps", 0, "text"] == 16
    assert parsed.line(("steps", 1, "cups")) == 18
    assert parsed.line(("steps", 1, "sugar", "lumps")) == 18
    error = parsed.error("is cold", ("steps", 1), cure="heat it")
    assert str(error) == "k.yaml:18: is cold; heat it"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [1, 2\nc: 3", 3, "is not YAML"),
        ("a: &x 1\nb: *x", 2, "alias"),
        ("a: 1\nb: 2\na: 3", 3, "the key 'a' twice"),
        ("a: 1\nb: !!python/object:os.system x", 2, "tag"),
        ("a: 1\n1: 2", 2, "a key that is no string"),
        ("x: " + "[" * 60 + "]" * 60, 1, "levels deep"),
        ("a: !!binary aGk=", 1, "tag"),
        ("a: 1\n---\nb: 2", 2, "is not YAML"),
        ("a: 1\nb: .nan", 2, "is no number of JSON"),
        ("a: -.inf", 1, "is no number of JSON"),
        ("a: 1\nb: c\0d", 2, "not YAML"),
        ("a: " + "9" * 5_000, 1, "^bad.yaml:1: '9{40}' is no int$"),
    ],
)
def test_what_is_refused_is_named_by_line(text: str, line: int, said: str) -> None:
    with pytest.raises(DefinitionError, match=said) as caught:
        parse_yaml(text, path="bad.yaml")
    assert (caught.value.path, caught.value.line) == ("bad.yaml", line)


def test_an_empty_file_is_none() -> None:
    assert parse_yaml("# nothing\n", path="e.yaml").value is None
