"""YAML and TOML as lines `path: value`, with their comments; no alias is expanded, no object built, nothing run."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.data.json_data import flatten
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import TOML, YAML
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.titles import squeeze

_SIZE_LIMIT = 20_000_000  # characters; a longer file is kept as text
_PATH_LIMIT = 160
_DEPTH_LIMIT = 200
_GROUP = 40  # lines that stand in one block
_YAML_COMMENT = re.compile(r"(?:^|[ \t])#[!#]*[ \t]?([^\n]*)", re.MULTILINE)
_TABLE = re.compile(r"\s*\[(\[?)\s*([^\[\]\n]{1,300}?)\s*\]\]?\s*(?:#\s*(.*))?")
_KEY = r"(?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*')"
_PAIR = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=\s*(.*)", re.DOTALL)
_MAY_END = re.compile(r"(?:[\]}]|\"\"\"|''')[ \t]*(?:#[^\n]*)?$")
_TOML_LIMIT = 2_000  # lines that one value may span


class KeyedReader:
    """Reads application/yaml and application/toml."""

    name = "keyed"
    media_types: tuple[str, ...] = (YAML, TOML)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return a line for each value and each comment; what is not correct is kept as text and reported."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        text = without_embedded(source.replace("\r\n", "\n").replace("\r", "\n"), builder.warn)
        kind = "YAML" if hints.media_type == YAML else "TOML"
        lines: list[str] = []
        reason = "long" if len(text) > _SIZE_LIMIT else ""
        if not reason:
            reason = (_yaml if kind == "YAML" else _toml)(text, lines, hints)
        if reason:
            builder.warn(f"{reason if reason == 'long' else 'not correct'} {kind}: kept as text ({reason})")
            add_plain(builder, text)
            return builder.finish(name=name)
        _add(builder, lines)
        return builder.finish(name=name)


def _add(builder: TextBuilder, lines: list[str]) -> None:
    """Add lines as lists; a list ends where the first step of the path changes, or when it is long."""
    group: list[str] = []
    before = ""
    for line in lines:
        first = re.split(r"[.\[:]", line, maxsplit=1)[0]
        if group and (len(group) >= _GROUP or (first != before and len(group) >= _GROUP // 4 and line[0] != "#")):
            builder.items(group)
            group = []
        group.append(line)
        before = first
    if group:
        builder.items(group)


# --------------------------------------------------------------------- YAML


def _yaml(text: str, lines: list[str], hints: Hints) -> str:
    """Put the lines of a YAML text into `lines`; return why it cannot be read, or ""."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    walk = _YamlWalk(text, lines)
    try:
        for number, event in enumerate(yaml.parse(text, Loader=loader)):
            walk.take(event)
            if number % 1_000 == 999 and hints.budget.spent():
                return "it takes too long"
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return squeeze(str(getattr(error, "problem", "") or type(error).__name__))[:100]
    walk.comments(len(text))
    return "" if lines else "it holds no value"


class _YamlWalk:
    """Follows the events of a YAML text: the open mappings and lists are a path, never a tree."""

    def __init__(self, text: str, lines: list[str]) -> None:
        self._text = text
        self._out = lines
        self._path: list[str | int] = []
        self._is_key: list[bool] = []  # for each open collection: a key comes next; lists never
        self._seen = 0

    def take(self, event: Any) -> None:
        """Take one event."""
        kind = type(event).__name__
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            self.comments(event.start_mark.index)
            self._begin_value()
            mapping = kind == "MappingStartEvent"
            self._path.append("" if mapping else -1)
            self._is_key.append(mapping)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._path.pop()
            self._is_key.pop()
            self._end_value()
        elif kind in ("ScalarEvent", "AliasEvent"):
            self._scalar(event, f"*{event.anchor}" if kind == "AliasEvent" else event.value)

    def comments(self, end: int) -> None:
        """Add the comments between the last value and an offset."""
        for match in _YAML_COMMENT.finditer(self._text, self._seen, max(end, self._seen)):
            words = squeeze(match[1])
            if not re.search(r"\w", words):
                continue
            beside = self._out and self._seen and "\n" not in self._text[self._seen : match.start()]
            if beside:
                self._out[-1] += f"  # {words}"
            else:
                self._out.append(f"# {words}")
        self._seen = max(end, self._seen)

    def _scalar(self, event: Any, value: str) -> None:
        self.comments(event.start_mark.index)
        self._seen = event.end_mark.index
        if self._is_key and self._is_key[-1]:
            self._path[-1] = squeeze(value)
            self._is_key[-1] = False
            return
        self._begin_value()
        path, words = self._name(), squeeze(value)
        if words or path:
            self._out.append(f"{path}: {words}".rstrip() if path else words)
        self._end_value()

    def _begin_value(self) -> None:
        if self._path and isinstance(self._path[-1], int):
            self._path[-1] += 1

    def _end_value(self) -> None:
        if self._path and not isinstance(self._path[-1], int):
            self._is_key[-1] = True

    def _name(self) -> str:
        name = ""
        for step in self._path[-_DEPTH_LIMIT:]:
            name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else step
        return name if len(name) <= _PATH_LIMIT else "…" + name[-_PATH_LIMIT + 1 :]


# --------------------------------------------------------------------- TOML


def _toml(text: str, lines: list[str], hints: Hints) -> str:
    """Put the lines of a TOML text into `lines`, each value under its table; return why it cannot be read, or ""."""
    table = ""
    entries: dict[str, int] = {}
    for number, (kind, words) in enumerate(_toml_statements(text)):
        if kind == "comment":
            lines.append(f"# {words}")
        elif kind in ("table", "entry"):
            table = _toml_table(words, entries, new=kind == "entry")
        elif not _toml_pair(words, table, lines):
            return f"at {words[:60]!r}"
        if number % 1_000 == 999 and hints.budget.spent():
            return "it takes too long"
    return "" if lines else "it holds no value"


def _toml_statements(text: str) -> Iterator[tuple[str, str]]:
    """Yield ("comment", words), ("table", its name), ("entry", its array's name) and ("pair", source) in order."""
    pending: list[str] = []
    for line in text.split("\n"):
        if not pending and (bare := line.strip()).startswith("#"):
            if re.search(r"\w", bare):
                yield "comment", bare.lstrip("# \t")
        elif not pending and (match := _TABLE.fullmatch(line)) is not None:
            yield "entry" if match[1] else "table", match[2]
            if match[3]:
                yield "comment", squeeze(match[3])
        elif pending or line.strip():
            pending.append(line)
            if _complete(pending) or len(pending) > _TOML_LIMIT:
                yield "pair", "\n".join(pending)
                pending = []
    if pending:
        yield "pair", "\n".join(pending)


def _toml_table(source: str, entries: dict[str, int], *, new: bool) -> str:
    """Return the path of a table, with the index of each array of tables on the way, as lists of YAML and JSON have.

    entries: the last index of each array so far, by its path; new: the table is a further entry of its array.
    """
    keys = re.findall(_KEY, source)
    path = ""
    for place, key in enumerate(keys, 1):
        name = squeeze(key).strip("\"'")
        path = f"{path}.{name}" if path else name
        if new and place == len(keys):
            entries[path] = entries.get(path, -1) + 1
        if path in entries:
            path += f"[{entries[path]}]"
    return path


def _complete(source: list[str]) -> bool:
    """Tell whether a value ends with these lines; parsing is tried only where a bracket or a long text may end."""
    if len(source) == 1 and not re.search(r"\"\"\"|'''|[\[{]", source[0]):
        return True
    return bool(_MAY_END.search(source[-1])) and _loads("\n".join(source)) is not None


def _loads(source: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(source, parse_float=str)  # 7.50 stays 7.50
    except (ValueError, RecursionError):
        return None


def _toml_pair(source: str, table: str, lines: list[str]) -> bool:
    value = _loads(source)
    pair = _PAIR.fullmatch(source)
    if value is None or pair is None:
        return False
    lines.extend(flatten(value, room=len(source) * 6 + 10_000, path=table))
    comment = re.search(r"[\s\]}\"'\w]#[ \t]?([^\"'\n#]*)$", pair[2])
    if comment and re.search(r"\w", comment[1]):
        lines[-1] += f"  # {squeeze(comment[1])}"
    return True
