"""Statements that repeat a sentence with one difference: another name, number or negation, or swapped sides."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

from ragkit.citations.amounts.units import is_unit
from ragkit.citations.denials import denial_fault
from ragkit.citations.meaning.antonyms import denies_the_opposite, opposites
from ragkit.citations.meaning.synonyms import are_synonyms, is_light
from ragkit.citations.quantities import count_denials
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, Token, as_written, tokens

_COPIED: Final = 0.7
_NEARLY: Final = 0.6  # of a claim's terms in the order of a sentence: one of few words may be another
_BY: Final = frozenset(("by", "von", "par", "por", "da"))
_SWAPPED: Final = 3  # words that a swap is made of: two sides and what stands between them
_FREE: Final = frozenset(("free", "charge"))
"""Words of "free of charge", which has no two sides."""
_JOINS: Final = frozenset(("and", "but", "while", "whereas", "then", "und", "aber", "während", "et", "mais"))
_OF: Final = frozenset(("of", "von", "de", "di"))
_SHORTER: Final = 0.7  # a claim of less than this length of a sentence repeats a part of it, and may leave a denial out


def is_copy(claim: Claim, sentence: str, *, share: float = _COPIED) -> bool:
    """Return whether a claim repeats at least a share of its terms from a sentence, in its order."""
    said = [token.term for token in claim.tokens if not token.stop]
    held = [token.term for token in tokens(sentence, language=claim.language) if not token.stop]
    blocks = SequenceMatcher(None, said, held, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= share * max(1, len(said))


def copy_fault(
    claim: Claim, quote: Sequence[str], others: Sequence[str], *, above: frozenset[str], known: frozenset[str]
) -> Fault | None:
    """Return the fault when a claim repeats a sentence with one word replaced by another.

    The other word is a name, a number, or one that the document has elsewhere in the same form; other words may be
    synonyms. above: terms of headings and title. known: words that the document has outside of the passage. The same
    for a denial that is there on one side only.
    """
    elsewhere = known | {token.word for token in tokens(" ".join(others), language=claim.language)}
    said = [token for token in claim.tokens if not token.stop]
    for sentence in quote:
        held = tokens(sentence, language=claim.language)
        own = {token.term for token in held if not token.stop}
        if sum(token.term in own for token in said) >= _COPIED * len(said) and _numbers_swapped(claim.tokens, held):
            return "contradicted", "its numbers stand in another order"
        if not is_copy(claim, sentence, share=_NEARLY):
            continue
        fault = _denial_fault(claim, sentence) or _replaced_fault(claim, sentence, above=above, elsewhere=elsewhere)
        if fault:
            return fault
    return None


def _denial_fault(claim: Claim, sentence: str) -> Fault | None:
    ours, theirs = count_denials(claim.text), count_denials(sentence)
    if ours == theirs or not is_copy(claim, sentence) or denies_the_opposite(claim, [sentence]):
        return None
    shorter = len(claim.text) < len(sentence) * _SHORTER
    return denial_fault(claim.text, sentence) if ours > theirs or not shorter else None


def _replaced_fault(claim: Claim, sentence: str, *, above: frozenset[str], elsewhere: frozenset[str]) -> Fault | None:
    said = [token for token in claim.tokens if not token.stop]
    held = [token for token in tokens(sentence, language=claim.language) if not token.stop]
    own = {token.term for token in held}
    terms = {token.term for token in said}
    excused = {found.said for found in opposites(claim, [sentence]) if found.denied}
    has_code = any(token.in_code for token in held)
    matcher = SequenceMatcher(None, [t.term for t in said], [t.term for t in held], autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind != "replace":
            continue
        for token in said[first:last]:
            if token.term in claim.implied:
                continue
            governs = token.term in above and (token is said[0] or (token.is_number and "." in token.word))
            if governs or (token.in_code and not has_code):
                continue  # what the document is about, which the sentence may call by another name
            if token.term in own or any(are_synonyms(token.word, other.word) for other in held[start:end]):
                continue
            is_name = claim.text[token.start].isupper() and token.start > 0
            rivals = [
                item
                for item in held[start:end]
                if item.term not in terms and _may_replace(item, token, sentence, claim)
            ]
            if not rivals or token.word in excused or is_light(token.word):
                continue  # the claim has those words too, in another place
            if is_name or token.is_number:
                return "contradicted", f"it says {rivals[0].word}, not {token.word}"
            if token.word in elsewhere:
                return "unclear", f"it says {rivals[0].word}, not {token.word}"
    return None


def _may_replace(held: Token, said: Token, sentence: str, claim: Claim) -> bool:
    """Return whether a word of a sentence can stand in the place of a claim's: no number or name for another word."""
    if said.is_number:
        return True
    is_name = claim.language != "de" and held.start > 0 and sentence[held.start].isupper()
    return not held.is_number and not (is_name and claim.text[said.start].islower())


def _numbers_swapped(said: Sequence[Token], held: Sequence[Token]) -> bool:
    """Return whether a number of a claim has a neighbour that another of its numbers has in a sentence."""
    ours, theirs = _beside_numbers(said), _beside_numbers(held)
    common = set(ours) & set(theirs)
    return any(
        ours[one] & theirs[other] - theirs[one] and not ours[one] & theirs[one]
        for one in common
        for other in common - {one}
    )


def _beside_numbers(read: Sequence[Token]) -> dict[str, set[str]]:
    """Return the terms right before and after each number, not across an "and"."""
    parts: list[list[Token]] = [[]]
    for token in read:
        if token.word in _JOINS:
            parts.append([])
        elif not token.stop:
            parts[-1].append(token)
    found: dict[str, set[str]] = {}
    for part in parts:
        for at, token in enumerate(part):
            if not token.is_number:
                continue
            before = part[max(0, at - 1) : at]
            if at > 1 and is_unit(part[at - 1].word) and part[at - 2].is_number:
                before = []  # the unit of another number
            near = (*before, *part[at + 1 : at + 2])
            found.setdefault(token.term, set()).update(other.term for other in near if not other.is_number)
    return found


def swap_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim has the words of a sentence with the two sides of a word swapped.

    Words that one of them repeats ("version 2 replaces version 1") tell nothing about the sides. Numbers compare as
    they are written: 2.1 and 2.10 are two versions.
    """
    said = _ordered(claim.tokens)
    passives = _count_by(claim.tokens)
    for sentence in quote:
        read = tokens(sentence, language=claim.language)
        held = _ordered(read)
        single = {term for term in said if said.count(term) == 1 >= held.count(term)}
        common = single & set(held)
        if len(common) < _SWAPPED or len(common) * 10 < len(single) * 9 or passives != _count_by(read):
            continue
        for pivot in common - _FREE:
            before, after = _sides(said, pivot, common)
            front, back = _sides(held, pivot, common)
            if before and front and before <= back and front <= after:
                return "contradicted", f"what stands before and after {as_written(pivot, claim.tokens)} is swapped"
    return None


def _ordered(read: Sequence[Token]) -> list[str]:
    """Return the content terms in their order, numbers as they are written."""
    return [token.word if token.is_number and "." in token.word else token.term for token in read if not token.stop]


def _count_by(read: Sequence[Token]) -> int:
    return sum(token.word in _BY for token in read)


def _sides(terms: Sequence[str], pivot: str, common: set[str]) -> tuple[set[str], set[str]]:
    """Return the common terms before a term, and those after it."""
    at = terms.index(pivot)
    return set(terms[:at]) & common, set(terms[at + 1 :]) & common


def neighbour_fault(
    claim: Claim, quote: Sequence[str], others: Sequence[str], *, known: frozenset[str]
) -> Fault | None:
    """Return the fault when a word has another neighbour in the quote: "flexible schedule" for "standard schedule".

    The strange word is one that the document has elsewhere; it stands right before the word, or after it with "of".
    """
    held = [_neighbours(text, claim.language) for text in quote]
    terms = {token.term for text in quote for token in tokens(text, language=claim.language)}
    said = {token.term for token in claim.tokens}
    words = known | {token.word for text in others for token in tokens(text, language=claim.language)}
    strange = {token.term for token in claim.tokens if token.word in words and token.term not in terms}
    for pair in _neighbours(claim.text, claim.language):
        for word, other, side in ((pair[0], pair[1], 0), (pair[1], pair[0], 1)):
            if word not in strange or other in strange:
                continue
            beside = [found[side] for pairs in held for found in pairs if found[1 - side] == other]
            if beside and not any(term in said or are_synonyms(term, word) for term in beside):
                return "unclear", f"it says {beside[0]}, not {word}"
    return None


def _neighbours(text: str, language: str) -> list[tuple[str, str]]:
    """Return the pairs of content terms of a text that stand side by side, or with "of" between them."""
    read = tokens(text, language=language)
    pairs = []
    for at, token in enumerate(read[:-1]):
        after = read[at + 1]
        if after.word in _OF and at + 2 < len(read):
            after = read[at + 2]
        if not any(item.stop or item.is_number or item.in_code for item in (token, after)):
            pairs.append((token.term, after.term))
    return pairs
