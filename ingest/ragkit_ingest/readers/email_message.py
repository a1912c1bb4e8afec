"""E-mail (.eml): the text of a message, plain before HTML; headers are metadata, attachments are named."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from email.utils import parsedate_to_datetime

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder, squeeze
from ragkit_ingest.readers.encoding import decode
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import EMAIL
from ragkit_ingest.readers.web.html import add_html, declared_charset

_HEADER_LIMIT = 4_000
_PART_LIMIT = 1_000
_FIELDS = {"from": "author", "to": "to", "cc": "cc", "message-id": "message_id", "in-reply-to": "in_reply_to"}


class EmailReader:
    """Reads message/rfc822."""

    name = "email"
    media_types: tuple[str, ...] = (EMAIL,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:  # noqa: ARG002 (protocol)
        """Return subject, sender and text; attachments are named, not read."""
        try:
            message = message_from_bytes(data, policy=compat32)
        except (MessageError, ValueError, LookupError) as error:
            raise ExtractionError("damaged", f"not a correct e-mail: {error}") from error
        builder = TextBuilder()
        subject = header_text(message, "subject")
        builder.heading(subject, 1)
        lines = [f"{title}: {text}" for title in ("From", "To", "Cc", "Date") if (text := header_text(message, title))]
        builder.paragraph("\n".join(lines))
        texts, pages, attachments = _parts(message, builder)
        for part in texts or pages:
            _add_part(builder, part)
        if attachments:
            builder.paragraph("Attachments: " + ", ".join(attachments))
        return builder.finish(name=name, title=subject, metadata=_metadata(message, attachments))


def header_text(message: Message, name: str) -> str:
    """Return a header decoded, on one line; "" when it is not there."""
    raw = str(message.get(name, ""))[:_HEADER_LIMIT]
    try:
        pieces = decode_header(raw)
    except (HeaderParseError, ValueError):
        return squeeze(raw)
    words = []
    for piece, charset in pieces:
        if isinstance(piece, bytes):
            try:
                words.append(piece.decode(charset or "utf-8", "replace"))
            except (LookupError, ValueError):  # ValueError: a NUL in the charset's name
                words.append(piece.decode("utf-8", "replace"))
        else:
            words.append(piece)
    return squeeze("".join(words))


def _parts(message: Message, builder: TextBuilder) -> tuple[list[Message], list[Message], list[str]]:
    """Return plain parts, HTML parts, and the names of attachments; without recursion."""
    texts: list[Message] = []
    pages: list[Message] = []
    attachments: list[str] = []
    for number, part in enumerate(_leaves(message)):
        if number == _PART_LIMIT:
            builder.warn(f"only the first {_PART_LIMIT:,} parts of the message were read")
            break
        kind = part.get_content_type()
        file_name = _file_name(part)
        if file_name or part.get_content_disposition() == "attachment":
            attachments.append(file_name or kind)
        elif kind == "text/plain":
            texts.append(part)
        elif kind == "text/html":
            pages.append(part)
    return texts, pages, attachments


def _leaves(message: Message) -> Iterator[Message]:
    stack = [message]
    while stack:
        part = stack.pop()
        if part.is_multipart():
            stack.extend(reversed([item for item in part.get_payload() if isinstance(item, Message)]))
        else:
            yield part


def _file_name(part: Message) -> str:
    try:
        raw = part.get_filename("") or ""
    except (ValueError, LookupError, UnicodeError):
        return "unnamed"
    name = str(raw)
    if "=?" in name:
        holder = Message()
        holder["name"] = name[:_HEADER_LIMIT]
        name = header_text(holder, "name")
    return squeeze(name.replace("\\", "/").rpartition("/")[2])[:200]


def _add_part(builder: TextBuilder, part: Message) -> None:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    if not data:
        return
    page = part.get_content_type() == "text/html"
    declared = _charset(part) or (declared_charset(data) if page else "")
    try:
        decoded = decode(data, declared=declared)
    except ExtractionError as error:
        builder.warn(f"a part of the message is not text ({error.reason})")
        return
    for words in decoded.warnings:
        builder.warn(words)
    if page:
        add_html(builder, decoded.text, boilerplate=False)
    else:
        add_plain(builder, decoded.text.replace("\r\n", "\n"))


def _charset(part: Message) -> str:
    try:
        return part.get_content_charset("")
    except ValueError:  # a NUL in the name of the encoding that the name itself is in
        return ""


def _metadata(message: Message, attachments: list[str]) -> dict[str, object]:
    fields: dict[str, object] = {key: header_text(message, name) for name, key in _FIELDS.items()}
    try:
        fields["created"] = parsedate_to_datetime(header_text(message, "date")).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        fields["created"] = header_text(message, "date")
    fields["attachments"] = attachments
    return fields
