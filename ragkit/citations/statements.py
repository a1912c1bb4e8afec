"""Any text + a way to find passages -> each sentence of the text with its verdict from the documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from ragkit.citations.judges import Judge
from ragkit.citations.sources import Sources, states
from ragkit.text.cleaning import clean_text
from ragkit.text.content_terms import guess_language
from ragkit.text.sentences import sentence_spans
from ragkit.types.answers import CheckedSentence, TextCheck
from ragkit.types.hits import Hit

_MARKER: Final = re.compile(r"\s*\[\d{1,3}\](?:\[\d{1,3}\])*")
_MARKUP: Final = re.compile(r"\*\*|__|`")


def check_text(text: str, find: Callable[[str], Sequence[Hit]], *, judge: Judge | None = None) -> TextCheck:
    """Return a text with a verdict for each sentence that makes a statement.

    find: returns the passages that a sentence may rest on, best first. Citation markers and emphasis in the text are
    ignored: each sentence is compared with what `find` returns for it. judge: decides what words cannot.
    """
    text = clean_text(text)
    return TextCheck(text, tuple(_checked(text, start, end, find, judge) for start, end in _spans(text)))


def _spans(text: str) -> list[tuple[int, int]]:
    return sentence_spans(text, language=guess_language(text))


def _checked(
    text: str, start: int, end: int, find: Callable[[str], Sequence[Hit]], judge: Judge | None
) -> CheckedSentence:
    said = text[start:end]
    plain = " ".join(_MARKUP.sub("", _MARKER.sub("", said)).split())
    if not plain or not states(plain):
        return CheckedSentence(said, start, end, "")
    citation = Sources(find(plain), judge=judge).best(plain)
    return CheckedSentence(said, start, end, citation.verdict if citation else "unclear", citation)
