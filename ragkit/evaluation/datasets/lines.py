"""Read the files of data sets line by line; an error names the file and the line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import InputError
from ragkit.files import sha256_of
from ragkit.settings import QUESTION_LIMIT
from ragkit.text.cleaning import clean_text


class DatasetError(InputError):
    """A data set is malformed; the message names the file and, where there is one, the line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One JSON object of a JSON Lines file, with its file and line number (from 1)."""

    path: Path
    number: int
    row: Mapping[str, Any]

    def error(self, message: str, *, cure: str = "") -> DatasetError:
        """Return an error that names the file and the line."""
        return DatasetError(f"{self.path}:{self.number}: {message}", cure=cure)

    def text(self, key: str, *, default: str | None = None) -> str:
        """Return a string of the object; null counts as missing. Raises DatasetError."""
        value = self.row.get(key)
        if value is None:
            value = default
        if not isinstance(value, str):
            raise self.error(f"{key!r} is missing or not a string")
        return value

    def identifier(self, *keys: str) -> str:
        """Return the id under the first of the keys that is there; a whole number counts as its digits."""
        value = next((self.row[key] for key in keys if self.row.get(key) is not None), None)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{keys[0]!r} is missing, empty or not a string")
        return value

    def whole(self, key: str) -> int:
        """Return a whole number of the object that is not negative. Raises DatasetError."""
        value = self.row.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.error(f"{key!r} is missing or not a whole number from 0")
        return value

    def objects(self, key: str) -> list[Line]:
        """Return the objects of a list, each as a Line of the same place; a missing list is an empty one."""
        value = self.row.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(f"{key!r} is not a list of objects")
        return [Line(self.path, self.number, item) for item in value]

    def question(self, *keys: str) -> str:
        """Return a cleaned question that is neither empty nor longer than search allows."""
        key = next((key for key in keys if self.row.get(key) is not None), keys[0])
        text = clean_text(self.text(key)).strip()
        if not text:
            raise self.error("the question is empty")
        if len(text) > QUESTION_LIMIT:
            raise self.error(f"the question has {len(text):,} characters, and the limit is {QUESTION_LIMIT:,}")
        return text


class Names:
    """The ids of a file's lines; each may occur once."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}

    def claim(self, line: Line, *, required: bool = True) -> str:
        """Return the line's "_id" (or "id"); if it has none and needs none, its line number. Raises DatasetError."""
        named = required or any(line.row.get(key) is not None for key in ("_id", "id"))
        name = line.identifier("_id", "id") if named else str(line.number)
        if name in self._lines:
            raise line.error(f"duplicate id {name!r}, first on line {self._lines[name]}", cure="each needs its own _id")
        self._lines[name] = line.number
        return name


def read_jsonl(path: Path, *, cure: str = "") -> Iterator[Line]:
    """Yield the objects of a JSON Lines file, blank lines left out. Raises DatasetError."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield Line(path, number, _object(path, number, line))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror})", cure=cure) from error


def _object(path: Path, number: int, line: bytes) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}:{number}: not JSON ({error})", cure="write one object a line") from error
    if not isinstance(row, dict):
        raise DatasetError(f"{path}:{number}: not a JSON object", cure="write one object a line")
    return row


def read_lines(path: Path, *, cure: str = "") -> Iterator[tuple[int, str]]:
    """Yield (number, text) of the lines that are not blank, without their line ends. Raises DatasetError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror})", cure=cure) from error
    for number, line in enumerate(raw.split(b"\n"), 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise DatasetError(f"{path}:{number}: not UTF-8", cure="save the file as UTF-8") from error
        if text.strip():
            yield number, text


def file_digest(paths: Iterable[Path]) -> str:
    """Return the sha256 over the sha256 of each file, in the order given. Raises DatasetError."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(bytes.fromhex(sha256_of(path)))
        except OSError as error:
            raise DatasetError(f"{path} cannot be read ({error.strerror})") from error
    return digest.hexdigest()
