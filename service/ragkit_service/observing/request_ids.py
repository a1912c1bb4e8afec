"""Ids that link a request to other systems: X-Request-ID and W3C Trace Context's traceparent."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Final

_Headers = Sequence[tuple[bytes, bytes]]

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACE_PARENT: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


def request_id_of(headers: _Headers) -> str:
    """Return the id in X-Request-ID, or a new one unless there is exactly one, of at most 64 letters, digits or ._-."""
    given = _values(headers, b"x-request-id")
    if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]):
        return given[0].decode()
    return secrets.token_hex(8)


def trace_id_of(headers: _Headers) -> str:
    """Return the trace id of a valid traceparent, "" otherwise (https://www.w3.org/TR/trace-context/)."""
    given = _values(headers, b"traceparent")
    match = _TRACE_PARENT.fullmatch(given[0]) if len(given) == 1 else None
    if match is None:
        return ""
    version, trace, parent, more = match.groups()
    is_valid = version != b"ff" and not (version == b"00" and more) and trace.strip(b"0") and parent.strip(b"0")
    return trace.decode() if is_valid else ""


def _values(headers: _Headers, name: bytes) -> list[bytes]:
    return [value.strip() for key, value in headers if key == name]
