"""The accepted keys: that of the environment and the stored ones, compared as digests in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import os
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ragkit import ConfigError, StoreError
from ragkit_service.security.access import ENVIRONMENT_KEY, OPEN, Access
from ragkit_service.security.key_file import StoredKey
from ragkit_service.security.keys import KeySource

logger = logging.getLogger(__name__)
_Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Identified:
    """The key of a request. digest: its SHA-256. rate: requests a minute, 0 for any. expired: past its time."""

    access: Access
    digest: bytes = b""
    rate: int = 0
    expired: bool = False


class Keyring:
    """The keys that open the service.

    Stored keys are read again when they have changed, so that a revoked key stops at once and a new one works at once.
    always: ask for a key even when there is none (an address that others can reach). Once a key was required, it is
    required until the service ends: losing the stored keys must not admit everyone.
    """

    def __init__(self, *, api_key: str, keys: KeySource, always: bool) -> None:
        self._own = [Identified(Access(ENVIRONMENT_KEY), _digest(os.fsencode(api_key)))] if api_key else []
        self._keys = keys
        self._stored: list[StoredKey] = []
        self._stamp: Hashable = None
        self._asked = always or bool(api_key)
        self._refresh()

    @property
    def asks(self) -> bool:
        """True when requests must carry a key."""
        self._refresh()
        return self._asked

    @property
    def is_empty(self) -> bool:
        """True when there is no key at all, so that no request can be admitted."""
        self._refresh()
        return not self._own and not self._stored

    def identify(self, headers: _Headers) -> Identified | None:
        """Return the key that a request carries, open rights where no key is required, None for a missing or wrong one.

        Every presented key is compared with every known digest, whatever the outcome of the ones before.
        """
        if not self.asks:
            return Identified(OPEN)
        now = datetime.now(UTC)
        known = [*self._own, *(_identified(stored, now) for stored in self._stored)]
        found: Identified | None = None
        for presented in presented_keys(headers):
            digest = _digest(presented)
            for item in known:
                same = hmac.compare_digest(digest, item.digest)
                found = item if same else found
        return found

    def _refresh(self) -> None:
        stamp = self._keys.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._stored = self._keys.read()
            self._asked = self._asked or bool(self._stored)
        except (ConfigError, StoreError) as error:
            logger.error("stored keys are not admitted: %s", error)  # noqa: TRY400 - the traceback says nothing more
            self._stored = []
            self._asked = True


def _identified(stored: StoredKey, now: datetime) -> Identified:
    return Identified(stored.access, bytes.fromhex(stored.sha256), stored.grant.rate, stored.has_expired(now))


def presented_keys(headers: _Headers) -> Sequence[bytes]:
    """Return the keys that a request carries, as the bytes that were sent.

    `Authorization: Bearer KEY`, `X-API-Key: KEY`, or `Authorization: Basic` with the key as password, which is what a
    browser sends for the page.
    """
    keys: list[bytes] = []
    for name, value in headers:
        if name == b"x-api-key":
            keys.append(value.strip())
        elif name == b"authorization":
            scheme, _, rest = value.strip().partition(b" ")
            if scheme.lower() == b"bearer":
                keys.append(rest.strip())
            elif scheme.lower() == b"basic":
                keys.append(_basic_password(rest.strip()))
    return [key for key in keys if key]


def _basic_password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
