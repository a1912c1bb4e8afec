"""Lines of PDF pages made whole: cells of one row joined, words cut at line ends joined."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit_ingest.readers.pdf.tables.runs import is_value
from ragkit_ingest.readers.pdf.text import Line

_CUT = "\ufffe"  # what pdfium leaves in place of a hyphen at the end of a line
_CUT_WORD = re.compile(r"(-?)(\w+)\ufffe\s?(\w+)")
_SPLIT = re.compile(r"\ufffe\s?|-\n")
_LAST_WORD, _FIRST_WORD = re.compile(r"\w+$"), re.compile(r"\w+")
_LONGEST = 60  # letters of a word's first part that are looked at
_BEFORE_HYPHEN = re.compile(
    "first|four|full|half|high|long|low|near|non|second|self|short|state|three|two|third|well|year", re.IGNORECASE
)
_LETTER = r"[^\W\d_]"
_WORD = re.compile(rf"{_LETTER}+(?:-{_LETTER}+)*")
_RUNS_INTO, _RUNS_ON = re.compile(rf"{_LETTER}-?\Z"), re.compile(rf"-?{_LETTER}")
_LOOKS, _CALL = 30_000, 250  # places that are looked at one by one; a search of the text costs as much as so many
_ENDED = re.compile(r"[.!?:;…。！？][\"'”’»)\]]*[\d¹²³⁴⁵⁶⁷⁸⁹⁰]*$")
_ITEM = re.compile(r"[•●▪◦‣■□*·–-]\s|\(?\w{1,3}[.)]\s")
_SENTENCE_LINE = 12  # letters
_FULL_LINE = 45


class Words:
    """The words of a document, to decide what a hyphen at a line's end was; each is looked up on demand."""

    def __init__(self) -> None:
        self._text = ""
        self._known: dict[str, bool] = {}
        self._all: set[str] = set()
        self._looked = 0  # places of the text at which words were looked for
        self._cuts = 0  # words known to have been cut, less those known to have a hyphen

    def add(self, text: str) -> None:
        """Add text whose words count."""
        self._text = f"{self._text}\n{text.lower()}"
        self._known.clear()
        self._all.clear()

    def __contains__(self, word: str) -> bool:
        """Tell whether a word in small letters, with its hyphens if it has any, stands somewhere by itself."""
        if self._looked > _LOOKS:  # cheaper now than looking through the text for each word
            self._all = self._all or set(_WORD.findall(self._text))
            return word in self._all
        known = self._known.get(word)
        if known is None:
            known = self._known[word] = self._stands_alone(word)
        return known

    def _stands_alone(self, word: str) -> bool:
        at = self._text.find(word)
        self._looked += _CALL
        while at >= 0:
            self._looked += 1
            end = at + len(word)
            if not _RUNS_INTO.search(self._text[max(at - 2, 0) : at]) and not _RUNS_ON.match(self._text, end):
                return True
            at = self._text.find(word, at + 1)
        return False

    def learn(self, text: str) -> None:
        """Take a document's text: its words count, but not the parts of those cut at a line's end, which tell whether
        the document cuts words there, or has only hyphens that belong to words."""
        pairs: list[tuple[str, str]] = []
        kept: list[str] = []
        at = 0
        for cut in _SPLIT.finditer(text):
            left = _LAST_WORD.search(text, max(cut.start() - _LONGEST, at), cut.start())
            right = _FIRST_WORD.match(text, cut.end())
            if left is not None and right is not None:
                kept.append(text[at : left.start()])
                pairs.append((left[0].lower(), right[0].lower()))
                at = right.end()
        self.add(" ".join([*kept, text[at:]]))
        for before, behind in pairs:
            if before + behind in self:
                self._cuts += 1
            elif f"{before}-{behind}" in self or (before in self and behind in self):
                self._cuts -= 1

    def mend(self, match: re.Match[str]) -> str:
        """Return what a match of _CUT_WORD was before it was cut; after one hyphen, another is kept."""
        dash, left, right = match.groups()
        return f"-{left}-{right}" if dash else self.join(left, right)

    def join(self, left: str, right: str) -> str:
        """Return two parts of a word, cut at a line's end, as one word, with or without its hyphen."""
        if (left + right).lower() in self:
            return left + right
        keeps = not right[0].islower() or not left[-1].isalpha() or left.isupper() or f"{left}-{right}".lower() in self
        if keeps or (len(left) > 2 and left.lower() in self and right.lower() in self):
            return f"{left}-{right}"
        return f"{left}-{right}" if self._cuts < 0 or _BEFORE_HYPHEN.fullmatch(left) else left + right


def make_whole(pages: Sequence[list[Line] | None]) -> Words:
    """Join, in place, lines that are one row, and words that were cut at the end of a line; return the words known."""
    words: Words | None = None
    for page in pages:
        if not page:
            continue
        _join_rows(page)
        if words is None and any(_CUT in line.text or line.text.endswith("-") for line in page):
            words = Words()
            words.learn("\n".join(line.text for other in pages for line in other or ()))
        if words is not None:
            _join_words(page, words)
    return words or Words()


def _join_rows(page: list[Line]) -> None:
    """Join lines that stand beside each other where one of them is a value: cells of one row of a table."""
    kept: list[Line] = []
    for line in page:
        last = kept[-1] if kept else None
        if (
            last is not None
            and line.left >= last.right - 2
            and abs(last.bottom - line.bottom) < 0.3 * last.height
            and line.height
            and not (line.cells or last.cells)
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
        if (
            last is not None
            and last.text.endswith("-")
            and not (line.cells or last.cells or line.note)
            and ends_in_hyphen(last.text, line.text)
        ):
            last.text = f"{last.text[:-1]}{_CUT}{line.text}"
            last.right = line.right
        else:
            kept.append(line)
    for line in kept:
        if _CUT in line.text:
            line.cells = tuple(_CUT_WORD.sub(words.mend, cell).replace(_CUT, "-") for cell in line.cells)
            line.text = _CUT_WORD.sub(words.mend, line.text).replace(_CUT, "-")
    page[:] = kept


def ends_in_hyphen(above: str, below: str) -> bool:
    """Tell whether a word is cut between two lines."""
    return above.endswith("-") and above[-2:-1].isalpha() and below[:1].islower()


def continues(above: Line, below: Line, *, right: float) -> bool:
    """Tell whether a sentence continues from one line to another that is not below it: in the next column or on
    the next page. right: where full lines of the upper one end."""
    if above.height and below.height and abs(above.height - below.height) > 0.12 * above.height:
        return False
    if _ENDED.search(above.text) or not above.text:
        return False
    if below.text[:1].islower() or above.text.endswith((",", "-")):
        return len(above.text) >= _SENTENCE_LINE and not _ITEM.match(below.text)
    full = len(above.text) >= _FULL_LINE and above.right > 0.9 * right
    return full and below.text[:1].isalnum() and len(below.text) >= _FULL_LINE and not _ITEM.match(below.text)
