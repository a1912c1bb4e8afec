"""Sentence -> the same in words that can be compared with a statement: exceptions and ends without their denial.

"Nobody may row, except with lights" allows to row with lights, and "support for the probe is removed" says that the
probe is no longer supported.
"""

from __future__ import annotations

import re
from typing import Final

from ragkit.citations.prose.polarity import EXCEPTION
from ragkit.citations.quantities import count_denials, denies
from ragkit.citations.tokens import Claim, content_terms

_DENIAL: Final = re.compile(
    r"\b(?:nobody|no one|none|never|nothing|no|not|nicht|niemand|kein\w*|nie)\b|(?<=n)['’]t\b|(?<=can)not\b",
    re.IGNORECASE,
)
_CLAUSE_END: Final = re.compile(r"[.;:!?()\n]|,\s")
_NAMED: Final = 0.5  # of the terms of an exception that a statement must have to be allowed by it
_END_WORDS: Final = (
    "removed|dropped|ended|withdrawn|discontinued|abolished|stopped|suspended|cancelled|canceled|terminated|phased out"
)
_BE: Final = r"(?:is|are|was|were|has been|have been|will be)\s+(?:now\s+)?"
_ENDS: Final = re.compile(
    rf"(?:\b(?P<what>[^\W\d_]+)\s+(?:for|of)\s+)?(?P<thing>[^.;:,()\n]+?)\s+(?:{_BE}(?:{_END_WORDS})|ended|ends)\b",
    re.IGNORECASE,
)
_ENDED: Final = re.compile(rf"\b(?:{_END_WORDS}|remove|drop|ends?|withdraw|discontinue|stop|cancel)\b", re.IGNORECASE)
_STATE: Final = re.compile(
    r"\b(?:support(?:s|ed)?|exists?|available|offered|sold|possible|in force|in use)\b", re.IGNORECASE
)
"""Words of a statement that something is there, or no longer is."""


def restated(claim: Claim, sentence: str) -> str:
    """Return a sentence as it applies to a claim, the sentence itself where nothing has to be restated."""
    return _without_exception(claim, _without_end(claim, sentence))


def _without_end(claim: Claim, sentence: str) -> str:
    """Return "X is no longer supported" for "support for X is removed", for a claim that X is or is not supported."""
    match, state = _ENDS.search(sentence), _STATE.search(claim.text)
    if not match or not state or _ENDED.search(claim.text):
        return sentence
    thing = content_terms(match["thing"], language=claim.language)
    if not thing & {token.term for token in claim.tokens}:
        return sentence
    return f"{sentence[: match.start()]}{match['thing']} is no longer {state.group().lower()}{sentence[match.end() :]}"


def _without_exception(claim: Claim, sentence: str) -> str:
    """Return what a denied rule allows, for a claim that names its exception and has none itself."""
    match = EXCEPTION.search(sentence)
    if not match or EXCEPTION.search(claim.text) or count_denials(claim.text) > 1:
        return sentence
    rule = sentence[: match.start()]
    end = _CLAUSE_END.search(sentence, match.end())
    inner = content_terms(sentence[match.end() : end.start() if end else len(sentence)], language=claim.language)
    inner -= content_terms(rule, language=claim.language)
    said = {token.term for token in claim.tokens}
    denials = list(_DENIAL.finditer(rule))
    needed = 1 if denies(claim.text) else _NAMED * len(inner)
    if not denials or not denies(rule) or not inner or len(inner & said) < needed:
        return sentence
    last = denials[-1]
    allowed = f"{rule[: last.start()]}{rule[last.end() :]}".rstrip(" ,")
    return f"{allowed} {sentence[match.end() :].lstrip()}".strip()
