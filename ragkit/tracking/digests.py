"""Digests of the inputs of a run: files, folders, JSON values, texts and installed packages."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from ragkit.errors import NotFoundError
from ragkit.files import sha256_of

PACKAGES: Final = (
    "ragkit",
    "torch",
    "transformers",
    "sentence-transformers",
    "peft",
    "openai",
    "anthropic",
    "faiss-cpu",
    "tantivy",
)
"""Packages whose versions may change a result."""


def path_digest(path: Path) -> str:
    """Return the sha256 of a file, or of the names and hashes of all files of a folder. Raises NotFoundError."""
    try:
        if path.is_file():
            return sha256_of(path)
        if not path.is_dir():
            raise NotFoundError(f"{path} is not there", cure="check the path")
        rows = [
            (item.relative_to(path).as_posix(), sha256_of(item)) for item in sorted(path.rglob("*")) if item.is_file()
        ]
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read ({error.strerror})", cure="check its permissions") from error
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in rows).encode()).hexdigest()


def json_digest(value: Any) -> str:
    """Return the sha256 of a JSON value, whatever the order of its keys."""
    return text_digest(json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def text_digest(text: str) -> str:
    """Return the sha256 of a text's UTF-8, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def package_versions() -> dict[str, str]:
    """Return the versions of ragkit and of the installed packages that may change a result; nothing is imported."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
