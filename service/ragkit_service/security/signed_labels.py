"""Access labels in a signed request header: a backend with one key states the labels of its user.

The header is `X-Ragkit-Labels: exp=SECONDS; labels=hr,board; sig=HEX`. The signature is HMAC-SHA256, keyed with the
SHA-256 digest of the API key, over `v1\\nSECONDS\\nhr,board`; SECONDS is Unix time. A header narrows what the key sees
and never widens it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

from ragkit import InputError, checked_labels
from ragkit_service.errors import Problem

HEADER: Final = "X-Ragkit-Labels"
_SHAPE: Final = re.compile(r"exp=(\d{1,12}); ?labels=([^;]*); ?sig=([0-9a-f]{64})")
_LONGEST: Final = 24 * 3600  # seconds that a signature may be valid: a leaked one ends by itself


def signed_labels(key: str, labels: Sequence[str], *, expires: int) -> str:
    """Return the header's value for some labels. expires: Unix time, at most a day ahead."""
    joined = ",".join(checked_labels(labels))
    signature = _signature(hashlib.sha256(key.encode()).digest(), expires, joined)
    return f"exp={expires}; labels={joined}; sig={signature}"


def read_labels(value: str, *, digest: bytes, now: float) -> tuple[str, ...]:
    """Return the labels of a header's value. digest: SHA-256 of the key. Raises a 401 unless it is signed and valid."""
    match = _SHAPE.fullmatch(value.strip())
    if match is None:
        raise _refused("the header is not of the form exp=…; labels=…; sig=…")
    expires, joined, signature = int(match[1]), match[2], match[3]
    if not hmac.compare_digest(_signature(digest, expires, joined), signature):
        raise _refused("its signature is not that of this key")
    if not now < expires <= now + _LONGEST:
        raise _refused("it has expired, or is valid for more than a day")
    try:
        return checked_labels(label for label in joined.split(",") if label)
    except InputError as error:
        raise _refused(error.message) from error


def narrowed(own: tuple[str, ...] | None, signed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels of a header that the key itself may see."""
    return signed if own is None else tuple(label for label in signed if label in own)


def _signature(digest: bytes, expires: int, joined: str) -> str:
    return hmac.new(digest, f"v1\n{expires}\n{joined}".encode(), hashlib.sha256).hexdigest()


def _refused(why: str) -> Problem:
    return Problem(
        401,
        "labels",
        "The access labels are not valid",
        f"the header {HEADER} is refused: {why}",
        cure="sign it with the key of the request, see docs/service.md",
    )
