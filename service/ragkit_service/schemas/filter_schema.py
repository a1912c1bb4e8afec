"""The JSON schema of a `where` filter, as the library takes it."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string", "pattern": "^[^\\u0000]*$"}
_SOME_TEXT: Final = {"type": "string", "pattern": "^[^\\u0000]+$", "minLength": 1, "maxLength": 1000}
_LEAP_YEAR: Final = "([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)"
_FULL_DATE: Final = (
    "([1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_CLOCK: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT: Final = f"{_FULL_DATE}([T ]{_CLOCK}(:[0-5][0-9]([.][0-9]{{1,6}})?)?(Z|[+-]{_CLOCK})?)?"
_DAY: Final = {"type": "string", "pattern": f"^([1-9][0-9]{{3}}(-(0[1-9]|1[0-2]))?|{_MOMENT})$"}
_DATE: Final = {"type": "string", "pattern": f"^{_MOMENT}$"}
_SECONDS: Final = {"type": "number", "exclusiveMinimum": -253_402_300_800, "exclusiveMaximum": 253_402_300_800}
_FIXED: Final = ["source", "title", "media_type", "sha256"]
_COLUMN: Final = {"enum": _FIXED}
_OWN: Final = {
    "type": "string",
    "minLength": 1,
    "pattern": "^[^\\u0000]+$",
    "not": {"enum": [*_FIXED, "page", "time"]},
    "description": "A metadata key.",
}
_NUMBER: Final = {"type": "number"}
_SCALAR: Final = {"anyOf": [_TEXT, _NUMBER, {"type": "boolean"}, {"type": "null"}]}
_PAGE: Final = {"type": "integer", "minimum": -(10**15), "maximum": 10**15}


def _condition(operators: list[str], key: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "key", "value"],
        "additionalProperties": False,
        "properties": {"type": {"enum": operators}, "key": key, "value": value},
    }


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "maxItems": 10_000}


_CONDITIONS: Final = [
    _condition(["eq", "ne"], _OWN, _SCALAR),
    _condition(["eq", "ne", "gt", "gte", "lt", "lte"], _COLUMN, _TEXT),
    _condition(["gt", "gte", "lt", "lte"], _OWN, {"anyOf": [_TEXT, _NUMBER]}),
    _condition(["in", "nin"], _OWN, _list(_SCALAR)),
    _condition(["in", "nin"], _COLUMN, _list(_TEXT)),
    _condition(["prefix", "glob", "contains"], {"anyOf": [_COLUMN, _OWN]}, {"anyOf": [_SOME_TEXT, _list(_SOME_TEXT)]}),
    _condition(["before", "after"], _OWN, _DAY),
    _condition(["before", "after"], {"const": "time"}, {"anyOf": [_DAY, _SECONDS]}),
    _condition(["eq", "ne", "gt", "gte", "lt", "lte"], {"const": "time"}, {"anyOf": [_DATE, _SECONDS]}),
    _condition(["in", "nin"], {"const": "time"}, _list({"anyOf": [_DATE, _SECONDS]})),
    _condition(["eq", "ne", "gt", "gte", "lt", "lte"], {"const": "page"}, _PAGE),
    _condition(["in", "nin"], {"const": "page"}, _list(_PAGE)),
]


def _filter(conditions: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of one of the conditions, or of a group of them."""
    group = {
        "type": "object",
        "required": ["type", "filters"],
        "additionalProperties": False,
        "description": "Groups may hold groups, up to ten levels.",
        "properties": {
            "type": {"enum": ["and", "or"]},
            "filters": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"anyOf": conditions}},
        },
    }
    return {"anyOf": [*conditions, group]}


FILTER: Final = _filter(_CONDITIONS)
"""A condition, or a group of conditions."""
DOCUMENT_FILTER: Final = _filter([item for item in _CONDITIONS if item["properties"]["key"] != {"const": "page"}])
"""The same on documents; pages are of passages."""
