"""The analysed terms of a chunk as one byte string: 32-bit codes for counting, and the terms themselves."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]

_LANGUAGE = 4
_HEAD = 4 + _LANGUAGE
LINE = 0
"""The code that ends a line; the first line has the context line's terms, then each unit has one."""


@lru_cache(maxsize=200_000)
def code_of(term: str) -> int:
    """Return the 32-bit code of a term, never LINE. Two terms share a code once in four billion pairs."""
    return zlib.crc32(term.encode()) or 1


def codes_of(terms: Iterable[str]) -> Codes:
    """Return the codes of terms, in order."""
    return np.fromiter(map(code_of, terms), dtype=np.uint32)


def pack(text: str, *, language: str = "") -> bytes:
    """Encode analysed text (terms separated by spaces, one unit per line): code count, language, codes, UTF-8 text.

    Every line, the last one too, ends in LINE. All numbers are little-endian uint32; a language has four bytes at most.
    """
    codes: list[int] = []
    for line in text.split("\n"):
        codes += map(code_of, line.split())
        codes.append(LINE)
    head = np.array([len(codes)], dtype="<u4").tobytes() + language.encode().ljust(_LANGUAGE, b"\0")
    return head + np.array(codes, dtype="<u4").tobytes() + text.encode()


def unpack_text(packed: bytes | memoryview) -> str:
    """Return the text that was packed; "" for an empty value."""
    if not len(packed):
        return ""
    return str(packed[_HEAD + 4 * _count(packed) :], "utf-8")


def unpack_language(packed: bytes | memoryview) -> str:
    """Return the language that was packed."""
    return str(packed[4:_HEAD], "ascii").rstrip("\0")


def join_codes(packed: Sequence[bytes | memoryview]) -> tuple[Codes, NDArray[np.int64]]:
    """Return the codes of several chunks one after the other, and the number of codes of each."""
    parts: list[bytes | memoryview] = []
    sizes: list[int] = []
    for item in packed:
        size = int.from_bytes(item[:4], "little")
        sizes.append(size)
        parts.append(item[_HEAD : _HEAD + 4 * size])
    return np.frombuffer(b"".join(parts), dtype="<u4"), np.array(sizes, dtype=np.int64)


def _count(packed: bytes | memoryview) -> int:
    return int.from_bytes(packed[:4], "little")
