"""Addresses of links, as every reader writes them: `order form (https://desk.example/form)`; none within the site."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

_LIMIT: Final = 600
"""In characters; a longer address is not shown."""
_NUMBER_LIMIT: Final = 40
_OUTSIDE = re.compile(r"(?:(?:https?|ftp):)?//[^\s/]|mailto:[^\s@]+@", re.IGNORECASE)
_BREAKS = re.compile(r"[\t\r\n]+")
_SCHEME = re.compile(r"^(?:(?:https?|ftp)://|mailto:)?(?:www\.)?", re.IGNORECASE)
ADDRESS = re.compile(r" \((?:(?:https?|ftp)://|mailto:)[^\s()]{1,600}\)")
"""An address as `address_after` writes it, with the blank before it."""


def address_after(text: str, target: str) -> str:
    """Return ` (address)`, to follow a link's text; "" for a site-internal link, or where the text is the address.

    Of a link that dials it is the number.

    Parentheses and blanks of the address are percent-encoded, so that its end is certain.
    """
    target = "%20".join(_BREAKS.sub("", target).split()) if target else ""
    if target[:4].lower() == "tel:":
        return _number_after(text, target[4:])
    if not text.strip() or not _OUTSIDE.match(target):
        return ""
    if target.startswith("//"):
        target = f"https:{target}"
    if target.lower().startswith("mailto:"):
        target = target.partition("?")[0]
    encoded = target.replace("(", "%28").replace(")", "%29")
    if len(encoded) > _LIMIT or _bare(target) in _bare(text):
        return ""
    return f" ({encoded})"


def _number_after(text: str, number: str) -> str:
    """Return ` (number)` for a telephone link; "" where the link's text has the number in any notation."""
    number = unquote(number).partition(";")[0].strip()
    digits = "".join(filter(str.isdecimal, number))
    said = "".join(filter(str.isdecimal, text))
    return f" ({number})" if digits and digits[-6:] not in said and len(number) <= _NUMBER_LIMIT else ""


def linked(text: str, target: str) -> str:
    """Return a link's text with its address behind it; the address alone where the link has no text."""
    if text.strip():
        return text + address_after(text, target)
    return address_only(target) or text


def address_only(target: str) -> str:
    """Return the address of a link that has no text of its own, such as a picture's; "" for a place within the site."""
    return address_after("link", target).strip(" ()")


def is_address(target: str) -> bool:
    """Tell whether a link leads to an address that a person may follow, and not into the site or to a file."""
    return _OUTSIDE.match(target.strip()) is not None


def _bare(address: str) -> str:
    return _SCHEME.sub("", "".join(address.replace("%20", "").split())).rstrip("/").lower()
