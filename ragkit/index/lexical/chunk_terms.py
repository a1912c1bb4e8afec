"""The terms of a chunk by field, as the files and the delta have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ragkit.index.lexical.term_codes import pack, unpack_language, unpack_text
from ragkit.text.analyzer import analyse_text, guess_language

STOP_WORDS: Final = "function_words"  # the name of the field on disk
FIELDS: Final = ("body", "context", STOP_WORDS)


CONTENT_FIELDS: Final = FIELDS[:2]
"""The fields that answers are scored by; their statistics are exact and leave deleted chunks out."""


class Terms(NamedTuple):
    """The analysed fields of a chunk, terms joined by spaces, one unit of the body a line; and their language."""

    language: str
    body: str
    context: str
    stop_words: str

    @property
    def packed(self) -> bytes:
        """The context line's terms, then each unit's on a line of its own, as `term_codes.pack` encodes them."""
        return pack(f"{self.context}\n{self.body}", language=self.language)

    def of_field(self, name: str) -> str:
        """Return the terms of one of `FIELDS`."""
        return {"body": self.body, "context": self.context, STOP_WORDS: self.stop_words}[name]

    def lengths(self) -> dict[str, int]:
        """Return the number of terms of each content field."""
        return {name: len(self.of_field(name).split()) for name in CONTENT_FIELDS}

    @classmethod
    def unpacked(cls, packed: bytes | memoryview) -> Terms:
        """Return the terms that were packed; stop words are not among them."""
        context, _, body = unpack_text(packed).partition("\n")
        return cls(unpack_language(packed), body, context, "")


def analyse_chunk(title: str, context: str, text: str, units: Sequence[tuple[int, int]] = ()) -> Terms:
    """Return the terms of a chunk. The title is left out of the context where the context begins with it."""
    whole = context if context.startswith(title) else f"{title}\n{context}"
    if len(units) > 1:
        language = guess_language(text)
        parts = [analyse_text(text[start:end], language=language) for start, end in units]
    else:
        parts = [analyse_text(text)]
        language = parts[0].language
    line = analyse_text(whole, language=language)
    body = "\n".join([part.terms for part in parts])
    return Terms(language, body, line.terms, " ".join([part.stop_words for part in (*parts, line)]))
