"""What a sentence says, as sets that can be compared: content terms, numbers, names, and whether it denies."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from ragkit.wordlists import FUNCTION_WORDS, NEGATIONS, NUMBER_WORDS

LANGUAGES: Final[dict[str, str]] = {
    "en": "english",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
}
"""ISO 639-1 code -> Snowball stemmer, for the languages whose function words are known here."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"\d[\d.,'’]*\d|\d|[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]+(?:['’][^\W\d_{_UNSPACED}]+)?")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]")
_DENIED_SUFFIX = re.compile(r"n['’]t$", re.IGNORECASE)
_APOSTROPHE = re.compile(r"['’].*$")


@dataclass(frozen=True, slots=True)
class Wording:
    """The comparable parts of a text.

    terms: stems of content words, bigrams of scripts without blanks, numbers. numbers: in one form ("1,234.50" is
    "1234.5", "fourteen" is "14"). names: stems of words that are capitalised within a sentence. negated: how many words
    deny something.
    """

    terms: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    negated: int


def wording(text: str, *, language: str = "en") -> Wording:
    """Return what a text says. The cost is linear in its length."""
    terms: set[str] = set()
    numbers: set[str] = set()
    names: set[str] = set()
    negated = 0
    stop = FUNCTION_WORDS.get(language, FUNCTION_WORDS["en"])
    previous_end = 0
    for match in _WORD.finditer(text):
        word = match.group()
        if word[0].isdigit():
            number = normal_number(word)
            numbers.add(number)
            terms.add(number)
        elif _UNSPACED_RUN.match(word):
            terms.update(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        else:
            folded = fold(word)
            if folded in NEGATIONS or _DENIED_SUFFIX.search(word):
                negated += 1
                previous_end = match.end()
                continue
            bare = _APOSTROPHE.sub("", folded)
            if bare in NUMBER_WORDS:
                numbers.add(NUMBER_WORDS[bare])
                terms.add(NUMBER_WORDS[bare])
            elif bare and bare not in stop:
                stem = _stem(bare, language)
                terms.add(stem)
                if word[0].isupper() and not _starts_sentence(text, previous_end, match.start()):
                    names.add(stem)
        previous_end = match.end()
    return Wording(frozenset(terms), frozenset(numbers), frozenset(names), negated)


def _starts_sentence(text: str, previous_end: int, start: int) -> bool:
    between = text[previous_end:start]
    return previous_end == 0 or any(mark in between for mark in ".!?:\n•|")


def normal_number(word: str) -> str:
    """Return digits in one form: no thousands marks, a point before decimals, no zeros at either end of no value.

    "1,234.50" and "1.234,5" are both "1234.5"; "1.234" and "1,234" are both "1234" (three digits after a mark are
    thousands), so that a comma and a point never make two different numbers of one.
    """
    digits = word.replace("'", "").replace("’", "")
    marks = [char for char in digits if char in ".,"]
    if marks:
        last = max(digits.rfind("."), digits.rfind(","))
        tail = digits[last + 1 :]
        grouped = len(set(marks)) == 1 and (len(marks) > 1 or (len(tail) == 3 and digits[:last] != "0"))
        if grouped:
            digits = digits.replace(".", "").replace(",", "")
        else:
            whole = digits[:last].replace(".", "").replace(",", "")
            digits = f"{whole}.{tail}".rstrip("0").rstrip(".")
    return digits.lstrip("0") or "0"


def fold(word: str) -> str:
    """Return a word in lower case without its accents, with straight apostrophes."""
    lowered = word.casefold().replace("’", "'")
    if lowered.isascii():
        return lowered
    return "".join(char for char in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(char))


@lru_cache(maxsize=50_000)
def _stem(word: str, language: str) -> str:
    return str(_stemmer(language).stemWord(word))


@cache
def _stemmer(language: str) -> Any:
    import Stemmer

    return Stemmer.Stemmer(LANGUAGES.get(language, "english"))


@lru_cache(maxsize=1_000)
def guess_language(text: str) -> str:
    """Return the ISO 639-1 code of a text by its function words and script: one of LANGUAGES, "ja", "zh" or "ko".

    English where nothing speaks for another one. Meant for questions and passages, not for single names.
    """
    for code, pattern in (("ja", "[\u3040-\u30ff]"), ("ko", "[\uac00-\ud7af]"), ("zh", "[\u4e00-\u9fff]")):
        if re.search(pattern, text[:2_000]):
            return code
    words = [_APOSTROPHE.sub("", fold(word)) for word in re.findall(r"[^\W\d_]+", text[:2_000])]
    counts = {code: sum(word in known for word in words) for code, known in FUNCTION_WORDS.items()}
    best = max(counts, key=lambda code: (counts[code], code == "en"))
    return best if counts[best] > counts["en"] else "en"
