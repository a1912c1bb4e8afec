"""Read a file that a user wrote: bounded, UTF-8, and any fault in it named by path and line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ragkit.errors import DefinitionError

LARGEST: Final = 1 << 18
"""Bytes of the largest prompt template, chain or schema."""


def read_source(path: Path) -> str:
    """Return the text of a file with "\\n" as its line ends. Raises DefinitionError (missing, too large, not UTF-8)."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise DefinitionError(f"cannot be read ({error.strerror})", path=str(path), cure="check the path") from error
    if len(data) > LARGEST:
        raise DefinitionError(f"is larger than {LARGEST >> 10} KiB", path=str(path), cure="shorten it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DefinitionError("is not UTF-8", path=str(path), line=line, cure="save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
