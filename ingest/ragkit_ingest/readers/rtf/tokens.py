"""RTF as tokens: control words, groups, text and bytes (Rich Text Format Specification 1.9.1)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

_TOKEN: Final = re.compile(
    rb"\\([A-Za-z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)|(.)", re.DOTALL
)
CHARSETS: Final = {
    2: "symbol",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "big5",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
"""Number of \\fcharset -> codec."""


class Token(NamedTuple):
    """A step of the file. word: the control word, or the sign of a control symbol; number: None when there is none."""

    kind: Literal["open", "close", "word", "symbol", "byte", "text"]
    word: str = ""
    number: int | None = None
    data: bytes = b""


def tokens(data: bytes) -> Iterator[Token]:
    """Yield the tokens of a file; the binary data of \\bin is skipped."""
    at = 0
    while at < len(data):
        match = _TOKEN.match(data, at)
        if match is None:
            return
        at = match.end()
        word, number, code, symbol, brace, text, stray = match.groups()
        if word is not None:
            value = int(number) if number else None
            if word == b"bin":
                at += max(0, value or 0)
            yield Token("word", word.decode("ascii"), value)
        elif code is not None:
            yield Token("byte", data=bytes([int(code, 16)]))
        elif symbol is not None:
            yield Token("symbol", symbol.decode("latin-1"))
        elif brace is not None:
            yield Token("open" if brace == b"{" else "close")
        elif text is not None:
            yield Token("text", data=text)
        elif stray is not None:
            yield Token("text", data=stray)


def codec_of(page: int) -> str:
    """Return the codec of a code page number; windows-1252 for those that are not known."""
    name = {0: "cp1252", 10000: "mac_roman", 65001: "utf-8", 936: "gbk", 950: "big5"}.get(page, f"cp{page}")
    try:
        codecs.lookup(name)
    except LookupError:
        return "cp1252"
    return name
