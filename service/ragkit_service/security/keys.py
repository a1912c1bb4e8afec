"""The protocols of stored keys: what `ragkit keys` changes, and what a service compares the keys of requests with."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ragkit_service.security.key_file import Grant, StoredKey


class KeySource(Protocol):
    """The stored keys, as a service reads them. Both methods are fast: they run on the event loop."""

    def stamp(self) -> Hashable:
        """Return what changes with every change of the keys; None while there are no keys."""

    def read(self) -> list[StoredKey]:
        """Return the stored keys; ConfigError or StoreError when they cannot be read."""


class KeyStore(Protocol):
    """The stored keys, as `ragkit keys` changes them. Names and ids both find a key."""

    def read(self) -> list[StoredKey]:
        """Return the stored keys, oldest first."""

    def create(self, name: str, grant: Grant) -> str:
        """Store a new random key and return it; it cannot be read again. InputError, ConflictError."""

    def rotate(self, name: str) -> str:
        """Replace the secret of a key and return the new key; the old one is invalid. NotFoundError."""

    def revoke(self, name: str) -> None:
        """Delete a key. NotFoundError."""
