"""Lines of Hebrew, Arabic and other scripts that run from right to left, in the order in which they are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ragkit_ingest.readers.pdf.glyphs import Glyphs, Part, RawLine

_LETTER = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_OTHER = re.compile(r"[A-Za-z\u00c0-\u058f]")
_LAM_ALEF = re.compile(r"[\u0622\u0623\u0625\u0627]\u0644")
_WORD = re.compile(
    r"[\u0591-\u05f4\u0610-\u061a\u0620-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]{2,}"
)
_LATIN_WORDS = re.compile(r"[A-Za-z][^\W_]*(?: [A-Za-z][^\W_]*)+")
_PERCENT = re.compile(r"(?<!\w)([%\u066a])(\d(?:[\d.,]*\d)?)")  # drawn at the left, which is behind the number
_OPENS_BEHIND = re.compile(r"(?<=\d)([)\]}]) (?=[\u0590-\u08ff])")  # a bracket that opens behind a number
_PREFIXED = re.compile(r"(?<=[\u05d0-\u05ea])([.,:;]?)(\d[\d./:]*)-(?=[\s.,;:]|$)")  # a prefix, a hyphen and a number
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

    Words whose letters come with their own text (ActualText) stand in the order of the page, as do Latin words beside
    each other and the percent sign of a number; the two letters of a lam-alef, which are one sign, come in the wrong
    order; brackets beside a number face the wrong way; and a comma or full stop behind a number stands
    before it, a hyphen before it behind it.
    """
    if not has_right_to_left(line.text):
        return
    text = line.text
    if line.pieces:
        places = _Places(line, glyphs)
        text = _WORD.sub(places.word, text)
        text = _LATIN_WORDS.sub(places.latin, text)
    text = _PERCENT.sub(r"\2\1", text)
    text = _OPENS_BEHIND.sub(lambda match: _opened(match, text), text)
    for pattern in (_OPENS, _CLOSES):
        text = pattern.sub(lambda match: match[0].translate(_TURNED), text)
    line.text = _PREFIXED.sub(r"-\2\1", _BEFORE.sub(r"\2\1", text))


class _Places:
    """Puts stretches of a line in the order in which they are read, by the places of their characters."""

    def __init__(self, line: RawLine, glyphs: Glyphs) -> None:
        self._line = line
        self._glyphs = glyphs

    def _sides(self, offset: int) -> tuple[float, float]:
        return self._glyphs.box(self._line.index(offset))[:2]

    def word(self, match: re.Match[str]) -> str:
        """Return a word from right to left, each lam-alef in its order."""
        if self._sides(match.start()) < self._sides(match.end() - 1):
            return match[0][::-1]

        def turned(pair: re.Match[str]) -> str:
            at = match.start() + pair.start()
            return pair[0][::-1] if self._sides(at) == self._sides(at + 1) else pair[0]

        return _LAM_ALEF.sub(turned, match[0])

    def latin(self, match: re.Match[str]) -> str:
        """Return Latin words from left to right."""
        words = match[0].split(" ")
        starts = [match.start() + sum(len(word) + 1 for word in words[:at]) for at in range(len(words))]
        lefts = [self._sides(start)[0] for start in starts]
        return " ".join(words[::-1]) if all(a > b for a, b in pairwise(lefts)) else match[0]


def _opened(match: re.Match[str], text: str) -> str:
    """Return a bracket behind a number as one that opens before the next word, unless it closes one."""
    closes = match[1].translate(_TURNED) in text[: match.start()]
    return match[0] if closes else f" {match[1].translate(_TURNED)}"


def mirrored(rows: Sequence[list[Part]]) -> list[list[Part]]:
    """Return rows with their places mirrored, so that what is read first stands at the left; twice is as before."""
    for row in rows:
        for part in row:
            part.left, part.right = -part.right, -part.left
    return [row if _OTHER.search(" ".join(part.text for part in row)) else sorted(row, key=_left) for row in rows]


def _left(part: Part) -> float:
    return part.left
