"""Question words: whether a question wants an address, words that carry no content, and texts that quote a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_ADDRESS: Final = re.compile(
    r"""\b(?:links?|ur[il]s?(?!\s+(?!(?:of|for|to|is|are|do|does|can|should|where|in)\b)\w)|web\s?(?:sites?|pages?|address(?:es)?)|home\s?pages?|e-?mail(?:\s+address(?:es)?)?|mail
    |where\s+(?:can|do|could|should|would|is|are)\b | adressen? | webseiten? | liens? | enlaces? | indirizz[oi]
    |wo\s+(?:finde|kann|ist|gibt|steht|sind)|o[uù]\s+(?:trouver|puis|est) | d[oó]nde | download(?:en|ed)?)\b
    |网址|链接|地址|邮箱|哪里|哪儿|リンク|どこ|주소|어디""",
    re.IGNORECASE | re.VERBOSE,
)

ASKING_WORDS_ZH: Final = (
    "请问|为什么|为何|什么时候|何时|什么|怎么样|怎么|怎样|如何|哪一个|哪些|哪个|哪里|哪儿|哪|多少个|多少|是不是|能不能"
    "|可不可以|能否|是否|有没有|可以|应该"
)
"""Chinese question words, joined for a pattern, longer ones first. They cannot be stop words: the index holds pairs of
letters, which run across them."""

_CHINESE: Final = re.compile(f"{ASKING_WORDS_ZH}|(?<!目)的|(?<=[项题节栏数科]目)的|[吗呢吧啊]")
_LEAST_ECHOED: Final = 4
"""Words of a question from which on its wording in a text is no coincidence."""
_LABEL: Final = re.compile(r"[\W\d_]*(?:(?:q|f|faq|question|frage|pregunta|domanda)\b[\W\d_]*)?", re.IGNORECASE)
"""What may stand before the question that an answer follows: a number, a bullet, "Q:"."""
_QUESTION_BELOW: Final = re.compile(r"\W*\n\W*[^\n]*[?？][^\w\n]*(?:\([^)\n]*\))?\s*(?:\n|$)")
_MARKS: Final = "\"'“”„«»‘’`‹›「」『』"
_ALSO_ASCII: Final = "\u0130\u0131\u017f\u212a"
"""The letters beyond ASCII that a pattern takes for one of ASCII when it ignores case: two of i, one of s, one of k."""
_KANA: Final = re.compile("[\u3040-\u30ff]")


def without_asking_words(question: str) -> str:
    """Return a question with a blank for each Chinese question word; unchanged if it is Japanese, or has no other
    words.

    Other languages come back as they are, too: their stop words are left out where a question is analysed.
    """
    if _KANA.search(question):
        return question
    bare = _CHINESE.sub(" ", question)
    return bare if any(map(str.isalnum, bare)) else question


def wants_address(question: str) -> bool:
    """Return whether a question asks where something is, or for a link or an address."""
    return bool(_ADDRESS.search(question))


def echoes(question: str, text: str) -> list[tuple[int, int]]:
    """Return the spans, in order, where a text quotes a question word for word and does not go on to answer it.

    That is within quotation marks after other words of the line, as in a command, a call or a test, and right above
    another question, as in a table of contents. A question of fewer than four words is echoed nowhere.
    """
    wording = _wording(question)
    if wording is None or not _may_hold(text, wording.plain):
        return []
    return [found.span() for found in wording.pattern.finditer(text) if _is_echo(text, *found.span())]


@dataclass(frozen=True, slots=True)
class _Wording:
    """The pattern of a question word for word, and its ASCII words in lower case, the longest first."""

    pattern: re.Pattern[str]
    plain: tuple[bytes, ...]


@lru_cache(maxsize=64)
def _wording(question: str) -> _Wording | None:
    words = re.findall(r"\w+", question)
    if len(words) < _LEAST_ECHOED:
        return None
    pattern = re.compile(r"(?<!\w)" + r"\W+".join(map(re.escape, words)) + r"(?!\w)", re.IGNORECASE)
    plain = sorted({word.lower().encode() for word in words if word.isascii()}, key=lambda word: (-len(word), word))
    return _Wording(pattern, tuple(plain))


def _may_hold(text: str, plain: Sequence[bytes]) -> bool:
    """Return False where a text lacks one of the words, as most do: this is quicker than the search for the pattern."""
    if not text.isascii() and any(letter in text for letter in _ALSO_ASCII):
        return True
    low = text.encode("ascii", "replace").lower()
    return all(word in low for word in plain)


def _is_echo(text: str, start: int, end: int) -> bool:
    ended = text[end : end + 1] in "?？"
    after = text[end + ended : end + ended + 1]
    quoted = bool(after) and after in _MARKS and text[:start].endswith(tuple(_MARKS))
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if quoted:
        return not _LABEL.fullmatch(line)
    return ended and bool(after) and bool(_LABEL.fullmatch(line)) and bool(_QUESTION_BELOW.match(text, end + 1))
