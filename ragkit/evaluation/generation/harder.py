"""Harder questions by rules: paraphrased, with a constraint, next to a rival sentence, in two parts, unanswerable."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.evaluation.generation import templates
from ragkit.evaluation.generation.candidates import Candidate, Outline, sentence_key

HARDER: Final = ("paraphrase", "constraint", "distractor", "two-part")
"""Kinds of harder questions that the documents answer."""
UNANSWERABLE: Final = "near"
"""The kind of unanswerable questions, as `ragkit eval --unanswerable` names it."""

_LEAST: Final = 3  # content words of a question
_MOST: Final = 6
_COMMON: Final = 60  # a word that more sentences have identifies no rival
_ALIKE: Final = 0.4  # share of a sentence's content words that its rival has
_NUMBER: Final = re.compile(r"(?<![\w.,/-])\d{1,4}(?![\w/-]|[.,]\d)")
_OTHER_WORDS: Final = """
    buy purchase, purchase buy, need require, required needed, requires needs, must should, use
    apply, used applied, uses employs, allow permit, allowed permitted, allows permits, begin start,
    begins starts, start begin, end finish, ends finishes, send submit, submit send, sent submitted,
    get receive, receive get, give provide, provide give, provides gives, provided given, show
    display, shows displays, find locate, change modify, changes modifications, changed modified,
    create make, created made, creates makes, make create, delete remove, remove delete, removed
    deleted, help assist, pay compensation, cost price, price cost, fee charge, money funds, staff
    employees, employee worker, employees staff, people persons, person individual, team group,
    manager supervisor, supervisor manager, work job, job position, home house, travel trip, trip
    journey, hotel accommodation, car vehicle, document file, documents files, file document, page
    site, website page, list overview, rule policy, policy rule, policies rules, error failure,
    errors failures, fail break, fails breaks, function routine, method procedure, value amount,
    values amounts, default standard, name title, names titles, text content, message note, request
    ask, response answer, question query, add append, added appended, adds appends, set define,
    defined set, check verify, checks verifies, run execute, runs executes, running executing, call
    invoke, called invoked, return give, returns gives, store save, stored saved, save keep, keep
    retain, open unlock, close shut, read view, write compose, important essential, different
    distinct, same identical, new fresh, old former, large big, small little, fast quick, simple
    easy, easy simple, many numerous, several various, example instance, examples instances, part
    piece, parts pieces, type kind, types kinds, kind sort, way manner, ways manners, problem issue,
    problems issues, issue problem, month four-week, day date, before prior, after following, always
    invariably, never at-no-time, only solely, possible feasible, best ideal, better preferable
"""
_SYNONYMS: Final[Mapping[str, str]] = {
    first: second.replace("-", " ")
    for first, second in (pair.split() for pair in " ".join(_OTHER_WORDS.split()).split(", "))
}


@dataclass(frozen=True, slots=True)
class Harder:
    """The inputs for harder questions. rarity: as for `candidates`. rivals: sentence -> words of its rival."""

    rarity: Mapping[str, float]
    rivals: Mapping[str, frozenset[str]]
    seed: int

    def candidates(self, found: Outline) -> Iterator[Candidate]:
        """Yield the harder questions of a document, in its order."""
        for span in found.sentences:
            sentence = found.sentence(span)
            made = {
                "paraphrase": self._paraphrase(sentence, found.language),
                "constraint": self._constraint(sentence, found.language)[0],
                "distractor": self._beside_rival(sentence, found.language),
            }
            for kind, text in made.items():
                if text:
                    yield Candidate(kind, text, *span, subject=sentence_key(sentence))
        yield from self._two_part(found)

    def unanswerable(self, found: Outline, numbers: Collection[str]) -> Iterator[str]:
        """Yield questions with a number that no document has. numbers: all numbers of the collection."""
        for span in found.sentences:
            text, number = self._constraint(found.sentence(span), found.language)
            if text and len(number) > 1:
                yield re.sub(rf"\b{number}\b", _absent(number, numbers), text)

    def _common(self, sentence: str, language: str, *, least_rare: float) -> list[str]:
        """Return the content words of a sentence without its rarest ones, in its order, at most six."""
        said = [word for _, _, word in templates.content_words(sentence, language) if not word[:1].isdigit()]
        order = sorted(set(said), key=lambda word: (self.rarity.get(word, math.inf), word))
        kept = set(order[: max(0, min(_MOST, math.floor(least_rare * len(order))))])
        return [word for word in dict.fromkeys(said) if word in kept]

    def _paraphrase(self, sentence: str, language: str) -> str:
        """Return the commoner half of the words in another order, with other words for some; "" if too few."""
        kept = self._common(sentence, language, least_rare=0.6)
        other = [_SYNONYMS.get(word, word) if language == "en" else word for word in kept]
        if len(kept) < _LEAST + 1 or (language == "en" and other == kept):
            return ""
        middle = len(other) // 2
        return " ".join(other[middle:] + other[:middle])

    def _constraint(self, sentence: str, language: str) -> tuple[str, str]:
        """Return common words of a sentence with one of its numbers, and the number; two empty texts without one."""
        numbers = _NUMBER.findall(sentence)
        kept = self._common(sentence, language, least_rare=0.5)
        if not numbers or len(kept) < _LEAST:
            return "", ""
        number = numbers[self.seed % len(numbers)]
        return f"{' '.join(kept)} {number}", number

    def _beside_rival(self, sentence: str, language: str) -> str:
        """Return the words that a sentence shares with its rival, and the commonest one that the rival lacks."""
        rival = self.rivals.get(sentence_key(sentence))
        if rival is None:
            return ""
        said = list(dict.fromkeys(word for _, _, word in templates.content_words(sentence, language)))
        own = sorted((word for word in said if word not in rival), key=lambda word: (self.rarity.get(word, 0.0), word))
        if not own:
            return ""
        shared = [word for word in said if word in rival][:_MOST]
        return " ".join([*shared, own[0]])

    def _two_part(self, found: Outline) -> Iterator[Candidate]:
        """Yield questions on two sentences from two halves of a document, with both as their passages."""
        spans = found.sentences
        half = len(spans) // 2
        for first, second in zip(spans[:half], spans[half:], strict=False):
            parts = [
                self._common(found.sentence(span), found.language, least_rare=0.7)[: _MOST - 1]
                for span in (first, second)
            ]
            if min(map(len, parts)) > _LEAST:
                subject = f"{sentence_key(found.sentence(first))} {sentence_key(found.sentence(second))}"
                text = ", ".join(" ".join(part) for part in parts)
                yield Candidate("two-part", text, *first, subject=subject, more=(second,))


def find_rivals(outlines: Sequence[Outline]) -> dict[str, frozenset[str]]:
    """Return for each sentence the words of the sentence of another document that is most like it, where one is."""
    said: list[tuple[str, str, frozenset[str]]] = []
    for item in outlines:
        for span in item.sentences:
            text = item.sentence(span)
            terms = frozenset(word for _, _, word in templates.content_words(text, item.language))
            said.append((item.document.source, sentence_key(text), terms))
    holders: dict[str, list[int]] = defaultdict(list)
    for at, (_, _, terms) in enumerate(said):
        for word in terms:
            holders[word].append(at)
    found: dict[str, frozenset[str]] = {}
    for source, key, terms in said:
        near = Counter(at for word in sorted(terms) if len(holders[word]) <= _COMMON for at in holders[word])
        others = [(count, -at) for at, count in near.items() if said[at][0] != source and said[at][1] != key]
        if not others:
            continue
        rival = said[-max(others)[1]][2]
        if len(terms & rival) >= max(_LEAST, _ALIKE * len(terms)):
            found[key] = rival
    return found


def numbers_of(outlines: Sequence[Outline]) -> frozenset[str]:
    """Return every run of digits in the documents."""
    return frozenset(number for item in outlines for number in re.findall(r"\d+", item.document.text))


def _absent(number: str, numbers: Collection[str]) -> str:
    """Return the next larger number of as many digits or more that no document has."""
    value = int(number) + 1
    while str(value) in numbers:
        value += 1
    return str(value)
