"""Lines of Hebrew, Arabic and other scripts that run from right to left, in the order in which they are read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit_ingest.readers.pdf.glyphs import Glyphs, Part, RawLine

_LETTER = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_OTHER = re.compile(r"[A-Za-z\u00c0-\u058f]")
_LAM_ALEF = re.compile(r"[\u0622\u0623\u0625\u0627]\u0644")
_TURNED = str.maketrans("()[]{}", ")(][}{")
_OPENS = re.compile(r"(?<![^\s\u0590-\u08ff])[)\]}](?=\d)")  # a bracket before a number that faces away from it
_CLOSES = re.compile(r"(?<=[\d%])[(\[{](?=[\s.,;:\u060c\u061b]|$)")
_BEFORE = re.compile(r"(?<=\s)([\u060c\u061b\u061f.,:;!])(\d[\d.,/:%-]*)(?=\s|$)")  # a sign before a number


def has_right_to_left(text: str) -> bool:
    """Tell whether a text has letters that run from right to left."""
    return _LETTER.search(text) is not None


def runs_right_to_left(texts: Sequence[str]) -> bool:
    """Tell whether most letters of some texts run from right to left."""
    whole = " ".join(texts)
    return has_right_to_left(whole) and len(_LETTER.findall(whole)) > len(_OTHER.findall(whole))


def mend_order(line: RawLine, glyphs: Glyphs) -> None:
    """Put right what pdfium leaves in the order of the page in a line that runs from right to left.

    The two letters of a lam-alef, which are one sign, come in the wrong order; brackets beside a number face the wrong
    way; and a comma or full stop behind a number stands before it.
    """
    if not has_right_to_left(line.text):
        return

    def turned(match: re.Match[str]) -> str:
        at = match.start()
        one_sign = line.pieces and glyphs.box(line.index(at))[:2] == glyphs.box(line.index(at + 1))[:2]
        return match[0][::-1] if one_sign else match[0]

    text = _LAM_ALEF.sub(turned, line.text)
    for pattern in (_OPENS, _CLOSES):
        text = pattern.sub(lambda match: match[0].translate(_TURNED), text)
    line.text = _BEFORE.sub(r"\2\1", text)


def mirrored(rows: Sequence[list[Part]]) -> list[list[Part]]:
    """Return rows with their places mirrored, so that what is read first stands at the left; twice is as before."""
    for row in rows:
        for part in row:
            part.left, part.right = -part.right, -part.left
    return [row if _OTHER.search(" ".join(part.text for part in row)) else sorted(row, key=_left) for row in rows]


def _left(part: Part) -> float:
    return part.left
