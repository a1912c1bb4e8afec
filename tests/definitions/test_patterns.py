"""Users' regular expressions mean what they mean in Python; compiling and searching them has an end."""

from __future__ import annotations

import time

import pytest

from ragkit.definitions.json_schema import make_schema
from ragkit.definitions.patterns import compile_pattern
from ragkit.errors import DefinitionError, InputError

ENDLESS = "^(a|aa)+$"
BAIT = "a" * 70 + "!"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"(?i)\bpier (\d+)\b", "at PIER 12.", ("12",)),
        (r"(\w+)@(\w+)?", "ines@", ("ines", None)),
        (r"^\d{4}-\d{2}$", "2026-11", ()),
        (r"^\d{4}-\d{2}$", "2026-1", None),
    ],
)
def test_a_pattern_finds_what_python_finds(pattern: str, text: str, found: tuple[str | None, ...] | None) -> None:
    match = compile_pattern(pattern).search(text)
    assert (None if match is None else match.groups()) == found


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a", "missing"),
        ("a{99999999999}", "too large"),
        ("((a{1000}){1000}){1000}", "multiply"),
        ("(" * 400 + ")" * 400, "nested"),
        ("a" * 2_000, "longer"),
        (r"\p{Lu}", "bad escape"),
    ],
)
def test_a_pattern_that_is_wrong_or_too_large_does_not_compile(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        compile_pattern(pattern)


def test_a_search_ends_at_its_time() -> None:
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"took longer than 0\.1 s"):
        compile_pattern(ENDLESS).search(BAIT, seconds=0.1)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "pattern": ENDLESS}, BAIT),
        ({"type": "array", "items": {"pattern": ENDLESS}}, [BAIT] * 50),
        ({"patternProperties": {ENDLESS: {"type": "integer"}}}, {BAIT: 1}),
        ({"patternProperties": {ENDLESS: {}}, "additionalProperties": False}, {BAIT: 1}),
    ],
)
def test_all_searches_of_a_validation_end_together(
    schema: dict[str, object], value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.definitions.schema_keywords.LONGEST_SECONDS", 0.1)
    begun = time.monotonic()
    assert "took longer" in make_schema(schema).problem(value)
    assert time.monotonic() - begun < 10


def test_patterns_of_names_are_checked_as_json_schema_says() -> None:
    schema = make_schema(
        {"properties": {"id": {}}, "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False}
    )
    assert schema.problem({"id": 1, "x-a": 2}) == ""
    assert "$.x-a" in schema.problem({"x-a": "two"})
    assert "'y'" in schema.problem({"y": 1})
    typed = make_schema({"patternProperties": {"^x-": {}}, "additionalProperties": {"type": "string"}})
    assert typed.problem({"x-a": 1, "b": "c"}) == ""
    assert "$.b" in typed.problem({"b": 1})


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"patternProperties": {"(": {}}}, "the pattern '\\('"),
        ({"unevaluatedProperties": False, "allOf": [{"patternProperties": {"a": {}}}]}, "unevaluatedProperties"),
    ],
)
def test_a_schema_whose_patterns_cannot_be_bounded_is_refused(schema: dict[str, object], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        make_schema(schema)
