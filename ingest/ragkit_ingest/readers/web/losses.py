"""Counts of what a reader of web pages leaves out, over all parts of a file, reported once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ragkit_ingest.readers.base import TextBuilder


@dataclass(slots=True)
class Losses:
    """Counts of content that is not in the text. hidden, struck: characters; the others: pieces, by their kind."""

    hidden: int = 0
    struck: int = 0
    boilerplate: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    media: Counter[str] = field(default_factory=Counter)
    pictures: int = 0
    buttons: int = 0
    options: int = 0
    scripts_needed: int = 0

    def report(self, out: TextBuilder) -> None:
        """Add a warning for each kind with a count."""
        if self.hidden:
            out.warn(f"hidden text: {self.hidden:,} characters")
        if self.struck:
            out.warn(f"struck-out text left out: {self.struck:,} characters")
        if self.boilerplate and self.boilerplate * 5 <= out.size * 4:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.parts.items()))
            out.warn(f"boilerplate kept out of the chunks: {self.boilerplate:,} characters ({kinds})")
        if self.media:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.media.items()))
            out.warn(f"embedded content that is not read: {kinds}")
        counts = {
            "pictures without a description": self.pictures,
            "buttons without meaning for the text, left out": self.buttons,
            "options of long lists left out": self.options,
            "notes that the page needs JavaScript, left out": self.scripts_needed,
        }
        for words, count in counts.items():
            if count:
                out.warn(f"{words}: {count:,}")
