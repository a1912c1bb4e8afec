"""JSON and JSON Lines as lines `path: value`, one record a paragraph; deep nesting and long numbers are bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import JSON, JSONL
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.titles import squeeze

_ESCAPED_SLASH = re.compile(r"(?<!\\)\\/")  # as PHP writes it
_PATH_LIMIT = 160
_DEPTH_LIMIT = 200
_GROWTH_LIMIT = 6  # a file whose lines would be this many times its size is kept as text
_RECORD = 40  # lines of a record of a list that stand in one paragraph


class JsonReader:
    """Reads application/json and application/jsonl."""

    name = "json"
    media_types: tuple[str, ...] = (JSON, JSONL)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return a line for each value; what is not JSON, or is nested too deeply, is kept as text and reported."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        text = without_embedded(_ESCAPED_SLASH.sub("/", source), builder.warn)
        del source
        if hints.media_type == JSONL:
            self._lines(text, builder, hints)
            return builder.finish(name=name)
        try:
            value = _loads(text)
        except RecursionError:
            builder.warn("nested too deeply for JSON: kept as text")
            add_plain(builder, text)
        except ValueError as error:
            self._not_json(text, builder, hints, error)
        else:
            if not self._records(value, builder, hints, room=len(data) * _GROWTH_LIMIT + 10_000):
                warnings, builder = builder.warnings, TextBuilder()
                for words in [*warnings, "its lines would be many times its size: kept as text"]:
                    builder.warn(words)
                add_plain(builder, text)
            return builder.finish(name=name, title=_title(value))
        return builder.finish(name=name)

    def _not_json(self, text: str, builder: TextBuilder, hints: Hints, error: ValueError) -> None:
        lines = text[: 1 << 20].splitlines()[:3]
        if len(lines) > 1 and all(_is_json(line) for line in lines[:2]):
            self._lines(text, builder, hints)
            return
        builder.warn(f"not valid JSON ({error}): kept as text")
        add_plain(builder, text)

    def _lines(self, text: str, builder: TextBuilder, hints: Hints) -> None:
        bad = 0
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                leaves = list(flatten(_loads(line), room=len(line) * _GROWTH_LIMIT + 10_000))
            except (ValueError, RecursionError):
                bad += 1
                leaves = []
            builder.paragraph("\n".join(leaves) if leaves else squeeze(line))
            if number % 1_000 == 0 and hints.budget.spent():
                builder.warn(f"stopped after {number:,} lines: out of time")
                break
        if bad:
            builder.warn(f"{bad:,} lines are not JSON: kept as text")

    def _records(self, value: Any, builder: TextBuilder, hints: Hints, *, room: int) -> bool:
        """Add every value; False when that would take more than `room` characters or too much time."""
        records = enumerate(value) if isinstance(value, list) and len(value) > 1 else None
        if records is None:
            lines = list(flatten(value, room=room))
            for start in range(0, len(lines), _RECORD):
                builder.paragraph("\n".join(lines[start : start + _RECORD]))
            return bool(lines)
        for number, record in records:
            builder.paragraph("\n".join(flatten(record, room=room)))
            if builder.size > room:
                return False
            if number % 1_000 == 999 and hints.budget.spent():
                builder.warn(f"stopped after {number + 1:,} records: out of time")
                break
        return builder.size > 0


def flatten(value: Any, *, room: int, path: str = "") -> Iterator[str]:
    """Yield `path: value` for every leaf, without recursion, until `room` characters are used up."""
    stack: list[tuple[str, Any, int]] = [(path, value, 0)]
    while stack and room > 0:
        path, item, depth = stack.pop()
        if isinstance(item, dict) and item and depth < _DEPTH_LIMIT:
            stack.extend(
                (_join(path, f".{key}" if path else str(key)), below, depth + 1)
                for key, below in reversed(item.items())
            )
        elif isinstance(item, list) and item and depth < _DEPTH_LIMIT:
            if all(not isinstance(below, dict | list) for below in item) and len(item) <= 100:
                line = f"{path}: {', '.join(map(_scalar, item))}" if path else ", ".join(map(_scalar, item))
                room -= len(line)
                yield line
            else:
                stack.extend((_join(path, f"[{i}]"), item[i], depth + 1) for i in range(len(item) - 1, -1, -1))
        else:
            line = f"{path}: {_scalar(item)}" if path else _scalar(item)
            room -= len(line)
            yield line


def _join(path: str, step: str) -> str:
    """Return the path with one more step; only the end of a long path is kept."""
    whole = path + squeeze(step)
    return whole if len(whole) <= _PATH_LIMIT else "…" + whole[-_PATH_LIMIT + 1 :]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return squeeze(value)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return "{…}" if isinstance(value, dict) and value else "[…]" if isinstance(value, list) and value else str(value)


def _loads(text: str) -> Any:
    # Numbers stay as they are written: no digits are lost, and a million of them cost nothing.
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _is_json(line: str) -> bool:
    try:
        _loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _title(value: Any) -> str:
    title = value.get("title") if isinstance(value, dict) else None
    return title if isinstance(title, str) else ""
