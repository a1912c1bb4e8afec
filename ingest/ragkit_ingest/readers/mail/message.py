"""E-mail (.eml): bodies chosen in each multipart/alternative, forwarded messages, invitations, attachments read."""

from __future__ import annotations

from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.policy import compat32
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decode, decoded_text
from ragkit_ingest.readers.mail.body import MessageText, Tally
from ragkit_ingest.readers.mail.flowed import unflow
from ragkit_ingest.readers.mail.headers import charset_of, file_name, header_text, metadata_of, parameter, shown_headers
from ragkit_ingest.readers.sniff import EMAIL
from ragkit_ingest.readers.web.html import declared_charset, html_to_text

_PART_LIMIT: Final = 1_000
_DEPTH_LIMIT: Final = 40  # messages and multiparts inside each other
_ENOUGH: Final = 0.8  # a plain body with this share of the HTML body's words has the same content
_COMPARED: Final = 2_000_000  # bytes of bodies that are compared by their words
_SILENT: Final = frozenset(
    (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/applefile",
    )
)
"""Parts without text for a reader, such as signatures."""
_SEALED: Final = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
"""Signed or encrypted parts, which hold a whole message (RFC 8551)."""
_EXTENSIONS: Final = {"text/csv": ".csv", "text/html": ".html", "text/plain": ".txt", "application/pdf": ".pdf"}


class EmailReader:
    """Reads message/rfc822."""

    name = "email"
    media_types: tuple[str, ...] = (EMAIL,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the message with what is forwarded in it and attached to it; unread attachments are named."""
        message = parse_message(data)
        builder = TextBuilder()
        tally = Tally()
        MessageParts(MessageText(builder, hints, tally)).add(message)
        tally.report(builder)
        metadata = {**metadata_of(message), "attachments": tally.names}
        return builder.finish(name=name, title=header_text(message, "subject"), metadata=metadata)


def parse_message(data: bytes) -> Message:
    """Return the parsed message; ExtractionError `damaged` when that fails."""
    try:
        return message_from_bytes(data, policy=compat32)
    except (MessageError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ExtractionError("damaged", f"not a correct e-mail: {error}") from error


class MessageParts:
    """Walks the parts of one message, and adds them to its text."""

    def __init__(self, text: MessageText, *, depth: int = 0) -> None:
        self._text = text
        self._depth = depth
        self._parts = 0
        self._bodies = 0

    def add(self, message: Message) -> None:
        """Add the head and all parts of a message."""
        self._text.head(header_text(message, "subject"), shown_headers(message))
        self._part(message, self._depth)
        self._text.name_unread()

    def _part(self, part: Message, depth: int) -> None:
        self._parts += 1
        if self._parts > _PART_LIMIT or depth > _DEPTH_LIMIT:
            limit = f"the first {_PART_LIMIT:,} parts" if self._parts > _PART_LIMIT else f"{_DEPTH_LIMIT} levels"
            self._text.builder.warn(f"only {limit} of the message were read")
            return
        kind = part.get_content_type()
        inner = _inner(part)
        if kind == "multipart/alternative":
            for child in _chosen(inner):
                self._part(child, depth + 1)
        elif kind.startswith("multipart/"):
            self._multipart(kind, inner, part, depth)
        elif kind in ("message/rfc822", "message/global") and inner:
            for message in inner:
                self._forwarded(message, depth)
        elif inner:  # message/delivery-status: blocks of headers
            blocks = ["\n".join(f"{key}: {header_text(block, key)}" for key in block.keys()) for block in inner]  # noqa: SIM118
            self._text.builder.paragraph("\n\n".join(filter(None, blocks)))
        elif kind in _SEALED:
            signed = str(part.get_param("smime-type", "")).lower() == "signed-data"
            self._text.builder.warn(
                f"{'a signed' if signed else 'an encrypted'} part of the message was not read (S/MIME)"
            )
        elif kind not in _SILENT:
            self._leaf(part, kind)

    def _multipart(self, kind: str, inner: list[Message], part: Message, depth: int) -> None:
        if kind == "multipart/encrypted":
            self._text.builder.warn("an encrypted part of the message was not read")
            return
        if not inner and not part.is_multipart():
            self._text.builder.warn("the parts of the message have no boundary: read as text")
            self._text.plain(_decoded(part, self._text))
        for child in inner:
            self._part(child, depth + 1)

    def _forwarded(self, message: Message, depth: int) -> None:
        outer = self._text
        text = MessageText(outer.builder, outer.hints, outer.tally, level=min(outer.level + 1, 6))
        nested = MessageParts(text, depth=depth + 1)
        nested._parts = self._parts
        if not header_text(message, "subject"):
            outer.builder.heading("Forwarded message", text.level)
        nested.add(message)
        self._parts = nested._parts

    def _leaf(self, part: Message, kind: str) -> None:
        name = file_name(part)
        disposition = part.get_content_disposition()
        attached = disposition == "attachment" or (disposition == "inline" and bool(name) and self._bodies > 0)
        if kind == "text/calendar":
            self._text.calendar(_decoded(part, self._text))
        elif kind in ("text/plain", "text/html") and not attached:
            self._body(part, html=kind == "text/html")
        elif kind.startswith("image/") and not attached and (part.get("content-id") or not name):
            self._text.tally.pictures += 1
        elif kind in ("text/rfc822-headers", "text/enriched", "text/markdown") and not name:
            self._text.plain(_decoded(part, self._text))
        elif kind in ("message/external-body", "message/partial"):
            self._text.builder.warn(f"a part of the message lies elsewhere ({kind})")
        else:
            payload = part.get_payload(decode=True)
            data = payload if isinstance(payload, bytes) else b""
            self._text.attachment(data, name or kind.replace("/", ".") + _EXTENSIONS.get(kind, ""))

    def _body(self, part: Message, *, html: bool) -> None:
        self._bodies += 1
        text = _decoded(part, self._text)
        if html:
            self._text.html(text)
            return
        if parameter(part, "format") == "flowed":
            text = unflow(text, delsp=parameter(part, "delsp") == "yes")
        self._text.plain(text)


def _inner(part: Message) -> list[Message]:
    payload = part.get_payload() if part.is_multipart() else []
    return [item for item in payload if isinstance(item, Message)] if isinstance(payload, list) else []


def _decoded(part: Message, text: MessageText) -> str:
    """Return the text of a part; "" with a warning when it is not text."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    if not data:
        return ""
    declared = charset_of(part) or (declared_charset(data) if part.get_content_type() == "text/html" else "")
    try:
        return decoded_text(data, text.builder.warn, declared=declared)
    except ExtractionError as error:
        text.builder.warn(f"a part of the message is not text ({error.reason})")
        return ""


def _chosen(parts: list[Message]) -> list[Message]:
    """Return the most complete alternative, and invitations, which no other alternative contains in full.

    A plain body is taken where it has most of the words of the HTML body; an HTML body with a table keeps its columns.
    """
    kinds = [(_kind_within(part), part) for part in parts]
    invitations = [part for kind, part in kinds if kind == "text/calendar"]
    bodies = [(kind, part) for kind, part in kinds if kind != "text/calendar"]
    plain = next((part for kind, part in bodies if kind == "text/plain"), None)
    html = next((part for kind, part in reversed(bodies) if kind == "text/html"), None)
    if plain is None or html is None:
        best = next((part for part in (plain, html) if part is not None), bodies[-1][1] if bodies else None)
    else:
        best = plain if _plain_says_it(plain, html) else html
    attached = [leaf for _, part in bodies if part is not best for leaf in _leaves(part) if _is_attached(leaf)]
    return [*([best] if best is not None else []), *invitations, *attached]


def _is_attached(leaf: Message) -> bool:
    return leaf.get_content_disposition() == "attachment" or leaf.get_content_type().startswith("message/")


def _plain_says_it(plain: Message, html: Message) -> bool:
    first, second = _text_leaf(plain, "text/plain"), _text_leaf(html, "text/html")
    own, page = _raw(first), _raw(second)
    if not own.strip():
        return False
    if not page.strip() or len(own) + len(page) > _COMPARED:
        return True
    scratch = html_to_text(page)
    if any(line.count(" | ") > 1 for line in scratch.split("\n")):
        return False
    return len(own.split()) >= _ENOUGH * len(scratch.split())


def _raw(part: Message | None) -> str:
    """Return the text of a part, "" when it is not text."""
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    try:
        return decode(payload, declared=charset_of(part)).text if isinstance(payload, bytes) else ""
    except ExtractionError:
        return ""


def _leaves(part: Message) -> list[Message]:
    """Return the leaves of a part, messages inside it whole; without recursion."""
    stack: list[Message] = [part]
    found: list[Message] = []
    while stack and len(found) < _PART_LIMIT:
        item = stack.pop()
        inner = _inner(item)
        if inner and not item.get_content_type().startswith("message/"):
            stack.extend(reversed(inner))
        else:
            found.append(item)
    return found


def _text_leaf(part: Message, kind: str) -> Message | None:
    return next((leaf for leaf in _leaves(part) if leaf.get_content_type() == kind), None)


def _kind_within(part: Message) -> str:
    """Return the media type of an alternative: that of its HTML or plain body where it has several parts."""
    kinds = [leaf.get_content_type() for leaf in _leaves(part)] or [part.get_content_type()]
    return next((kind for kind in ("text/html", "text/plain", "text/calendar") if kind in kinds), kinds[0])
