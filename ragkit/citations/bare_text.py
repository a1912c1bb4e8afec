"""Sentences without what is no part of their wording: addresses, notes on links, marks of items."""

from __future__ import annotations

import re
from typing import Final

from ragkit.citations.tokens import content_terms
from ragkit.text.addresses import without_addresses

_ITEM_MARK: Final = re.compile(r"^\s*(?:[-*+•●▪◦‣–]|(?!\(\d{3}\)\s\d{3}[-. ])\(?\d{1,3}[.)])\s+")
_LINK_NOTE: Final = re.compile(r"\s?\(?\((?:link in source \d{1,3}|link removed|address removed)\)\)?")
_NUMBERED: Final = re.compile(r"^\s*\(?\d{1,3}[.)]\s+")
PUBLISHED: Final = frozenset(content_terms("version release released publish published issue issued dated date"))
"""Terms of what a heading with a version and a date says."""


def without_links(sentence: str) -> str:
    """Return a sentence without addresses and their replacement texts: the number in those is no claim."""
    return without_addresses(_LINK_NOTE.sub("", sentence))


def wording_only(text: str) -> str:
    """Return the words of a text in lower case, to compare whole sentences."""
    bare = without_addresses(_ITEM_MARK.sub("", text)).replace("‹", "<").replace("›", ">")
    return " ".join(bare.split()).strip(".…!? ").lower()


def without_number(item: str) -> str:
    """Return a numbered item of a list as one with a dash."""
    return _NUMBERED.sub("- ", item, count=1)
