"""Read ragkit.toml: keys and types are checked, and each error names the file, line, key and cure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from ragkit import ConfigError, DefinitionError, show
from ragkit_service.configuration.known import LIMIT_TABLE, Kind, KnownSetting, as_text

FILE_NAME: Final = "ragkit.toml"
MOST_BYTES: Final = 1 << 20
_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_ENTRY = re.compile(r"\s*([A-Za-z0-9_.\"' -]+?)\s*=")
_WANTED: Final[dict[Kind, str]] = {
    "text": 'a text in quotation marks, as "…"',
    "path": 'a path in quotation marks, as "…"',
    "whole": "a whole number",
    "number": "a number",
    "flag": "true or false",
    "names": 'a list of texts, as ["a", "b"]',
}


@dataclass(frozen=True, slots=True)
class FileValue:
    """A value of the file. text: as its variable would have it. line: from 1, 0 if it was not found."""

    text: str
    file: Path
    line: int

    @property
    def place(self) -> str:
        """The file, with the line where it is known."""
        return f"{self.file}:{self.line}" if self.line else str(self.file)


def read_toml(path: Path, known: Mapping[str, KnownSetting]) -> dict[str, FileValue]:
    """Return the values of a file by their keys. A relative path in it starts at the file's folder.

    Raises ConfigError (no such file, unreadable) and DefinitionError (no TOML, an unknown key, a wrong type or value).
    """
    text = _text(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        raise DefinitionError(
            f"this is no TOML: {error}", path=str(path), line=int(at[1]) if at else 0, cure="correct the line"
        ) from error
    lines = _lines(text)
    found = {}
    for key, value in _entries(content):
        line = lines.get(key, 0)
        setting = known.get(key)
        if setting is None:
            raise _unknown(key, known, path=path, line=line)
        problem = _problem(setting, value)
        if problem:
            raise DefinitionError(
                f"the key {key} is {_named(setting, value)}", path=str(path), line=line, cure=f"set it to {problem}"
            )
        placed = path.absolute().parent / value if setting.kind == "path" and value and "://" not in value else value
        found[key] = FileValue(as_text(placed), path, line)
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigError(f"{path} is larger than {MOST_BYTES:,} bytes", cure="name a file of settings")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8", cure="save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(
            f"the settings file {path} can't be read ({error.strerror})", cure="name another with --config"
        ) from error


def _entries(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield keys with their values; a key of the table of limits has the table's name before it."""
    for key, value in content.items():
        if key == LIMIT_TABLE and isinstance(value, dict):
            yield from ((f"{key}.{name}", item) for name, item in value.items())
        else:
            yield key, value


def _lines(text: str) -> dict[str, int]:
    """Return the line of each key. TOML forbids a second key of the same name, so the first line is the one."""
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = _TABLE.match(line)
        entry = _ENTRY.match(line)
        if header:
            table = _plain(header[1])
            found.setdefault(table, number)
        elif entry:
            found.setdefault(f"{table}.{_plain(entry[1])}" if table else _plain(entry[1]), number)
    return found


def _plain(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))


def _unknown(key: str, known: Mapping[str, KnownSetting], *, path: Path, line: int) -> DefinitionError:
    near = get_close_matches(key, known, n=1, cutoff=0.75)
    cure = f"write {near[0]}" if near else "remove it; `ragkit serve --show-config` lists the keys"
    return DefinitionError(f"there is no setting {show(key, 80)!r}", path=str(path), line=line, cure=cure)


def _named(setting: KnownSetting, value: Any) -> str:
    """Return an invalid value for a message; a secret is not shown."""
    return "not of its type" if setting.secret else show(repr(value), 80)


def _problem(setting: KnownSetting, value: Any) -> str:
    """Return what a value must be, or "" when it is right."""
    if not _fits(setting.kind, value):
        return _WANTED[setting.kind]
    if setting.choices and value not in setting.choices:
        return ", ".join(setting.choices[:-1]) + f" or {setting.choices[-1]}"
    if setting.bounds and not setting.bounds[0] <= value <= setting.bounds[1]:
        return f"a number from {setting.bounds[0]:,} to {setting.bounds[1]:,}"
    return ""


def _fits(kind: Kind, value: Any) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if kind in ("whole", "number"):
        return isinstance(value, int if kind == "whole" else int | float) and not isinstance(value, bool)
    if kind == "names":
        return isinstance(value, list) and all(isinstance(item, str) and "," not in item for item in value)
    return isinstance(value, str)
