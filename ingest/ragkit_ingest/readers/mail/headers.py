"""Headers of an e-mail as words: decoded, on one line, dates as ISO 8601."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final

from ragkit_ingest.readers.titles import squeeze

_HEADER_LIMIT: Final = 4_000
SHOWN: Final = ("From", "To", "Cc", "Date")
"""Headers that are shown in the text, in this order."""
_FIELDS: Final = {
    "from": "author",
    "to": "to",
    "cc": "cc",
    "subject": "subject",
    "message-id": "message_id",
    "in-reply-to": "in_reply_to",
}


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


def shown_headers(message: Message) -> list[tuple[str, str]]:
    """Return the headers that are shown in the text, as far as the message has them."""
    return [(title, text) for title in SHOWN if (text := header_text(message, title))]


def file_name(part: Message) -> str:
    """Return the file name of a part, "" when it has none."""
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


def charset_of(part: Message) -> str:
    """Return the encoding that a part names for itself, "" when it names none."""
    try:
        return part.get_content_charset("")
    except (ValueError, LookupError):  # a NUL in the name of the encoding that the name itself is in
        return ""


def parameter(part: Message, name: str) -> str:
    """Return a parameter of the content type in lower case, "" when it is not there."""
    try:
        found = part.get_param(name, "")
    except (ValueError, LookupError):
        return ""
    return found.lower() if isinstance(found, str) else ""


def metadata_of(message: Message) -> dict[str, object]:
    """Return sender, recipients, subject, ids and date under the names that all readers use."""
    fields: dict[str, object] = {key: header_text(message, name) for name, key in _FIELDS.items()}
    try:
        fields["created"] = parsedate_to_datetime(header_text(message, "date")).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        fields["created"] = header_text(message, "date")
    return fields
