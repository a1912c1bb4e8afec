"""The root that is a folder of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ragkit_ingest.scan.digest import digest, status_of
from ragkit_ingest.scan.names import source_of
from ragkit_ingest.scan.roots.base import Apart, OpenedFile
from ragkit_ingest.scan.walk import Found, Identity, LeftOut, look, open_file, walk


@dataclass(frozen=True, slots=True)
class LocalRoot:
    """A folder. address: its absolute, real path."""

    address: bytes

    @property
    def name(self) -> str:
        """The path as text, as in a FileState."""
        return source_of(self.address)

    @property
    def folder(self) -> bytes:
        """The folder itself."""
        return self.address

    def walk(self, *, scope: bytes = b"", apart: Apart | None = None) -> Iterator[Found | LeftOut]:
        """Yield every file below the folder; OSError when the folder or the scope cannot be opened."""
        folders: Mapping[Identity, str] = {key: why for key, why in (apart or {}).items() if isinstance(key, tuple)}
        return walk(self.address, scope=scope, apart=folders)

    def look(self, path: bytes) -> Found | LeftOut:
        """Look at one file that was named on purpose."""
        return look(self.address, path)

    def open(self, path: bytes) -> OpenedFile:
        """Open a regular file below the folder. Raises ExtractionError."""
        descriptor = open_file(self.address, path)
        return OpenedFile(descriptor, status_of(path, descriptor))

    def digest(self, path: bytes) -> tuple[str, Found]:
        """Return the hex SHA-256 of a file, and its state at that moment. Raises ExtractionError."""
        return digest(self.address, path)
