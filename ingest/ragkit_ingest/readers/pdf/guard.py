"""Check the streams of a PDF before a native library reads them: their unpacked size, and the nesting of objects."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from ragkit import ExtractionError
from ragkit_ingest.limits import MIB, ReadLimits

STREAM_LIMIT = 64 * MIB  # what one stream that is not a picture may unpack to
_CHAIN_LIMIT = 16
_DEFLATE_RATIO = 1_032  # deflate never does better
_LZW_RATIO = 2_600
_DICTIONARY = 1 << 17  # bytes before "stream" in which its dictionary is looked for
_STEP = 1 * MIB
_NESTING_LIMIT = 500
_FILTER = re.compile(rb"/Filter\s*(\[[^\]]{0,120000}\]?|/\w+)")
_NAME = re.compile(rb"/(\w+)")
_COLUMNS = re.compile(rb"/Columns\s+(\d{7,})")
_OPENERS = re.compile(rb"(?:\[\s*|<<\s*(?:/[\w.+-]*\s*)?){500}")
_OPENED = re.compile(rb"[\[<]{500}")
_NO_BRACKETS = bytes(sorted({*range(256)} - {*b"[]<>"}))
_FLATE = frozenset({b"FlateDecode", b"Fl"})
_LZW = frozenset({b"LZWDecode", b"LZW"})


class _Stream(NamedTuple):
    filters: list[bytes]
    data: memoryview
    dictionary: bytes


def check_streams(data: bytes, limits: ReadLimits) -> None:
    """Raise ExtractionError when the file is a bomb: `expands_too_much` or `too_deep`.

    Only streams that could break the limits by their size are unpacked, in steps; pictures are not read for text.
    A file that fools this look meets the child's memory limit instead.
    """
    total = 0
    for stream in _streams(data):
        if len(stream.filters) > _CHAIN_LIMIT:
            raise ExtractionError("expands_too_much", f"a stream with a chain of {len(stream.filters):,} filters")
        if _COLUMNS.search(stream.dictionary):
            raise ExtractionError("expands_too_much", "a predictor with rows of more than a million columns")
        size = _unpacked_size(stream)
        total += size
        if size > STREAM_LIMIT or total > limits.max_inflated:
            raise ExtractionError(
                "expands_too_much", f"its streams unpack to more than {min(size, STREAM_LIMIT) // MIB:,} MiB"
            )


def too_nested(data: bytes) -> bool:
    """Tell whether an array or dictionary of the file opens hundreds of levels at once."""
    return _opening(data) is not None


def _opening(data: bytes) -> re.Match[bytes] | None:
    """Find where hundreds of levels open at once; a file with too few brackets for that is not searched."""
    return _OPENERS.search(data) if _OPENED.search(data.translate(None, _NO_BRACKETS)) is not None else None


def nests_in_stream(data: bytes) -> bool:
    """Tell whether that happens inside a stream, such as the content of a page."""
    match = _opening(data)
    return (
        match is not None and data.rfind(b"stream", 0, match.start()) > data.rfind(b"endstream", 0, match.start()) + 3
    )


def _streams(data: bytes) -> Iterator[_Stream]:
    position = 0
    while True:
        at = data.find(b"stream", position)
        if at < 0:
            return
        if data[max(0, at - 3) : at] == b"end":
            position = at + 6
            continue
        begin = at + 6
        end = data.find(b"endstream", begin)
        if end < 0:
            end = len(data)
        window = data[max(position, at - _DICTIONARY) : at]
        dictionary = window[max(window.rfind(b" obj"), 0) :]
        filters = _FILTER.search(dictionary)
        if filters is not None and not _is_picture(dictionary):
            names = _NAME.findall(filters[1])
            if names:
                skip = 2 if data[begin : begin + 2] == b"\r\n" else 1
                yield _Stream(names, memoryview(data)[begin + skip : end], dictionary)
        position = end


def _is_picture(dictionary: bytes) -> bool:
    return b"/Image" in dictionary and b"/Width" in dictionary


def _unpacked_size(stream: _Stream) -> int:
    """Return the unpacked size of a stream, up to the limit; 0 when it is too small to matter."""
    size = len(stream.data)
    codecs = [name for name in stream.filters if name in _FLATE or name in _LZW]
    if not codecs:
        return 0
    ratio = 1
    for name in codecs:
        ratio *= _DEFLATE_RATIO if name in _FLATE else _LZW_RATIO
    if size * ratio <= STREAM_LIMIT:
        return 0
    if stream.filters[0] in _LZW:
        return _lzw_size(bytes(stream.data)) if len(codecs) == 1 else STREAM_LIMIT + 1
    if stream.filters[0] in _FLATE:
        return _flate_size(stream, len(codecs))
    return 0  # text armour around it; the child's limits hold


def _flate_size(stream: _Stream, depth: int) -> int:
    first = _inflate(iter((stream.data,)))
    if depth == 1:
        return _count(first)
    if depth > 2 or stream.filters[1] not in _FLATE:
        return STREAM_LIMIT + 1
    return _count(_inflate(first))


def _count(pieces: Iterator[bytes | memoryview]) -> int:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > STREAM_LIMIT:
            break
    return total


def _inflate(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    machine = zlib.decompressobj()
    try:
        for piece in pieces:
            out = machine.decompress(piece, _STEP)
            while out:
                yield out
                out = machine.decompress(machine.unconsumed_tail, _STEP)
    except zlib.error:
        return  # damaged or encrypted: another check reports that


def _lzw_size(data: bytes) -> int:
    """Count the bytes that LZW codes decode to, without decoding them (PDF 32000-1, 7.4.4: 9 to 12 bits, early
    change)."""
    lengths = [1] * 258
    bits = count = total = before = 0
    width = 9
    for byte in data:
        bits = (bits << 8) | byte
        count += 8
        if count < width:
            continue
        count -= width
        code = bits >> count
        bits &= (1 << count) - 1
        if code == 256:
            del lengths[258:]
            width, before = 9, 0
            continue
        if code == 257 or total > STREAM_LIMIT:
            break
        size = lengths[code] if code < len(lengths) else before + 1
        total += size
        if before and len(lengths) < 4096:
            lengths.append(before + 1)
        before = size
        entries = len(lengths) + 1
        width = 9 if entries < 512 else 10 if entries < 1024 else 11 if entries < 2048 else 12
    return total
