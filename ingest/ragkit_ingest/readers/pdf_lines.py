"""Lines of PDF pages made whole: cells of one row joined, words cut at line ends joined, running lines found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ragkit_ingest.readers.pdf_tables import is_value
from ragkit_ingest.readers.pdf_text import Line

_CUT = "\ufffe"  # what pdfium leaves in place of a hyphen at the end of a line
_CUT_WORD = re.compile(r"(-?)(\w+)\ufffe\s?(\w+)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_DIGITS = re.compile(r"\d+")
_EDGE = 3  # running headers and footers are among so many lines at either end of a page
_ROMAN = re.compile(r"[ivxlc]+|[IVXLC]+")
_PAGE_NUMBER = re.compile(r"(?:page |p\. ?|[-–—|] ?)?#(?: ?(?:of|/) ?#)?(?: ?[-–—|])?", re.IGNORECASE)


@dataclass(slots=True)
class Words:
    """The words of a document, for deciding what a hyphen at a line's end was."""

    plain: set[str] = field(default_factory=set)
    hyphened: set[str] = field(default_factory=set)

    def add(self, text: str) -> None:
        for word in _WORD.findall(text.lower()):
            (self.hyphened if "-" in word else self.plain).add(word)

    def mend(self, match: re.Match[str]) -> str:
        """Return what a match of _CUT_WORD was before it was cut; after one hyphen, another is kept."""
        dash, left, right = match.groups()
        return f"-{left}-{right}" if dash else self.join(left, right)

    def join(self, left: str, right: str) -> str:
        """Return two parts of a word, cut at a line's end, as one word, with or without its hyphen."""
        whole, hyphened = (left + right).lower(), f"{left}-{right}".lower()
        if whole in self.plain:
            return left + right
        keeps = hyphened in self.hyphened or not right[0].islower() or not left[-1].isalpha() or left.isupper()
        if keeps or (left.lower() in self.plain and right.lower() in self.plain and len(left) > 2):
            return f"{left}-{right}"
        return left + right


def make_whole(pages: Sequence[list[Line] | None]) -> None:
    """Join, in place, lines that are one row, and words that were cut at the end of a line."""
    words: Words | None = None
    for page in pages:
        if not page:
            continue
        _join_rows(page)
        if words is None and any(_CUT in line.text or line.text.endswith("-") for line in page):
            words = Words()
            for other in pages:
                for line in other or ():
                    words.add(line.text)
        if words is not None:
            _join_words(page, words)


def _join_rows(page: list[Line]) -> None:
    """Join lines that stand beside each other where one of them is a value: cells of one row of a table."""
    kept: list[Line] = []
    for line in page:
        last = kept[-1] if kept else None
        if (
            last is not None
            and last.height
            and line.height
            and abs(last.bottom - line.bottom) < 0.3 * last.height
            and line.left >= last.right - 2
            and (_values_only(line.text) or _values_only(last.text))
        ):
            last.text = f"{last.text} {line.text}"
            last.right, last.bold = line.right, False
        else:
            kept.append(line)
    page[:] = kept


def _values_only(text: str) -> bool:
    return len(text) < 60 and all(is_value(token) for token in text.split())


def _join_words(page: list[Line], words: Words) -> None:
    kept: list[Line] = []
    for line in page:
        last = kept[-1] if kept else None
        if last is not None and _continues(last.text, line.text):
            last.text = f"{last.text[:-1]}{_CUT}{line.text}"
            last.right = line.right
        else:
            kept.append(line)
    for line in kept:
        if _CUT in line.text:
            line.text = _CUT_WORD.sub(words.mend, line.text).replace(_CUT, "-")
    page[:] = kept


def _continues(above: str, below: str) -> bool:
    return above.endswith("-") and above[-2:-1].isalpha() and below[:1].islower()


def running_lines(pages: Sequence[list[Line] | None]) -> list[set[int]]:
    """Return, for each page, the indexes of lines that most pages have at the same end: headers, footers, numbers."""
    seen: Counter[str] = Counter()
    keyed: list[dict[int, str]] = []
    for page in pages:
        keys = {index: _key(line.text) for index, line in _edges(page or [])}
        keyed.append(keys)
        seen.update(set(keys.values()))
    filled = sum(bool(page) for page in pages)
    enough = max(3, filled * 0.25)
    running: list[set[int]] = []
    for page, keys in zip(pages, keyed, strict=True):
        found = {index for index, key in keys.items() if key and seen[key] >= enough}
        running.append(found if page and len(found) < len(page) else set())
    return running


def _edges(page: list[Line]) -> list[tuple[int, Line]]:
    numbered = list(enumerate(page))
    return numbered if len(page) <= 2 * _EDGE else numbered[:_EDGE] + numbered[-_EDGE:]


def _key(text: str) -> str:
    """Return what stays the same of a running line from page to page; "" for a line that cannot be one."""
    key = _DIGITS.sub("#", text.strip())
    if _PAGE_NUMBER.fullmatch(key) or (len(key) <= 6 and _ROMAN.fullmatch(key)):
        return "#"
    if len(text) > 200 or key.count("#") > 3:
        return ""
    return key.lower()
