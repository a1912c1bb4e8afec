"""The protocol between parent and child: length-prefixed JSON and raw text over a socket, files as descriptors."""

from __future__ import annotations

import codecs
import json
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ragkit import Block, Document, ExtractionError, Heading, Page
from ragkit_ingest.readers.base import Extracted

_LENGTHS = struct.Struct(">IQ")
_JSON_LIMIT = 1 << 29
_TEXT_LIMIT = 1 << 32
_PIECE = 1 << 20
_SMALL = 1 << 16
"""Bytes of a text that are sent and received together with its message."""


class ClosedError(Exception):
    """The other side has closed the connection."""


class DeadlineError(Exception):
    """No complete message arrived before the deadline."""


def send(channel: socket.socket, message: Mapping[str, Any], *, text: str = "", descriptor: int = -1) -> None:
    """Send a message with a raw text and a descriptor."""
    raw = json.dumps(message, separators=(",", ":")).encode()
    data = text.encode()
    head = _LENGTHS.pack(len(raw), len(data)) + raw
    if len(data) < _SMALL:  # one call of the system, which wakes the other side once
        head, data = head + data, b""
    sent = socket.send_fds(channel, [head], [descriptor]) if descriptor >= 0 else 0
    channel.sendall(head[sent:])
    channel.sendall(data)


def receive(channel: socket.socket, *, deadline: float | None = None) -> tuple[dict[str, Any], str, int]:
    """Return a message, its text, and the descriptor that came with it (-1 for none).

    deadline: a time of time.monotonic(). Raises ClosedError, DeadlineError.
    """
    _set_timeout(channel, deadline)
    try:
        head, descriptors, _, _ = socket.recv_fds(channel, _LENGTHS.size, 1)
    except TimeoutError as error:
        raise DeadlineError from error
    except OSError as error:
        raise ClosedError from error
    if not head:
        raise ClosedError
    head += _receive(channel, _LENGTHS.size - len(head), deadline)
    size, text_size = _LENGTHS.unpack(head)
    if size > _JSON_LIMIT or text_size > _TEXT_LIMIT:
        raise ClosedError
    small = text_size if text_size < _SMALL else 0
    raw = _receive(channel, size + small, deadline)
    message: dict[str, Any] = json.loads(raw[:size])
    text = _receive_text(channel, text_size, deadline) if text_size > small else raw[size:].decode()
    return message, text, descriptors[0] if descriptors else -1


def _receive(channel: socket.socket, size: int, deadline: float | None) -> bytes:
    return b"".join(_received(channel, size, deadline))


def _receive_text(channel: socket.socket, size: int, deadline: float | None) -> str:
    """Return a text of so many bytes of UTF-8, decoded as it comes: decoding all at once would hold the GIL."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    pieces = [decoder.decode(piece) for piece in _received(channel, size, deadline)]
    return "".join([*pieces, decoder.decode(b"", final=True)])


def _received(channel: socket.socket, size: int, deadline: float | None) -> Iterator[bytes]:
    """Yield so many bytes as they come. Raises ClosedError, DeadlineError."""
    while size:
        _set_timeout(channel, deadline)
        try:
            piece = channel.recv(min(size, _PIECE))
        except TimeoutError as error:
            raise DeadlineError from error
        except OSError as error:
            raise ClosedError from error
        if not piece:
            raise ClosedError
        yield piece
        size -= len(piece)


def _set_timeout(channel: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        channel.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineError
    channel.settimeout(left)


def pack(extracted: Extracted | Document, *, media_type: str, sha256: str) -> dict[str, Any]:
    """Return everything but the text as JSON."""
    return {
        "sha256": sha256,
        "media_type": media_type,
        "title": extracted.title,
        "pages": [[page.start, page.label] for page in extracted.pages],
        "headings": [[item.offset, item.level, item.text] for item in extracted.headings],
        "blocks": [[block.start, block.end, block.kind, block.header] for block in extracted.blocks],
        "metadata": dict(extracted.metadata),
        "warnings": extracted.warnings,
    }


def check_answer(message: Mapping[str, Any]) -> None:
    """Raise the ExtractionError that a child's answer holds."""
    if "reason" in message:
        raise ExtractionError(message["reason"], message["detail"], cure=message["cure"])


def unpack(message: Mapping[str, Any], text: str, *, source: str) -> Document:
    """Return the document of a child's answer, or raise its ExtractionError; the Document checks every offset."""
    check_answer(message)
    return Document(
        source=source,
        text=text,
        sha256=message["sha256"],
        media_type=message["media_type"],
        title=message["title"],
        pages=tuple(Page(start, label) for start, label in message["pages"]),
        headings=tuple(Heading(offset, level, words) for offset, level, words in message["headings"]),
        blocks=tuple(Block(start, end, kind, header) for start, end, kind, header in message["blocks"]),
        metadata={
            key: tuple(value) if isinstance(value, list) else value for key, value in message["metadata"].items()
        },
        warnings=tuple(message["warnings"]),
    )
