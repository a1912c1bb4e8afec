"""Words of a question that no chunk holds: compounds by their parts, longer compounds, and misspelt words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ragkit.index.lexical.spelling import Frequencies, Terms, nearest_term
from ragkit.text.analyzer import stem_of
from ragkit.text.notations import Notation
from ragkit.text.token_counter import is_common_word

Forms = Mapping[str, Sequence[str]]
"""A word's terms by language, the question's own language first: the whole word, then its pieces."""

_COMPOUNDING: Final = frozenset({"de", "nl", "sv", "da", "no", "fi"})
_LINKS: Final = ("", "s", "es", "n", "en", "e", "er")
_SHORTEST_PART: Final = 4
_PREFIX_FROM: Final = 5
_LONGER_KEPT: Final = 3
_CORRECTED_LIMIT: Final = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of a question as they are searched.

    corrected: words as typed, and the term that is used instead. also: longer compounds that count as a word. added:
    terms that the question itself does not have.
    """

    words: Sequence[Forms]
    corrected: Mapping[str, str] = field(default_factory=dict)
    also: Sequence[Notation] = ()
    added: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TermDictionary:
    """The terms of an index. languages: its main ones; a word of another is left as it is."""

    languages: Sequence[str]
    frequencies: Frequencies
    terms: Terms

    def read(self, words: Sequence[tuple[str, Forms]], *, known: Callable[[str], bool]) -> Reading:
        """Return words with others in place of those that no chunk has; words: as written, each with its forms."""
        unknown = [
            at
            for at, (written, forms) in enumerate(words)
            if _is_plain(written) and not any(known(term) for terms in forms.values() for term in terms)
        ]
        read = [forms for _, forms in words]
        corrected: dict[str, str] = {}
        also: list[Notation] = []
        added: list[str] = []
        foreign = len(unknown) > 2 and 2 * len(unknown) > len(words)
        for at in unknown:
            written, forms = words[at]
            own = next(iter(forms))
            if own not in self.languages:
                continue
            if own in _COMPOUNDING:
                parts = self._parts(written.lower(), own)
                longer = [] if parts else self._longer(written.lower(), own)
                if parts:
                    read[at] = {own: [*forms[own][:1], *parts]}
                if longer:
                    also.append(Notation(frozenset(forms[own][:1]), tuple((term,) for term in longer)))
                added += [*parts, *longer]
                if parts or longer:
                    continue
            used = None
            if not foreign and len(corrected) < _CORRECTED_LIMIT and not is_common_word(written):
                used = self._nearest(written.lower(), own)
            if used is not None:
                corrected[written] = used
                read[at] = {own: [used]}
                added.append(used)
        return Reading(read, corrected, also, added)

    def _nearest(self, word: str, own: str) -> str | None:
        languages = dict.fromkeys((own, *self.languages[:2]))
        stems = [stem_of(language) for language in languages]
        return nearest_term(word, stems=stems, frequencies=self.frequencies, terms=self.terms)

    def _parts(self, word: str, language: str) -> list[str]:
        """Return the terms of a compound's two parts, [] where the index does not have both."""
        stem = stem_of(language)
        splits: list[tuple[int, str, str]] = []
        for at in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
            for link in _LINKS:
                first = word[:at].removesuffix(link) if word[:at].endswith(link) else ""
                if len(first) >= _SHORTEST_PART:
                    splits.append((len(first), stem(first), stem(word[at:])))
        counted = self.frequencies({part for _, *parts in splits for part in parts})
        held = [split for split in splits if all(counted.get(part) for part in split[1:])]
        longest = max(held, key=lambda split: split[0], default=None)
        return [*longest[1:]] if longest else []

    def _longer(self, word: str, language: str) -> list[str]:
        """Return the most frequent compounds that begin with a word."""
        start = stem_of(language)(word)
        if len(start) < _PREFIX_FROM:
            return []
        longer = [(-count, term) for term, count in self.terms(start) if len(term) >= len(start) + _SHORTEST_PART]
        return [term for _, term in sorted(longer)[:_LONGER_KEPT]]


def _is_plain(written: str) -> bool:
    """Return whether a word may be misspelt: letters only, and no name in capitals or camelCase."""
    return written.isalpha() and written[1:].islower() and ord(written[0]) < 0x250
