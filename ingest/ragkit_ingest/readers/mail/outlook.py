"""Messages that Outlook saved (.msg): the MAPI properties that matter, read from an OLE2 file by olefile."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decode
from ragkit_ingest.readers.mail.body import MessageText, Tally
from ragkit_ingest.readers.mail.rtf import decompress_rtf, html_of, text_of
from ragkit_ingest.readers.sniff import OUTLOOK
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.web.html import declared_charset

if TYPE_CHECKING:
    import olefile

_SUBJECT, _BODY, _HTML, _RTF, _HEADERS = 0x0037, 0x1000, 0x1013, 0x1009, 0x007D
_SENT, _DELIVERED, _CODE_PAGE = 0x0039, 0x0E06, 0x3FFD
_SENDER, _SENDER_SMTP, _SENDER_ADDRESS, _SENT_FOR = 0x0C1A, 0x5D01, 0x0C1F, 0x0042
_TO, _CC, _MESSAGE_ID = 0x0E04, 0x0E03, 0x1035
_LONG_NAME, _SHORT_NAME, _DATA, _CONTENT_ID, _NAME = 0x3707, 0x3704, 0x3701, 0x3712, 0x3001
_SMTP, _ADDRESS, _RECIPIENT_KIND = 0x39FE, 0x3003, 0x0C15
_UNICODE, _ANSI, _BINARY, _STORAGE = 0x001F, 0x001E, 0x0102, 0x000D
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_PARTS_LIMIT: Final = 1_000
_DEPTH_LIMIT: Final = 10
_CODE_PAGES: Final = {
    932: "cp932",
    936: "gb18030",
    949: "cp949",
    950: "big5",
    65001: "utf-8",
    20127: "ascii",
    28591: "latin-1",
}


class OutlookReader:
    """Reads application/vnd.ms-outlook."""

    name = "outlook"
    media_types: tuple[str, ...] = (OUTLOOK,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the message with its attachments; ExtractionError `damaged` when it is no correct OLE2 file."""
        import olefile

        builder = TextBuilder()
        tally = Tally()
        try:
            with olefile.OleFileIO(io.BytesIO(data)) as ole:
                message = _Message(ole, ())
                message.add(MessageText(builder, hints, tally))
                metadata = message.metadata()
        except (
            OSError,
            ValueError,
            struct.error,
            IndexError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
        ) as error:
            raise ExtractionError("damaged", f"not a correct Outlook message: {str(error)[:100]}") from error
        tally.report(builder)
        title = str(metadata["subject"])
        return builder.finish(name=name, title=title, metadata={**metadata, "attachments": tally.names})


class _Storage:
    """The properties of one storage: the message, a recipient or an attachment."""

    def __init__(self, ole: olefile.OleFileIO, path: tuple[str, ...], *, code_page: str = "", top: bool = True) -> None:
        self.ole = ole
        self.path = path
        self._fixed: dict[int, bytes] = {}
        raw = self.stream("__properties_version1.0")
        begin = (32 if not path else 24) if top else 8
        for offset in range(begin, len(raw) - 15, 16):
            tag, _flags = struct.unpack_from("<II", raw, offset)
            self._fixed[tag >> 16] = raw[offset + 8 : offset + 16]
        number = self.number(_CODE_PAGE)
        self.code_page = code_page or _CODE_PAGES.get(number, f"cp{number}" if number else "")

    def stream(self, name: str) -> bytes:
        """Return a stream of this storage, empty when it is not there."""
        place = [*self.path, name]
        if not self.ole.exists(place) or self.ole.get_type(place) != 2:
            return b""
        return bytes(self.ole.openstream(place).read())

    def has(self, tag: int, kind: int) -> bool:
        """Tell whether a property is there as a stream or storage."""
        return bool(self.ole.exists([*self.path, _stream_name(tag, kind)]))

    def text(self, tag: int) -> str:
        """Return a property that is a text, "" when it is not there."""
        raw = self.stream(_stream_name(tag, _UNICODE))
        if raw:
            return raw.decode("utf-16-le", "replace").rstrip("\0")
        raw = self.stream(_stream_name(tag, _ANSI)).rstrip(b"\0")
        return decode(raw, declared=self.code_page).text if raw else ""

    def binary(self, tag: int) -> bytes:
        """Return a property that is bytes."""
        return self.stream(_stream_name(tag, _BINARY))

    def number(self, tag: int) -> int:
        """Return a property that is a 32-bit number, 0 when it is not there."""
        raw = self._fixed.get(tag, b"")
        return int(struct.unpack_from("<i", raw)[0]) if len(raw) >= 4 else 0

    def time(self, tag: int) -> datetime | None:
        """Return a property that is a time."""
        raw = self._fixed.get(tag, b"")
        ticks = struct.unpack("<Q", raw)[0] if len(raw) == 8 else 0
        try:
            return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
        except OverflowError:
            return None

    def below(self, prefix: str) -> list[tuple[str, ...]]:
        """Return the paths of the storages below this one whose names begin with `prefix`, in order."""
        size = len(self.path)
        found = {
            tuple(entry[: size + 1])
            for entry in self.ole.listdir(streams=True, storages=True)
            if tuple(entry[:size]) == self.path and len(entry) > size and entry[size].lower().startswith(prefix)
        }
        return sorted(found)[:_PARTS_LIMIT]


class _Message:
    """One message, at the top of the file or attached to another one."""

    def __init__(self, ole: olefile.OleFileIO, path: tuple[str, ...], *, depth: int = 0) -> None:
        self._own = _Storage(ole, path)
        self._depth = depth

    def metadata(self) -> dict[str, object]:
        """Return sender, recipients, subject and date under the names that all readers use."""
        when = self._when()
        return {
            "author": self._sender(),
            "to": self._recipients(1) or self._own.text(_TO),
            "cc": self._recipients(2) or self._own.text(_CC),
            "subject": squeeze(self._own.text(_SUBJECT)),
            "message_id": squeeze(self._own.text(_MESSAGE_ID)),
            "created": when.isoformat(timespec="seconds") if when else "",
        }

    def add(self, text: MessageText) -> None:
        """Add the head, the body and the attachments."""
        info = self.metadata()
        when = self._when()
        shown = (
            ("From", info["author"]),
            ("To", info["to"]),
            ("Cc", info["cc"]),
            ("Date", f"{when:%a, %d %b %Y %H:%M} UTC" if when else ""),
        )
        text.head(str(info["subject"]), [(title, squeeze(str(value))) for title, value in shown if value])
        self._body(text)
        for path in self._own.below("__attach_version1.0_"):
            self._attachment(path, text)
        text.name_unread()

    def _body(self, text: MessageText) -> None:
        """Add the body: HTML where it has a table or stands alone, else plain text, else RTF."""
        plain = self._own.text(_BODY)
        raw = self._own.binary(_HTML)
        html = decode(raw, declared=declared_charset(raw) or self._own.code_page).text if raw else self._own.text(_HTML)
        rtf = b"" if html.strip() else decompress_rtf(self._own.binary(_RTF))
        if rtf:
            html = html_of(rtf)
        if html.strip() and ("<td" in html.lower() or not plain.strip()):
            text.html(html)
        elif plain.strip():
            text.plain(plain)
        elif rtf:
            text.plain(text_of(rtf))

    def _sender(self) -> str:
        name = squeeze(self._own.text(_SENDER) or self._own.text(_SENT_FOR))
        address = self._own.text(_SENDER_SMTP) or self._own.text(_SENDER_ADDRESS)
        return _person(name, address)

    def _recipients(self, kind: int) -> str:
        found = []
        for path in self._own.below("__recip_version1.0_"):
            storage = _Storage(self._own.ole, path, code_page=self._own.code_page, top=False)
            if storage.number(_RECIPIENT_KIND) == kind:
                found.append(_person(squeeze(storage.text(_NAME)), storage.text(_SMTP) or storage.text(_ADDRESS)))
        return ", ".join(filter(None, found))

    def _when(self) -> datetime | None:
        return self._own.time(_SENT) or self._own.time(_DELIVERED)

    def _attachment(self, path: tuple[str, ...], text: MessageText) -> None:
        storage = _Storage(self._own.ole, path, code_page=self._own.code_page, top=False)
        name = squeeze(storage.text(_LONG_NAME) or storage.text(_SHORT_NAME) or storage.text(_NAME))[:200]
        if storage.has(_DATA, _STORAGE):
            if self._depth >= _DEPTH_LIMIT:
                text.builder.warn(f"messages inside messages beyond {_DEPTH_LIMIT} levels were not read")
                return
            inner = MessageText(text.builder, text.hints, text.tally, level=min(text.level + 1, 6))
            place = (*path, _stream_name(_DATA, _STORAGE))
            _Message(self._own.ole, place, depth=self._depth + 1).add(inner)
            return
        data = storage.binary(_DATA)
        if storage.text(_CONTENT_ID) and data[:4] in (b"\x89PNG", b"GIF8", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1"):
            text.tally.pictures += 1
        else:
            text.attachment(data, name or "unnamed")


def _stream_name(tag: int, kind: int) -> str:
    return f"__substg1.0_{tag:04X}{kind:04X}"


def _person(name: str, address: str) -> str:
    address = squeeze(address)
    if "@" not in address:  # the name of an account inside an Exchange server
        return name or address
    return f"{name} <{address}>" if name and name != address else address
