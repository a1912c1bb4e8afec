"""Antonyms: a statement that says "cut" where its source says "raised" states the opposite.

The table names each word once; other forms are found by their stem. Irregular forms stand beside their word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.citations.quantities import comparisons, denials
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, Token, content_terms, tokens
from ragkit.text.analyzer import analyse

_TABLE: Final = """
raise increase rise rose risen grow grew grown climb gain | cut lower reduce decrease fall fell fallen drop decline
expand extend lengthen | shrink shrank shorten
higher above more upper | lower below less fewer
allow permit permitted | forbid forbidden forbade prohibit ban disallow
allowed permitted | refused denied
include contain comprise | exclude omit
accept approve adopt pass grant | reject refuse decline deny
open opened | close shut closed
before | after
begin start begun began | end finish stop cease
first | last
minimum least | maximum most
buyer customer purchaser | seller supplier vendor
employee | employer
tenant | landlord
lender | borrower
required mandatory compulsory obligatory | optional voluntary
internal inner | external outer
inside indoors during within | outside outdoors
net | gross
left | right
input import | output export
enable activate | disable deactivate
on | off
online | offline
public | private
always | never sometimes
all every | none
early earlier | late later
weekday weekdays | weekend weekends
morning | evening
summer | winter
with | without
paid | unpaid
new | old used
hot warm warmer hotter | cold cool cooler colder
north northern | south southern
east eastern | west western
longer long | shorter short
faster fast quick quicker | slower slow
larger large bigger big greater | smaller small
heavier heavy | lighter light
older | younger newer
wider wide broad | narrower narrow
thicker thick | thinner thin
stronger strong | weaker weak
cheaper cheap | dearer expensive
better best | worse worst
easier easy | harder hard difficult
wet damp moist | dry
full | empty
fixed rigid | adjustable movable flexible
temporary | permanent
free | chargeable
add added append insert | remove delete drop
keep kept retain preserve maintain | discard delete remove lose lost
join joined | leave left quit
win won | lose lost
support | oppose
confirm | deny
lock | unlock
connect attach | disconnect detach
tighten | loosen
upgrade | downgrade
encrypt | decrypt
visible shown | hidden
manual manually | automatic automatically
experimental unstable | stable
valid | invalid
known | unknown
success succeed successful | failure fail failed
profit | loss
credit | debit
same unchanged | different changed
presence present | absence absent
former previous | next following
odd | even
single | double married
öffnen geöffnet | schließen geschlossen
erhöhen erhöht steigen gestiegen | senken gesenkt sinken gesunken
erlaubt gestattet | verboten untersagt
vor | nach
"""
_LAST_ENGLISH: Final = "single | double married"
_CLAUSE: Final = re.compile(r"[,;:.!?()\n–—]\s|\b(?:but|while|whereas|although|and|aber|und|während)\b", re.IGNORECASE)
_NEGATED_REACH: Final = 3  # words between a negation and what it negates: "not yet fully open"
_SAME_SHARE: Final = 0.6  # of a claim's other terms that a clause must hold to be about the same


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a pair of the table: the number of its line, and 0 or 1."""

    pair: int
    side: int

    @property
    def opposite(self) -> _Side:
        """The other side of the same pair."""
        return _Side(self.pair, 1 - self.side)


def _read_table() -> dict[str, frozenset[_Side]]:
    found: dict[str, set[_Side]] = {}
    language = "en"
    for pair, line in enumerate(_TABLE.strip().splitlines()):
        for side, words in enumerate(line.split("|")):
            for word in words.split():
                for form in (word, *analyse(word, language=language)):
                    found.setdefault(form, set()).add(_Side(pair, side))
        language = "de" if line == _LAST_ENGLISH else language
    return {form: frozenset(sides) for form, sides in found.items()}


_SIDES: Final = _read_table()
_NO_SIDES: Final = frozenset[_Side]()


@dataclass(frozen=True, slots=True)
class Opposite:
    """A word of a claim and its antonym in the source.

    said, held: the two words. denied: whether exactly one of them is negated, so that both say the same ("not open",
    "closed"). close: whether the clause of the antonym holds most of the claim's other words.
    """

    said: str
    held: str
    denied: bool
    close: bool


def opposites(claim: Claim, quote: Sequence[str]) -> Iterator[Opposite]:
    """Yield the words of a claim whose antonym stands in its quote, where neither side names both."""
    read = [tokens(text, language=claim.language) for text in quote]
    held = frozenset[_Side]().union(*(_sides(token) for said in read for token in said))
    ours = frozenset[_Side]().union(*(_sides(token) for token in claim.tokens))
    bounded = {bound.number for text in quote for bound in comparisons(text)}
    bounds = {word for bound in claim.bounds if bound.number in bounded for word in bound.words.split()}
    for token in claim.tokens:
        if token.word in bounds:
            continue  # a comparison with a number, which has its own rule
        wanted = {side.opposite for side in _sides(token) if side.opposite in held and side.opposite not in ours}
        wanted = {side for side in wanted if side.opposite not in held}
        if wanted:
            yield _nearest(claim, token, wanted, quote, read)


def denies_the_opposite(claim: Claim, quote: Sequence[str]) -> bool:
    """Return whether a claim and its quote agree by an antonym that one of them negates: "not open" and "closed"."""
    return any(found.denied and found.close for found in opposites(claim, quote))


def opposite_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim says the opposite of a word of its quote, in the same clause."""
    for found in opposites(claim, quote):
        if found.close and not found.denied:
            return "contradicted", f"it says {found.held}, not {found.said}"
    return None


def _nearest(
    claim: Claim, token: Token, wanted: set[_Side], quote: Sequence[str], read: Sequence[Sequence[Token]]
) -> Opposite:
    """Return the antonym of a token whose clause has most of the claim's words."""
    rest = {item.term for item in claim.tokens if not item.stop and item is not token}
    best: tuple[float, str, bool] = (-1.0, "", False)
    for text, said in zip(quote, read, strict=True):
        for other in said:
            if not wanted & _sides(other):
                continue
            clause = _clause_around(text, other.start)
            share = len(content_terms(clause, language=claim.language) & rest) / max(1, len(rest))
            if share > best[0]:
                best = share, other.word, _is_negated(text, other.start)
    denied = best[2] != _is_negated(claim.text, token.start)
    return Opposite(token.word, best[1], denied, best[0] >= _SAME_SHARE)


def _sides(token: Token) -> frozenset[_Side]:
    own = _SIDES.get(token.word, _NO_SIDES)
    return own if token.stop else own | _SIDES.get(token.term, _NO_SIDES)


def _clause_around(text: str, at: int) -> str:
    """Return the clause of a text that holds an offset."""
    start = max((match.end() for match in _CLAUSE.finditer(text) if match.end() <= at), default=0)
    end = next((match.start() for match in _CLAUSE.finditer(text, at)), len(text))
    return text[start:end]


def _is_negated(text: str, at: int) -> bool:
    """Return whether a negation stands shortly before an offset, in the same clause."""
    return any(
        end <= at and len(text[end:at].split()) <= _NEGATED_REACH and not _CLAUSE.search(text, end, at)
        for end in denials(text)
    )
