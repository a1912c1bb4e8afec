"""Comparisons and superlatives of a statement: "more than 5", "at least 14", "the highest"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from ragkit.text.content_terms import NUMBER_WORDS, normal_number

Bound = Literal["over", "under", "min", "max"]

SPELT_NUMBERS: Final = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
"""The words of numbers, as alternatives of a pattern."""
_NUMBER: Final = rf"(?P<number>-?\d+(?:[.,'’]\d+)*|\b(?:{SPELT_NUMBERS})\b)"
_HIGHER: Final = "more|later|longer|higher|larger|greater|older|bigger|taller|wider|heavier|deeper"
_WORDS: Final[dict[Bound, str]] = {
    "min": r"at least|no (?:less|fewer) than|not (?:less|fewer) than|a minimum of|minimum(?: of)?|min\.?"
    r"|mindestens|wenigstens|au moins|al menos|almeno",
    "max": rf"at most|(?:no|not) (?:{_HIGHER}) than|up to|a maximum of|maximum(?: of)?"
    r"|max\.?|as (?:many|much|long) as"
    r"|höchstens|maximal|bis zu|au plus|como máximo|al massimo|within",
    "over": r"(?<!\bno )(?<!\bnot )(?:more|greater|larger|higher|bigger|longer|older|taller|later|better) than"
    r"|over|above|after"
    r"|exceed(?:s|ed|ing)?|mehr als|über|plus de|más de",
    "under": r"(?<!\bno )(?<!\bnot )(?:less|fewer|smaller|lower|shorter|younger|newer|earlier|worse) than"
    r"|under|below|before|weniger als|unter"
    r"|moins de|menos de",
}
_COMPARED: Final = {
    bound: re.compile(
        rf"\b(?P<words>{words})\s+(?:[^\W\d]+\s+){{0,2}}?[$€£¥]?{_NUMBER}(?![\w:]|\s*[-–]\s*\d)", re.IGNORECASE
    )
    for bound, words in _WORDS.items()
}
_AFTER: Final[dict[Bound, str]] = {
    "min": r"more|longer|later|over|above|older|higher|larger|greater|bigger|mehr|länger|später|plus",
    "max": r"less|fewer|shorter|earlier|under|below|younger|lower|smaller|weniger|kürzer|früher|moins",
}
_COMPARED_AFTER: Final = {
    bound: re.compile(
        rf"(?<![\w.,]){_NUMBER}\s?(?:[^\W\d]+\s){{0,2}}?(?P<words>(?:or|and|oder|und|ou|et)\s(?:{words}))\b",
        re.IGNORECASE,
    )
    for bound, words in _AFTER.items()
}
"""Bounds behind their number: "3 or more", "5 people or fewer"."""
_PLUS: Final = re.compile(r"(?<![\w.,+-])(?P<number>\d+)(?P<words>\+)(?![\w+])")
_BOUNDS: Final[tuple[tuple[Bound, re.Pattern[str]], ...]] = (
    *_COMPARED.items(),
    *_COMPARED_AFTER.items(),
    ("min", _PLUS),
)
_EXACT: Final = re.compile(
    rf"\b(?:exactly|precisely|genau|exactement|exactamente)\s(?:[^\W\d]+\s){{0,2}}?{_NUMBER}(?![\w:])", re.IGNORECASE
)
_HIGH: Final = re.compile(
    r"\b(?:most|highest|largest|greatest|biggest|longest|maximum|latest|top|tallest|heaviest|oldest|best|höchste\w*"
    r"|größte\w*|längste\w*|meiste\w*)\b",
    re.IGNORECASE,
)
_LOW: Final = re.compile(
    r"\b(?:least|lowest|smallest|fewest|shortest|minimum|earliest|youngest|worst|niedrigste\w*|kleinste\w*"
    r"|kürzeste\w*|wenigste\w*)\b",
    re.IGNORECASE,
)
STRICT: Final = frozenset(("before", "after", "above", "below", "over", "under", "vor", "nach"))
"""Words of strict bounds: a value equal to the bound does not satisfy them."""
_DENIES: Final = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|nobody|nothing|kein\w*|nicht|nie|ohne)\b|n['’]t\b",
    re.IGNORECASE,
)
ALL: Final = re.compile(
    r"\b(?:all|every|everyone|everybody|everything|always|any(?! of)|throughout|regardless|irrespective|entirely"
    r"|completely|whatever|whoever|whichever|without exception|unlimited|alle[nrs]?|immer|jede[nrs]?|stets)\b"
    r"|\bat any time\b|\bin any case\b|\bno matter\b",
    re.IGNORECASE,
)
"""Words that say something of all things, everywhere or always."""
_NOT: Final = r"(?:\b(?:not|never|cannot)|n['’]t)\s(?:be\s)?"
_DENIED_BOUNDS: Final = (
    (
        re.compile(rf"{_NOT}(?:exceed|over|above|(?:{_HIGHER}) than)\b", re.IGNORECASE),
        "at most",
    ),
    (re.compile(rf"{_NOT}(?:under|below|(?:less|lower|fewer|shorter|smaller) than)\b", re.IGNORECASE), "at least"),
)
"""Bounds that deny the opposite one: "must not exceed 5" is "at most 5"."""
_BOUNDED: Final = re.compile(
    rf"\b(?:no|not)\s+(?:less|fewer|earlier|{_HIGHER})\s+than\b|"
    + "|".join(pattern.pattern for pattern, _ in _DENIED_BOUNDS),
    re.IGNORECASE,
)
_ANSWERED: Final = re.compile(r"\b(?:no|nein|non)\b\W{1,4}(?=(?:not|no|nicht|kein\w*)\b)", re.IGNORECASE)
"""A "no" that answers a question and is followed by the negation itself: "No - not available"."""
_DENIES_BY_MEANING: Final = re.compile(
    r"\b(?:except\w*|exclud\w+|waive[ds]?|cancel\w*|avoid\w*|refus\w+|reject\w*|forbid\w*|forbad\w+"
    r"|prohibit\w*"
    r"|bann\w+|bans?|block\w*|fail\w*|lacks?|lacking|miss(?:es|ed|ing)?|free|unless|until|otherwise"
    r"|only|instead|rather than|stops?|stopped|ends?|ended|omit\w*|discontinu\w*|suspend\w*"
    r"|removed?|but|neither|outside|un\w+able|for life"
    r"|außer|sonst|bis|erst)\b",
    re.IGNORECASE,
)
_AT_LEAST: Final = re.compile(r"\bat\s+(?:least|most)\b|\bminimum\s+of\b|\bmaximum\s+of\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A bound that a statement sets. number: normalised. words: as the statement writes it."""

    bound: Bound
    number: str
    words: str

    def holds(self, value: float) -> bool:
        """Return whether a value satisfies the bound."""
        try:
            limit = float(self.number)
        except ValueError:
            return False
        if self.bound == "over":
            return value > limit
        if self.bound == "under":
            return value < limit
        return value >= limit if self.bound == "min" else value <= limit


def comparisons(text: str) -> list[Comparison]:
    """Return the bounds of a text, in the order of their kinds; a line break is as good as a space."""
    flat = " ".join(text.split())
    for pattern, words in _DENIED_BOUNDS:
        flat = pattern.sub(words, flat)
    return [
        Comparison(bound, _figures(match["number"]), match["words"].lower())
        for bound, pattern in _BOUNDS
        for match in pattern.finditer(flat)
    ]


def exact_numbers(text: str) -> frozenset[str]:
    """Return the numbers of a text that it says are exact ("exactly three"), in one form."""
    return frozenset(_figures(match["number"]) for match in _EXACT.finditer(" ".join(text.split())))


def _figures(number: str) -> str:
    return NUMBER_WORDS.get(number.lower()) or normal_number(number.lstrip("-"))


def superlatives(text: str, *, besides: str = "") -> frozenset[str]:
    """Return the superlatives of a text: "high", "low", both or none; "at least" is not one.

    besides: what stands in the source as it is; its superlatives are names ("best actress") and rank nothing.
    """
    bare = _AT_LEAST.sub(" ", text)
    named = {match.group().lower() for pattern in (_HIGH, _LOW) for match in pattern.finditer(besides)}
    return frozenset(
        name
        for name, pattern in (("high", _HIGH), ("low", _LOW))
        if any(match.group().lower() not in named for match in pattern.finditer(bare))
    )


def denies(text: str) -> bool:
    """Return whether a text has a negation; "no later than" is a bound and not a negation."""
    return count_denials(text) > 0


def may_deny(text: str) -> bool:
    """Return whether a text has a word that may deny without a "not": "except", "waived", "cancelled", "only"."""
    return bool(_DENIES_BY_MEANING.search(text))


def count_denials(text: str) -> int:
    """Return the number of negations in a text."""
    return len(_DENIES.findall(_ANSWERED.sub(" ", _BOUNDED.sub(" ", text))))


def denials(text: str) -> list[int]:
    """Return the end offset of each negation in a text."""
    bare = _BOUNDED.sub(lambda match: " " * len(match.group()), text)
    return [match.end() for match in _DENIES.finditer(bare)]
