"""Which numbers of a statement count something: not those of names ("Resolv 9"), and not every "one"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

from ragkit.citations.amounts.units import is_unit
from ragkit.citations.quantities import SPELT_NUMBERS
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, Token, tokens

_LABEL_WORDS: Final = """
version release stage step phase part plot zone section article chapter clause paragraph appendix annex page line table
figure item point level class grade group room gate platform track unit module type model code number no firmware
software build revision edition ausgabe fassung kapitel
abschnitt artikel stufe schritt phase seite tabelle abbildung punkt klasse raum nummer nr absatz
"""
_LABELS: Final = frozenset(_LABEL_WORDS.split())
"""Words whose number says which one is meant, and not how many there are."""
_BEFORE_PRONOUN: Final = frozenset(
    ("no", "any", "every", "each", "this", "that", "another", "some", "the", "only", "last", "next", "first")
)
_AFTER_PRONOUN: Final = frozenset(("of", "another", "who", "that", "which", "whose", "or"))
_SINGLE_WORDS: Final = """
a an one single per each every another only sole any once ein eine einen einem einer
"""
_SINGLE: Final = frozenset(_SINGLE_WORDS.split())
_SHARES: Final = frozenset(("half", "third", "thirds", "quarter", "quarters", "fifth", "tenth", "percent"))
_AMOUNT: Final = (
    rf"(?:(?:about|only|exactly|up to|at (?:least|most)|nearly|over)\s+)?(?P<number>\d[\d.,]*|{SPELT_NUMBERS})\b"
    r"(?!\s*(?:to|-|–|and|or)\s+\d)"
)
_OF_NUMBER: Final = re.compile(rf"\b(?P<head>[^\W\d_]{{3,}})\s+of\s+{_AMOUNT}", re.IGNORECASE)
_SAYS: Final = re.compile(
    rf"\b(?P<head>[^\W\d_]{{3,}})\s+(?:is|are|was|were|lasts?|amounts? to|of)\s+{_AMOUNT}", re.IGNORECASE
)
_REACH: Final = 3  # words before a noun among which its article stands: "a rather long hour"


def is_label(word: str) -> bool:
    """Return whether the number after a word in lower case, or its plural, says which one is meant: "grade 4"."""
    return word in _LABELS or word.removesuffix("s") in _LABELS


def named_numbers(text: str, *, language: str) -> frozenset[tuple[str, str]]:
    """Return the pairs (term, number) of a text in which a number belongs to the name or label before it.

    A word that has several numbers in the text tells things apart ("version 7", "version 8"), and is left out: there
    the number must stand beside what is said of it.
    """
    found: dict[str, set[str]] = {}
    read = tokens(text, language=language)
    for at in range(1, len(read)):
        if _is_named(text, read, at):
            found.setdefault(read[at - 1].term, set()).add(read[at].term)
    return frozenset((term, number) for term, numbers in found.items() if len(numbers) == 1 for number in numbers)


def uncounted(text: str, said: Sequence[Token], names: frozenset[tuple[str, str]]) -> frozenset[str]:
    """Return the numbers of a statement that count nothing wherever they stand in it.

    These are numbers of names that its source has in the same form, and the pronoun ("no one", "one of them"). said:
    the statement's tokens. names: `named_numbers` of the source.
    """
    counted = set[str]()
    found = set[str]()
    for at, token in enumerate(said):
        if token.is_number:
            named = at > 0 and (said[at - 1].term, token.term) in names and not _has_unit(said, at)
            (found if named or _is_pronoun(text, said, at) else counted).add(token.term)
    return frozenset(found - counted)


def version_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a number of a name ("Firmware 3.1") stands in a text with other zeros only ("3.10").

    Prices and amounts are equal in both forms; versions and sections are not.
    """
    said = claim.tokens
    named = [
        said[at]
        for at in range(1, len(said))
        if "." in said[at].word and _is_named(claim.text, said, at) and not is_unit(said[at - 1].word)
    ]
    held = tokens(text, language=claim.language) if named else []
    for token in named:
        written = {item.word for item in held if item.term == token.term}
        if written and token.word not in written and all("." in word for word in written):
            return "contradicted", f"it says {min(written)}, not {token.word}"
    return None


def counted_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a number belongs to something else in a text: "eight rents" for three rents in eight weeks.

    A number belongs to the words behind it, and to the noun before "of" ("a term of five years").
    """
    ours, theirs = _counted(claim.tokens), _counted(tokens(text, language=claim.language))
    for number, words in ours:
        same = [held for other, held in theirs if other == number]
        rivals = [other for other, held in theirs if other != number and held & words]
        if words and same and rivals and all(held and not held & words for held in same):
            return "contradicted", f"it says {rivals[0]} {' '.join(sorted(words))}"
    said = dict(_measured(_SAYS, claim.text, claim.language))
    for head, number in _measured(_OF_NUMBER, text, claim.language):
        if said.get(head, number) != number:
            return "contradicted", f"{head} is said to be {number}"
    return None


def _counted(read: Sequence[Token]) -> list[tuple[str, frozenset[str]]]:
    """Return each number with the content words right behind it, two at most."""
    found: list[tuple[str, frozenset[str]]] = []
    for at, token in enumerate(read):
        if token.is_number:
            behind = takewhile(lambda item: not item.stop and not item.is_number, read[at + 1 : at + 3])
            found.append((token.term, frozenset(item.term for item in behind if item.word not in _SHARES)))
    return found


def _measured(pattern: re.Pattern[str], text: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield the stem of each noun that a pattern gives a number, and the number in one form."""
    for match in pattern.finditer(text):
        (head, *_), (number, *_) = tokens(match["head"], language=language), tokens(match["number"], language=language)
        if not head.stop and number.is_number:
            yield head.term, number.term


def says_single(said: Sequence[Token], text: str, *, language: str) -> bool:
    """Return whether each "one" of a statement is said by an article in a text: "one hour" of "within an hour"."""
    ones = [at for at, token in enumerate(said) if token.word == "one"]
    read = tokens(text, language=language)
    for at in ones:
        noun = next((token.term for token in said[at + 1 :] if not token.stop), "")
        places = [place for place, token in enumerate(read) if token.term == noun]
        if not any({token.word for token in read[max(0, place - _REACH) : place]} & _SINGLE for place in places):
            return False
    return bool(ones)


def _is_named(text: str, read: Sequence[Token], at: int) -> bool:
    token, before = read[at], read[at - 1]
    if not token.is_number or before.is_number or (before.stop and before.word not in _LABELS):
        return False
    between = text[before.start + len(before.word) : token.start]
    capital = text[before.start].isupper() or before.word in _LABELS
    return capital and between.strip(" *`'\"") == "" and "\n" not in between and not _has_unit(read, at)


def _has_unit(read: Sequence[Token], at: int) -> bool:
    return at + 1 < len(read) and is_unit(read[at + 1].word)


def _is_pronoun(text: str, said: Sequence[Token], at: int) -> bool:
    if said[at].word != "one":
        return False
    before = said[at - 1].word if at else ""
    after = said[at + 1].word if at + 1 < len(said) else ""
    ended = text[said[at].start + len("one") :].lstrip()[:1] in (".", ",", ";", "")
    return before in _BEFORE_PRONOUN or after in _AFTER_PRONOUN or ended
