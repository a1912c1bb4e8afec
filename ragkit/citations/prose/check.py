"""Statement + sentences -> why they do not support it: units, bounds, roles, conditions, values of other things."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from ragkit.citations.amounts.changes import old_value_fault
from ragkit.citations.amounts.counted import counted_fault, version_fault
from ragkit.citations.amounts.frequency import frequency_fault
from ragkit.citations.amounts.labels import label_fault
from ragkit.citations.amounts.series import series_fault
from ragkit.citations.amounts.units import unit_fault
from ragkit.citations.clauses.split import verb_of
from ragkit.citations.meaning.antonyms import opposite_fault
from ragkit.citations.meaning.synonyms import are_synonyms, is_light
from ragkit.citations.prose.additions import added_fault
from ragkit.citations.prose.calendar import calendar_fault
from ragkit.citations.prose.complements import complement_fault
from ragkit.citations.prose.conditions import other_condition_fault
from ragkit.citations.prose.copies import copy_fault, is_copy, neighbour_fault, swap_fault
from ragkit.citations.prose.parts import bracket_fault, part_fault, said_with
from ragkit.citations.prose.polarity import turned_fault
from ragkit.citations.prose.qualifiers import kind_fault, widened_fault
from ragkit.citations.prose.ranges import clock_fault, code_fault
from ragkit.citations.prose.relations import states_relation, swapped_fault
from ragkit.citations.prose.roles import agent_fault, destination_fault, role_of
from ragkit.citations.quantities import comparisons, denies, exact_numbers
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, content_terms, tokens
from ragkit.text.sentences import is_item

_CONDITION: Final = re.compile(
    r"\b(?:unless|except|only|provided|otherwise|if|when|whenever|once(?! (?:a|per|every|in|within)\b)|elsewhere"
    r"|(?:as|so) long as|in case|subject to|after(?=\s[^\W\d]+ing\b)"
    r"|(?:with|given) (?=the\s(?:\w+\s)?(?:consent|approval))"
    r"|wenn|falls|sofern|solange|nur|außer|sonst|sauf|seulement|lorsque|solo|salvo)\b",
    re.IGNORECASE,
)
_CLAUSE_END: Final = re.compile(r"[.;:!?()\n]|,\s(?=\w+\s+\w)")
_CLAUSE_BREAK: Final = re.compile(r"[,;:()–—]|\b(?:and|but|or|und|aber|oder|et|mais|ou)\b")
_CLAUSE_SHARE: Final = 0.75  # of a clause's terms that a claim must have to repeat the clause
_CONNECTIVES: Final = (
    "but|so|and|however|therefore|also|thus|hence|keep in mind|note|aber|auch|daher|deshalb|jedoch|mais|donc|pero"
)
_EXPLETIVES: Final = (
    r"(?:it is|it['’]s|there is|there are)\s(?:\w+\s){0,2}?(?:easy|hard|possible|impossible|important|clear|likely"
    r"|necessary|expected|known|true|common|worth|an?|no|many|some)\b"
)
_PRONOUNS: Final = (
    "it|its|they|them|their|this|these|that|those|he|she|his|her|such|both|each|there|elsewhere|then|otherwise|instead"
    r"|es|sie|er|dies\w*|das|dem|danach|davor|dafür|sonst|il|elle|ils|ce|cela"
)
_PREPOSITIONS: Final = "after|before|during|in|for|by|from|under|with|of|on|at|until|nach|vor|bei|für|mit"
_LEANS: Final = re.compile(
    rf"\s*(?:[-*•]|\(?\w{{1,3}}[.)]\s|(?:{_CONNECTIVES})\b"
    rf"|(?!{_EXPLETIVES})(?:(?:{_PREPOSITIONS})\s)?(?:{_PRONOUNS})\b)",
    re.IGNORECASE,
)
_OBJECT: Final = re.compile(r"\b(?:for|against|of|to|with|on|by) (?:it|them|this|these)\b", re.IGNORECASE)
"""A pronoun after a preposition: what it stands for is in the sentence before."""
_OWNER_SHARE: Final = 0.2  # of the terms said with a number that may stand beside another number only
_STRANGE: Final = 2  # words of a claim that may not occur only elsewhere
_REPEATED: Final = 0.5  # of a claim's terms in the order of a sentence, whose parts it then keeps apart
_PIECES: Final = 2
_PIECE_TERMS: Final = 8  # terms of a claim for which one more sentence is allowed
_LOWER: Final = frozenset(("min", "over"))


def find_fault(
    claim: Claim,
    quote: Sequence[str],
    others: Sequence[str],
    *,
    above: frozenset[str],
    known: frozenset[str] = frozenset(),
    before: str = "",
) -> Fault | None:
    """Return why a quote does not support a claim that shares its words; None if no fault is found.

    quote: its sentences. others: the passage's other sentences. above: terms of headings and title over it. known:
    words in lower case that the document has outside of the passage. before: the sentence before the quote.
    """
    text = " ".join(quote)
    leaned_on = tokens(before, language=claim.language) if leans(quote[0]) else []
    near = above | {token.term for token in leaned_on if not token.is_number}
    return (
        copy_fault(claim, quote, others, above=above, known=known)
        or sure_fault(claim, quote)
        or other_condition_fault(claim, quote, before=before)
        or destination_fault(claim, quote)
        or agent_fault(claim, quote)
        or turned_fault(claim, quote)
        or _role_fault(claim, quote, others)
        or neighbour_fault(claim, quote, others, known=known)
        or _owner_fault(claim, quote, others, near)
        or part_fault(claim, [sentence for sentence in quote if is_copy(claim, sentence, share=_REPEATED)])
        or kind_fault(claim, text)
        or widened_fault(claim, quote)
        or complement_fault(claim, text)
        or added_fault(claim, [*quote, before], others, near)
        or _condition_fault(claim, quote)
        or _patchwork_fault(claim, quote, above)
        or _elsewhere_fault(claim, quote, others, near, known)
    )


def sure_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault of a claim that a rule finds whatever other words stand around it; None for none.

    These rules compare things of one kind: units, versions, dates, bounds, antonyms, the sides of a relation.
    """
    text = " ".join(quote)
    return (
        old_value_fault(claim, text)
        or unit_fault(claim, text)
        or version_fault(claim, text)
        or counted_fault(claim, text)
        or calendar_fault(claim, quote)
        or frequency_fault(claim, text)
        or series_fault(claim, quote)
        or bracket_fault(claim, quote)
        or code_fault(claim, text)
        or clock_fault(claim, text)
        or label_fault(claim, text)
        or _bound_fault(claim, text)
        or swapped_fault(claim, quote)
        or _order_fault(claim, quote)
    )


def _order_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim says the opposite, or the same words in another order, unless both relate alike."""
    return None if states_relation(claim, quote) else opposite_fault(claim, quote) or swap_fault(claim, quote)


def leans(sentence: str) -> bool:
    """Return whether a sentence depends on the one before it: a list item, or one that begins with a pronoun or
    "but"."""
    return bool(_LEANS.match(sentence))


def _bound_fault(claim: Claim, text: str) -> Fault | None:
    held = comparisons(text)
    for bound in claim.bounds:
        same = [item for item in held if item.number == bound.number]
        if same and all((item.bound in _LOWER) != (bound.bound in _LOWER) for item in same):
            return "contradicted", f"it says {same[0].words} {bound.number}"
    exact = exact_numbers(claim.text) - exact_numbers(text) if held else frozenset[str]()
    for item in held:
        if item.number in exact:
            return "contradicted", f"it says {item.words} {item.number}, and not exactly"
    return None


def _role_fault(claim: Claim, quote: Sequence[str], others: Sequence[str]) -> Fault | None:
    """Return the fault when a quote names another agent for the claim's action, and the passage names the claim's
    agent."""
    held = [role for sentence in quote for role in role_of(sentence, language=claim.language) if role.agent]
    known = {token.term for text in (*quote, *others) for token in tokens(text, language=claim.language)}
    for role in role_of(claim.text, language=claim.language):
        same = [item for item in held if item.verb == role.verb]
        item = max(same, key=lambda other: len(role.patient & other.patient), default=None)
        if item is None or role.agent & item.agent:
            continue
        if role.agent & known or len(item.agent & role.patient) * 2 >= len(item.agent):
            return "contradicted", f"{' '.join(sorted(item.agent))} does it"
    return None


def _owner_fault(claim: Claim, quote: Sequence[str], others: Sequence[str], above: frozenset[str]) -> Fault | None:
    """Return the fault when a number stands in one sentence and its subject only in another."""
    numbers = claim.numbers
    if not numbers:
        return None
    read = [tokens(sentence, language=claim.language) for sentence in (*quote, *others)]
    held = [frozenset(token.term for token in sentence) for sentence in read]
    holders = [at for at in range(len(held)) if numbers & held[at]]
    light = {token.term for token in claim.tokens if is_light(token.word)}
    for number in numbers:
        places = [at for at in holders if number in held[at]]
        wanted = said_with(claim, number) - light
        if not places or any(_owns(at, wanted, held, (*quote, *others), above) for at in places):
            continue
        return "contradicted", f"{number} is said of something else"
    return None


def _terms_of_part(sentence: str, at: int, language: str) -> set[str]:
    """Return the terms of the part of a sentence that holds an offset; "and", "but" and semicolons end parts."""
    cuts = [0, *(match.start() for match in re.finditer(r"[;]|,? (?:and|but|und|aber|et) ", sentence)), len(sentence)]
    start, end = next(((a, b) for a, b in pairwise(cuts) if a <= at < b), (0, len(sentence)))
    return content_terms(sentence[start:end], language=language)


def _patchwork_fault(claim: Claim, quote: Sequence[str], above: frozenset[str]) -> Fault | None:
    """Return the fault when a claim's words are spread over more sentences than a quote may have."""
    left = {token.term for token in claim.tokens if not token.stop} - above
    units = [{token.term for token in tokens(unit, language=claim.language)} for unit in _with_lead_ins(quote)]
    left &= set[str]().union(*units)
    allowed = _PIECES + len(left) // _PIECE_TERMS
    used = 0
    while left and units:
        best = max(units, key=lambda unit: len(unit & left))
        left -= best
        used += 1
    return ("unclear", "its words stand apart from each other") if used > allowed else None


def _elsewhere_fault(
    claim: Claim, quote: Sequence[str], others: Sequence[str], above: frozenset[str], known: frozenset[str]
) -> Fault | None:
    """Return the fault when several words of a claim stand elsewhere in the passages, and not in the quote."""
    held = above | {token.term for text in quote for token in tokens(text, language=claim.language)}
    apart = [token for text in others for token in tokens(text, language=claim.language)]
    words = known | {word for token in apart for word in (token.word, token.term)}
    strange = [
        token.word
        for token in claim.tokens
        if not token.stop and token.term not in held and {token.word, token.term} & words and not denies(token.word)
    ]
    if len(strange) >= _STRANGE:
        return "unclear", f"{' and '.join(strange)} stand in another place"
    first = next((token.word for token in claim.tokens if not token.stop), "")
    said = {token.word for text in quote for token in tokens(text, language=claim.language)}
    for word in (first, verb_of(claim.text).lower()):
        if word in strange and not is_light(word) and not any(are_synonyms(word, other) for other in said):
            return "unclear", f"{word} stands in another place"
    return None


def _with_lead_ins(quote: Sequence[str]) -> list[str]:
    """Return the sentences, with each list item joined to the line that introduces the list."""
    found: list[str] = []
    led = False
    for sentence in quote:
        if led and is_item(sentence):
            found[-1] += "\n" + sentence
            continue
        led = sentence.rstrip().endswith(":")
        found.append(sentence)
    return found


def _owns(
    at: int, wanted: frozenset[str], held: Sequence[frozenset[str]], texts: Sequence[str], above: frozenset[str]
) -> bool:
    """Return whether no other sentence with numbers has a term of the claim that this sentence lacks."""
    missing = wanted - held[at] - above
    if at and (leans(texts[at]) or _OBJECT.search(texts[at])):
        missing -= held[at - 1]
    rivals = [terms for place, terms in enumerate(held) if place != at and any(term[:1].isdigit() for term in terms)]
    allowed = len(wanted) * _OWNER_SHARE
    return not any(len(missing & terms) > allowed for terms in rivals)


def _says(said: set[str], before: str, language: str) -> bool:
    """Return whether a claim has the last clause of a text, which the condition after it restricts."""
    clause = _CLAUSE_BREAK.split(before.rstrip(" ,"))[-1]
    terms = content_terms(clause, language=language)
    return len(terms) > 1 and len(terms & said) >= _CLAUSE_SHARE * len(terms)


def _condition_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim drops the condition of the sentence that it repeats."""
    said = {token.term for token in claim.tokens if not token.stop}
    before = set[str]()
    for sentence in quote:
        terms = content_terms(sentence, language=claim.language)
        leaned_on = before if leans(sentence) else set[str]()
        before = terms
        if len(said & (terms | leaned_on)) * 2 < len(said):
            continue
        for match in _CONDITION.finditer(sentence):
            part = _terms_of_part(sentence, match.start(), claim.language) | leaned_on
            if len(said & part) * 2 < len(said) and not _says(said, sentence[: match.start()], claim.language):
                continue  # the condition of another part
            end = _CLAUSE_END.search(sentence, match.end())
            clause = sentence[match.end() : end.start() if end else len(sentence)]
            inner = content_terms(clause, language=claim.language)
            if inner and not inner & said:
                return "unclear", f"its condition is left out: {match.group()} {clause.strip()[:60]}"
    return None
