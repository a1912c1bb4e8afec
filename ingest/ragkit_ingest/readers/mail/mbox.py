"""Mailboxes (mbox): one document with every message under its subject, as far as time and the limits allow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.mail.body import MessageText, Tally
from ragkit_ingest.readers.mail.headers import header_text
from ragkit_ingest.readers.mail.message import MessageParts, parse_message
from ragkit_ingest.readers.sniff import MBOX
from ragkit_ingest.readers.titles import readable_name

_START = re.compile(rb"From [^\r\n]{0,200}?\d\d:\d\d[^\r\n]{0,60}\r?\n")
_HEADER = re.compile(rb"[!-9;-~]{1,70}:[ \t]")
_UNQUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_MESSAGES: Final = 50_000
_TEXT_LIMIT: Final = 200_000_000  # characters of text that one mailbox may give


class MailboxReader:
    """Reads application/mbox."""

    name = "mbox"
    media_types: tuple[str, ...] = (MBOX,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return all messages; those that cannot be read, or for which there is no time, are counted."""
        builder = TextBuilder()
        tally = Tally()
        damaged = read = 0
        for message in messages(data):
            if read + damaged >= _MESSAGES or hints.budget.left() < 0.5 or builder.size > _TEXT_LIMIT:
                builder.warn(
                    f"only the first {read + damaged:,} messages of the mailbox were read: limits of time or size"
                )
                break
            try:
                self._add(message, MessageText(builder, hints, tally))
                read += 1
            except ExtractionError:
                damaged += 1
        if damaged:
            builder.warn(f"messages that are damaged: {damaged:,}")
        tally.report(builder)
        return builder.finish(name=name, title=readable_name(name), metadata={"messages": read})

    def _add(self, data: bytes, text: MessageText) -> None:
        message = parse_message(data)
        if not header_text(message, "subject"):
            text.builder.heading(f"Message from {header_text(message, 'from') or 'nobody named'}", 1)
        MessageParts(text).add(message)


def messages(data: bytes) -> Iterator[bytes]:
    """Yield each message of a mailbox without its separator; `>From ` is `From ` again."""
    skipped = _START.match(data)
    position = begin = skipped.end() if skipped else 0
    while (position := data.find(b"\nFrom ", position) + 1) > 0:
        separator = _START.match(data, position)
        if separator is None or not (_after_blank_line(data, position) or _HEADER.match(data, separator.end())):
            continue  # a sentence that begins so
        yield _message(data, begin, position)
        position = begin = separator.end()
    yield _message(data, begin, len(data))


def _after_blank_line(data: bytes, position: int) -> bool:
    return data[position - 2 : position] == b"\n\n" or data[position - 3 : position] == b"\n\r\n"


def _message(data: bytes, begin: int, end: int) -> bytes:
    return _UNQUOTED.sub(rb"\1", data[begin:end])
