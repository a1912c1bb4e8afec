"""The stored keys of the service: a file of names and SHA-256 digests, never a key."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from ragkit import (
    ConfigError,
    ConflictError,
    InputError,
    LockedError,
    NotFoundError,
    RagkitError,
    StorageFullError,
    checked_labels,
    show,
)
from ragkit_service.security.access import SCOPES, Access

_VERSION: Final = 2
_FIRST: Final = 1  # keys without scopes: they may do everything
_NAME_LIMIT: Final = 64
_LOCK_SECONDS: Final = 5.0
_ID_LENGTH: Final = 8
_GLOB: Final = re.compile(r"[a-z0-9*?][a-z0-9._*?-]{0,62}")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key may do; see `Access`. expires_at: UTC, ISO 8601, "" for never. rate: requests a minute, 0 for any."""

    scopes: tuple[str, ...] = ("read", "write")
    collections: tuple[str, ...] = ("*",)
    labels: tuple[str, ...] | None = None
    expires_at: str = ""
    rate: int = 0

    def __post_init__(self) -> None:
        unknown = [scope for scope in self.scopes if scope not in SCOPES]
        if unknown or not self.scopes:
            raise InputError(f"{', '.join(unknown) or 'none'} is no scope", cure=f"use {', '.join(SCOPES)}")
        if not self.collections or not all(_GLOB.fullmatch(glob) for glob in self.collections):
            raise InputError("a key's collection is no name or glob", cure="use names such as team-a or team-a*")
        if not 0 <= self.rate <= 1_000_000:
            raise InputError(f"{self.rate} requests a minute are no rate", cure="use 0 (any) to 1,000,000")
        if self.labels is not None:
            checked_labels(self.labels)
        if self.expires_at:
            _moment(self.expires_at)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """The stored part of a key. id: part of the key, and what logs name it by. created_at: UTC, ISO 8601."""

    id: str
    name: str
    sha256: str
    created_at: str
    grant: Grant = Grant()

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of `ragkit keys list --json`: a shortened digest distinguishes keys."""
        shown = {"id": self.id, "name": self.name, "sha256": self.sha256[:12], "created_at": self.created_at}
        return {**shown, **asdict(self.grant)}

    @property
    def access(self) -> Access:
        """The rights of a request with this key."""
        grant = self.grant
        return Access(self.id, frozenset(grant.scopes), grant.collections, grant.labels)

    def has_expired(self, now: datetime) -> bool:
        """Return whether the key is past its time."""
        return bool(self.grant.expires_at) and _moment(self.grant.expires_at) <= now


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
            if content["version"] not in (_FIRST, _VERSION):
                raise ValueError(f"version {content['version']}")
            return [stored_key(item) for item in content["keys"]]
        except (ValueError, TypeError, KeyError, RecursionError, InputError) as error:
            raise ConfigError(
                f"{self.path} is no key file of this version", cure="move it away and create the keys again"
            ) from error

    def stamp(self) -> Hashable:
        """Return what changes when the file is replaced; None when there is none."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def create(self, name: str, grant: Grant = Grant()) -> str:
        """Store a new random key under a name and return it; it cannot be read again."""
        with self._locked():
            keys = self.read()
            key, stored = made_key(keys, name, grant)
            self._write([*keys, stored])
        return key

    def rotate(self, name: str) -> str:
        """Replace the secret of a key, given by name or id, and return the new key; the old one is invalid at once."""
        with self._locked():
            keys = self.read()
            key, new = rotated_key(keys, name)
            self._write([new if stored.id == new.id else stored for stored in keys])
        return key

    def revoke(self, name: str) -> None:
        """Delete a key, given by name or id; NotFoundError when there is none."""
        with self._locked():
            keys = self.read()
            old = found_key(keys, name)
            self._write([stored for stored in keys if stored != old])

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
        """Replace the file atomically: write a temporary file (mkstemp gives 0600), sync, rename, sync the folder."""
        content = json.dumps({"version": _VERSION, "keys": [asdict(stored) for stored in keys]}, indent=1)
        try:
            handle, temporary = tempfile.mkstemp(prefix=".keys-", dir=self.path.parent)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except OSError as error:
            Path(temporary).unlink(missing_ok=True)
            raise _unwritable(self.path, error) from error
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def stored_key(item: Any) -> StoredKey:
    """Return the stored part of a key from its JSON. Raises ValueError, TypeError, KeyError, InputError."""
    name, digest, created_at = item["name"], item["sha256"], item["created_at"]
    number = item.get("id", digest[:_ID_LENGTH])
    whole = len(bytes.fromhex(digest)) == hashlib.sha256().digest_size
    if not whole or not all(isinstance(value, str) for value in (name, created_at, number)):
        raise ValueError("not a stored key")
    if "grant" not in item:
        return StoredKey(number, name, digest, created_at, Grant(scopes=("admin",)))
    grant = item["grant"]
    lists = {field: tuple(grant[field]) for field in ("scopes", "collections")}
    labels = None if grant["labels"] is None else tuple(grant["labels"])
    return StoredKey(
        number,
        name,
        digest,
        created_at,
        Grant(**lists, labels=labels, expires_at=grant["expires_at"], rate=int(grant["rate"])),
    )


def _unwritable(path: Path, error: OSError) -> RagkitError:
    """Return the error of a key file that cannot be written; the earlier file stays."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFullError(f"the disk of {path.parent} is full; the keys are as before", cure="free some space")
    return ConfigError(
        f"cannot write {path}: {error.strerror}", cure="make its folder writable, or choose another --data"
    )


def made_key(keys: Sequence[StoredKey], name: str, grant: Grant) -> tuple[str, StoredKey]:
    """Return a new random key and its stored part; keys: those that there are. Raises InputError, ConflictError."""
    if not name.strip() or len(name) > _NAME_LIMIT or show(name) != name:
        raise InputError(f"{show(name, 80)!r} cannot name a key", cure=f"use 1 to {_NAME_LIMIT} printable characters")
    if any(name in (stored.name, stored.id) for stored in keys):
        raise ConflictError(f"there is a key {name!r} already", cure="revoke it first, or choose another name")
    number = _new_id(keys)
    key = _new_key(number)
    return key, StoredKey(number, name, _digest(key), _now(), grant)


def rotated_key(keys: Sequence[StoredKey], name: str) -> tuple[str, StoredKey]:
    """Return a new secret for a key, given by name or id, and its stored part. Raises NotFoundError."""
    old = found_key(keys, name)
    key = _new_key(old.id)
    return key, replace(old, sha256=_digest(key), created_at=_now())


def found_key(keys: Sequence[StoredKey], name: str) -> StoredKey:
    """Return the key of a name or id. Raises NotFoundError."""
    found = next((stored for stored in keys if name in (stored.name, stored.id)), None)
    if found is None:
        raise NotFoundError(f"there is no key {show(name, 80)!r}", cure="ragkit keys list shows the names")
    return found


def _new_id(keys: Sequence[StoredKey]) -> str:
    taken = {stored.id for stored in keys}
    while (number := secrets.token_hex(_ID_LENGTH // 2)) in taken:
        pass
    return number


def _new_key(number: str) -> str:
    return f"rk_{number}_{secrets.token_urlsafe(32)}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _moment(text: str) -> datetime:
    """Return a time of ISO 8601, in UTC where it names no offset; InputError for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{show(text, 60)!r} is no time", cure="write 2026-12-31 or 2026-12-31T12:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
