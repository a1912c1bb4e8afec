"""Who does what: agent and patient of the few verbs that policies depend on, in active and passive sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ragkit.citations.tokens import tokens

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
_BE: Final = re.compile(r"\b(?:is|are|was|were|be|been|being|has|have|had|not)\b", re.IGNORECASE)


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


def _role(match: re.Match[str], language: str) -> Role:
    return Role(
        _FORMS[match["verb"].lower()],
        frozenset(token.term for token in tokens(match["agent"], language=language) if not token.stop),
        frozenset(token.term for token in tokens(match["patient"], language=language) if not token.stop),
    )
