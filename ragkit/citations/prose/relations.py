"""Relations that hold in one direction only: "replaces", "reports to", "is larger than", in active and passive."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.citations.quantities import denies
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, tokens

_MORE: Final = (
    r"(?:larger|bigger|greater|higher|longer|taller|wider|heavier|older|faster|stronger|better|cheaper|dearer|warmer"
    r"|deeper|harder|richer|busier|newer|more\s+[^\W\d]+|more)\s+(?:[^\W\d]+\s+){0,2}?than"
)
_LESS: Final = (
    r"(?:smaller|lower|shorter|narrower|lighter|younger|slower|weaker|worse|colder|cooler|earlier|poorer|fewer|less"
    r"|less\s+[^\W\d]+)\s+(?:[^\W\d]+\s+){0,2}?than"
)
_FORWARD: Final = {
    "follow": r"replace[sd]?|replacing|succeed(?:s|ed|ing)?|follow(?:s|ed|ing)?|supersede[sd]?"
    r"|superseding|displace[sd]?|takes? over from|took over from|comes? after|came after"
    r"|ersetz(?:t|te|ten|en)|folgt auf",
    "need": r"depend(?:s|ed|ing)? (?:up)?on|rel(?:y|ies|ied|ying) on|requires?|required|needs?|needed"
    r"|builds? on|built on",
    "exceed": rf"exceed(?:s|ed|ing)?|outnumber(?:s|ed|ing)?|outweigh(?:s|ed)?|surpass(?:es|ed)?"
    rf"|outperform(?:s|ed)?|{_MORE}",
    "report": r"report(?:s|ed|ing)? to|answer(?:s|ed)? to|work(?:s|ed)? under",
    "part": r"(?:a )?part of|belong(?:s|ed)? to|(?:a )?member of|(?:a )?subsidiary of",
    "acquire": r"acquire[sd]?|acquiring|buys?|bought|purchase[sd]?|takes? over|took over|taken over|absorb(?:s|ed)?",
    "defeat": r"defeat(?:s|ed)?|beats?|beaten|won against|win against|overc[oa]mes?",
    "cause": r"caus(?:es|ed|ing)|lead(?:s|ing)? to|led to|trigger(?:s|ed)?|result(?:s|ed)? in|start(?:s|ed)? off",
    "pay": r"pay(?:s|ing)?|paid|invoice[sd]?|reimburse[sd]?|refund(?:s|ed)?",
    "lead": r"leads?|led|head(?:s|ed)?|manage[sd]?|supervise[sd]?|train(?:s|ed)?|employ(?:s|ed)?|appoint(?:s|ed)?"
    r"|nominate[sd]?|advise[sd]?|teach(?:es)?|taught|control(?:s|led)?|monitor(?:s|ed)?|own(?:s|ed)?",
    "send": r"sends?|sent|deliver(?:s|ed)?|transmit(?:s|ted)?|ships?|shipped|hand(?:s|ed)? over|forward(?:s|ed)?",
    "influence": r"influence[sd]?|inspire[sd]?|protect(?:s|ed)?|attack(?:s|ed)?|invade[sd]?|conquer(?:s|ed)?",
    "overlie": r"overlie[sd]?|overlain|lies on|rests? on|rested on|stands? on|above",
    "before": r"before|prior to",
}
_BACKWARD: Final = {
    "follow": r"precede[sd]?|preceding|come[s]? before|came before|predecessor of",
    "exceed": _LESS,
    "part": r"contains?|contained|comprise[sd]?|consists? of|made up of",
    "cause": r"result(?:s|ed)? from|due to|because of",
    "overlie": r"below|underlie[sd]?|underlain",
    "before": r"after|following",
}


@dataclass(frozen=True, slots=True)
class _Relation:
    """A relation that a clause states. name: its line of the table. first, second: the words of its two sides.

    denied: whether its clause has a negation.
    """

    name: str
    first: frozenset[str]
    second: frozenset[str]
    denied: bool


def _compiled(words: str) -> re.Pattern[str]:
    passive = r"(?P<passive>(?:is|are|was|were|be|been|being)\s+(?:\w+ly\s+)?)?"
    return re.compile(rf"\b{passive}(?:{words})\b(?P<by>\s+by\b)?", re.IGNORECASE)


_PATTERNS: Final = tuple(
    (name, direction, _compiled(words))
    for direction, table in ((False, _FORWARD), (True, _BACKWARD))
    for name, words in table.items()
)
_ADJECTIVES: Final = frozenset(("exceed", "part", "before", "overlie"))
"""Relations that "is" may stand before without making them passive."""
_PARTICLE_VERB: Final = re.compile(r"\b(?:look|nam|tak)(?:s|e|es|ed|ing|en)?\s+$", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\s*[$€£]?\d")
_CLAUSE: Final = re.compile(
    r"[;:!?()\n–—]|[.,]\s|\b(?:but|while|whereas|although|because|aber|während)\b|\band\s+(?=\w+s\b\s+(?:a|the)\b)",
    re.IGNORECASE,
)


def swapped_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim states a relation of its quote with the two sides swapped."""
    swapped = next((said.name for said, straight, crossed in _compared(claim, quote) if crossed > straight), "")
    return ("contradicted", f"the two sides are swapped ({swapped})") if swapped else None


def states_relation(claim: Claim, quote: Sequence[str]) -> bool:
    """Return whether a claim states a relation of its quote in the same direction, whichever words say it.

    "A is smaller than B" is "B is larger than A"; then the words "smaller" and "larger" do not contradict each other.
    """
    return any(straight > crossed for _, straight, crossed in _compared(claim, quote))


def _compared(claim: Claim, quote: Sequence[str]) -> Iterator[tuple[_Relation, int, int]]:
    """Yield each relation of a claim that its quote states too, with the words that agree in both directions.

    The words are those of both sides together: first of all side by side, then with the quote's sides swapped.
    """
    said = list(_relations(claim.text, claim.language))
    held = [relation for text in quote for relation in _relations(text, claim.language)] if said else []
    for ours in said:
        same = [item for item in held if item.name == ours.name and item.denied == ours.denied]
        straight = max((_agreement(ours, item.first, item.second) for item in same), default=0)
        crossed = max((_agreement(ours, item.second, item.first) for item in same), default=0)
        yield ours, straight, crossed


def _agreement(said: _Relation, one: frozenset[str], other: frozenset[str]) -> int:
    """Return the number of words that both pairs of sides share; 0 where one of the sides shares none."""
    left, right = len(said.first & one), len(said.second & other)
    return left + right if left and right else 0


def _relations(text: str, language: str) -> Iterator[_Relation]:
    """Yield the relations that the clauses of a text state, in the active direction."""
    for clause in _CLAUSE.split(text):
        for name, backward, pattern in _PATTERNS:
            for match in pattern.finditer(clause):
                before, after = _words(clause[: match.start()], language), _words(clause[match.end() :], language)
                first, second = before - after, after - before
                if not _is_stated(name, match, clause):
                    continue
                turned = backward != (name not in _ADJECTIVES and bool(match["by"]))
                if first and second:
                    sides = (second, first) if turned else (first, second)
                    yield _Relation(name, *sides, denied=denies(clause))


def _is_stated(name: str, match: re.Match[str], clause: str) -> bool:
    """Return whether a match relates two things: no passive without its agent, no bound, no "look after"."""
    if name in _ADJECTIVES:
        bare = not _PARTICLE_VERB.search(clause[: match.start()])
        return bare and not _NUMBER.match(clause[match.end() :])
    return bool(match["by"]) or not match["passive"]


def _words(text: str, language: str) -> frozenset[str]:
    """Return the content words of one side: stems, and numbers as they are written (2.1 and 2.10 are two versions)."""
    return frozenset(
        token.word if token.is_number or token.in_code else token.term
        for token in tokens(text, language=language)
        if not token.stop
    )
