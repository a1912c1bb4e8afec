"""Addresses of links in the text: `order form (https://desk.example/form)`; none for a link within the site."""

from __future__ import annotations

import re
from typing import Final

_LIMIT: Final = 300
"""Characters; a longer address is no address for a person, and is only counted."""
_OUTSIDE = re.compile(r"(?:https?:)?//[^\s/]|mailto:[^\s@]+@", re.IGNORECASE)
_SCHEME = re.compile(r"^(?:https?://|mailto:)?(?:www\.)?", re.IGNORECASE)
ADDRESS = re.compile(r" \((?:https?://|mailto:)[^\s()]{1,600}\)")
"""An address as `address_after` writes it, with the blank before it."""


def address_after(text: str, target: str) -> str:
    """Return what stands after a link's text: ` (address)`; "" for a place within the site, or where the text says it.

    Parentheses and blanks of the address are percent-encoded, so that its end is certain.
    """
    target = "".join(target.split()) if target else ""
    if not text.strip() or not _OUTSIDE.match(target):
        return ""
    if target.startswith("//"):
        target = f"https:{target}"
    if target.lower().startswith("mailto:"):
        target = target.partition("?")[0]
    if len(target) > _LIMIT or _bare(target) in _bare(text):
        return ""
    return f" ({target.replace('(', '%28').replace(')', '%29')})"


def _bare(address: str) -> str:
    return _SCHEME.sub("", "".join(address.split())).rstrip("/").lower()
