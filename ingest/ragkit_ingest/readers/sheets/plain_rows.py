"""Plain rows of a worksheet by a regular expression, in half the time that XML events take; all others stay XML.

A row is plain when it holds only numbers, shared strings and simple inline strings, each cell with its place, and no
entity. Its bytes are taken out of the stream that the XML parser gets, which stays well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

_BEGIN: Final = b"<sheetData>"
_LONGEST: Final = 1 << 22  # bytes of one row; with a longer one the rest of the sheet is left to the parser
_DECLARED = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"'](?!utf-?8[\"']|us-ascii[\"'])", re.IGNORECASE)
_END: Final = b"</row>"
_NUMBER = re.compile(r'\br="(\d{1,8})"')
_CELL = re.compile(
    r'<c r="([A-Z]{1,3})\d{1,7}"(?: s="(\d{1,6})")?(?: t="(s|n|inlineStr)")?'
    r"(?:/>|><v>([0-9.eE+-]{1,25})</v></c>|><is><t(?: xml:space=\"preserve\")?>([^<&]{0,32767})</t></is></c>)"
)
_GROUPS: Final = 5

PlainCell = tuple[str, str | None, str | None, str | None, str | None]
"""Letters of the column, style, type ("s", "n", "inlineStr"), value, inline text; None for the parts that a cell
lacks."""


def without_plain_rows(chunks: Iterable[bytes], take: Callable[[int, Iterator[PlainCell]], bool]) -> Iterator[bytes]:
    """Hand plain rows to `take` (number and cells; False to refuse a row), and yield all other bytes in order.

    What is yielded before a row must be parsed before the next piece is asked for, so that rows keep their order.
    """
    buffer = b""
    source = iter(chunks)
    for chunk in source:
        buffer += chunk
        start = buffer.find(_BEGIN)
        if _DECLARED.match(buffer) or buffer[:2] in (b"\xff\xfe", b"\xfe\xff"):
            break
        if start < 0:
            yield buffer[: -len(_BEGIN)]
            buffer = buffer[-len(_BEGIN) :]
            continue
        yield buffer[: start + len(_BEGIN)]
        buffer = yield from _rows(buffer[start + len(_BEGIN) :], source, take)
        break
    yield buffer
    yield from source


def _rows(
    buffer: bytes, source: Iterator[bytes], take: Callable[[int, Iterator[PlainCell]], bool]
) -> Generator[bytes, None, bytes]:
    """Go through the rows; return the remaining bytes after the rows, or when the parser must read them."""
    while True:
        if b"<!" in buffer:  # a comment or CDATA, in which a row is no row
            return buffer
        *rows, rest = buffer.split(_END)
        waiting: list[bytes] = []
        for row in rows:
            plain = _plain(row)
            if plain is not None and waiting:
                yield b"".join(waiting)
                waiting.clear()
            if plain is None or not take(*plain):
                waiting += (row, _END)
        yield b"".join(waiting)  # also when empty: the caller takes the rows of each piece
        chunk = next(source, b"")
        if not chunk or len(rest) > _LONGEST:
            return rest + chunk
        buffer = rest + chunk


def _plain(row: bytes) -> tuple[int, Iterator[PlainCell]] | None:
    """Return the number and cells of a plain row, None for any other."""
    if not row.startswith(b"<row "):
        return None
    try:
        attributes, _, content = row.decode("utf-8").partition(">")
    except UnicodeDecodeError:
        return None
    number = _NUMBER.search(attributes)
    if number is None or attributes.endswith("/") or "hidden" in attributes:
        return None
    parts = _CELL.split(content)
    if any(parts[:: _GROUPS + 1]):
        return None
    return int(number[1]), zip(*(parts[at :: _GROUPS + 1] for at in range(1, _GROUPS + 1)), strict=True)
