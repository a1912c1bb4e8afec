"""One word, as a text writes it, to its search terms: numbers, codes, compounds, stems, unspaced scripts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Final

DEFAULT_LANGUAGE: Final = "en"
TERM_LIMIT: Final = 64
"""Longest term in code points; longer ones are cut, in documents and questions alike."""
_CACHE_LIMIT: Final = 50_000
_CACHED_LENGTH: Final = 40
_RAW_LIMIT: Final = 4_096

# Scripts written without spaces: Han, kana, hangul, bopomofo; then Thai, Lao, Tibetan, Myanmar, Khmer.
_EAST: Final = (
    "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u3035\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3105-\u312f\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7fb\uf900-\ufaff"
    "\uff66-\uffdc\U00020000-\U0003ffff"
)
SOUTH: Final = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e50-\u0e59\u0e81-\u0ecd\u0ed0-\u0edf\u0f20-\u0f33\u0f40-\u0fbc\u1000-\u1049\u1050-\u109f"
    "\u1780-\u17d3\u17dc-\u17e9\ua9e0-\ua9fe\uaa60-\uaa7f"
)
# What Python's \w leaves out though it is part of words: combining marks, vowel signs, joiners, the soft hyphen.
MARKS: Final = (
    "\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u0816-\u082d\u08d3-\u0903\u093a-\u094f"
    "\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u09d7\u09e2\u09e3\u0a01-\u0a03\u0a3c-\u0a51\u0a70\u0a71\u0a75"
    "\u0a81-\u0a83\u0abc-\u0acd\u0ae2\u0ae3\u0b01-\u0b03\u0b3c-\u0b57\u0b62\u0b63\u0b82\u0bbe-\u0bcd\u0bd7\u0c00-\u0c04"
    "\u0c3e-\u0c56\u0c62\u0c63\u0c81-\u0c83\u0cbc-\u0cd6\u0ce2\u0ce3\u0d00-\u0d03\u0d3b-\u0d4d\u0d57\u0d62\u0d63"
    "\u0d81-\u0d83\u0dca-\u0ddf\u0df2\u0df3\u135d-\u135f\u18a9\u200c\u200d\u1ab0-\u1aff\u1dc0-\u1dff"
)
_PLAIN: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_UNSPACED: Final = re.compile(rf"[{_EAST}]+|[{SOUTH}]+")
_HAS_UNSPACED: Final = re.compile(rf"[{_EAST}{SOUTH}]")
_CLUSTER: Final = re.compile(r"\w\W*|\W+")
_FOLDED: Final = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u0655\u0670]")
_INVISIBLE: Final = {0xAD: None, 0x200C: None, 0x200D: None, 0x640: None}
# Superscript digits are footnote marks ("revenue²"), and fractions are no digits of the number before them.
_FIGURES: Final = re.compile("[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2079\u2080-\u2089\u2150-\u215f]+")
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th", "ħ": "h"}
)

_GROUPED: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?")
_GROUPED_BY_POINTS: Final = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}")
_DECIMAL_COMMA: Final = re.compile(r"\d+,\d{1,2}")
_MAYBE_GROUPED: Final = re.compile(r"[1-9]\d{0,2}\.\d{3}")
_VERSION: Final = re.compile(r"([a-z]{0,8}?)(\d+\.\d+(?:\.\d+)*)")
_FIRST_CUT: Final = re.compile(r"(?<=\D)[/,:]|[/,:](?=\D)")
_JOINT: Final = re.compile(r"[-.,'/:@&+_]+")
_JOINT_BUT_OF_FIGURES: Final = re.compile(r"(?<!\d)[-.,'/:@&+_]+|[-.,'/:@&+_]+(?!\d)")
_FIGURE: Final = re.compile(r"\d")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS_THEN_FIGURES: Final = re.compile(r"([a-z]{2,})(\d{2,})")
_ELISIONS: Final = re.compile(
    r"[ldjmtscn]|(?:jus|lors|puis|quoi|quel)?qu|dell|all|dall|nell|sull|coll|quell|un|gl|degl|agl", re.IGNORECASE
)
_ENDINGS: Final = frozenset(("s", "ll", "re", "ve", "d", "m"))

_ALGORITHMS: Final[Mapping[str, str]] = {
    "en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian", "nl": "dutch",
    "pt": "portuguese", "sv": "swedish", "da": "danish", "no": "norwegian", "fi": "finnish", "pl": "polish",
    "cs": "czech", "ro": "romanian", "hu": "hungarian", "tr": "turkish",
}  # fmt: skip
# Other alphabets name their stemmer themselves, whatever the language of the text around them.
_BY_SCRIPT: Final = (
    (0x370, 0x400, "greek"), (0x400, 0x530, "russian"), (0x530, 0x590, "armenian"), (0x600, 0x780, "arabic"),
    (0x900, 0x980, "hindi"), (0xB80, 0xC00, "tamil"), (0x1F00, 0x2000, "greek"),
)  # fmt: skip
LANGUAGES: Final = tuple(_ALGORITHMS)
"""The languages in Latin letters that are stemmed, as ISO 639-1 codes."""


def is_unspaced(word: str) -> bool:
    """Return whether a word has characters of a script that is written without spaces."""
    return not word.isascii() and _HAS_UNSPACED.search(word) is not None


def word_parts(word: str) -> list[str]:
    """Return the parts that slashes, commas and colons separate ("and/or"), except between digits."""
    if word.isalnum() or is_unspaced(word):
        return [word]
    return [part for part in _FIRST_CUT.split(word) if part]


class WordTerms(dict[str, str]):
    """Words to their terms, joined by spaces; filled on demand, emptied when it has grown too large.

    question: pairs of characters of an unspaced script without the single ones. ignored: words that have no terms.
    """

    def __init__(self, language: str, *, question: bool, ignored: frozenset[str] = frozenset()) -> None:
        super().__init__(dict.fromkeys(ignored, ""))
        self._language = language if language in _ALGORITHMS else DEFAULT_LANGUAGE
        self._ignored = ignored
        self._question = question

    def __missing__(self, word: str) -> str:
        terms = " ".join(dict.fromkeys(term[:TERM_LIMIT] for term in self._make(word[:_RAW_LIMIT]) if term))
        if len(word) <= _CACHED_LENGTH:
            if len(self) >= _CACHE_LIMIT:
                self.clear()
                self.update(dict.fromkeys(self._ignored, ""))
            self[word] = terms
        return terms

    def _make(self, word: str) -> Iterable[str]:
        if word.isascii():
            return _spaced_terms(word, self._language)
        clean = unicodedata.normalize("NFKC", _FIGURES.sub(" ", word).translate(_INVISIBLE))
        terms: list[str] = []
        for part in clean.split():
            terms += self._of_scripts(part)
        return terms

    def _of_scripts(self, word: str) -> Iterable[str]:
        if not _HAS_UNSPACED.search(word):
            return _spaced_terms(word, self._language)
        terms: list[str] = []
        end = 0
        for run in _UNSPACED.finditer(word):
            terms += _spaced_terms(word[end : run.start()], self._language)
            terms += _pairs(run.group(), singles=not self._question)
            end = run.end()
        return terms + _spaced_terms(word[end:], self._language)


def _pairs(run: str, *, singles: bool) -> list[str]:
    """Return neighbouring pairs of characters (with their marks), and single ones when asked or when alone."""
    clusters = _CLUSTER.findall(_fold(run))
    pairs = [first + second for first, second in pairwise(clusters)]
    return clusters + pairs if singles or not pairs else pairs


def _spaced_terms(word: str, language: str) -> list[str]:
    if _PLAIN.fullmatch(word):
        return [_stem(word.lower(), language)]
    word = _without_apostrophes(word)
    ending = word[-2:] if word.endswith("++") else word[-1:] if word.endswith("#") else ""
    if ending:
        base = word.removesuffix(ending)
        return [base.lower() + ending, *(_spaced_terms(base, language) if len(base) > 1 else [])]
    if not word or word.isdigit():
        return [word] if word else []
    number = _number(word)
    if number:
        return number
    terms: list[str] = []
    for part in _FIRST_CUT.split(word):
        terms += _compound(part, language)
    return terms


def _without_apostrophes(word: str) -> str:
    """Drop a possessive or contracted ending and an elided article; join what is left ("O'Brien's" gives OBrien)."""
    word = word.translate({0x2019: "'", 0x2BC: "'", 0xFF07: "'", 0x2010: "-", 0x2011: "-"})
    if "'" not in word:
        return word
    parts = word.split("'")
    if parts[-1].lower() in _ENDINGS:
        parts.pop()
    if len(parts) > 1 and _ELISIONS.fullmatch(parts[0]):
        del parts[0]
    return "".join(parts)


def _number(word: str) -> list[str]:
    """Return the terms of a number in digits: no thousands separators, a decimal point; [] for anything else."""
    if not word[0].isdigit() or not word[-1].isdigit():
        return []
    if _GROUPED.fullmatch(word):
        return [word.replace(",", "")]
    if _GROUPED_BY_POINTS.fullmatch(word):
        return [word.replace(".", "").replace(",", ".")]
    if _DECIMAL_COMMA.fullmatch(word):
        return [word.replace(",", ".")]
    if _MAYBE_GROUPED.fullmatch(word):
        return [word, word.replace(".", "")]
    return []


def _compound(word: str, language: str) -> list[str]:
    """Return the whole word, and its pieces if it is a compound, a name in camelCase or snake_case, or a code."""
    lower = word.lower()
    version = _VERSION.fullmatch(lower)
    if version:
        prefix, figures = version.groups()
        major_minor = ".".join(figures.split(".")[:2])
        return list(dict.fromkeys([lower, figures, major_minor])) if prefix or figures != major_minor else [figures]
    pieces = [piece for part in _JOINT.split(word) for piece in _CAMEL.split(part) if piece]
    if not pieces:
        return []
    if len(pieces) == 1:
        return _single(pieces[0].lower(), language)
    whole = _JOINT_BUT_OF_FIGURES.sub("", lower)
    terms = [_fold(whole) if _FIGURE.search(whole) else _stem(whole, language)]
    for piece in pieces:
        if len(piece) > 1 or piece.isdigit():
            terms += _single(piece.lower(), language)
    return terms


def _single(piece: str, language: str) -> list[str]:
    if not _FIGURE.search(piece):
        return [_stem(piece, language)]
    split = _LETTERS_THEN_FIGURES.fullmatch(piece)
    return [piece, *split.groups()] if split else [_fold(piece)]


@cache
def _stemmer(algorithm: str) -> Callable[[str], str]:
    import Stemmer

    stem: Callable[[str], str] = Stemmer.Stemmer(algorithm, 0).stemWord
    return stem


def _stem(word: str, language: str) -> str:
    """Return the folded stem of a lower-case word. Only English loses accents before its stemmer."""
    if word.isascii() and len(word) < 3:
        return word
    first = ord(word[0])
    if first >= 0x370:
        for low, high, algorithm in _BY_SCRIPT:
            if low <= first < high:
                return _fold(_stemmer(algorithm)(word))
    if language == DEFAULT_LANGUAGE:
        return _stemmer("english")(_fold(word))
    return _fold(_stemmer(_ALGORITHMS[language])(word))


def _fold(term: str) -> str:
    """Drop case and diacritics; marks that are vowels (Indic and other scripts) stay."""
    if term.isascii():
        return term.lower()
    bare = _FOLDED.sub("", unicodedata.normalize("NFD", term.lower().translate(_LETTERS)))
    return unicodedata.normalize("NFC", bare)
