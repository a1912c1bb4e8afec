"""Lines of PDF pages made whole: cells of one row joined, words cut at line ends joined, running lines found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ragkit_ingest.readers.pdf.tables import is_value
from ragkit_ingest.readers.pdf.text import Line

_CUT = "\ufffe"  # what pdfium leaves in place of a hyphen at the end of a line
_CUT_WORD = re.compile(r"(-?)(\w+)\ufffe\s?(\w+)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_COUNTING = re.compile(r"(?<=page )\d{1,5}(?!\d)|^\d{1,5}(?![\d.,])|(?<![\d.,$€£])\d{1,5}$", re.IGNORECASE)
_PAGES = 3  # a line on fewer pages than this is not running
_RUNNING_LENGTH = 200
_EDGE = 3  # running headers and footers are among so many lines at either end of a page
_ROMAN = re.compile(r"[ivxlc]+|[IVXLC]+")


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
    """Return, for each page, the indexes of lines that many pages have at the same end: headers, footers, numbers."""
    seen: Counter[str] = Counter()
    keyed: list[dict[int, tuple[str, str]]] = []
    for number, page in enumerate(pages):
        keys = {index: (_same(line.text), _counting(line.text, number)) for index, line in _edges(page or [])}
        keyed.append(keys)
        seen.update({key for pair in keys.values() for key in pair if key})
    enough = max(_PAGES, sum(bool(page) for page in pages) * 0.25)
    running: list[set[int]] = []
    for page, keys in zip(pages, keyed, strict=True):
        found = {i for i, (same, counting) in keys.items() if seen[same] >= enough or seen[counting] >= _PAGES}
        running.append(found if page and len(found) < len(page) else set())
    return running


def _edges(page: list[Line]) -> list[tuple[int, Line]]:
    numbered = list(enumerate(page))
    return numbered if len(page) <= 2 * _EDGE else numbered[:_EDGE] + numbered[-_EDGE:]


def _same(text: str) -> str:
    """Return what two running lines of the same words have in common; "" for a line too long to be one."""
    return text.lower() if len(text) <= _RUNNING_LENGTH else ""


def _counting(text: str, page: int) -> str:
    """Return what lines have in common whose number grows with the pages: it is told as its distance from the page's.

    "" for a line without a number at either end or after the word "page".
    """
    if len(text) <= 6 and _ROMAN.fullmatch(text):
        return "@roman"
    match = _COUNTING.search(text) if len(text) <= _RUNNING_LENGTH else None
    if match is None:
        return ""
    return f"@{text[: match.start()]}@{int(match.group()) - page}{text[match.end() :]}".lower()
