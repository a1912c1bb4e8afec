"""Text -> spans of sentences, rows, items and headings: the units that prompts cut at and answers quote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ragkit.text.tables import is_row

Span = tuple[int, int]

_SPLITTER_LIMIT = 8_000  # a longer paragraph is cut by lines before it meets the sentence splitter
_PHONE = r"(?!\(\d{3}\)[ \t]\d{3}[-. ])"  # "(605) 574-3184" is no item 605
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_OWN_LINE = re.compile(  # a line that is a unit of its own: an item, a heading, a row, a quoted line
    r"[ \t]*(?:[-*+•●▪◦‣–][ \t]|" + _PHONE + r"\(?\d{1,3}[.)][ \t]|\(?[a-zA-Z][.)][ \t]|#{1,6}[ \t]|\||>)"
    r"|[^\n]*(?:\t|[^\n|]\|[ \t]|[ \t]\|)"
)
_ITEM = re.compile(_PHONE + r"(?:[-*+•●▪◦‣–]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z])[.)]")
_TITLE = re.compile(
    r"(?:^|\s)(?:Mr|Mrs|Ms|Mx|Dr|Prof|Hr|Fr|St|Sr|Sra|Mme|Fig|Nr|vs|approx|ca|bzw|z\. ?B|d\. ?h|e\.g|i\.e)\.$"
)
_TELLS = re.compile(r"\d|: \S")
_CLOSED = re.compile(r"[.!?:;：；。！？।…][\"'”’»)\]】」』]*[ \t]*$")
_SHORT_PART = re.compile(r"(?<!\w)[^\W\d_]{1,3}\.$")  # "S.No", "Sr.No.", "Vol.III": no blank ends this sentence
_QUOTED_MARK = re.compile(r"(['\"‘“`])[.!?](?:['\"’”`])?$")
_FIELD = re.compile(r"[A-Z][\w-]{1,30}:[ \t]+\S")
_SHORT_LINE = 48
_MORE = re.compile(r"[.!?。！？।…]['\"”’»)\]】」』]*\s?\S")


def sentence_spans(text: str, *, language: str = "en") -> list[Span]:
    """Return the spans `[start, end)` of the units of a text, in order, without blanks at their ends.

    Rows, list items and headings are units; lines of wrapped prose are joined before they are cut into sentences.
    language: ISO 639-1 code, for the abbreviations of sentencex.
    """
    spans: list[Span] = []
    position = 0
    for match in _PARAGRAPH.finditer(text):
        spans.extend(_paragraph(text, position, match.start(), language))
        position = match.end()
    spans.extend(_paragraph(text, position, len(text), language))
    return spans


def is_item(text: str) -> bool:
    """Return whether a unit is a list item: it begins with a bullet, a number or a letter."""
    return bool(_ITEM.match(text))


def is_heading(text: str) -> bool:
    """Return whether a unit looks like a heading: marked as one, or short and without an end mark or digits."""
    if text.startswith("#"):
        return True
    if len(text) > 2 * _SHORT_LINE or is_row(text) or is_item(text):
        return False
    return text[-1:] == ":" or not (_CLOSED.search(text) or _TELLS.search(text))


def _paragraph(text: str, start: int, end: int, language: str) -> Iterator[Span]:
    """Split a paragraph at lines that are units by themselves, then split each part into sentences."""
    cuts = [start, *(line for line in _line_starts(text, start, end) if _breaks(text, start, line, end)), end]
    for left, right in pairwise(cuts):
        part = text[left:right]
        if is_row(part.strip()):
            yield from _trimmed(text, left, right)
        elif len(part) > _SPLITTER_LIMIT:
            for line, after in pairwise([left, *_line_starts(text, left, right), right]):
                yield from _trimmed(text, line, after)
        else:
            yield from _sentences(text, left, right, language)


def _line_starts(text: str, start: int, end: int) -> Iterator[int]:
    position = text.find("\n", start, end)
    while position >= 0:
        yield position + 1
        position = text.find("\n", position + 1, end)


def _breaks(text: str, start: int, line: int, end: int) -> bool:
    """Return whether the line that begins here is a new unit, and not the rest of a wrapped sentence."""
    before = text[max(start, text.rfind("\n", 0, line - 1) + 1) : line - 1]
    if _OWN_LINE.match(text, line, end) or is_row(before.strip()) or before.lstrip().startswith("#"):
        return True
    if _FIELD.match(before) and _FIELD.match(text, line):
        return True  # "Author: .." and "Date: .." as at the head of a letter
    first = text[line : line + 1]
    if _CLOSED.search(before):
        return not first.islower()
    return len(before) < _SHORT_LINE and not first.islower() and first != "("


def _sentences(text: str, start: int, end: int, language: str) -> Iterator[Span]:
    part = text[start:end].replace("\n", " ")
    sizes = [len(part)]
    if len(part) >= 40 or _MORE.search(part):
        from sentencex import segment

        sizes = [len(sentence) for sentence in segment(language, part)]
        if sum(sizes) != len(part):
            sizes = [len(part)]
    position = begin = start
    for size in sizes:
        position += size
        piece = text[begin:position].strip()
        # "1." belongs to the sentence after it, and so do the abbreviations that sentencex does not know.
        if not (_ENUMERATOR.fullmatch(piece) or _TITLE.search(piece) or _cuts_a_word(text, position, end)):
            yield from _trimmed(text, begin, position)
            begin = position
    yield from _trimmed(text, begin, position)


def _cuts_a_word(text: str, at: int, end: int) -> bool:
    """Return whether a cut separates what belongs together: "remote.*.push", or the quotes around a single mark
    ('.')."""
    if at >= end or text[at - 1].isspace():
        return bool(_QUOTED_MARK.search(text[max(0, at - 4) : at].rstrip())) and text[at : at + 1].islower()
    if text[at].isspace():
        return bool(_QUOTED_MARK.search(text[max(0, at - 3) : at])) and text[at + 1 : at + 2].islower()
    if _SHORT_PART.search(text[max(0, at - 5) : at]) and text[at].isascii():
        return True
    return text[at - 1] in ".!?*'\"`" and (text[at].isascii() and not text[at].isupper())


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
