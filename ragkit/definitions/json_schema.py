"""JSON schemas (draft 2020-12) that are checked before use, and values that are checked against them, offline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ragkit.definitions.patterns import compile_pattern
from ragkit.definitions.schema_keywords import limited_searches, validator_class
from ragkit.definitions.source import read_source
from ragkit.definitions.yaml_lines import DEEPEST, Parsed, parse_yaml
from ragkit.errors import DefinitionError, InputError

_MESSAGE: Final = 300  # characters of a problem


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON schema that is known to be valid. text: as compact JSON, in its own order."""

    value: Mapping[str, Any]
    text: str
    _validator: Any = field(repr=False, compare=False)

    def problem(self, value: Any) -> str:
        """Return the first violation of the schema by a value in one line; "" when it matches."""
        from jsonschema.exceptions import best_match

        try:
            with limited_searches():
                found = best_match(self._validator.iter_errors(value))
        except RecursionError:
            return "the value is nested too deeply for the schema"
        except InputError as error:
            return error.message
        if found is None:
            return ""
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in found.absolute_path)
        said = found.message if len(found.message) <= _MESSAGE else f"{found.message[:_MESSAGE]}…"
        return f"at ${place}: {said}"

    @property
    def fields(self) -> frozenset[str] | None:
        """The names that an object of this schema can have; None when the schema leaves them open."""
        named = self.value.get("properties")
        return frozenset(named) if isinstance(named, Mapping) else None


def load_schema(path: str | Path) -> Schema:
    """Return the schema of a JSON or YAML file. Raises DefinitionError with file and line."""
    text = read_source(Path(path))
    if Path(path).suffix.lower() not in (".yaml", ".yml"):
        try:
            value = json.loads(text)
        except RecursionError as error:
            raise DefinitionError("is nested too deeply", path=str(path)) from error
        except ValueError as error:
            line = getattr(error, "lineno", 0)
            raise DefinitionError(f"is not JSON: {getattr(error, 'msg', error)}", path=str(path), line=line) from error
        return schema_of(Parsed(value, _lines(text, str(path)), str(path)))
    return schema_of(parse_yaml(text, path=str(path)))


def _lines(text: str, path: str) -> Mapping[tuple[str | int, ...], int]:
    """Return the lines of a JSON text; none where YAML, of which JSON is almost a part, reads it in another way."""
    try:
        return parse_yaml(text, path=path).lines
    except DefinitionError:
        return {}


def make_schema(value: Any) -> Schema:
    """Return the schema of a value in memory. Raises DefinitionError."""
    return schema_of(Parsed(value, {}, "the JSON schema"))


def schema_of(parsed: Parsed, at: Sequence[str | int] = ()) -> Schema:
    """Return the schema at a place of a parsed file. Raises DefinitionError with the line of the fault.

    References lead to places of the same schema (`#/…`): nothing is fetched.
    """
    value = parsed.value
    for step in at:
        value = value[step]
    if not isinstance(value, Mapping):
        raise parsed.error(
            "the schema is no object", at, cure='write for example {"type": "object", "properties": {…}}'
        )
    _check_parts(value, value, parsed, tuple(at))
    import jsonschema
    import referencing

    try:
        jsonschema.Draft202012Validator.check_schema(value)
    except jsonschema.SchemaError as error:
        place = "/".join(map(str, error.absolute_path))
        said = error.message[:_MESSAGE]
        raise parsed.error(
            f"the schema is wrong at {place or 'its top'}: {said}", [*at, *error.absolute_path]
        ) from error
    validator = validator_class()(value, registry=referencing.Registry())
    return Schema(value, json.dumps(value, ensure_ascii=False, separators=(",", ":")), validator)


def _check_parts(
    value: Any, root: Mapping[str, Any], parsed: Parsed, at: tuple[str | int, ...], depth: int = 0
) -> None:
    """Check what the meta schema does not cover: depth, references and patterns."""
    if depth > DEEPEST:
        raise parsed.error(f"the schema is nested more than {DEEPEST} levels deep", at)
    if isinstance(value, list):
        for number, child in enumerate(value):
            _check_parts(child, root, parsed, (*at, number), depth + 1)
    if not isinstance(value, Mapping):
        return
    for key, child in value.items():
        if key in ("$ref", "$dynamicRef") and isinstance(child, str) and not _leads_somewhere(child, root):
            cure = "refer to a place of the same schema, such as #/$defs/name"
            raise parsed.error(f"the reference {child!r} leads nowhere in this schema", (*at, key), cure=cure)
        _check_patterns(key, child, root, parsed, at)
        _check_parts(child, root, parsed, (*at, key), depth + 1)


def _check_patterns(key: str, child: Any, root: Mapping[str, Any], parsed: Parsed, at: tuple[str | int, ...]) -> None:
    """Compile the patterns of a keyword; refuse the one keyword that would search for them without a time limit."""
    sources = [child] if key == "pattern" and isinstance(child, str) else []
    if key == "patternProperties" and isinstance(child, Mapping):
        sources = list(child)
    for source in sources:
        try:
            compile_pattern(source)
        except ValueError as error:
            raise parsed.error(f"the pattern {source[:_MESSAGE]!r} is wrong: {error}", (*at, key)) from error
    if key == "unevaluatedProperties" and _has_key(root, "patternProperties"):
        raise parsed.error(
            "the schema has both unevaluatedProperties and patternProperties", (*at, key),
            cure="write additionalProperties beside patternProperties",
        )  # fmt: skip


def _has_key(value: Any, name: str) -> bool:
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return (isinstance(value, Mapping) and name in value) or any(_has_key(child, name) for child in children)


def _leads_somewhere(reference: str, root: Mapping[str, Any]) -> bool:
    if reference == "#":
        return True
    if not reference.startswith("#/"):
        return False
    value: Any = root
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, Mapping) and name in value:
            value = value[name]
        else:
            return False
    return isinstance(value, Mapping | bool)
