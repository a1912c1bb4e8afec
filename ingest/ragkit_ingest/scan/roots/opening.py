"""From a PATH of a run to the root that it names: a folder, a URL of a storage, or a list of web addresses."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from ragkit import ExtractionError, InputError, MissingPackageError, show
from ragkit_ingest.scan.names import path_of, source_of
from ragkit_ingest.scan.roots.base import Root, RootAccess
from ragkit_ingest.scan.roots.local import LocalRoot
from ragkit_ingest.scan.roots.remote import translated_errors
from ragkit_ingest.scan.roots.storage import StorageRoot
from ragkit_ingest.scan.roots.web_list import fetched_list, local_list

_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
_LIST: Final = "urls:"
_EXTRAS: Final = {
    "s3": ("s3fs", "s3"),
    "s3a": ("s3fs", "s3"),
    "gs": ("gcsfs", "gs"),
    "gcs": ("gcsfs", "gs"),
    "az": ("adlfs", "az"),
    "abfs": ("adlfs", "az"),
    "abfss": ("adlfs", "az"),
}
"""The package of each kind of storage, and ragkit's extra that installs it."""
_NO_PLACES: Final = frozenset(
    [
        "local",
        "data",
        "dir",
        "generic",
        "reference",
        "cached",
        "blockcache",
        "filecache",
        "simplecache",
        "zip",
        "tar",
        "libarchive",
        "dask",
    ]
)
"""Protocols of fsspec that show files of another place, or of this machine by other rules."""
_CURE: Final = "name s3://, gs://, az:// or abfs:// with a path, an https:// list, or a folder"
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "s3fs": {"config_kwargs": {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 3}}},
}
"""Bounds of a package whose own would have a run wait for minutes."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a PATH names by URL. address: without secrets, and without "/" at its end. single: it is one file."""

    address: bytes
    single: bool = False


def is_url(name: str) -> bool:
    """Return whether a PATH, or the name of a recorded root, is a URL or a list of web addresses."""
    return name.startswith(_LIST) or _URL.match(name) is not None


def is_list(address: bytes) -> bool:
    """Return whether an address is that of a list of web addresses, which holds no other root."""
    return address.startswith((_LIST.encode(), b"http://", b"https://"))


def folder_of_url(name: str) -> str | None:
    """Return the folder of this machine that a `file://` URL names, None for another URL. Raises InputError."""
    if not name.lower().startswith("file://"):
        return None
    parts = urlsplit(name)
    if parts.netloc not in ("", "localhost"):
        raise InputError(f"{show(name, 200)} names another machine", cure="write file:///, then the path")
    return unquote(parts.path)


@dataclass(slots=True)
class RootOpener:
    """Opens roots by their addresses, each once."""

    access: RootAccess = field(default_factory=RootAccess)
    _opened: dict[bytes, Root] = field(default_factory=dict)

    def resolve(self, url: str) -> Named:
        """Return what a URL names, after a look at it. Raises InputError, MissingPackageError."""
        if url.startswith(_LIST):
            return self._keep(local_list(url.removeprefix(_LIST), access=self.access))
        scheme, rest = _split(url)
        if scheme in ("http", "https"):
            return self._keep(fetched_list(url, access=self.access))
        _check_storage(url, scheme, rest)
        root = self._storage(f"{scheme}://{rest.rstrip('/')}".encode())
        shown = show(root.name, 200)
        try:
            with translated_errors():
                kind = root.system.info(root.base)["type"]
        except ExtractionError as error:
            cure = "check the URL and the credentials of its provider (documents that it held before are kept)"
            raise InputError(f"{shown} cannot be opened: {error.detail}", cure=cure) from None
        return Named(root.address, single=kind == "file")

    def root(self, address: bytes) -> Root:
        """Return the root of an address: of a folder, of what was resolved, or of a storage."""
        if address not in self._opened:
            self._opened[address] = self._storage(address) if is_url(source_of(address)) else LocalRoot(address)
        return self._opened[address]

    def _keep(self, root: Root) -> Named:
        self._opened[root.address] = root
        return Named(root.address)

    def _storage(self, address: bytes) -> StorageRoot:
        url = address.decode("utf-8", "surrogateescape")
        scheme, _ = _split(url)
        package = _load_client(scheme)
        import fsspec.core

        try:
            with translated_errors():
                system, base = fsspec.core.url_to_fs(url, **_OPTIONS.get(package, {}))
        except ExtractionError as error:
            words = f"{show(url, 200)} cannot be opened: {error.detail}"
            raise InputError(words, cure="name the account and the credentials as its provider wants them") from None
        return StorageRoot(address, system, base, self.access)


def _split(url: str) -> tuple[str, str]:
    match = _URL.fullmatch(url)
    if match is None:
        raise InputError("it is no URL", cure="write scheme://place/path")
    return match["scheme"].lower(), match["rest"]


@cache
def _load_client(scheme: str) -> str:
    """Load what reads a kind of storage; return the name of its package, "" for another one than ragkit's extras bring.

    Its log goes nowhere unless the program takes it: it would stand on the terminal, with addresses and their secrets.
    Raises MissingPackageError, InputError (no such storage).
    """
    package, extra = _EXTRAS.get(scheme, ("", ""))
    for name in ("fsspec", package or "fsspec", "azure", "google.auth", "botocore", "aiobotocore"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        import fsspec

        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        install = f"'ragkit[{extra}]'" if extra else "the package that fsspec names for it"
        raise MissingPackageError(package or f"for {scheme}://", purpose=f"{scheme}://", install=install) from error
    except ValueError as error:
        raise InputError(f"{show(scheme, 40)}:// is no storage that can be read", cure=_CURE) from error
    return package


def _check_storage(url: str, scheme: str, rest: str) -> None:
    """Raise InputError for a URL with a secret in it, which would be recorded, or with more than one storage."""
    place = rest.partition("/")[0]
    if ":" in place.rpartition("@")[0] or "?" in rest:
        cure = "give credentials by the variables or files of the provider (docs/ingest.md)"
        raise InputError(f"the {show(scheme, 40)}:// URL holds a password or a query", cure=cure)
    if "::" in url or scheme in _NO_PLACES or not rest.strip("/"):
        raise InputError(f"{show(url, 200)} names no place with files", cure=_CURE)


def is_there(name: str) -> bool:
    """Return whether a recorded root is a folder that is there; a URL counts as there, since nobody asks it."""
    return is_url(name) or os.path.isdir(path_of(name))
