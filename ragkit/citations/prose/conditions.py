"""Statements under another condition than their source's: "after that" and "otherwise" end what was said before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, tokens

CONDITION_ENDS: Final = re.compile(
    r"(?:^|(?<=[.;:!?\n,–—(]))\s*(?:(?:[-*•]|\(?\w{1,3}[.)])\s+)?(?:and |or |but |und |et )?"
    r"(?P<words>after (?:that|this|which)|afterwards?|thereafter|subsequently|from then on|later|otherwise|or else|else"
    r"|if not|failing (?:that|this)|in (?:all|any) other cases?|danach|anschließend|später|sonst|andernfalls|ansonsten"
    r"|ensuite|après cela|sinon|autrement|después|luego|si no|de lo contrario|altrimenti)\b",
    re.IGNORECASE,
)
"""Words at the beginning of a clause that holds only where the condition before it does not, or no longer."""
_GIVEN: Final = re.compile(
    r"\b(?:(?P<lead>first|initial|ersten?|premiers?)|during|until|before|within|while|if|when|whenever|where"
    r"|in case(?: of)?|as long as|with|während|bis|vor|wenn|falls|sofern|solange|bei|pendant|jusqu['’à]|si|durante"
    r"|hasta|cuando)\s+"
    r"(?P<clause>[^,;:.!?()\n]+)",
    re.IGNORECASE,
)
_RELEASES: Final = re.compile(
    r"\b(?:after|afterwards?|thereafter|once|following|since|later|then|over|past|beyond|end(?:s|ed)?|otherwise|else"
    r"|not|no|never|without|unless|other|outside|nach|danach|später|sonst|nicht|kein\w*|ohne|après|sans|pas|sinon"
    r"|después|sin)\b|n['’]t\b",
    re.IGNORECASE,
)
"""Words of a statement that does not claim the condition itself."""
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s)|\n\s*\n")
_WORDS: Final = 6  # of a condition that has no comma behind it
_SHARE: Final = 0.5  # of a condition's terms that a statement must have to name it


def other_condition_fault(claim: Claim, quote: Sequence[str], *, before: str) -> Fault | None:
    """Return the fault when a claim names the condition that its quote's "after that" or "otherwise" excludes.

    before: the sentence before the quote, in which the condition may stand.
    """
    if _RELEASES.search(claim.text):
        return None
    text = f"{before} {' '.join(quote)}"
    said = _said(claim.text, claim.language)
    named = said | {token.term for token in claim.tokens}
    for match in CONDITION_ENDS.finditer(text):
        earlier = _SENTENCE_END.split(text[: match.start()].rstrip(" .;,!?"))[-1]
        later = _said(_SENTENCE_END.split(text[match.end() :])[0], claim.language)
        own = later - _said(earlier, claim.language)
        value = {term for term in own if term[:1].isdigit()} or own
        if value & said and _names_condition(named - later, earlier, later, language=claim.language):
            return "contradicted", f"it says {match['words'].lower()}"
    return None


def _said(text: str, language: str) -> set[str]:
    """Return the content terms of a text; a number goes with the word behind it: two weeks are not two months."""
    read = [token for token in tokens(text, language=language) if not token.stop]
    return {
        f"{token.term} {after.term}" if token.is_number and after is not None else token.term
        for token, after in zip_longest(read, read[1:])
    } | {token.term for token in read if not token.is_number}


def _names_condition(said: set[str], earlier: str, later: set[str], *, language: str) -> bool:
    """Return whether the terms of a claim name a condition of a sentence, as far as the next one does not repeat it."""
    for match in _GIVEN.finditer(earlier):
        words = [token.term for token in tokens(match["clause"], language=language)[:_WORDS] if not token.stop]
        lead = {token.term for token in tokens(match["lead"] or "", language=language)}
        condition = set(words) - later | (lead & said)
        if condition and len(condition & said) >= _SHARE * len(condition):
            return True
    return False
