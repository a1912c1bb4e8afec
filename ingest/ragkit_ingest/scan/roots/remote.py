"""What roots by URL have in common: versions of files, private copies, and how an error is reported."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ragkit import ExtractionError, Reason
from ragkit_ingest.scan.names import source_of
from ragkit_ingest.scan.roots.base import OpenedFile
from ragkit_ingest.scan.walk import Found, LeftOut

PIECE: Final = 1 << 20
"""Bytes that are fetched at a time."""
_TAG_BITS: Final = 60  # as a time, such a number lies before the year 2007: `sure_mtime` takes it for settled
_REASONS: Final[tuple[tuple[str, Reason, str], ...]] = (
    ("FileNotFoundError", "missing", "there is no such file, folder or bucket"),
    ("NotADirectoryError", "missing", "there is no such folder"),
    ("ResourceNotFoundError", "missing", "there is no such file or container"),
    ("NoCredentialsError", "permission", "no credentials were found"),
    ("PartialCredentialsError", "permission", "the credentials are incomplete"),
    ("DefaultCredentialsError", "permission", "no credentials were found"),
    ("CredentialUnavailableError", "permission", "no credentials were found"),
    ("ClientAuthenticationError", "permission", "the credentials are refused"),
    ("RefreshError", "permission", "the credentials are refused"),
    ("PermissionError", "permission", "access is denied"),
    ("ValueError", "permission", "its account or its credentials are not complete"),
    ("TimeoutError", "unreadable", "no answer in time"),
    ("FSTimeoutError", "unreadable", "no answer in time"),
    ("ConnectTimeoutError", "unreadable", "no answer in time"),
    ("ReadTimeoutError", "unreadable", "no answer in time"),
    ("gaierror", "unreadable", "the host is not known"),
    ("ConnectionError", "unreadable", "the connection failed"),
    ("EndpointConnectionError", "unreadable", "the host does not answer"),
    ("ClientConnectionError", "unreadable", "the connection failed"),
    ("ServiceRequestError", "unreadable", "the host does not answer"),
)
"""Classes of errors by name, so that no client's library is loaded to name one; the first that fits decides."""
_STATUSES: Final[dict[int, tuple[Reason, str]]] = {
    401: ("permission", "access is denied (401)"),
    403: ("permission", "access is denied (403)"),
    404: ("missing", "there is no such file, folder or bucket (404)"),
    429: ("unreadable", "too many requests (429)"),
}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a remote file.

    size: bytes, 0 where the server does not say. modified_ns: time of its last change, 0 where unknown or of no use.
    tag: its ETag, generation or checksum, "" for none.
    """

    size: int
    modified_ns: int
    tag: str

    def found(self, path: bytes) -> Found:
        """Return the state to record: the tag stands for the inode's time of change.

        Without a tag the time of the last change stands there, so that a file which changed a moment ago counts as
        unsure; without both, the present does, and every run compares the bytes.
        """
        if self.tag:
            digest = hashlib.sha256(self.tag.encode("utf-8", "surrogatepass")).digest()
            return Found(path, self.size, self.modified_ns, int.from_bytes(digest[:8], "big") >> (64 - _TAG_BITS))
        return Found(path, self.size, self.modified_ns, self.modified_ns or time.time_ns())


class RemoteRoot(ABC):
    """What all roots by URL do alike; each knows the versions of its files, and how to fetch one."""

    __slots__ = ()
    address: bytes

    @property
    def name(self) -> str:
        """The address as text, as in a FileState."""
        return source_of(self.address)

    @property
    def folder(self) -> None:
        """None: it is no folder of this machine."""
        return

    @abstractmethod
    def version(self, path: bytes) -> Version:
        """Ask for the version of one file. Raises ExtractionError."""

    @abstractmethod
    def open(self, path: bytes) -> OpenedFile:
        """Fetch one file into a private copy. Raises ExtractionError."""

    def look(self, path: bytes) -> Found | LeftOut:
        """Return the state of one file, or why it is left out."""
        try:
            return self.version(path).found(path)
        except ExtractionError as error:
            return LeftOut(path, error.reason, error.detail)

    def digest(self, path: bytes) -> tuple[str, Found]:
        """Fetch one file to know the SHA-256 of its bytes, in hexadecimal. Raises ExtractionError."""
        opened = self.open(path)
        os.close(opened.descriptor)
        return opened.sha256, opened.found


def private_copy(pieces: Iterable[bytes], *, version: Version, path: bytes, max_size: int) -> OpenedFile:
    """Write what is fetched to an unnamed temporary file, and return it open. Raises ExtractionError `too_big`."""
    hashed = hashlib.sha256()
    size = 0
    try:
        with tempfile.TemporaryFile(prefix="ragkit-") as file:
            for piece in pieces:
                size += len(piece)
                check_size(size, max_size=max_size)
                hashed.update(piece)
                file.write(piece)
            file.seek(0)
            return OpenedFile(os.dup(file.fileno()), version.found(path), private=True, sha256=hashed.hexdigest())
    except OSError as error:  # of the temporary folder: errors of the network have their reasons already
        words = f"it cannot be kept in {tempfile.gettempdir()} ({error.strerror})"
        raise ExtractionError("unreadable", words, cure="make room there, or set TMPDIR") from error


def check_size(size: int, *, max_size: int) -> None:
    """Raise ExtractionError `too_big` for a file that is larger than a run reads."""
    if size > max_size:
        raise ExtractionError("too_big", f"more than {max_size:,} bytes (--max-size)", cure="raise the size limit")


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn any error of a storage client into an ExtractionError, without its words, which may hold a secret."""
    try:
        yield
    except ExtractionError:
        raise
    except Exception as error:  # noqa: BLE001 (the edge of the clients' libraries, which have no error in common)
        raise as_extraction_error(error) from None


def as_extraction_error(error: BaseException) -> ExtractionError:
    """Return the reason for an error of a client, judged by its class and status."""
    status = next((code for name in ("status_code", "status", "code") if (code := _number(error, name))), 0)
    if status in _STATUSES:
        return ExtractionError(*_STATUSES[status])
    if status >= 500:
        return ExtractionError("unreadable", f"the server failed ({status})")
    kinds = {kind.__name__ for kind in type(error).__mro__}
    for name, reason, words in _REASONS:
        if name in kinds:
            return ExtractionError(reason, words)
    system = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
    return ExtractionError("unreadable", system)


def _number(error: BaseException, name: str) -> int:
    text = str(getattr(error, name, ""))
    return int(text) if text.isdecimal() and 400 <= int(text) < 600 else 0
