"""Warnings of a search: words that it corrected, and a question in a language that the documents are not in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from ragkit.text.analyzer import analyse, foreign_language
from ragkit.text.cleaning import show
from ragkit.types.hits import Hit, Hits

LANGUAGE_NAMES: Final = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "nl": "Dutch",
    "pt": "Portuguese", "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "pl": "Polish",
    "cs": "Czech", "ro": "Romanian", "hu": "Hungarian", "tr": "Turkish",
}  # fmt: skip
_ENGLISH_ONLY: Final = re.compile(
    r"(?:all-|l6|l12)[\w-]*minilm|minilm-l(?:6|12)-v2|bge-\w+-en|e5-(?:small|base|large)-v2"
)
_WORD: Final = re.compile(r"[^\W\d_]+")


def reads_english_only(model: str) -> bool:
    """Return whether an embedding model, by its name, was trained on English only."""
    name = model.lower()
    return "multilingual" not in name and bool(_ENGLISH_ONLY.search(name))


def shown_corrections(corrected: Mapping[str, str], hits: Sequence[Hit], languages: Sequence[str]) -> dict[str, str]:
    """Return the corrections with words in place of stems: the most frequent word of the hits that has the stem."""
    shown: dict[str, str] = {}
    for typed, term in corrected.items():
        words = Counter(
            word.lower() for hit in hits for word in _WORD.findall(hit.text) if word[:1].lower() == term[:1]
        )
        fitting = [word for word, _ in words.most_common() if any(term in analyse(word, language=n) for n in languages)]
        shown[typed] = fitting[0] if fitting else term
    return shown


def correction_warnings(corrected: Mapping[str, str]) -> list[str]:
    """Return a sentence for each corrected word."""
    return [f'searched for "{used}" instead of "{show(typed, 60)}"' for typed, used in corrected.items()]


def drop_unseen_corrections(hits: Hits) -> None:
    """Drop the corrections whose words no hit has, for a reader who may not see some documents."""
    held = {word.lower() for hit in hits for word in _WORD.findall(f"{hit.title} {hit.heading} {hit.text}")}
    unseen = {typed: used for typed, used in hits.corrected.items() if used.lower() not in held}
    unseen_warnings = set(correction_warnings(unseen))
    hits.corrected = {typed: used for typed, used in hits.corrected.items() if typed not in unseen}
    hits.warnings = tuple(warning for warning in hits.warnings if warning not in unseen_warnings)


def language_warning(question: str, *, main: Collection[str], model: str) -> str | None:
    """Return the warning for a question in none of the documents' main languages, for a model of English only."""
    if not reads_english_only(model):
        return None
    language = foreign_language(question, languages=main)
    if language is None:
        return None
    held = " and ".join(LANGUAGE_NAMES.get(name, name) for name in sorted(main))
    return (
        f"the question looks {LANGUAGE_NAMES[language]}, the documents {held}, and the model {show(model, 80)} reads"
        " English: only words that are the same are found; a multilingual model finds more (docs/models.md)"
    )
