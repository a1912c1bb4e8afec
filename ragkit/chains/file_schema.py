"""The JSON schema of a chain's file and of each kind of step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NAME: Final = "^[a-z][a-z0-9_]{0,39}$"
MOST_STEPS: Final = 30
_TEXT: Final = {"type": "string", "minLength": 1}
_NAME: Final = {"type": "string", "pattern": NAME}
_STRINGS: Final = {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 100}
_SECONDS: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": 3_600}

_COMMON: Final[Mapping[str, Any]] = {
    "name": _NAME,
    "kind": _TEXT,
    "when": _TEXT,
    "seconds": _SECONDS,
    "retries": {"type": "integer", "minimum": 0, "maximum": 3},
    "on_error": {"enum": ["stop", "continue", "default"]},
    "default": {"type": "object"},
}
_MODEL: Final[Mapping[str, Any]] = {"model": _TEXT, "prompt": _TEXT, "input": _TEXT}


def _step(required: tuple[str, ...] = (), **fields: Any) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {**_COMMON, **fields},
        "required": ["name", "kind", *required],
        "additionalProperties": False,
    }


STEPS: Final[Mapping[str, Mapping[str, Any]]] = {
    "classify": _step(
        ("labels",),
        **_MODEL,
        labels={**_STRINGS, "uniqueItems": True},
        rules={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"label": _TEXT, "pattern": _TEXT},
                "required": ["label", "pattern"],
                "additionalProperties": False,
            },
        },
        otherwise=_TEXT,
    ),
    "extract": _step(
        ("output",), **_MODEL, rules={"type": "object", "additionalProperties": _TEXT}, output={"type": "object"}
    ),
    "decompose": _step(**_MODEL, most={"type": "integer", "minimum": 2, "maximum": 8}),
    "retrieve": _step(
        query=_TEXT, queries=_TEXT, k={"type": "integer", "minimum": 1, "maximum": 100}, where={"type": "object"}
    ),
    "sql": _step(
        ("database", "query"),
        database=_TEXT,
        query=_TEXT,
        params={"type": "object", "additionalProperties": _TEXT},
        max_rows={"type": "integer", "minimum": 1, "maximum": 1_000},
        say=_TEXT,
        title=_TEXT,
    ),
    "generate": _step(
        model=_TEXT,
        prompt=_TEXT,
        question=_TEXT,
        questions=_TEXT,
        sources=_STRINGS,
        output={"type": "object"},
        text=_TEXT,
        template=_TEXT,
    ),
    "check": _step(
        expect=_STRINGS,
        text=_TEXT,
        accept={
            "type": "array",
            "items": {"enum": ["answered", "partial", "unsupported", "abstained"]},
            "minItems": 1,
        },
    ),
}
"""Kind of step -> the schema of its part of the file."""

CHAIN: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,62}$"},
        "version": {"type": "integer", "minimum": 1},
        "description": _TEXT,
        "seconds": _SECONDS,
        "databases": {"type": "object", "additionalProperties": _TEXT, "propertyNames": _NAME},
        "answer": {"anyOf": [_TEXT, _STRINGS]},
        "steps": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_STEPS,
            "items": {
                "type": "object",
                "properties": {"name": _NAME, "kind": {"enum": list(STEPS)}},
                "required": ["name", "kind"],
            },
        },
    },
    "required": ["name", "version", "steps"],
    "additionalProperties": False,
}
"""The schema of the whole file; each step is then checked by its kind."""
