"""Calls of pdfium's functions by ctypes: cheap ones for queries about every character, and texts in buffers."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

_BYTES: Final = 1 << 16


@lru_cache(maxsize=32)
def plain_call(api: Any, name: str, *kinds: Any, returns: Any = ctypes.c_int) -> Callable[..., Any]:
    """Return one of pdfium's functions that takes plain numbers, addresses too: half the cost of a call that checks
    types. It keeps the GIL, so it is for calls that are over in a microsecond. kinds: of the arguments."""
    address = ctypes.cast(getattr(api, name), ctypes.c_void_p).value or 0
    call: Callable[..., Any] = ctypes.PYFUNCTYPE(returns, *kinds)(address)
    return call


def address_of(pointer: Any) -> int | None:
    """Return the address that a pointer of pdfium's holds."""
    return ctypes.cast(pointer, ctypes.c_void_p).value


def wide_text(ask: Callable[..., int], *, limit: int = _BYTES) -> str:
    """Return a text that pdfium writes as UTF-16 into a buffer.

    ask: called with a buffer and its size in bytes, with None and 0 to learn the size. limit: bytes that are taken.
    """
    size = min(ask(None, 0), limit)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw.decode("utf-16-le", "replace").partition("\0")[0]
