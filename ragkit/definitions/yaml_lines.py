"""YAML -> JSON values that know their lines: no aliases, no tags, no duplicate keys, bounded depth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ragkit.errors import DefinitionError

DEEPEST: Final = 40
"""Levels of the deepest YAML or JSON that is read."""

Path = tuple[str | int, ...]
_SHOWN: Final = 40  # characters of a value in a message
_SCALARS: Final = {"str", "int", "float", "bool", "null", "timestamp"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value of JSON types, with the line of each of its parts. path: of the file, for messages.

    starts: the line on which each text begins, which is the one after its key for `|` and `>`.
    """

    value: Any
    lines: Mapping[Path, int]
    path: str
    starts: Mapping[Path, int] = field(default_factory=dict)

    def line(self, at: Sequence[str | int] = ()) -> int:
        """Return the line of a part, or of its nearest parent that has one; 0 where it is unknown."""
        place = tuple(at)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 0)

    def error(self, message: str, at: Sequence[str | int] = (), *, cure: str = "") -> DefinitionError:
        """Return the error that names a part by file and line."""
        return DefinitionError(message, path=self.path, line=self.line(at), cure=cure)


def parse_yaml(text: str, *, path: str, first_line: int = 1) -> Parsed:
    """Return the value of one YAML document. first_line: the number of the text's first line in its file.

    Dates stay strings. Raises DefinitionError for what is no YAML, and for aliases, tags, duplicate keys, keys that are
    not strings and more than 40 levels.
    """
    import yaml

    shift = first_line - 1
    try:
        _check_events(yaml, text, path, shift)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        before = text.count("\n", 0, getattr(error, "position", 0))  # of a character that YAML forbids
        line = (mark.line if mark else before) + 1 + shift
        said = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
        raise DefinitionError(f"is not YAML: {said}", path=path, line=line) from error
    reader = _Reader(yaml, path, shift)
    value = None if node is None else reader.value(node, ())
    return Parsed(value, reader.lines, path, reader.starts)


def _check_events(yaml: Any, text: str, path: str, shift: int) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 + shift
        if isinstance(event, yaml.AliasEvent):
            raise DefinitionError("has an alias (*name)", path=path, line=line, cure="write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise DefinitionError(f"is nested more than {DEEPEST} levels deep", path=path, line=line)


class _Reader:
    """Turns nodes into values, and records their lines."""

    def __init__(self, yaml: Any, path: str, shift: int) -> None:
        self.lines: dict[Path, int] = {}
        self.starts: dict[Path, int] = {}
        self._yaml = yaml
        self._scalars = yaml.SafeLoader("")
        self._path = path
        self._shift = shift

    def value(self, node: Any, at: Path) -> Any:
        line = node.start_mark.line + 1 + self._shift
        self.lines.setdefault(at, line)
        kind = str(node.tag).rpartition(":")[2]
        if isinstance(node, self._yaml.MappingNode) and kind == "map":
            return {key: self.value(child, (*at, key)) for key, child in self._pairs(node, at)}
        if isinstance(node, self._yaml.SequenceNode) and kind == "seq":
            return [self.value(child, (*at, number)) for number, child in enumerate(node.value)]
        if not isinstance(node, self._yaml.ScalarNode) or kind not in _SCALARS:
            raise DefinitionError(f"has the tag {node.tag!r}", path=self._path, line=line, cure="write a plain value")
        if kind in ("str", "timestamp"):
            self.starts[at] = line + (node.style in ("|", ">"))
            return node.value
        try:
            value = self._scalars.construct_object(node)
        except ValueError as error:
            raise DefinitionError(f"{node.value[:_SHOWN]!r} is no {kind}", path=self._path, line=line) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise DefinitionError(f"{node.value} is no number of JSON", path=self._path, line=line, cure="write digits")
        return value

    def _pairs(self, node: Any, at: Path) -> list[tuple[str, Any]]:
        pairs: dict[str, Any] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1 + self._shift
            if not isinstance(key, self._yaml.ScalarNode) or not str(key.tag).endswith(":str"):
                raise DefinitionError("has a key that is no string", path=self._path, line=line, cure="quote the key")
            if key.value in pairs:
                raise DefinitionError(f"has the key {key.value!r} twice", path=self._path, line=line)
            pairs[key.value] = child
            self.lines[(*at, key.value)] = line
        return list(pairs.items())
