"""MHTML: a page that a browser saved with its pictures; its HTML part is the document."""

from __future__ import annotations

from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.policy import compat32

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decode, decoded_text
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import MHTML
from ragkit_ingest.readers.web.html import add_html, declared_charset
from ragkit_ingest.readers.web.target import PageInfo

_PART_LIMIT = 1_000


class MhtmlReader:
    """Reads multipart/related messages that hold a page."""

    name = "mhtml"
    media_types: tuple[str, ...] = (MHTML,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:  # noqa: ARG002 (protocol)
        """Return the text of the page and of its frames; pictures, styles and scripts are counted."""
        try:
            message = message_from_bytes(data, policy=compat32)
        except (MessageError, ValueError, LookupError) as error:
            raise ExtractionError("damaged", f"not a correct MHTML file: {error}") from error
        builder = TextBuilder()
        info, others, number = PageInfo(), 0, 0
        for number, part in enumerate(_leaves(message), 1):
            if number > _PART_LIMIT:
                builder.warn(f"only the first {_PART_LIMIT:,} parts of the page were read")
                break
            kind = part.get_content_type()
            if kind in ("text/html", "application/xhtml+xml"):
                page = _add_page(builder, part)
                info = info if info.title or info.metadata else page
            elif kind == "text/plain" and number == 1 and not message.is_multipart():
                add_plain(builder, decode(_payload(part)).text)
            else:
                others += 1
        if others:
            builder.warn(f"parts that are not read (pictures, styles, scripts): {others:,}")
        address = str(message.get("Snapshot-Content-Location", "") or "").strip()
        metadata = {**info.metadata, **({"url": address} if address else {})}
        return builder.finish(name=name, title=info.title, metadata=metadata)


def _leaves(message: Message) -> list[Message]:
    stack, found = [message], list[Message]()
    while stack and len(found) <= _PART_LIMIT:
        part = stack.pop()
        if part.is_multipart():
            stack.extend(reversed([item for item in part.get_payload() if isinstance(item, Message)]))
        else:
            found.append(part)
    return found


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _add_page(builder: TextBuilder, part: Message) -> PageInfo:
    data = _payload(part)
    if not data:
        return PageInfo()
    try:
        declared = part.get_content_charset("")
    except ValueError:
        declared = ""
    source = decoded_text(data, builder.warn, declared=declared or declared_charset(data))
    return add_html(builder, source)
