"""Footnotes, endnotes and comments of a Word document: they follow the paragraph that refers to them."""

from __future__ import annotations

from typing import Final

from ragkit_ingest.readers.office.number_formats import formatted
from ragkit_ingest.readers.office.word.paragraphs import Paragraph
from ragkit_ingest.readers.titles import squeeze

_NAMES: Final = {"footnote": "Footnote", "endnote": "Endnote"}


class Notes:
    """The notes that were read, and which of them were referred to.

    keep_comments: comments become text, too; dropped: how many did not.
    """

    def __init__(self, *, keep_comments: bool = True) -> None:
        self.dropped = 0
        self._keep_comments = keep_comments
        self.formats = {"footnote": "decimal", "endnote": "lowerRoman"}
        self._texts: dict[tuple[str, str], str] = {}
        self._used: set[tuple[str, str]] = set()
        self._counts = {"footnote": 0, "endnote": 0}

    def keep(self, kind: str, identity: str, text: str, author: str = "") -> None:
        """Keep a note until the text refers to it; several without an id are all kept."""
        text = squeeze(text)
        if text and kind == "comment" and not self._keep_comments:
            self.dropped += 1
        elif text:
            key = identity or f"?{len(self._texts)}"
            self._texts[kind, key] = comment_line(text, author) if kind == "comment" else text

    def refer(self, kind: str, identity: str, paragraph: Paragraph, *, own_mark: bool) -> None:
        """Add a reference to a note: its number goes into the text, and the note after the paragraph."""
        key = (kind, identity)
        text = self._texts.get(key, "")
        if kind == "comment":
            if key not in self._used and text:
                paragraph.add_aside(text)
        elif own_mark:
            if text and key not in self._used:
                paragraph.add_aside(f"{_NAMES[kind]}: {text}")
        else:
            self.add(kind, text if key not in self._used else "", paragraph)
        self._used.add(key)

    def comment(self, text: str, author: str, paragraph: Paragraph) -> None:
        """Take a comment that stands inside of the paragraph, as Word 2003 writes them."""
        if self._keep_comments:
            paragraph.add_aside(comment_line(text, author))
        else:
            self.dropped += 1

    def add(self, kind: str, text: str, paragraph: Paragraph) -> None:
        """Count a note, put its number into the text, and the note after the paragraph."""
        self._counts[kind] += 1
        number = formatted(self._counts[kind], self.formats[kind])
        if number.isascii() and number.isdecimal():
            paragraph.add(number, "note")
        else:
            paragraph.add(f" [{number}]")
        if squeeze(text):
            paragraph.add_aside(f"{_NAMES[kind]} {number}: {squeeze(text)}")

    def rest(self) -> list[str]:
        """Return the notes that nothing refers to, in their order."""
        return [text for key, text in self._texts.items() if key not in self._used]


def comment_line(text: str, author: str) -> str:
    """Return a comment as a line such as "[Comment by Ana: …]"."""
    author = squeeze(author)[:100]
    return f"[Comment by {author}: {squeeze(text)}]" if author else f"[Comment: {squeeze(text)}]"
