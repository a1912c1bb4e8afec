"""The seam of roots: how a run lists the files below a place, recognises unchanged ones, and opens one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from ragkit_ingest.limits import DEFAULT_SIZE
from ragkit_ingest.scan.walk import Found, Identity, LeftOut

Apart = Mapping[Identity | bytes, str]
"""Folders that a walk skips, by identity or, below a URL, by address, with their reasons for the report ("": none)."""


@dataclass(frozen=True, slots=True)
class RootAccess:
    """What may be fetched from a URL.

    max_size: bytes of the largest file. internal: lists of web addresses may name http:// and private networks.
    """

    max_size: int = DEFAULT_SIZE
    internal: bool = False


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """An open file. The caller closes the descriptor.

    found: its state when it was opened. private: a copy that nobody else writes to. sha256: of its bytes in hex, "" if
    they have not been read yet.
    """

    descriptor: int
    found: Found
    private: bool = False
    sha256: str = ""


class Root(Protocol):
    """The files below one place. Two roots of the same address are equal."""

    @property
    def address(self) -> bytes:
        """The absolute path of a folder, or a URL without secrets."""
        ...

    @property
    def name(self) -> str:
        """The address as text, as in a FileState."""
        ...

    @property
    def folder(self) -> bytes | None:
        """The folder on this machine; None for a URL."""
        ...

    def walk(self, *, scope: bytes = b"", apart: Apart | None = None) -> Iterator[Found | LeftOut]:
        """Yield every file of the root, or of the folder `scope` of it; OSError when a folder's root is not there."""
        ...

    def look(self, path: bytes) -> Found | LeftOut:
        """Look at one file that was named on purpose: no ignore rule applies to it."""
        ...

    def open(self, path: bytes) -> OpenedFile:
        """Open one file below the root. Raises ExtractionError."""
        ...

    def digest(self, path: bytes) -> tuple[str, Found]:
        """Return the hex SHA-256 of a file, and its state at that moment. Raises ExtractionError."""
        ...
