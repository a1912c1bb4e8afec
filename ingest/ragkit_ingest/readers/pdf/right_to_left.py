"""Lines of Hebrew, Arabic and other scripts that run from right to left, in the order in which they are read."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragkit_ingest.readers.pdf.geometry import GAP
from ragkit_ingest.readers.pdf.glyphs import Glyphs, Part, RawLine, rejoined

_RIGHT_TO_LEFT = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
_DIGIT = r"0-9\u0660-\u0669\u06f0-\u06f9"
_LETTER = re.compile(r"[\u0590-\u065f\u066a-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")  # no digits
_OTHER = re.compile(r"[A-Za-z\u00c0-\u058f]")
_ARABIC = re.compile(r"[\u0600-\u065f\u066e-\u06ef\u06fa-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")
_LAM_ALEF = re.compile(r"[\u0622\u0623\u0625\u0627]\u0644")
_TURNED = str.maketrans("()[]{}", ")(][}{")
_OPENING, _BRACKETS = "([{", "([{)]}"
_FOREIGN_SHARE = 0.5  # more letters of other scripts make a line of such a page run from left to right
_WIDE = "\t"  # a gap in which another column may begin
_SPACE = 0.2  # letter heights: a gap so wide parts two words

# What runs from left to right in such lines, as the Unicode bidirectional algorithm has it: words of other scripts up
# to the last letter or digit, and numbers. Behind Arabic letters a hyphen or a percent sign is no part of a number.
_FOREIGN = r"[A-Za-z\u00c0-\u058f](?:[^\t{rtl}]*[A-Za-z\u00c0-\u058f0-9])?".replace("{rtl}", _RIGHT_TO_LEFT)
_FORWARD = re.compile(rf"{_FOREIGN}|[$€£₪%°#‰]*[{_DIGIT}]+(?:[.,:/+-][{_DIGIT}]+)*[$€£₪%°#‰]*")
_FORWARD_ARABIC = re.compile(rf"{_FOREIGN}|[{_DIGIT}]+(?:[.,:/\u066b\u066c][{_DIGIT}]+)*")
_TURNED_RUN = re.compile(rf"[{_RIGHT_TO_LEFT}](?:[^\tA-Za-z\u00c0-\u058f]*[{_RIGHT_TO_LEFT}])?")


def has_right_to_left(text: str) -> bool:
    """Tell whether a text has letters that run from right to left."""
    return not text.isascii() and _LETTER.search(text) is not None


def runs_right_to_left(texts: Sequence[str]) -> bool:
    """Tell whether most letters of some texts run from right to left."""
    whole = " ".join(texts)
    return has_right_to_left(whole) and len(_LETTER.findall(whole)) > len(_OTHER.findall(whole))


@dataclass(slots=True)
class _Sign:
    """One place of a line: its characters with their indexes, and its left and right in points.

    kind: the character that tells its direction, a space, or _WIDE.
    """

    text: str
    indexes: list[int]
    left: float
    right: float
    kind: str


def in_reading_order(lines: Sequence[RawLine], glyphs: Glyphs) -> list[RawLine]:
    """Return the lines of a page with letters that run from right to left, each whole and in the order of reading."""
    for line in lines:
        _measure(line, glyphs)
    kept = rejoined(lines, glyphs, joins=_goes_on_left)
    page = runs_right_to_left([line.text for line in kept])
    for line in kept:
        if line.pieces and (has_right_to_left(line.text) or (page and not _OTHER.search(line.text))):
            _mend_order(line, glyphs, page=page)
    return kept


def _goes_on_left(last: RawLine, line: RawLine) -> bool:
    """Tell whether a line continues to the left of another one's end."""
    both = last.height and line.height and has_right_to_left(last.text) and has_right_to_left(line.text)
    level = abs(last.bottom - line.bottom) < 0.25 * min(last.height, line.height)
    return bool(both) and level and last.left - line.right >= -1.0


def _measure(line: RawLine, glyphs: Glyphs) -> None:
    """Give a line with letters that run from right to left the box of all its signs: the first one is none to measure
    by, as pdfium tells only the ink of some forms of Arabic letters."""
    if not has_right_to_left(line.text) or not line.pieces:
        return
    boxes = [glyphs.box(line.index(at)) for at, character in enumerate(line.text) if not character.isspace()]
    if all(box[3] for box in boxes):
        line.left, line.right = min(box[0] for box in boxes), max(box[1] for box in boxes)
        line.bottom, line.height = max((box[2:] for box in boxes), key=lambda cell: cell[1])


def _mend_order(line: RawLine, glyphs: Glyphs, *, page: bool) -> None:
    """Put a line with letters that run from right to left in the order in which it is read, by the places of its signs.

    pdfium turns words by their characters, and so leaves words in the order of the page whose font names the forms of
    Arabic letters, takes brackets for parts of the wrong word, and puts a comma behind a number before it.
    page: whether the page as a whole runs from right to left.
    """
    signs = _signs(line, glyphs)
    if not signs:
        return
    read = _read_order(_with_spaces(signs, line, _blanks(line, glyphs)), page=page)
    text, indexes = "", list[int]()
    for sign in read:
        if sign.text == " ":
            line.blanks.append((len(text), sign.left, sign.right))
        text += sign.text
        indexes += sign.indexes
    line.text = _brackets_faced(text)
    line.pieces = [*enumerate(indexes)]


def _signs(line: RawLine, glyphs: Glyphs) -> list[_Sign]:
    """Return the signs of a line from left to right without its spaces; none where a sign has no place.

    The letters of a ligature are one sign, and so are a letter and its vowel marks.
    """
    signs: list[_Sign] = []
    for offset, character in enumerate(line.text):
        if character.isspace():
            continue
        index = line.index(offset)
        left, right, _, height = glyphs.box(index)
        if not height:
            return []
        last = signs[-1] if signs else None
        marks = unicodedata.combining(character) and last is not None and last.right - line.height < left < last.right
        if last is not None and (marks or (right > left and (last.left, last.right) == (left, right))):
            last.text += character
            last.indexes.append(index)
            last.left, last.right = min(last.left, left), max(last.right, right)
        else:
            signs.append(_Sign(character, [index], left, right, character))
    for sign in signs:
        sign.text = _LAM_ALEF.sub(lambda match: match[0][::-1], sign.text) if len(sign.text) > 1 else sign.text
    return sorted(signs, key=lambda sign: sign.left + sign.right)


def _blanks(line: RawLine, glyphs: Glyphs) -> list[float]:
    """Return the middles of a line's spaces, from left to right."""
    boxes = [glyphs.box(line.index(at)) for at, character in enumerate(line.text) if character == " "]
    return sorted((box[0] + box[1]) / 2 for box in boxes if box[1] > box[0])


def _with_spaces(signs: Sequence[_Sign], line: RawLine, blanks: Sequence[float]) -> list[_Sign]:
    """Return signs with a space where the file has one, and in each gap that is as wide as one."""
    found = [signs[0]]
    edge = signs[0].right
    for last, sign in pairwise(signs):
        gap = sign.left - edge
        middle = (last.left + last.right) / 2
        at = bisect_left(blanks, middle)
        spaced = at < len(blanks) and blanks[at] < (sign.left + sign.right) / 2
        if spaced or gap > _SPACE * line.height:
            kind = _WIDE if gap > GAP * line.height else " "
            found.append(_Sign(" ", last.indexes[-1:], edge, sign.left, kind))
        found.append(sign)
        edge = max(edge, sign.right)
    return found


def _read_order(signs: list[_Sign], *, page: bool) -> list[_Sign]:
    """Return signs, which come from left to right, in the order of reading."""
    shown = "".join(sign.kind for sign in signs)
    forward = _FORWARD_ARABIC if _ARABIC.search(shown) else _FORWARD
    if len(_LETTER.findall(shown)) >= len(_OTHER.findall(shown)) * (_FOREIGN_SHARE if page else 1):
        return _turned(signs, shown, forward)
    found: list[_Sign] = []
    at = 0
    for run in _TURNED_RUN.finditer(shown):
        found += signs[at : run.start()]
        found += _turned(signs[run.start() : run.end()], run[0], forward)
        at = run.end()
    return found + signs[at:]


def _turned(signs: Sequence[_Sign], shown: str, forward: re.Pattern[str]) -> list[_Sign]:
    """Return signs from the right to the left; what runs forward in between keeps its order."""
    found: list[_Sign] = []
    end = len(signs)
    for start, stop in reversed([_with_bracket(run, shown) for run in forward.finditer(shown)]):
        found += reversed(signs[stop:end])
        found += signs[start:stop]
        end = start
    return [*found, *reversed(signs[:end])]


def _with_bracket(run: re.Match[str], shown: str) -> tuple[int, int]:
    """Return the start and end of a run, with the bracket behind it that closes one inside it."""
    open_ones = sum(character in _BRACKETS for character in run[0]) % 2
    return run.start(), run.end() + (open_ones and shown[run.end() : run.end() + 1] in tuple(_BRACKETS))


def _brackets_faced(text: str) -> str:
    """Return a text whose brackets open and close what they are next to: fonts name them by their shape or by their
    meaning."""
    found = list(text)
    depth = 0
    for at, character in enumerate(text):
        if character not in _BRACKETS:
            continue
        before, behind = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
        begins, ends = not before or before.isspace(), not behind or behind.isspace()
        opens = begins if begins != ends else depth == 0
        depth = depth + 1 if opens else max(depth - 1, 0)
        if opens != (character in _OPENING):
            found[at] = character.translate(_TURNED)
    return "".join(found)


def mirrored(rows: Sequence[list[Part]]) -> list[list[Part]]:
    """Return rows with their places mirrored, so that what is read first stands at the left; twice is as before."""
    for row in rows:
        for part in row:
            part.left, part.right = -part.right, -part.left
    return [row if _OTHER.search(" ".join(part.text for part in row)) else sorted(row, key=_left) for row in rows]


def _left(part: Part) -> float:
    return part.left
