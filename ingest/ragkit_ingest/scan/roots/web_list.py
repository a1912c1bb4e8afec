"""The root that is a list of web addresses: a text file, one address a line."""

from __future__ import annotations

import hashlib
import http.client
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote

from ragkit import ExtractionError, InputError, show
from ragkit_ingest.scan.names import source_of
from ragkit_ingest.scan.roots.base import Apart, OpenedFile, RootAccess
from ragkit_ingest.scan.roots.remote import RemoteRoot, Version, check_size, private_copy
from ragkit_ingest.scan.roots.web_client import RefusedAddressError, WebClient, body, checked, length_of
from ragkit_ingest.scan.walk import Found, LeftOut

MOST_BYTES: Final = 16 << 20
"""Bytes of a list."""
_AT_ONCE: Final = 8  # addresses that are asked for their state
_SIGNATURES: Final = re.compile(
    r"x-(?:amz|goog)-.*|sig|s[eprtv]|spr|sk[etsv]|skoid|sktid|sip|signature|expires|key-pair-id|policy"
    r"|(?:aws|google)access(?:key)?id",
    re.IGNORECASE,
)
"""Parameters of signed addresses (AWS, Azure, Google, CloudFront), which change from one list to the next."""


@dataclass(frozen=True, slots=True)
class WebList(RemoteRoot):
    """Web addresses by their paths below the list: host, then path. address: of the list, which holds no secret."""

    address: bytes
    urls: Mapping[bytes, str] = field(compare=False, repr=False)
    client: WebClient = field(compare=False)
    access: RootAccess = field(default_factory=RootAccess, compare=False)

    def walk(self, *, scope: bytes = b"", apart: Apart | None = None) -> Iterator[Found | LeftOut]:  # noqa: ARG002
        """Yield the state of each address, in the order of their paths. No ignore rule applies: each was named."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ragkit-web") as threads:
            try:
                yield from threads.map(self.look, sorted(self.urls))
            finally:
                threads.shutdown(cancel_futures=True)

    def open(self, path: bytes) -> OpenedFile:
        """Fetch what is at an address into a private copy. Raises ExtractionError.

        The state is that which `look` finds, so that the next run can compare; where the answer is of another version,
        it is one that no file has.
        """
        version = self.version(path)
        check_size(version.size, max_size=self.access.max_size)
        with self._answer("GET", path) as answer:
            got = _version_of(answer)
            if (got.modified_ns, got.tag) != (version.modified_ns, version.tag):
                version = Version(version.size, 0, "")
            with closing(body(answer)) as pieces:
                return private_copy(pieces, version=version, path=path, max_size=self.access.max_size)

    def version(self, path: bytes) -> Version:
        """Ask for the size, ETag and time of change at one address, by a HEAD where the server has it. Raises
        ExtractionError."""
        with self._answer("HEAD", path) as answer:
            if answer.status == 200:
                return _version_of(answer)
        with self._answer("GET", path) as answer:  # its head alone: the body is not fetched
            return _version_of(answer)

    def _answer(self, method: str, path: bytes) -> AbstractContextManager[http.client.HTTPResponse]:
        url = self.urls.get(path)
        if url is None:
            raise ExtractionError("missing", "the list does not name it")
        return self.client.request(method, url)


def fetched_list(url: str, *, access: RootAccess) -> WebList:
    """Fetch a list from a web address. Raises InputError: the address is refused, does not answer, or is no list."""
    try:
        parts = checked(url, internal=access.internal)
    except RefusedAddressError as error:
        raise InputError(f"{_shown(url)} is refused: {error}", cure="name the https:// address of a list") from None
    if parts.query or parts.fragment:
        cure = "the list of processes would show it: save the list in a file, and name urls:FILE"
        raise InputError(f"the address of the list {_shown(url)} has a query", cure=cure)
    client = WebClient(access.internal)
    content = bytearray()
    try:
        with client.request("GET", url) as answer, closing(body(answer)) as pieces:
            for piece in pieces:
                content += piece
                check_size(len(content), max_size=MOST_BYTES)
    except ExtractionError as error:
        cure = error.cure or "check the address (documents that it gave before are kept)"
        raise InputError(f"the list {_shown(url)} cannot be read: {error.detail}", cure=cure) from None
    name = f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"
    return _web_list(name.encode(), bytes(content), client, access)


def local_list(file: str, *, access: RootAccess) -> WebList:
    """Read a list from a file of this machine; its address is `urls:` and the file's path. Raises InputError."""
    path = os.path.realpath(os.fsencode(file))
    try:
        with open(path, "rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        cure = "check its name (documents that it gave before are kept)"
        raise InputError(f"the list {show(file, 200)} cannot be read: {reason}", cure=cure) from error
    if len(content) > MOST_BYTES:
        raise InputError(f"the list {show(file, 200)} is over {MOST_BYTES:,} bytes", cure="make several lists of it")
    return _web_list(b"urls:" + path, content, WebClient(access.internal), access)


def _web_list(address: bytes, content: bytes, client: WebClient, access: RootAccess) -> WebList:
    shown = show(source_of(address), 200)
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{shown} is not a list of addresses", cure="write one address a line, in UTF-8") from error
    urls: dict[bytes, str] = {}
    for number, line in enumerate(lines, 1):
        url = line.strip()
        if not url or url.startswith("#"):
            continue
        try:
            path = path_of_url(checked(url, internal=access.internal))
        except RefusedAddressError as error:
            cure = "write one https:// address a line, without a password"
            raise InputError(f"line {number} of {shown} is refused: {error}", cure=cure) from None
        if urls.setdefault(path, url) != url:
            words = f"line {number} of {shown} has the name of an earlier one: {show(source_of(path), 120)}"
            raise InputError(words, cure="name each document once")
    return WebList(address, urls, client, access)


def path_of_url(parts: SplitResult) -> bytes:
    """Return the path of a web address below its list: host and path, decoded.

    A query that is no signature stands in the name as the start of its SHA-256, so that nothing of it is stored.
    """
    decoded = unquote(parts.path, errors="strict") if _decodes(parts.path) else parts.path
    folders = [name for name in decoded.split("/") if name]
    if decoded.endswith("/") or not folders:
        folders.append("index.html")
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _signs(pair[0])]
    if query:
        stem, suffix = posixpath.splitext(folders[-1])
        folders[-1] = f"{stem}-{hashlib.sha256(repr(query).encode()).hexdigest()[:8]}{suffix}"
    return "/".join([parts.netloc.lower(), *folders]).encode("utf-8", "surrogateescape")


def _decodes(path: str) -> bool:
    """Return whether a path can be decoded without a new "/", a control character or bytes that are not UTF-8."""
    try:
        text = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return False
    return text.count("/") == path.count("/") and text.isprintable()


def _signs(parameter: str) -> bool:
    return _SIGNATURES.fullmatch(parameter) is not None


def _version_of(answer: http.client.HTTPResponse) -> Version:
    size = length_of(answer) or 0
    tag = answer.getheader("ETag", "")
    if tag:
        return Version(size, 0, tag)
    try:
        modified = int(parsedate_to_datetime(answer.getheader("Last-Modified", "")).timestamp())
    except (ValueError, OverflowError):
        modified = 0
    return Version(size, modified * 1_000_000_000, "")


def _shown(url: str) -> str:
    """Return a web address for a message, without user, password and query."""
    host = url.partition("://")[2].partition("?")[0].partition("#")[0].rpartition("@")[2]
    return show(f"{url.partition('://')[0]}://{host}", 200)
