"""Sentences without what is no part of their wording: addresses, notes on links, marks of items."""

from __future__ import annotations

import re
from typing import Final

from ragkit.citations.tokens import content_terms
from ragkit.text.addresses import without_addresses

_ITEM_MARK: Final = re.compile(r"^\s*(?:[-*+•●▪◦‣–]|(?!\(\d{3}\)\s\d{3}[-. ])\(?\d{1,3}[.)])\s+")
_LINK_NOTE: Final = re.compile(r"\s?\(?\((?:link in source \d{1,3}|link removed|address removed)\)\)?")
_NUMBERED: Final = re.compile(r"^\s*\(?\d{1,3}[.)]\s+")
_REFERENCE: Final = r"\[(?:\d{1,3}(?:\s?[,–-]\s?\d{1,3})*|[a-h]|note\s\d{1,2}|citation\sneeded)\]"
_ENDED: Final = r"(?:(?<=[.!?…,;:)\"'”’»。！？])|(?<=\s\d)|(?<=\d[\d%]))"
_AFTER_SENTENCE_OR_NUMBER: Final = re.compile(rf"{_ENDED}[ \u00a0]?(?:{_REFERENCE})+", re.IGNORECASE)
_AFTER_WORD: Final = re.compile(rf"(?<=\w)[ \u00a0]?(?:{_REFERENCE})+(?=[\s.,;:!?)\"”’»]|$)", re.IGNORECASE)
PUBLISHED: Final = frozenset(content_terms("version release released publish published issue issued dated date"))
"""Terms of what a heading with a version and a date says."""


def without_links(sentence: str) -> str:
    """Return a sentence without addresses and their replacement texts: the number in those is no claim."""
    return without_addresses(_LINK_NOTE.sub("", sentence))


def wording_only(text: str) -> str:
    """Return the words of a text in lower case, to compare whole sentences."""
    bare = without_addresses(_ITEM_MARK.sub("", text)).replace("‹", "<").replace("›", ">")
    return " ".join(bare.split()).strip(".…!? ").lower()


def without_references(text: str) -> str:
    """Return a text of the same length with blanks for its references ("[1]", "[2, 3]", "[a]", "[citation needed]").

    After a word ("x[0]") one is a reference only in a text that has others, after sentences or numbers.
    """

    def blank(found: re.Match[str]) -> str:
        return " " * len(found.group())

    bare, count = _AFTER_SENTENCE_OR_NUMBER.subn(blank, text)
    return _AFTER_WORD.sub(blank, bare) if count else bare


def without_number(item: str) -> str:
    """Return a numbered item of a list as one with a dash."""
    return _NUMBERED.sub("- ", item, count=1)
