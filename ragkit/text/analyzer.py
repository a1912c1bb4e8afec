"""Text to search terms: one analysis for documents and questions, so that both sides always meet.

A term is lower case, without diacritics, stemmed by its language. Codes and numbers stay whole and are split too
("ERR-4012" gives err4012, err, 4012; "1,646" gives 1646). Scripts without spaces give pairs of neighbouring characters
(as Lucene's CJKAnalyzer does), and single ones in documents. Stop words are kept apart: a question is searched by them
only when it has no other words.

A stem depends on the language of its text, which `guess_language` finds by stop words. A question is stemmed in each
language that the index holds (`analyse_question`), so a wrong guess never hides a document.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Final, NamedTuple

from ragkit.text.stopwords import STOP_WORDS
from ragkit.text.terms import DEFAULT_LANGUAGE, LANGUAGES, MARKS, SOUTH, WordTerms, is_unspaced, word_parts

__all__ = [
    "DEFAULT_LANGUAGE",
    "LANGUAGES",
    "Analysed",
    "Question",
    "analyse",
    "analyse_question",
    "analyse_text",
    "guess_language",
    "question_parts",
]

_GUESS_WORDS: Final = 400
_FEW_WORDS: Final = 12
_ENOUGH: Final = 0.2
_ASCII_WORD: Final = re.compile(r"[A-Za-z0-9_]+(?:[-.,'/:@&+][A-Za-z0-9_]+)*(?:\+\+|#)?")
_ANY_WORD: Final = re.compile(
    rf"[\w{SOUTH}{MARKS}]+(?:[-.,'’ʼ＇/:@&+\u2010\u2011\uff0e\uff0c][\w{SOUTH}{MARKS}]+)*(?:\+\+|#)?"
)


class Analysed(NamedTuple):
    """The content terms of a text and its stop words, each joined by single spaces, in the order of the text."""

    language: str
    terms: str
    stop_words: str


class Question(NamedTuple):
    """The content terms of a question with their counts, in its order; its stop words if it has no content term."""

    terms: dict[str, int]
    stop_words: dict[str, int]


def analyse(text: str, *, language: str | None = None) -> list[str]:
    """Return the content terms of a text in its order, with repetitions; its stop words if it has no others."""
    analysed = analyse_text(text, language=language)
    return (analysed.terms or analysed.stop_words).split()


def analyse_text(text: str, *, language: str | None = None) -> Analysed:
    """Return the terms that an index stores for a text; the language is guessed when it is None."""
    words = _words(text)
    language = language or _guess(words)
    plain = _plain_forms(language)
    return Analysed(
        language,
        " ".join(filter(None, map(_terms_of(language).__getitem__, words))),
        " ".join([plain[word] for word in words if word in plain]),
    )


def guess_language(text: str) -> str:
    """Return the language of a text, one of `LANGUAGES`, by its stop words; English without evidence."""
    return _guess(_words(text))


def analyse_question(text: str, *, languages: Iterable[str] = (DEFAULT_LANGUAGE,)) -> Question:
    """Return the terms of a question, stemmed in every one of the languages given.

    languages: those that the index holds, the most frequent first. Stop words are those of the question's own language.
    A script without spaces gives pairs of characters, and a single character only where it stands alone.
    """
    words = _words(text)
    present = list(dict.fromkeys(languages)) or [DEFAULT_LANGUAGE]
    functional = _function_forms(_guess(words, likely=present))
    content = [word for word in words if word not in functional]
    terms = Counter(term for word in content or words for term in _variants(word, present))
    return Question(dict(terms), {} if content else dict(Counter(map(_plain, words))))


def _variants(word: str, languages: Sequence[str]) -> Iterable[str]:
    if len(languages) == 1:
        return dict.fromkeys(_terms_of(languages[0], question=True)[word].split())
    made = (_terms_of(language, question=True)[word] for language in languages)
    return dict.fromkeys(term for terms in made for term in terms.split())


def question_parts(text: str, *, languages: Sequence[str]) -> list[tuple[str, dict[str, list[str]]]]:
    """Return the content words of a question in their order, as written and as terms by language, its own first.

    The terms of a word are the whole word and then, for a compound, a code or a name in camelCase, its pieces. They are
    alternatives: a caller counts either the whole or the pieces. languages: those that the index holds.
    """
    words = _words(text)
    own = _guess(words, likely=languages) if len(languages) > 1 else languages[0]
    functional = _function_forms(own)
    spoken = list(dict.fromkeys([own, *languages]))
    found: list[tuple[str, dict[str, list[str]]]] = []
    for part in chain.from_iterable(map(word_parts, words)):
        if part not in functional:
            terms = {language: _terms_of(language, question=True)[part].split() for language in spoken}
            found += [(part, made) for made in (_alternatives(terms) if is_unspaced(part) else [terms])]
    return [(part, terms) for part, terms in found if any(terms.values())]


def stem_of(language: str) -> Callable[[str], str]:
    """Return the function that gives the term of a plain word in a language, as a question is analysed."""
    return _terms_of(language, question=True).__getitem__


def foreign_language(text: str, *, languages: Collection[str]) -> str | None:
    """Return the language of a question where it is clearly none of some languages, else None."""
    words = _words(text)
    language = _guess(words, likely=list(languages))
    if language in languages:
        return None
    said = [share for word in words for name, share in _stop_words().get(word, ()) if name == language]
    return language if len(said) > 1 and sum(said) >= 1.0 else None


def _alternatives(terms: Mapping[str, list[str]]) -> list[dict[str, list[str]]]:
    """Return each pair of characters of an unspaced script as a word of its own; it is the same in every language."""
    return [{language: [term] for language in terms} for term in next(iter(terms.values()))]


def _words(text: str) -> list[str]:
    """Return the words of a text as written; in lower case where the whole text is in capitals."""
    if text.isupper():
        text = text.lower()
    pattern = _ASCII_WORD if text.isascii() else _ANY_WORD
    words: list[str] = pattern.findall(text)
    return words


# ------------------------------------------------------------------ languages


@cache
def _stop_words() -> dict[str, tuple[tuple[str, float], ...]]:
    """Return each stop word in Latin letters with its languages and its weight as evidence for each."""
    owners: dict[str, list[str]] = {}
    for language in LANGUAGES:
        for word in dict.fromkeys(STOP_WORDS[language].split()):
            owners.setdefault(word, []).append(language)
    weighed: dict[str, tuple[tuple[str, float], ...]] = {}
    for word, languages in owners.items():
        share = tuple((language, 1.0 / len(languages)) for language in languages)
        weighed[word] = weighed[word.capitalize()] = share
    return weighed


def _guess(words: Sequence[str], *, likely: Sequence[str] = ()) -> str:
    known = _stop_words()
    scores: dict[str, float] = {}
    for said in [known[word] for word in words[:_GUESS_WORDS] if word in known]:
        for language, share in said:
            scores[language] = scores.get(language, 0.0) + share
    fallback = likely[0] if likely else DEFAULT_LANGUAGE
    if likely:  # a short question has little evidence: what the index holds counts half as much again
        scores = {language: score * (1.5 if language in likely else 1.0) for language, score in scores.items()}
    if not scores:
        return fallback
    best = max(scores, key=lambda language: (scores[language], language == fallback, *_preference(language, likely)))
    enough = _ENOUGH if likely or len(words) <= _FEW_WORDS else max(1.0, 0.03 * min(len(words), _GUESS_WORDS))
    return best if scores[best] >= enough else fallback


def _preference(language: str, likely: Sequence[str]) -> tuple[float, str]:
    """Return what decides between languages with the same evidence: for a question the order of `likely`, then of
    `LANGUAGES`; the name for documents, whose stored terms depend on it."""
    if not likely:
        return 0.0, language
    return -([*likely, *LANGUAGES].index(language)), ""


@cache
def _function_forms(language: str) -> frozenset[str]:
    """Return the stop words of a language and of other alphabets, as written; in capitals they are names."""
    words = {word for name in {language, "ru", "el"} & set(STOP_WORDS) for word in STOP_WORDS[name].split()}
    words |= {word.replace("'", "’") for word in words}
    return frozenset(words | {word.capitalize() for word in words})


@cache
def _plain_forms(language: str) -> Mapping[str, str]:
    """Return the `_function_forms` of a language, each as it is indexed."""
    return {word: _plain(word) for word in _function_forms(language)}


def _plain(word: str) -> str:
    return word.lower().replace("’", "'")


@cache
def _terms_of(language: str, *, question: bool = False) -> WordTerms:
    return WordTerms(language, question=question, ignored=frozenset() if question else _function_forms(language))
