"""Titles of AsciiDoc that are underlined -> titles in one line: "NAME" above "----" is "== NAME"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

_LEVELS: Final = {"=": "=", "-": "==", "~": "===", "^": "====", "+": "====="}
_UNDERLINE: Final = re.compile(r"(={2,}|-{2,}|~{2,}|\^{2,}|\+{2,})[ \t]*$")
_FENCE: Final = re.compile(r"(?:-{4,}|\.{4,}|/{4,}|\+{4,}|`{3,})[ \t]*$")
_NO_TITLE: Final = re.compile(r"[ \t]|\.|\[|//|:\w[\w-]*:|[*|+-]+(?:[ \t]|$)|=+[ \t]")


def one_line_titles(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines, underlined titles in the form with signs before them; those within code stay as they are.

    An underline is as long as its title, give or take one character, and the title stands alone above it.
    """
    closing = before = ""
    skips = False
    for line, after in pairwise([*lines, ""]):
        if skips:
            skips, before = False, ""
            continue
        if closing:
            closing = "" if line.rstrip() == closing else closing
        elif not before.strip() and _is_title(line, after):
            yield f"{_LEVELS[after[0]]} {line.strip()}"
            skips = True
            continue
        elif _FENCE.match(line):
            closing = line.rstrip()
        yield line
        before = "" if line.startswith("[") else line


def _is_title(line: str, after: str) -> bool:
    if not _UNDERLINE.match(after) or _NO_TITLE.match(line) or not re.search(r"\w", line):
        return False
    return abs(len(after.rstrip()) - len(line.rstrip())) <= 1
