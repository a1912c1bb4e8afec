"""Question -> what a piece must be about to answer it: years, versions, codes, names, and the kind of answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ragkit.chat.extractive.intent import Question
from ragkit.text.content_terms import NUMBER_WORDS, is_stop_word
from ragkit.types.hits import Hit

_CODE: Final = re.compile(
    r"(?<![\w.])(?=[\w.-]*\d)(?:[A-Za-z]+[-_ ]?\d[\w-]*(?:\.\d+)*|\d+[A-Za-z][\w-]*|\d+(?:\.\d+)+)(?![\w])"
)
_LABELLED: Final = re.compile(r"\b[A-Z][A-Za-z]{2,} \d{2,}(?![\w.]*\d)")
_YEAR: Final = re.compile(r"(?<![\d.,])(?:1[5-9]|20)\d\d(?![\d.,]*\d)")
_NAME: Final = re.compile(r"(?<![\w'’.])[A-Z][\w&+#]*(?:[-.][A-Za-z]\w*)*")
_LATIN: Final = re.compile(r"(?<![\w-])[A-Za-z][A-Za-z\d.+#-]{2,}")
_WIDE: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD: Final = re.compile(r"\w+")
_OPENS: Final = re.compile(r"[.!?:;。！？：\n\"“(]\s*$")
_QUANTITY: Final = re.compile(
    r"\d|\b(?:no|none|any|all|both|half|twice|once|unlimited|several|many|single|double|kein\w*|alle|beide|"
    + "|".join(sorted(NUMBER_WORDS))
    + r")\b|[零一二两三四五六七八九十百千万]",
    re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"""\d|\b(?:january|february|march|april|may|june|july|august|september|october|november|december
    |(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow|yesterday|now|daily|weekly|monthly|yearly|annually
    |when(?:ever)?|after|before|once|until|during|while|if|every|as\s+soon|first|last|next|century|year|month|week|day
    |hour|minute|immediately|always|never|wenn|sobald|nach|vor|bis|jed\w+|morgens|abends|quand|après|avant|lorsque)\b
    |[年月日时時]""",
    re.IGNORECASE | re.VERBOSE,
)
_PERSON: Final = re.compile(
    r"(?<!^)\b[A-Z][a-z]+|@|\b(?:you|your|we|our|i|they|he|she|it|team|staff|manager|supervisor|office|department|"
    r"admin\w*|owner|author|user|customer|employee|people|person|everyone|anyone|company|group|committee|\w+ers?|\w+ors?)\b",
)
_SHORT: Final = 5
_LONG: Final = 8


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a question names. codes: codes, versions and years in one form; names: words in lower case."""

    codes: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, question: Question) -> Constraints:
        """Read the constraints of a question: not those of the turns before it."""
        text = question.text
        codes = {normal_code(match.group()) for match in _CODE.finditer(text)}
        codes |= {match.group() for match in _YEAR.finditer(text)}
        codes |= {match.group().split()[-1].lstrip("0") for match in _LABELLED.finditer(text)}
        return cls(frozenset(code for code in codes if len(code) > 1), frozenset(_names(text, question.language)))

    def missing_codes(self, *texts: str) -> frozenset[str]:
        """Return the codes, versions and years that none of the texts has."""
        if not self.codes:
            return frozenset()
        held = frozenset[str]().union(*(codes_of(text) for text in texts))
        return frozenset(code for code in self.codes if not _holds(held, code))

    def missing_names(self, *texts: str) -> frozenset[str]:
        """Return the names that none of the texts has, not even with a slip of the pen."""
        if not self.names:
            return frozenset()
        words = frozenset[str]().union(*(_words(text) for text in texts))
        return frozenset(name for name in self.names if not has_word(name, words))


def _names(text: str, language: str) -> set[str]:
    """Return words with a capital within a sentence (not in German, which gives each noun one), Latin ones in others."""
    if _WIDE.search(text):
        return {match.group().lower() for match in _LATIN.finditer(text) if not any(c.isdigit() for c in match.group())}
    if language == "de":
        return set()
    words = text.split()
    if sum(word[:1].isupper() for word in words) > len(words) * 0.6:
        return set()  # a title: each word has a capital
    return {
        match.group().lower()
        for match in _NAME.finditer(text)
        if match.start() and not _OPENS.search(text[: match.start()]) and not _is_small(match.group(), language)
    }


def _is_small(word: str, language: str) -> bool:
    return len(word) < 2 or is_stop_word(word.lower(), language) or any(char.isdigit() for char in word)


def normal_code(text: str) -> str:
    """Return a code in one form: no case, no hyphens, blanks or underscores ("E-1047", "e 1047" and "E1047" are one)."""
    return re.sub(r"[-_ ]", "", text.lower()).removeprefix("v") if text[:1] in "vV" else re.sub(
        r"[-_ ]", "", text.lower()
    )


@lru_cache(maxsize=512)
def codes_of(text: str) -> frozenset[str]:
    """Return the codes, versions, years and numbers of a text, each in the form of `normal_code`."""
    found = {normal_code(match.group()) for match in _CODE.finditer(text)}
    found.update(number.lstrip("0") for number in re.findall(r"(?<![\d.])\d+(?![\d]|\.\d)", text))
    found.update(re.findall(r"\d+(?:\.\d+)+", text))
    return frozenset(found)


def _holds(held: frozenset[str], code: str) -> bool:
    """Return whether a code is held; a version also where a longer one begins with it ("3.7" in "3.7.9")."""
    if code in held:
        return True
    return "." in code and any(other.startswith(f"{code}.") for other in held)


@lru_cache(maxsize=512)
def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in re.findall(r"[A-Za-z][\w+#]*|\w+", text))


def has_word(word: str, words: Iterable[str]) -> bool:
    """Return whether a word, its parts, or a form of it that differs by a slip of the pen is among some words."""
    held = words if isinstance(words, frozenset) else frozenset(words)
    parts = [part.lower() for part in _WORD.findall(word)] or [word]
    return all(part in held or _nearly(part, held) for part in parts)


def _nearly(word: str, held: frozenset[str]) -> bool:
    if len(word) < _SHORT:
        return any(other.startswith(word) for other in held if len(other) <= len(word) + 2)
    allowed = 1 if len(word) < _LONG else 2
    return any(
        other.startswith(word[:-1]) or (abs(len(other) - len(word)) <= allowed and other[0] == word[0]
        and _distance(word, other, allowed) <= allowed)
        for other in held
        if len(other) > 2
    )


def _distance(one: str, other: str, limit: int) -> int:
    """Return the edit distance of two words (a swap of neighbours is one edit), or more than the limit."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, char in enumerate(one, 1):
        older, before, row = before, row, [at]
        for place, held in enumerate(other, 1):
            cost = min(before[place] + 1, row[-1] + 1, before[place - 1] + (char != held))
            if at > 1 and place > 1 and char == other[place - 2] and one[at - 2] == held:
                cost = min(cost, older[place - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def around(hit: Hit) -> str:
    """Return what stands about a passage: title, headings, columns, source and metadata."""
    held = " ".join(f"{key} {value}" for key, value in hit.metadata.items())
    return f"{hit.title}\n{hit.heading}\n{hit.context}\n{hit.source}\n{held}"


def gives_kind(question: Question, piece: str) -> bool:
    """Return whether a piece can hold the kind of answer that is asked for: a time, an amount, a person."""
    if "date" in question.kinds and not _TIME.search(piece):
        return False
    if question.kinds & {"figure", "money"} and not (_QUANTITY.search(piece) or _TIME.search(piece)):
        return False
    return not ("who" in question.kinds and not _WIDE.search(piece) and not _PERSON.search(piece))
