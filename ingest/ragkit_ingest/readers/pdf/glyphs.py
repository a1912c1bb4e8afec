"""The characters of a page by pdfium, with as few calls as possible: lines, their parts, raised digits."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

from ragkit_ingest.readers.pdf.calls import address_of, plain_call
from ragkit_ingest.readers.pdf.geometry import GAP
from ragkit_ingest.readers.raised import subscript, superscript

_BOLD = re.compile(rb"bold|black|heavy|semibold|demi", re.IGNORECASE)
_BOLD_LENGTH = 120  # only lines this short can be headings, so only theirs is asked for
_RAISED_LIMIT = 300  # places of a page that are looked at for raised digits
_RAISED_DIGITS = 4
_RAISED_GAP = 0.3  # letter heights between a word and its raised sign, where pdfium sees a blank
_TOUCH = 1.0  # points that pieces of one line may overlap
_SMALLER = 0.88  # a raised or lowered digit is at most so high as the letter before it
_SHIFT = 0.08  # its middle is so many letter heights above or below
_TAIL = re.compile(  # begins with a set of letters, so that search skips to the next of them
    r"[\d−–-](?:(?<=[^\W_]\d)\d?(?![\d.,]*\d)|(?<=[)\]%.,”’]\d)\d?(?!\S)|(?<=\d[-−–])\d{1,2}(?![\d,-])|"
    r"(?<=[\w)] \d)\d?(?=[\s.,;:)]|$))"
)
_PLAIN = re.compile(r"(?:19|20)\d\d|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*[.,]\d{1,3}|\d{1,2}/\d{1,2}(?:/\d{2,4})?")
_LEAD = re.compile(r"(?:\d{1,3}|[*†‡§]{1,3}|\((?:\d{1,2}|[a-z])\)) ?(?=\S)(?!\d)")
_WORDS = re.compile(r"\S+")
_LEVEL, _STACKED = 0.7, 1.0  # letter heights between two lines, at least; more where one may be a sign over the other
_TOKEN = re.compile(r"[($€£+−–-]*([\w.,/]+)")


@dataclass(slots=True)
class Part:
    """A piece of a line with its place in points from the page's lower left; 0 where nothing is known.

    lines: how many lines were joined in it.
    """

    text: str
    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    height: float = 0.0
    lines: int = 1


@dataclass(slots=True)
class RawLine:
    """A line as pdfium cuts them. pieces: (offset in the text, index of the character there) of each stretch that
    runs evenly, empty where offsets and indexes differ.

    edits: (start, end, replacement) for raised and lowered signs, in order. spaced: white space came before it.
    drop: points that its last character stands below its first one. blanks: (offset, left, right) of the spaces of a
    line that was put in order from right to left.
    """

    text: str
    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    height: float = 0.0
    bold: bool = False
    spaced: bool = False
    drop: float = 0.0
    pieces: list[tuple[int, int]] = field(default_factory=list)
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    blanks: list[tuple[int, float, float]] = field(default_factory=list)

    def index(self, offset: int) -> int:
        """Return the index of the character at an offset of the text."""
        for begin, first in reversed(self.pieces):
            if begin <= offset:
                return first + offset - begin
        return -1

    def shown(self, start: int = 0, end: int | None = None) -> str:
        """Return a slice of the text with its raised and lowered signs."""
        end = len(self.text) if end is None else end
        if not self.edits:
            return self.text[start:end].strip()
        pieces, at = [], start
        for begin, stop, replacement in self.edits:
            if start <= begin and stop <= end:
                pieces += [self.text[at:begin], replacement]
                at = stop
        return "".join([*pieces, self.text[at:end]]).strip()


class Glyphs:
    """The characters of one page, by their index."""

    def __init__(self, api: Any, text_page: Any, *, even: bool = False) -> None:
        """even: offsets of the page's text are the indexes of its characters, which saves asking."""
        self._api = api
        self._page = text_page
        self._even = even
        kinds = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._ask = plain_call(api, "FPDFText_GetLooseCharBox", *kinds)
        self._handle = address_of(text_page)
        self._box = (ctypes.c_float * 4)()  # FS_RECTF: left, top, right, bottom
        self._sides = memoryview(self._box).cast("B").cast("f")
        self._place = ctypes.addressof(self._box)
        self._name = ctypes.create_string_buffer(128)
        info = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p)
        self._font_info = plain_call(api, "FPDFText_GetFontInfo", *info, returns=ctypes.c_ulong)
        self._weights: dict[bytes, bool] = {}

    def font_at(self, offset: int) -> str:
        """Return the name of the font of the character at an offset of the page's text; "" when it has none."""
        index = self._index(offset)
        return self._font_name(index).decode("utf-8", "replace") if index >= 0 else ""

    def line(self, text: str, offset: int, *, spaced: bool) -> RawLine:
        """Return a line of which the text and its offset in the page's text are known."""
        line = RawLine(text, spaced=spaced)
        start = self._index(offset)
        if start < 0 or not self._ask(self._handle, start, self._place):
            return line
        left, top, right, line.bottom = self._sides
        line.height = top - line.bottom
        end = self._index(offset + len(text) - 1)
        if end >= 0 and self._ask(self._handle, end, self._place):
            left, right = min(left, self._sides[0]), max(right, self._sides[2])
            line.drop = line.bottom - self._sides[3]
        line.left, line.right = left, right
        if end - start == len(text) - 1:
            line.pieces.append((0, start))
        if len(text) <= _BOLD_LENGTH:
            line.bold = self._is_bold(start) and (end < 0 or self._is_bold(end))
        return line

    def lines(self, text: str, offset: int, *, spaced: bool) -> list[RawLine]:
        """Return what pdfium takes for one line as the lines that it is: on a page of few words it may join several."""
        whole = self.line(text, offset, spaced=spaced)
        if not whole.height or not whole.pieces or abs(whole.drop) <= _LEVEL * whole.height:
            return [whole]
        ends = [*self._line_starts(whole), len(text)]
        return [
            self.line(text[begin:end].rstrip(), offset + begin, spaced=spaced or begin > 0)
            for begin, end in pairwise(ends)
        ]

    def _line_starts(self, line: RawLine) -> list[int]:
        """Return the offsets of the words with which a line steps to another level; 0 alone where its words themselves
        climb or fall, as those of a line that runs up the page do."""
        found, level, height = [0], line.bottom, line.height
        for word in _WORDS.finditer(line.text):
            first, last = self.box(line.index(word.start())), self.box(line.index(word.end() - 1))
            if abs(last[2] - first[2]) > _LEVEL * first[3]:
                return [0]
            alike = _SMALLER * height < first[3] < height / _SMALLER
            if abs(level - first[2]) > (_LEVEL if alike else _STACKED) * max(first[3], height):
                found.append(word.start())
                level, height = first[2], first[3]
        return found

    def _index(self, offset: int) -> int:
        return offset if self._even else int(self._api.FPDFText_GetCharIndexFromTextIndex(self._page, offset))

    def _font_name(self, index: int) -> bytes:
        size = self._font_info(self._handle, index, self._name, len(self._name), None)
        return self._name.value if 0 < size <= len(self._name) else b""

    def _is_bold(self, index: int) -> bool:
        name = self._font_name(index)
        known = self._weights.get(name)
        if known is None:
            known = self._weights[name] = _BOLD.search(name) is not None
        return known

    def box(self, index: int) -> tuple[float, float, float, float]:
        """Return left, right, bottom and height of a character's cell; zeros when it has none."""
        if not self._ask(self._handle, index, self._place):
            return (0.0, 0.0, 0.0, 0.0)
        left, top, right, bottom = self._sides
        return (left, right, bottom, top - bottom)

    def parts(self, line: RawLine, *, cuts: Sequence[float] = (), gap: float = GAP) -> list[Part]:
        """Return the parts of a line between its gaps, from left to right, in the file's order.

        cuts: places between which words are apart in any case, as at the lines of a table. gap: letter heights that
        parts are apart, at least.
        """
        text = line.text
        if not line.pieces or " " not in text:
            return [_whole_part(line)]
        if line.blanks:
            return self._turned_parts(line, cuts, gap * max(line.height, 6.0))
        found: list[Part] = []
        ask, page, place, sides = self._ask, self._handle, self._place, self._sides
        first = line.pieces[0][1] if len(line.pieces) == 1 else -1  # index of the line's first character
        ask(page, line.pieces[0][1], place)
        begin, left, right, bottom = 0, sides[0], sides[2], line.bottom
        apart, level = gap * max(line.height, 6.0), 0.5 * line.height
        at = text.find(" ")
        while at >= 0:
            after = at + 1
            while text[after] == " ":
                after += 1
            ask(page, first + at - 1 if first >= 0 else line.index(at - 1), place)
            end_left, end_right = sides[0], sides[2]
            ask(page, first + after if first >= 0 else line.index(after), place)
            next_left, next_bottom = sides[0], sides[3]
            lower = not -level <= next_bottom - bottom <= level
            if not lower and not cuts and end_left <= next_left <= end_right + apart:  # as between most words
                at = text.find(" ", after)
                continue
            next_right = sides[2]
            low, high = (end_right, next_left) if next_left >= end_left else (next_right, end_left)
            below = lower and min(end_right - next_left, next_right - end_left) > apart  # of lines taken for one
            if high - low > apart or below or (cuts and any(low - 1 < cut < high + 1 for cut in cuts)):
                found.append(
                    Part(line.shown(begin, at), min(left, end_left), max(right, end_right), bottom, line.height)
                )
                begin, left, right = after, next_left, next_right
                bottom = next_bottom if lower else bottom
            at = text.find(" ", after)
        if not found:
            return [_whole_part(line)]
        ask(page, line.index(len(text) - 1), place)
        found.append(Part(line.shown(begin), min(left, sides[0]), max(right, sides[2]), bottom, line.height))
        return found

    def _turned_parts(self, line: RawLine, cuts: Sequence[float], apart: float) -> list[Part]:
        """Return the parts of a line from right to left, whose numbers run the other way, by the gaps at its spaces."""
        places = [
            at
            for at, left, right in line.blanks
            if right - left > apart or any(left - 1 < cut < right + 1 for cut in cuts)
        ]
        found: list[Part] = []
        for begin, end in pairwise([-1, *places, len(line.text)]):
            boxes = [self.box(line.index(at)) for at in range(begin + 1, end)]
            left, right = min(box[0] for box in boxes), max(box[1] for box in boxes)
            found.append(Part(line.shown(begin + 1, end), left, right, line.bottom, line.height))
        return found

    def mark_raised(self, lines: list[RawLine]) -> None:
        """Record superscripts and subscripts among digits that follow a letter or digit: by size and position."""
        looked = 0
        for line in lines:
            if not line.pieces or not line.height:
                continue
            usual = _SMALLER * line.height
            first = line.pieces[0][1] if len(line.pieces) == 1 else -1
            for match in _TAIL.finditer(line.text):
                if looked > _RAISED_LIMIT:
                    return
                start, end = match.span()
                last = self.box(first + end - 1 if first >= 0 else line.index(end - 1))
                if last[3] >= usual or _is_plain(line.text, start, end):
                    continue
                looked += 1
                edit = self._raised(line, start, end, last)
                if edit is not None and not any(begin < edit[1] and edit[0] < end for begin, end, _ in line.edits):
                    line.edits.append(edit)
            if len(line.edits) > 1:
                line.edits.sort()

    def _raised(
        self, line: RawLine, start: int, end: int, last: tuple[float, float, float, float]
    ) -> tuple[int, int, str] | None:
        """Return the edit for a run of raised or lowered signs that ends at `end`; None when there is none. last: the
        box of its last sign, which is small."""
        least = max(start - _RAISED_DIGITS, 0)
        while start > least and line.text[start - 1].isdigit() and self._alike(line, start - 1, last):
            start -= 1
        while start < end - 1 and not self._alike(line, start, last):
            start += 1
        if start == 0:
            return None
        apart = start > 1 and line.text[start - 1] == " "
        before = self.box(line.index(start - 2 if apart else start - 1))
        if apart and self.box(line.index(start))[0] - before[1] > _RAISED_GAP * before[3]:
            return None
        way = raised(before, last)
        text = line.text[start:end]
        start -= apart
        text = text.strip()
        return (start, end, superscript(text) if way > 0 else subscript(text)) if way else None

    def _alike(self, line: RawLine, offset: int, other: tuple[float, float, float, float]) -> bool:
        """Tell whether a character has the height and the level of another one."""
        box = self.box(line.index(offset))
        return abs(box[3] - other[3]) < 0.5 and abs(box[2] - other[2]) < 0.5


def _whole_part(line: RawLine) -> Part:
    return Part(line.shown(), line.left, line.right, line.bottom, line.height)


def raised(before: tuple[float, float, float, float], sign: tuple[float, float, float, float]) -> int:
    """Return 1 when a sign is a superscript of what stands before it, -1 for a subscript, 0 for neither."""
    _, _, bottom, height = before
    if not 0 < sign[3] < _SMALLER * height:
        return 0
    shift = (sign[2] + sign[3] / 2) - (bottom + height / 2)
    if shift > _SHIFT * height:
        return 1
    return -1 if sign[2] < bottom + 0.02 * height and shift < -_SHIFT * height else 0


def _is_plain(text: str, start: int, end: int) -> bool:
    """Tell whether the word around is a year, an amount or a date, whose digits need no check."""
    begin = max(text.rfind(" ", 0, start) + 1, 0)
    stop = text.find(" ", end)
    return _is_plain_word(text[begin : stop if stop >= 0 else len(text)])


@lru_cache(maxsize=4096)
def _is_plain_word(word: str) -> bool:
    token = _TOKEN.match(word)
    return token is not None and _PLAIN.fullmatch(token[1].rstrip(".,")) is not None


def rejoined(
    lines: Sequence[RawLine], glyphs: Glyphs, *, joins: Callable[[RawLine, RawLine], bool] | None = None
) -> list[RawLine]:
    """Return lines with those put together again that stand on one level, which pdfium cuts at raised signs and at wide
    gaps: one goes on to the right of where one ends. joins: tells of other lines that go on with the one before."""
    kept: list[RawLine] = []
    for line in lines:
        last = kept[-1] if kept else None
        if last is None or (joins is None and line.left < last.right - _TOUCH):
            kept.append(line)
            continue
        lead = _lead(last, line, glyphs)
        if not (lead or _goes_on(last, line) or (joins is not None and joins(last, line))):
            kept.append(line)
            continue
        _append(last, line, lead or len(line.text))
    return kept


def _lead(last: RawLine, line: RawLine, glyphs: Glyphs) -> int:
    """Return how many characters of a line are a raised or lowered sign of the line before, with which the rest of it
    goes on; 0 when it does not begin with one."""
    if not line.pieces or not 0 < line.height < _SMALLER * last.height:
        return 0
    sign = _LEAD.match(line.text)
    if sign is None or not -_TOUCH <= line.left - last.right < 0.5 * last.height:
        return 0
    _, _, bottom, height = glyphs.box(line.index(sign.end()))
    level = abs(bottom - last.bottom) < 0.25 * last.height and height >= _SMALLER * last.height
    return len(sign[0].rstrip()) if level else 0


def _goes_on(last: RawLine, line: RawLine) -> bool:
    if not last.height or not line.height:
        return False
    gap = line.left - last.right
    near = -_TOUCH <= gap < 0.5 * max(last.height, line.height)
    level = gap >= -_TOUCH and abs(last.bottom - line.bottom) < 0.25 * min(last.height, line.height)
    sizes = sorted((last.height, line.height))
    small = sizes[0] < _SMALLER * sizes[1] and abs(last.bottom - line.bottom) < 0.75 * sizes[1]
    lone = len(line.text) <= 4 or len(last.text) <= 4
    return level or (near and small and lone)


def _append(last: RawLine, line: RawLine, lead: int) -> None:
    """Append a line to the one that it continues; a lone sign above or below, as its first `lead` characters may be,
    becomes a raised or lowered one."""
    text, edits = last.text, list(last.edits)
    way = raised((0, 0, last.bottom, last.height), (0, 0, line.bottom, line.height))
    room = 0.3 if way and lead <= 4 else 0.15
    gap = " " if line.spaced or line.left - last.right > room * last.height else ""
    front = raised((0, 0, line.bottom, line.height), (0, 0, last.bottom, last.height))
    shift = len(text) + len(gap)
    if way and lead <= 4:
        sign = line.text[:lead]
        edits.append((shift, shift + lead, superscript(sign) if way > 0 else subscript(sign)))
    elif front and len(last.text) <= 4:
        edits = [(0, len(text), superscript(text) if front > 0 else subscript(text))]
        last.bottom, last.height = line.bottom, line.height
    edits += [(start + shift, end + shift, words) for start, end, words in line.edits]
    last.text = f"{text}{gap}{line.text}"
    last.edits = edits
    last.left, last.right = min(last.left, line.left), max(last.right, line.right)
    both = last.pieces and line.pieces
    last.pieces = [*last.pieces, *((start + shift, index) for start, index in line.pieces)] if both else []
