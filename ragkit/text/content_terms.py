"""The content of a sentence as sets that can be compared: content terms, numbers, names, negations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from ragkit.text.analyzer import analyse
from ragkit.text.analyzer import guess_language as guess_spaced_language
from ragkit.text.stopwords import STOP_WORDS

# Latin letters of the supported languages, folded: no accents, straight apostrophes removed.
_NEGATION_WORDS: Final = """
not no never none nobody nothing neither nor without cannot cant dont doesnt didnt isnt arent wasnt werent wont wouldnt
shouldnt couldnt hasnt havent hadnt mustnt nicht kein keine keinem keinen keiner keines keinerlei nie niemals niemand
nichts ohne weder pas jamais aucun aucune sans nunca jamas tampoco ningun ninguna sin mai nessuno senza não nao nenhum
niet geen nooit zonder inte aldrig ikke aldri
"""
NEGATIONS: Final = frozenset(_NEGATION_WORDS.split())
"""Negations in any of the supported languages, folded."""
_NEGATIONS_OF: Final = {"es": frozenset({"no"}), "it": frozenset({"non"}), "fr": frozenset({"ne", "n"})}
_TITLES: Final = frozenset({"mr", "mrs", "ms", "mx", "dr", "prof", "st", "hr", "fr", "sr", "sra", "mme"})
NUMBER_WORDS: Final[dict[str, str]] = {
    word: str(value)
    for value, words in {
        0: "zero null",
        1: "one eins",
        2: "two zwei deux",
        3: "three drei trois",
        4: "four vier quatre",
        5: "five fünf cinq",
        6: "six sechs",
        7: "seven sieben sept",
        8: "eight acht huit",
        9: "nine neun neuf",
        10: "ten zehn dix",
        11: "eleven elf onze",
        12: "twelve zwölf douze",
        13: "thirteen dreizehn",
        14: "fourteen vierzehn",
        15: "fifteen fünfzehn",
        16: "sixteen sechzehn",
        17: "seventeen siebzehn",
        18: "eighteen achtzehn",
        19: "nineteen neunzehn",
        20: "twenty zwanzig vingt",
        30: "thirty dreißig trente",
        40: "forty vierzig",
        50: "fifty fünfzig",
        60: "sixty sechzig",
        70: "seventy siebzig",
        80: "eighty achtzig",
        90: "ninety neunzig",
        100: "hundred hundert cent",
        1000: "thousand tausend mille",
    }.items()
    for word in words.split()
}
_TOKEN = re.compile(
    r"(?P<number>(?<![A-Za-z\d_])\d+(?:[.,'’]\d+)*(?P<suffix>st|nd|rd|th|s|m|k|bn|mn|x)?(?![A-Za-z_]))"
    r"|(?P<word>[^\W_]+(?:['’][^\W_]+)?)",
    re.IGNORECASE,
)
UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""A letter of a script that is written without blanks, or Hangul."""
_HIRAGANA = re.compile("[\u3040-\u309f]+")
_CLAUSE = re.compile(
    r"[,;:.!?()\n|–—]|\b(?:but|while|whereas|although|unless|except|however|aber|sondern|mais|pero|ma|mas|maar)\b",
    re.IGNORECASE,
)
_CLAUSE_LENGTH: Final = 200
_CODE = re.compile(r"[A-Za-z][-_/]$")
_ENDED = re.compile(r"[.!?:;\n•|。！？]")
_SCRIPTS: Final = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
)


@dataclass(frozen=True, slots=True)
class ContentTerms:
    """The comparable parts of a text.

    terms: stems of content words, pairs of letters of scripts without blanks, numbers. numbers: in one form
    ("1,234.50" is "1234.5", "fourteen" is "14"). names: terms of words that are capitalised within a sentence.
    denied: for each word that denies something, the terms that it denies (the next four of its clause, or else the two
    before it). order: the terms as they follow each other.
    """

    terms: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    order: tuple[str, ...] = ()
    denied: tuple[frozenset[str], ...] = ()


def wording(text: str, *, language: str = "en") -> ContentTerms:
    """Return the comparable parts of a text; the cost is linear in its length. language: ISO 639-1 code of the text."""
    order: list[str] = []
    numbers: set[str] = set()
    names: set[str] = set()
    negations: list[tuple[int, int]] = []  # (terms before it, end of its clause in the text)
    positions: list[int] = []
    end = 0
    titled = False
    for match in _TOKEN.finditer(text):
        if match["number"]:
            number = normal_number(match["number"].removesuffix(match["suffix"] or ""))
            if not _CODE.search(text, max(0, match.start() - 2), match.start()):  # the 201 of HP-201 is no amount
                numbers.add(number)
            found: tuple[str, ...] = (number,)
        else:
            word = match.group()
            kind, found = _word(word, language)
            if kind == "negation":
                negations.append((len(order), match.end()))
            if kind == "number":
                numbers.update(found)
            elif found and word[0].isupper() and end and (titled or not _ENDED.search(text, end, match.start())):
                names.update(found)
            titled = word.lower() in _TITLES
        order.extend(found)
        positions.extend([match.start()] * len(found))
        end = match.end()
    denied = tuple(_scope(text, order, positions, *place) for place in negations)
    return ContentTerms(frozenset(order), frozenset(numbers), frozenset(names), tuple(order), denied)


def _scope(text: str, order: list[str], positions: list[int], at: int, end: int) -> frozenset[str]:
    """Return the terms that a word of denial, before term `at` and ending at `end` in the text, denies."""
    clause = _CLAUSE.search(text, end, end + _CLAUSE_LENGTH)
    limit = clause.start() if clause else end + _CLAUSE_LENGTH
    after = [order[index] for index in range(at, min(at + 4, len(order))) if positions[index] < limit]
    return frozenset(after or order[max(0, at - 2) : at])


@lru_cache(maxsize=50_000)
def _word(word: str, language: str) -> tuple[str, tuple[str, ...]]:
    """Return the kind of a word ("negation", "number", "function", "content") and its terms."""
    lower = word.lower().replace("’", "'")
    bare = lower.replace("'", "")
    if bare in NEGATIONS or bare in _NEGATIONS_OF.get(language, ()) or lower.endswith("n't"):
        return "negation", ()
    if bare in NUMBER_WORDS:
        return "number", (NUMBER_WORDS[bare],)
    if lower in _stop_words(language) or (len(bare) == 1 and bare.isascii()):
        return "function", ()
    terms = analyse(word, language=language)
    if not lower[0].isascii() and UNSPACED.search(lower):
        # Pairs carry more meaning than single letters; hiragana by itself is grammar.
        terms = [term for term in terms if len(term) > 1 and not _HIRAGANA.fullmatch(term)] or terms
    return "content", tuple(terms)


def is_stop_word(word: str, language: str) -> bool:
    """Return whether a word in lower case is a stop word of a language (English where there is no list)."""
    return word in _stop_words(language)


@cache
def _stop_words(language: str) -> frozenset[str]:
    return frozenset(STOP_WORDS.get(language, STOP_WORDS["en"]).split())


def normal_number(word: str) -> str:
    """Return figures in one form: no thousands marks, a point before decimals, no zeros that have no value.

    "1,234.50" and "1.234,5" are both "1234.5"; "1.234" and "1,234" are both "1234" (three figures after a single mark
    are thousands), so that a comma and a point never make two different numbers of one.
    """
    figures = word.replace("'", "").replace("’", "")
    marks = [char for char in figures if char in ".,"]
    if marks:
        last = max(figures.rfind("."), figures.rfind(","))
        tail = figures[last + 1 :]
        if len(set(marks)) == 1 and (len(marks) > 1 or (len(tail) == 3 and figures[:last] != "0")):
            figures = figures.replace(".", "").replace(",", "")
        else:
            whole = figures[:last].replace(".", "").replace(",", "")
            figures = f"{whole}.{tail}".rstrip("0").rstrip(".")
    return re.sub(r"^0+(?=\d)", "", figures)


@lru_cache(maxsize=1_000)
def guess_language(text: str) -> str:
    """Return the ISO 639-1 code of a text by its script and stop words; "en" without evidence for another language."""
    head = text[:2_000]
    for code, pattern in _SCRIPTS:
        if pattern.search(head):
            return code
    return guess_spaced_language(head)
