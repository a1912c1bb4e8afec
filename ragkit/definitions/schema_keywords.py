"""The keywords of JSON Schema that hold regular expressions, with a time limit for all searches of one validation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

from ragkit.definitions.patterns import LONGEST_SECONDS, compile_pattern

_END: Final[ContextVar[float]] = ContextVar("end of the validation", default=float("inf"))
_LEAST_SECONDS: Final = 0.001  # `regex` takes 0 for no limit


@contextmanager
def limited_searches() -> Iterator[None]:
    """Let all searches for patterns within the block take one second together; InputError past that."""
    token = _END.set(time.monotonic() + LONGEST_SECONDS)
    try:
        yield
    finally:
        _END.reset(token)


@cache
def validator_class() -> Any:
    """Return jsonschema's validator of draft 2020-12 with searches within bounds."""
    import jsonschema

    draft = jsonschema.Draft202012Validator
    keywords = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    return jsonschema.validators.extend(draft, keywords)


def _found(pattern: str, text: str) -> bool:
    left = min(LONGEST_SECONDS, max(_LEAST_SECONDS, _END.get() - time.monotonic()))
    return compile_pattern(pattern).search(text, seconds=left) is not None


def _pattern(validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
    import jsonschema

    if validator.is_type(value, "string") and not _found(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, _schema: Any) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    for pattern, schema in patterns.items():
        for name, child in value.items():
            if _found(pattern, name):
                yield from validator.descend(child, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    import jsonschema

    if not validator.is_type(value, "object"):
        return
    patterns = schema.get("patternProperties", ())
    extra = [
        name
        for name in value
        if name not in schema.get("properties", ()) and not any(_found(pattern, name) for pattern in patterns)
    ]
    if validator.is_type(allowed, "object"):
        for name in extra:
            yield from validator.descend(value[name], allowed, path=name)
    elif not allowed and extra:
        named = ", ".join(map(repr, extra))
        yield jsonschema.ValidationError(f"additional properties are not allowed: {named}")
