"""The stored keys of the service: a file of names and SHA-256 digests, never a key."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from ragkit import ConfigError, ConflictError, InputError, LockedError, NotFoundError, show

_VERSION: Final = 1
_NAME_LIMIT: Final = 64
_LOCK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class StoredKey:
    """The stored part of a key. created_at: UTC, ISO 8601."""

    name: str
    sha256: str
    created_at: str

    def as_dict(self) -> dict[str, str]:
        """Return the JSON of `ragkit keys list --json`: a shortened digest distinguishes keys."""
        return {"name": self.name, "sha256": self.sha256[:12], "created_at": self.created_at}


class KeyFile:
    """The file of stored keys (mode 0600), replaced as a whole with every change."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[StoredKey]:
        """Return the stored keys, none where there is no file; ConfigError when it cannot be read."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigError(
                f"cannot read {self.path}: {error.strerror}", cure="make it readable for this user"
            ) from error
        try:
            content = json.loads(raw)
            if content["version"] != _VERSION:
                raise ValueError(f"version {content['version']}")
            return [_stored(item) for item in content["keys"]]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ConfigError(
                f"{self.path} is no key file of this version", cure="move it away and create the keys again"
            ) from error

    def create(self, name: str) -> str:
        """Store a new random key under a name and return it; it cannot be read again."""
        if not name.strip() or len(name) > _NAME_LIMIT or show(name) != name:
            raise InputError(
                f"{show(name, 80)!r} cannot name a key", cure=f"use 1 to {_NAME_LIMIT} printable characters"
            )
        key = f"ragkit_{secrets.token_urlsafe(32)}"
        with self._locked():
            keys = self.read()
            if any(stored.name == name for stored in keys):
                raise ConflictError(f"there is a key {name!r} already", cure="revoke it first, or choose another name")
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._write([*keys, StoredKey(name, hashlib.sha256(key.encode()).hexdigest(), now)])
        return key

    def revoke(self, name: str) -> None:
        """Delete a key; NotFoundError when there is none of that name."""
        with self._locked():
            keys = self.read()
            rest = [stored for stored in keys if stored.name != name]
            if len(rest) == len(keys):
                raise NotFoundError(f"there is no key {show(name, 80)!r}", cure="ragkit keys list shows the names")
            self._write(rest)

    def _locked(self) -> Any:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return FileLock(self.path.with_suffix(".lock"), mode=0o600).acquire(timeout=_LOCK_SECONDS)
        except Timeout as error:
            raise LockedError(f"another process is changing {self.path}", cure="try again") from error
        except OSError as error:
            raise ConfigError(
                f"cannot write to {self.path.parent}: {error.strerror}", cure="choose another --data"
            ) from error

    def _write(self, keys: Sequence[StoredKey]) -> None:
        """Replace the file: written whole beside it (mkstemp gives 0600), synced, renamed, folder synced."""
        content = json.dumps({"version": _VERSION, "keys": [asdict(stored) for stored in keys]}, indent=1)
        handle, temporary = tempfile.mkstemp(prefix=".keys-", dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _stored(item: Any) -> StoredKey:
    name, digest, created_at = item["name"], item["sha256"], item["created_at"]
    whole = len(bytes.fromhex(digest)) == hashlib.sha256().digest_size
    if not whole or not isinstance(name, str) or not isinstance(created_at, str):
        raise ValueError("not a stored key")
    return StoredKey(name, digest, created_at)
