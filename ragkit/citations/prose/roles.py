"""Who does what, and where things are sent: agent, patient and destination of the few verbs that policies depend on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.citations.coverage import share_of
from ragkit.citations.meaning.synonyms import are_synonyms
from ragkit.citations.prose.calendar import names_time
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, content_terms, tokens

_VERBS: Final = {
    "pay": "pay pays paid bear bears borne cover covers covered",
    "approve": "approve approves approved authorise authorises authorised authorize authorizes authorized",
    "sign": "sign signs signed",
    "send": "send sends sent",
    "provide": "provide provides provided supply supplies supplied",
    "own": "own owns owned",
    "report": "report reports reported notify notifies notified inform informs informed",
    "supervise": "supervise supervises supervised manage manages managed",
    "review": "review reviews reviewed check checks checked inspect inspects inspected audit audits audited",
    "issue": "issue issues issued grant grants granted",
    "deliver": "deliver delivers delivered ship ships shipped",
    "hire": "hire hires hired employ employs employed appoint appoints appointed",
    "maintain": "maintain maintains maintained repair repairs repaired",
    "request": "request requests requested ask asks asked",
    "buy": "buy buys bought purchase purchases purchased",
    "sell": "sell sells sold",
    "defeat": "defeat defeats defeated beat beats beaten",
    "write": "write writes written wrote",
    "found": "found founds founded invent invents invented discover discovers discovered",
}
_FORMS: Final = {form: verb for verb, forms in _VERBS.items() for form in forms.split()}
_PASSIVE: Final = re.compile(
    rf"(?P<patient>[^.;:!?\n]*?)\b(?:is|are|was|were|be|been|being)\s+(?:\w+ly\s+)?(?P<verb>{'|'.join(_FORMS)})\b"
    r"(?P<between>[^.;:!?\n]*?)\bby\s+(?P<agent>(?:the |a |an |our |your |their )?[^\s.,;:!?]+"
    r"(?:\s+(?!(?:in|on|at|to|for|with|within|by|and|unless|if|when|before|after)\b)[^\s.,;:!?]+){0,2})",
    re.IGNORECASE,
)
_ACTIVE: Final = re.compile(
    rf"(?P<agent>(?:^|(?<=[\s,;(]))(?:the |a |an |our |your |their )?[^\s.,;:!?]+(?:\s+[^\s.,;:!?]+){{0,2}}?)\s+"
    rf"(?:(?:must|may|can|will|shall|should|always|also|then|usually)\s+){{0,2}}(?P<verb>{'|'.join(_FORMS)})\b\s*"
    r"(?P<patient>[^.;:!?\n]*)",
    re.IGNORECASE,
)
_DONE_BY: Final = re.compile(
    r"\b(?P<verb>[^\W\d_]{3,}(?:ed|en|wn|ne|id|ght|pt|lt|de))\b(?:\s+(?!by\b)[^\s.,;:!?()]+){0,5}?\s+by\s+"
    r"(?P<agent>(?:(?:the|an?|our|your|their|its|one|of)\s+)*(?!(?:\d|the|an?|\w+ing\b))[^\s.,;:!?()]+"
    r"(?:\s+(?!(?:in|on|at|to|for|with|within|by|and|or|unless|if|when|before|after|from|as)\b)[^\s.,;:!?()]+){0,3})",
    re.IGNORECASE,
)
"""A passive of any verb, or its participle, with who does it."""
_BE: Final = re.compile(r"\b(?:is|are|was|were|be|been|being|has|have|had|not)\b", re.IGNORECASE)

_MOVES: Final = (
    "go goes went gone send sends sent ship ships shipped return returns returned deliver delivers delivered bring"
    " brings brought mail mails mailed post posts posted forward forwards forwarded move moves moved hand hands handed"
    " submit submits submitted transfer transfers transferred carry carries carried escalate escalates escalated"
)
_DESTINATION: Final = re.compile(
    rf"(?P<thing>[^.;:!?()\n]*?\b(?:{'|'.join(_MOVES.split())})\b[^.;:!?()\n]*?)\s+to\s+"
    r"(?:the |an? |our |your |their )?(?P<place>[^\s\d.,;:!?()][^\s.,;:!?()]*"
    r"(?:\s+(?!(?:in|on|at|to|for|with|within|by|from|and|or|as|unless|if"
    r"|when|where|before|after)\b)[^\s.,;:!?()]+){0,3})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Role:
    """An action. verb: its group ("pay" for bears, covers). agent, patient: their terms."""

    verb: str
    agent: frozenset[str]
    patient: frozenset[str]


def role_of(text: str, *, language: str) -> list[Role]:
    """Return the actions of an English text whose agent is known; [] for texts of other languages."""
    if language != "en":
        return []
    passive = list(_PASSIVE.finditer(text))
    active = [
        match
        for match in _ACTIVE.finditer(text)
        if not _BE.search(match["agent"]) and not (passive and " by " in match["patient"])
    ]
    return [role for match in (*passive, *active) if (role := _role(match, language)).agent]


def destination_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a quote names another destination for what a claim says is sent or goes somewhere.

    English only. A place that stands elsewhere in the same sentence may be another name of the destination.
    """
    said = _destinations(claim.text, claim.language)
    held = [(*found, sentence) for sentence in quote for found in _destinations(sentence, claim.language)]
    for thing, place in said:
        same = [(other, sentence) for moved, other, sentence in held if moved & thing]
        known = set[str]().union(*(content_terms(sentence, language=claim.language) for _, sentence in same))
        if same and not place & known:
            return "contradicted", f"it says to {' '.join(sorted(same[0][0]))}"
    return None


def agent_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when both say by whom something is done, with the same verb, and name others; `unclear`.

    English only.
    """
    if claim.language != "en":
        return None
    ours, theirs = _done_by(claim.text), [item for sentence in quote for item in _done_by(sentence)]
    for verb, agent in ours:
        same = [other for done, other in theirs if done == verb]
        if same and not any(share_of(agent, other) or _synonymous(agent, other) for other in same):
            return "unclear", f"it is done by {' '.join(sorted(same[0]))}"
    return None


def _done_by(text: str) -> list[tuple[frozenset[str], frozenset[str]]]:
    """Return the stem of each passive verb of a text, and the terms of who does it; a time is not who."""
    found: list[tuple[frozenset[str], frozenset[str]]] = []
    for match in _DONE_BY.finditer(text):
        agent = [token for token in tokens(match["agent"]) if not token.stop]
        if agent and not any(token.is_number or names_time(token.word) for token in agent):
            verb = frozenset(token.term for token in tokens(match["verb"]))
            found.append((verb, frozenset(token.term for token in agent)))
    return found


def _synonymous(one: frozenset[str], other: frozenset[str]) -> bool:
    return any(are_synonyms(word, term) for word in one for term in other)


def _destinations(text: str, language: str) -> list[tuple[set[str], set[str]]]:
    """Return the terms of what is sent, without those of the verb, and of the place that it is sent to."""
    if language != "en":
        return []
    verbs = content_terms(_MOVES)
    found = [
        (content_terms(match["thing"]) - verbs, content_terms(match["place"])) for match in _DESTINATION.finditer(text)
    ]
    return [(thing, place) for thing, place in found if thing and place]


def _role(match: re.Match[str], language: str) -> Role:
    return Role(
        _FORMS[match["verb"].lower()],
        frozenset(token.term for token in tokens(match["agent"], language=language) if not token.stop),
        frozenset(token.term for token in tokens(match["patient"], language=language) if not token.stop),
    )
