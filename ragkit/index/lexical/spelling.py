"""The term of an index that a misspelt word most likely means: edit distance over the term dictionary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from ragkit.text.edit_distance import edit_distance

Frequencies = Callable[[Iterable[str]], Mapping[str, int]]
"""Returns how many chunks have each of some terms; those that none has are 0, or left out."""
Terms = Callable[[str], Iterable[tuple[str, int]]]
"""Returns the terms that begin with a prefix, each with the number of chunks that have it."""

ONE_EDIT_FROM: Final = 4
TWO_EDITS_FROM: Final = 8
"""Lengths of a word from which on it may be off by one edit and by two."""
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzäöüßéèêàçñåøæ"
_LONGEST: Final = 24


def nearest_term(
    word: str, *, stems: Sequence[Callable[[str], str]], frequencies: Frequencies, terms: Terms
) -> str | None:
    """Return the term with the fewest edits (Damerau-Levenshtein) from a word, the most frequent of those; or None.

    word: in small letters. stems: a function for each language, from a word to its term. One edit is tried on the word
    itself, so that a wrong letter in an ending is found although it changes the stem; two on the stem, among terms with
    the same first letter.
    """
    if not ONE_EDIT_FROM <= len(word) <= _LONGEST:
        return None
    for stem in stems:
        counted = frequencies({term for term in map(stem, _edits(word)) if len(term) > 2})
        best = max(((count, term) for term, count in counted.items() if count), default=None)
        if best:
            return best[1]
    if len(word) < TWO_EDITS_FROM:
        return None
    found: list[tuple[int, int, str]] = []
    for stem in stems:
        own = stem(word)
        tried = {own: 2, **{near: 1 for near in _ending_repaired(word, stem) if near != own}}
        known = [(term, count) for term, count in terms(own[:1]) if len(term) >= ONE_EDIT_FROM and term.isalpha()]
        for near, limit in tried.items():
            found += [(edits + 2 - limit, -count, term) for edits, count, term in _within(near, known, limit=limit)]
    return min(found)[2] if found else None


def _within(word: str, known: Iterable[tuple[str, int]], *, limit: int) -> Iterator[tuple[int, int, str]]:
    """Yield the terms within so many edits of a word: the edits, the term's number of chunks, and the term."""
    letters = frozenset(word)
    for term, count in known:
        if abs(len(word) - len(term)) > limit or len(letters.symmetric_difference(term)) > 2 * limit:
            continue  # an edit changes the length by one at most, and the set of letters by two
        edits = edit_distance(word, term, limit=limit)
        if edits <= limit:
            yield edits, count, term


def _ending_repaired(word: str, stem: Callable[[str], str]) -> set[str]:
    """Return the stems that one edit makes shorter than the word by an ending: its own may have no ending at all."""
    least = len(stem(word)) - 1
    stems = {stem(edited) for edited in _edits(word)}
    return {near for near in stems if len(near) < least and near[:1] == word[:1]}


def _edits(word: str) -> set[str]:
    """Return every word that is one edit away: a letter left out, added, another, or two neighbours swapped."""
    letters = _LETTERS if not word.isascii() else _LETTERS[:30]
    splits = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    out = {left + right[1:] for left, right in splits if right}
    out |= {left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1}
    out |= {left + letter + right[1:] for left, right in splits if right for letter in letters}
    out |= {left + letter + right for left, right in splits for letter in letters}
    return out - {word}
