"""Requests to web addresses that a list names: public hosts only, bounded in time, retries and redirects."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from ragkit import ExtractionError, __version__
from ragkit_ingest.scan.roots.remote import PIECE, as_extraction_error

_SECONDS: Final = 20.0  # for a connection, and for each piece of an answer
_BODY_SECONDS: Final = 600.0  # for the body of one answer
_REDIRECTS: Final = 5
_ATTEMPTS: Final = 3
_LONGEST_WAIT: Final = 10.0
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class RefusedAddressError(Exception):
    """An address that may not be asked; the message says why."""


class _BusyError(Exception):
    """An answer after which the same request may succeed. wait: seconds that the server asks for."""

    def __init__(self, status: int, wait: float) -> None:
        self.status = status
        self.wait = wait
        super().__init__(str(status))


@dataclass(frozen=True, slots=True)
class WebClient:
    """Asks web servers. internal: also http:// and hosts of private networks. pause: seconds before a second attempt,
    which double with each."""

    internal: bool = False
    pause: float = 0.5

    @contextmanager
    def request(self, method: str, url: str) -> Iterator[http.client.HTTPResponse]:
        """Yield the answer to a GET or HEAD, after redirects; its status is 200, or 405 or 501 to a HEAD.

        Raises ExtractionError: `permission` (401, 403, a refused address), `unreadable`.
        """
        with ExitStack() as stack:
            for attempt in range(_ATTEMPTS):
                try:
                    answer = self._redirected(method, url, stack)
                    break
                except (_BusyError, OSError, http.client.HTTPException) as error:
                    stack.close()
                    if attempt + 1 == _ATTEMPTS or isinstance(error, ssl.SSLCertVerificationError):
                        raise _failure(error) from None
                    asked = error.wait if isinstance(error, _BusyError) else 0.0
                    time.sleep(min(max(self.pause * 2**attempt, asked), _LONGEST_WAIT))
            yield answer

    def _redirected(self, method: str, url: str, stack: ExitStack) -> http.client.HTTPResponse:
        """Ask, and follow redirects; return the last answer. stack: closes it with its connection."""
        for _ in range(_REDIRECTS + 1):
            connection = stack.enter_context(closing(self._connected(url)))
            connection.request(method, _target(urlsplit(url)), headers=_HEADERS)
            answer = stack.enter_context(closing(connection.getresponse()))
            if answer.status not in _MOVED:
                _check_status(method, answer)
                return answer
            url = urljoin(url, answer.getheader("Location", ""))
            stack.close()
        raise ExtractionError("unreadable", f"more than {_REDIRECTS} redirects")

    def _connected(self, url: str) -> http.client.HTTPConnection:
        """Return a connection to the host of an address: to an address of the network that was checked itself."""
        try:
            parts = checked(url, internal=self.internal)
        except RefusedAddressError as error:
            raise ExtractionError("permission", str(error)) from None
        host = parts.hostname or ""
        if parts.scheme == "http":
            connection = http.client.HTTPConnection(host, parts.port, timeout=_SECONDS)
            connection.sock = self._socket(host, connection.port)
            return connection
        secure = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, parts.port, timeout=_SECONDS, context=secure)
        connection.sock = secure.wrap_socket(self._socket(host, connection.port), server_hostname=host)
        return connection

    def _socket(self, host: str, port: int) -> socket.socket:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            raise ExtractionError("unreadable", f"the host {host} is not known") from None
        for *_, address in found:
            if not self.internal and not _is_public(ipaddress.ip_address(str(address[0]).partition("%")[0])):
                words = f"the host {host} is in a private network"
                raise ExtractionError("permission", words, cure="allow it with --allow-internal")
        for number, (family, kind, protocol, _, address) in enumerate(found, 1):
            channel = socket.socket(family, kind, protocol)
            channel.settimeout(_SECONDS)
            try:
                channel.connect(address)
            except OSError:
                channel.close()
                if number == len(found):
                    raise
            else:
                return channel
        raise ExtractionError("unreadable", f"the host {host} is not known")


_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": f"ragkit/{__version__}"}


def checked(url: str, *, internal: bool) -> SplitResult:
    """Return the parts of a web address. Raises RefusedAddressError: not http(s), a password in it, a bad port."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise RefusedAddressError("it is no web address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RefusedAddressError("it is no web address")
    if parts.scheme == "http" and not internal:
        raise RefusedAddressError("http:// is not encrypted: use https://, or allow it with --allow-internal")
    if "@" in parts.netloc:
        raise RefusedAddressError("it holds a user name or password, which would be stored")
    return parts


def body(answer: http.client.HTTPResponse) -> Generator[bytes]:
    """Yield the body of an answer. Raises ExtractionError `unreadable` where it is cut short, packed or too slow."""
    packed = answer.getheader("Content-Encoding", "identity").lower()
    if packed != "identity":
        raise ExtractionError("unreadable", "the server sends it packed, though it was not asked to")
    expected = length_of(answer)
    end = time.monotonic() + _BODY_SECONDS
    size = 0
    while True:
        try:
            piece = answer.read1(PIECE)
        except (OSError, http.client.HTTPException) as error:
            raise _failure(error) from None
        size += len(piece)
        if not piece:
            break
        if time.monotonic() > end:
            raise ExtractionError("unreadable", f"it was not complete after {_BODY_SECONDS:g} s")
        yield piece
    if expected is not None and size != expected:
        raise ExtractionError("unreadable", "the connection broke off before its end")


def length_of(answer: http.client.HTTPResponse) -> int | None:
    """Return the bytes that an answer announces, None where it does not."""
    text = answer.getheader("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _check_status(method: str, answer: http.client.HTTPResponse) -> None:
    status = answer.status
    if status == 200 or (method == "HEAD" and status in (405, 501)):
        return
    if status in _AGAIN:
        wait = answer.getheader("Retry-After", "")
        raise _BusyError(status, float(wait) if wait.isdecimal() else 0.0)
    if status in (404, 410):  # not `missing`: the list still names it, so that its document stays
        raise ExtractionError("unreadable", f"the server answers {status}: there is no such page")
    if status in (401, 403):
        raise ExtractionError("permission", f"the server answers {status}: access is denied")
    raise ExtractionError("unreadable", f"the server answers {status}")


def _failure(error: _BusyError | OSError | http.client.HTTPException) -> ExtractionError:
    if isinstance(error, _BusyError):
        return ExtractionError("unreadable", f"the server answers {error.status}, {_ATTEMPTS} times")
    if isinstance(error, ssl.SSLCertVerificationError):
        return ExtractionError("unreadable", "its certificate is not valid")
    return as_extraction_error(error)


def _is_public(address: _Address) -> bool:
    """Return whether an address is of the public network, itself and where it stands for another one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if not all(_is_public(item) for item in inner if item is not None):
            return False
        if address.ipv4_mapped is not None:
            return True
    return address.is_global and not address.is_multicast
