"""The RTF bodies of Outlook messages: unpacked (MS-OXRTFCP), and the HTML or the text that they wrap (MS-OXRTFEX)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

_DICTIONARY: Final = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_LIMIT: Final = 64 << 20  # bytes that a body may unpack to
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
_SKIPPED: Final = frozenset(
    b"fonttbl colortbl stylesheet info pict object generator themedata listtable rsidtbl xmlnstbl header footer "
    b"headerl headerr footerl footerr fldinst listoverridetable latentstyles datastore nonshppict".split()
)
_SPACES: Final = {b"par": "\n", b"line": "\n", b"tab": "\t", b"cell": " | ", b"row": "\n", b"page": "\n", b"sect": "\n"}
_SIGNS: Final = {
    b"emdash": "—",
    b"endash": "–",
    b"bullet": "•",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
}


def decompress_rtf(data: bytes) -> bytes:
    """Return the RTF of a compressed body, empty when it is invalid or over 64 MiB."""
    if len(data) < 16:
        return b""
    size, raw_size, kind, _checksum = struct.unpack_from("<IIII", data)
    body = data[16 : size + 4]
    if kind == 0x414C454D:  # "MELA": not compressed
        return body[:raw_size]
    if kind != 0x75465A4C or raw_size > _LIMIT:
        return b""
    return _unpacked(body, raw_size)


def _unpacked(body: bytes, size: int) -> bytes:
    window = bytearray(_DICTIONARY.ljust(4096, b"\0"))
    write = len(_DICTIONARY)
    out = bytearray()
    position = 0
    while position < len(body) and len(out) < size:
        flags = body[position]
        position += 1
        for bit in range(8):
            if flags >> bit & 1:
                place = int.from_bytes(body[position : position + 2].ljust(2, b"\0"), "big")
                position += 2
                offset, length = place >> 4, (place & 15) + 2
                if offset == write or position > len(body):
                    return bytes(out[:size])
            else:
                window[write : write + 1] = body[position : position + 1].ljust(1, b"\0")
                position += 1
                offset, length = write, 1
            for index in range(offset, offset + length):
                byte = window[index % 4096]
                out.append(byte)
                window[write] = byte
                write = (write + 1) % 4096
    return bytes(out[:size])


def html_of(rtf: bytes) -> str:
    """Return the HTML that an RTF body wraps, "" when it wraps none."""
    return "".join(_Rtf(rtf, wrapped=True).pieces()) if b"\\fromhtml" in rtf[:4096] else ""


def text_of(rtf: bytes) -> str:
    """Return the text of an RTF body."""
    return "".join(_Rtf(rtf, wrapped=False).pieces())


class _Rtf:
    """Reads RTF token by token.

    wrapped: what is wanted is the HTML inside: its tags stand in groups `htmltag`, and what stands between htmlrtf and
    htmlrtf0 is for programs without HTML.
    """

    def __init__(self, rtf: bytes, *, wrapped: bool) -> None:
        self._rtf = rtf
        self._wrapped = wrapped
        page = re.search(rb"\\ansicpg(\d{1,5})", rtf[:4096])
        encoding = f"cp{int(page[1])}" if page else "cp1252"
        self._encoding = encoding if _known(encoding) else "cp1252"
        self._stack: list[tuple[bool, bool, int]] = []
        self._skip = self._hidden = self._starred = False
        self._replacing = 1  # characters after \\u that stand for it where Unicode is not known
        self._pending = 0
        self._raw = bytearray()

    def pieces(self) -> Iterator[str]:
        """Yield the text."""
        for match in _TOKEN.finditer(self._rtf):
            word, number, code, sign, brace, plain = match.groups()
            shown = not (self._skip or self._hidden)
            if code is not None:
                if shown and not self._pending:
                    self._raw.append(int(code, 16))
                self._pending = max(0, self._pending - 1)
                continue
            yield self._flushed()
            if brace is not None:
                self._brace(brace)
            elif word is not None:
                yield self._word(word, number, shown=shown)
            elif sign is not None:
                yield self._sign(sign, shown=shown)
            elif plain is not None and shown:
                yield plain[self._pending :].decode(self._encoding, "replace")
                self._pending = max(0, self._pending - len(plain))
        yield self._flushed()

    def _flushed(self) -> str:
        text = self._raw.decode(self._encoding, "replace")
        self._raw.clear()
        return text

    def _brace(self, brace: bytes) -> None:
        if brace == b"{":
            self._stack.append((self._skip, self._hidden, self._replacing))
        else:
            self._skip, self._hidden, self._replacing = self._stack.pop() if self._stack else (False, False, 1)
        self._starred = False

    def _word(self, word: bytes, number: bytes | None, *, shown: bool) -> str:
        starred, self._starred = self._starred, False
        if word == b"htmlrtf" and self._wrapped:
            self._hidden = number != b"0"
        elif word in _SKIPPED or (starred and not (self._wrapped and word.startswith(b"htmltag"))):
            self._skip = True
        elif word == b"uc":
            self._replacing = int(number or 1)
        elif shown and word == b"u" and number is not None:
            self._pending = self._replacing
            return _character(int(number))
        elif shown:
            return _SPACES.get(word, "") or _SIGNS.get(word, "")
        return ""

    def _sign(self, sign: bytes, *, shown: bool) -> str:
        if sign == b"*":
            self._starred = True
            return ""
        words = {b"~": "\u00a0", b"_": "‑", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}.get(sign, "")
        return words if shown else ""


def _character(number: int) -> str:
    number &= 0xFFFF
    return chr(number) if number and not 0xD800 <= number < 0xE000 else "\ufffd"


def _known(encoding: str) -> bool:
    try:
        "".encode(encoding)
    except LookupError:
        return False
    return True
