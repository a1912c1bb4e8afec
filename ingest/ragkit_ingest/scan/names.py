"""Names of files are bytes, sources are text: a reversible mapping, and the set of used sources."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ragkit import UPLOAD_PREFIX

_ESCAPE = re.compile(rb"\\x[89a-f][0-9a-f]")
_TEXT_ESCAPE = re.compile(r"\\x[89a-f][0-9a-f]")
_TOKEN = re.compile(r"\\\\|\\x([89a-f][0-9a-f])")


def source_of(path: bytes) -> str:
    r"""Return the source of a path below its root.

    A name that is UTF-8 stays as it is, whatever it holds. Bytes that are not UTF-8 become `\xe9`, and backslashes of
    such a name are doubled. A UTF-8 name that holds the letters `\xe9` itself has its backslashes doubled too, so that
    two paths never share a source and `path_of` finds the way back.
    """
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        return path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return text.replace("\\", "\\\\") if _ESCAPE.search(path) else text


def path_of(source: str) -> bytes:
    """Return the path that `source_of` made this source from."""
    if not _TEXT_ESCAPE.search(source):
        return source.encode("utf-8")
    out = bytearray()
    end = 0
    for match in _TOKEN.finditer(source):
        out += source[end : match.start()].encode("utf-8")
        out += bytes.fromhex(match[1]) if match[1] else b"\\"
        end = match.end()
    return bytes(out + source[end:].encode("utf-8"))


class Sources:
    """Gives every new file a source that no other document has.

    The natural source is the path below the root. Where another document has it, the names of the root folder and of
    the folders above it are put in front, one after the other, until the source is free. Sources of uploads are never
    free: a file and an upload cannot replace each other.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def __contains__(self, source: str) -> bool:
        return source in self._taken or source.startswith(UPLOAD_PREFIX)

    def claim(self, root: bytes, path: bytes) -> str:
        """Return a free source for a path below a root (absolute), and reserve it."""
        folders = [part for part in root.split(b"/") if part]
        above = b""
        source = source_of(path)
        while source in self and folders:
            above = folders.pop() + b"/" + above
            source = source_of(above + path)
        number = 2
        while source in self:
            source = source_of(above + b"%d/" % number + path)
            number += 1
        self._taken.add(source)
        return source
