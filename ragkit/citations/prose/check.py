"""Statement + sentences -> why they do not support it: units, bounds, roles, conditions, values of other sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from ragkit.citations.prose.changes import old_value_fault
from ragkit.citations.prose.copies import copy_fault, swap_fault
from ragkit.citations.prose.roles import role_of
from ragkit.citations.quantities import comparisons
from ragkit.citations.table_check import Fault
from ragkit.citations.tokens import Claim, tokens
from ragkit.text.sentences import is_item

_UNIT_REACH: Final = 2  # content words after a number that may be its unit: "14 working days"
_SIGNS: Final = {"%": "percent", "€": "euro", "$": "dollar", "£": "pound", "¥": "yen", "°": "degree"}
_SIGNED: Final = re.compile(r"(?P<before>[€$£¥])?\s?(?P<number>\d+(?:[.,'’]\d+)*)\s?(?P<after>[%€$£¥°])?")
_UNIT_GROUPS: Final = (
    "percent prozent pct per-cent",
    "euro eur euros",
    "dollar dollars usd",
    "pound pounds gbp",
    "cent cents",
    "second seconds sec s sekunde sekunden",
    "minute minutes min minuten",
    "hour hours h hr hrs stunde stunden",
    "day days tag tage tagen",
    "week weeks woche wochen",
    "month months monat monate monaten",
    "year years yr jahr jahre jahren",
    "character characters zeichen",
    "word words",
    "kilogram kilograms kg kilogramm",
    "gram grams g gramm",
    "tonne tonnes ton tons",
    "metre metres meter meters m",
    "kilometre kilometres kilometer kilometers km",
    "centimetre centimetres cm",
    "millimetre millimetres mm",
    "mile miles",
    "foot feet ft",
    "inch inches",
    "litre litres liter liters l",
    "millilitre millilitres ml",
    "volt volts v",
    "watt watts w",
    "kilowatt kw",
    "ampere amperes amps a",
    "bar",
    "pascal pa",
    "kelvin k",
    "celsius",
    "fahrenheit",
    "byte bytes",
    "kilobyte kb",
    "megabyte mb",
    "gigabyte gb",
    "terabyte tb",
    "thousand",
    "million millionen mio",
    "billion milliarden mrd",
)
_UNITS: Final = {word: group.split()[0] for group in _UNIT_GROUPS for word in group.split()}
_CONDITION: Final = re.compile(
    r"\b(?:unless|except|only|provided|otherwise|if|when|whenever|once|elsewhere|(?:as|so) long as|in case|subject to"
    r"|wenn|falls|sofern|solange|nur|außer|sonst|sauf|seulement|lorsque|solo|salvo)\b",
    re.IGNORECASE,
)
_CLAUSE_END: Final = re.compile(r"[.;:!?()\n]|,\s(?=\w+\s+\w)")
_CLAUSE_BREAK: Final = re.compile(r"[,;:()–—]|\b(?:and|but|or|und|aber|oder|et|mais|ou)\b")
_CLAUSE_SHARE: Final = 0.75  # of a clause's terms that a claim must have to say what the clause says
_PARTS: Final = re.compile(r"[,;](?= )|\b(?:and|but|while|und|aber|et|y|e)\b")
_LEANS: Final = re.compile(
    r"\s*(?:[-*•]|\(?\w{1,3}[.)]\s|(?:it|its|they|their|this|these|that|those|he|she|his|her|such|both|each|there|"
    r"es|sie|er|dies\w*|das|il|elle|ils|ce|cela)\b)",
    re.IGNORECASE,
)
_OPPOSITES: Final = (
    "open closed",
    "before after",
    "increase decrease",
    "increased decreased",
    "rise fall",
    "rose fell",
    "minimum maximum",
    "first last",
    "buyer seller",
    "customer supplier",
    "employee employer",
    "tenant landlord",
    "allowed forbidden",
    "permitted prohibited",
    "required optional",
    "mandatory optional",
    "include exclude",
    "included excluded",
    "internal external",
    "net gross",
    "upper lower",
    "left right",
    "start end",
    "begins ends",
    "input output",
    "enabled disabled",
    "online offline",
    "public private",
    "higher lower",
    "more less",
    "most least",
    "always never",
    "all none",
    "early late",
    "earlier later",
    "weekday weekend",
    "morning evening",
    "summer winter",
    "buy sell",
    "lend borrow",
    "accept reject",
    "accepted rejected",
    "approve refuse",
    "above below",
    "inside outside",
    "with without",
    "paid unpaid",
    "new used",
    "hot cold",
    "warm cool",
    "north south",
    "east west",
)
_OPPOSITE: Final = {word: other for pair in _OPPOSITES for word, other in (pair.split(), pair.split()[::-1])}
_PIECES: Final = 2
_PIECE_TERMS: Final = 8  # terms of a claim for which one more sentence is allowed
_LOWER: Final = frozenset(("min", "over"))


def find_fault(claim: Claim, quote: Sequence[str], others: Sequence[str], *, above: frozenset[str]) -> Fault | None:
    """Return why a quote does not support a claim that shares its words, None where nothing speaks against it.

    quote: its sentences. others: the passage's other sentences. above: terms of headings and title over it.
    """
    text = " ".join(quote)
    return (
        copy_fault(claim, quote, others, above)
        or old_value_fault(claim, text)
        or _unit_fault(claim, text)
        or _bound_fault(claim, text)
        or _opposite_fault(claim, text)
        or _role_fault(claim, text)
        or swap_fault(claim, quote)
        or _owner_fault(claim, quote, others, above)
        or _part_fault(claim, quote)
        or _condition_fault(claim, quote)
        or _patchwork_fault(claim, quote, above)
    )


def leans(sentence: str) -> bool:
    """Return whether a sentence leans on the one before it: an item, or one that begins with a pronoun."""
    return bool(_LEANS.match(sentence))


def units(text: str, *, language: str) -> dict[str, set[str]]:
    """Return the units of each number of a text: signs beside it, and known units among the two words after it."""
    found: dict[str, set[str]] = {}
    said = tokens(text, language=language)
    for at, token in enumerate(said):
        if not token.is_number:
            continue
        here = found.setdefault(token.term, set())
        match = _SIGNED.match(text, max(0, token.start - 1)) or _SIGNED.match(text, token.start)
        if match and match.start("number") in (token.start, token.start + 1):
            here.update(_SIGNS[sign] for sign in (match["before"], match["after"]) if sign)
        reach = 0
        for after in said[at + 1 :]:
            if after.is_number or reach == _UNIT_REACH:
                break
            if after.word in _UNITS:
                here.add(_UNITS[after.word])
                break
            reach += not after.stop
    return found


def _unit_fault(claim: Claim, text: str) -> Fault | None:
    held = units(text, language=claim.language)
    for number, wanted in units(claim.text, language=claim.language).items():
        there = held.get(number, set())
        if wanted and there and not wanted & there:
            return "contradicted", f"{number} is in {min(there)}, not in {min(wanted)}"
    return None


def _bound_fault(claim: Claim, text: str) -> Fault | None:
    held = comparisons(text)
    for bound in claim.bounds:
        same = [item for item in held if item.number == bound.number]
        if same and all((item.bound in _LOWER) != (bound.bound in _LOWER) for item in same):
            return "contradicted", f"it says {same[0].words} {bound.number}"
    return None


def _opposite_fault(claim: Claim, text: str) -> Fault | None:
    said = {token.word for token in claim.tokens}
    held = {token.word for token in tokens(text, language=claim.language)}
    for word in sorted(said - held):
        other = _OPPOSITE.get(word)
        if other in held and other not in said:
            return "contradicted", f"it says {other}, not {word}"
    return None


def _role_fault(claim: Claim, text: str) -> Fault | None:
    said = role_of(claim.text, language=claim.language)
    for role in said:
        held = [item for item in role_of(text, language=claim.language) if item.verb == role.verb]
        for item in held:
            if role.agent and item.agent and not role.agent & item.agent:
                return "contradicted", f"{' '.join(sorted(item.agent))} does it"
    return None


def _owner_fault(claim: Claim, quote: Sequence[str], others: Sequence[str], above: frozenset[str]) -> Fault | None:
    """Return what is wrong when a number stands in one sentence and what it is said of only in another."""
    numbers = {token.term for token in claim.tokens if token.is_number}
    if not numbers:
        return None
    read = [tokens(sentence, language=claim.language) for sentence in (*quote, *others)]
    held = [frozenset(token.term for token in sentence) for sentence in read]
    holders = [at for at in range(len(held)) if numbers & held[at]]
    for number in numbers:
        places = [at for at in holders if number in held[at]]
        wanted = _said_with(claim, number)
        if not places or any(_owns(at, wanted, held, (*quote, *others), above) for at in places):
            continue
        return "contradicted", f"{number} is said of something else"
    return None


def _part_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return what is wrong when a number stands in one part of a sentence, what it is said of in another with its own.

    What stands before the first number of a sentence holds for all its parts: "A hotel may cost up to 140 euros, and up
    to 190 euros in London".
    """
    wanted = frozenset(token.term for token in claim.tokens if not token.stop and not token.is_number)
    numbers = {token.term for token in claim.tokens if token.is_number}
    for sentence in quote:
        parts = [tokens(part, language=claim.language) for part in _PARTS.split(sentence)]
        valued = [part for part in parts if any(token.is_number for token in part)]
        if len(valued) < 2:
            continue
        lead = set[str]()
        for token in tokens(sentence, language=claim.language):
            if token.is_number:
                break
            lead.add(token.term)
        for part in valued:
            terms = {token.term for token in part}
            missing = wanted - terms - lead
            rivals = [{token.term for token in other} for other in valued if other is not part]
            held = numbers & terms
            alone = held and not any(numbers & rival for rival in rivals)
            if alone and any(missing & rival for rival in rivals):
                return "contradicted", f"{min(held)} is said of something else"
    return None


def _terms_of_part(sentence: str, at: int, language: str) -> set[str]:
    """Return the terms of the part of a sentence that holds an offset; "and", "but" and semicolons end parts."""
    cuts = [0, *(match.start() for match in re.finditer(r"[;]|,? (?:and|but|und|aber|et) ", sentence)), len(sentence)]
    start, end = next(((a, b) for a, b in pairwise(cuts) if a <= at < b), (0, len(sentence)))
    return {token.term for token in tokens(sentence[start:end], language=language) if not token.stop}


def _patchwork_fault(claim: Claim, quote: Sequence[str], above: frozenset[str]) -> Fault | None:
    """Return what is wrong when a claim's words must be put together of more sentences than a person would point at."""
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


def _with_lead_ins(quote: Sequence[str]) -> list[str]:
    """Return sentences, the items of a list joined to the line that leads into it."""
    found: list[str] = []
    led = False
    for sentence in quote:
        if led and is_item(sentence):
            found[-1] += "\n" + sentence
            continue
        led = sentence.rstrip().endswith(":")
        found.append(sentence)
    return found


def _said_with(claim: Claim, number: str) -> frozenset[str]:
    """Return the terms that a claim says with a number: those of its part, of all of it where the part says little."""
    cuts = [0, *(match.start() for match in _PARTS.finditer(claim.text)), len(claim.text)]
    at = next(token.start for token in claim.tokens if token.term == number)
    start, end = next((a, b) for a, b in pairwise(cuts) if a <= at < b)
    terms = [token for token in claim.tokens if not token.stop and not token.is_number]
    part = frozenset(token.term for token in terms if start <= token.start < end)
    return part if len(part) > 1 else frozenset(token.term for token in terms)


def _owns(
    at: int, wanted: frozenset[str], held: Sequence[frozenset[str]], texts: Sequence[str], above: frozenset[str]
) -> bool:
    """Return whether no term of a claim that a sentence lacks stands in another sentence with numbers of its own."""
    missing = wanted - held[at] - above
    if at and leans(texts[at]):
        missing -= held[at - 1]
    rivals = [terms for place, terms in enumerate(held) if place != at and any(term[:1].isdigit() for term in terms)]
    return not any(missing & terms for terms in rivals)


def _says(said: set[str], before: str, language: str) -> bool:
    """Return whether a claim has the clause that ends a text, the one that a condition after it is for."""
    clause = _CLAUSE_BREAK.split(before.rstrip(" ,"))[-1]
    terms = {token.term for token in tokens(clause, language=language) if not token.stop}
    return len(terms) > 1 and len(terms & said) >= _CLAUSE_SHARE * len(terms)


def _condition_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return what is wrong when a claim drops the condition of the sentence that it repeats."""
    said = {token.term for token in claim.tokens if not token.stop}
    for sentence in quote:
        terms = {token.term for token in tokens(sentence, language=claim.language) if not token.stop}
        if len(said & terms) * 2 < len(said):
            continue
        for match in _CONDITION.finditer(sentence):
            part = _terms_of_part(sentence, match.start(), claim.language)
            if len(said & part) * 2 < len(said) and not _says(said, sentence[: match.start()], claim.language):
                continue  # the condition of another part
            end = _CLAUSE_END.search(sentence, match.end())
            clause = sentence[match.end() : end.start() if end else len(sentence)]
            inner = {token.term for token in tokens(clause, language=claim.language) if not token.stop}
            if inner and not inner & said:
                return "unclear", f"its condition is left out: {match.group()} {clause.strip()[:60]}"
    return None
