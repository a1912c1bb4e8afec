"""Recognise the markup of answers: [n] markers, groups in brackets, link targets, tags."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

GROUP_LIMIT: Final = 1_000
"""Longest text in brackets, in code points (CommonMark's own limit for labels is 999)."""

TARGET_LIMIT: Final = 2_000
"""Longest link target or tag that is recognised as one."""

OPENERS: Final = {"[": "]", "【": "】", "［": "］", "〔": "〕"}
"""Brackets that models write markers in."""

_DEPTH_LIMIT: Final = 20
_MARKER = re.compile(
    r"""\s*(?:[\^#]|(?:sources?|src|docs?|documents?|passages?|ref(?:erence)?s?|citations?|quellen?|n)\b\s*[:#.]?)?\s*
    (?P<numbers>\d{1,3}(?:\s*(?:,|;|/|&|and|und|et|to|-|–|—)\s*(?:\#|source\s|\^)?\s*\d{1,3})*)
    \s*(?:†.*|[,:]?\s*(?:pp?|pages?|s|seite)\.?\s*[\divxlc–-]+)?\s*\\?""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_NUMBERS = re.compile(r"(\d{1,3})(?:\s*(?:-|–|—|to)\s*(\d{1,3}))?", re.IGNORECASE)
_TARGET = re.compile(r"""\s*(?:<[^<>\n]*>|[^\s<>]*)(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*""")
_DEFINITION = re.compile(r"""\s*(?:<[^<>\n]*>|\S+)?(?:\s+(?:"[^"\n]*"|'[^'\n]*'|\([^()\n]*\)))?\s*""")
_TAG_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:-]*)")
_ELEMENT_NAMES: Final = """
a abbr acronym address animate applet area article aside audio b base basefont bdi bdo bgsound big blink
blockquote body br button canvas caption center cite code col colgroup content data datalist dd del details dfn
dialog dir div dl dt em embed fieldset figcaption figure font footer foreignobject form frame frameset h1 h2 h3
h4 h5 h6 head header hgroup hr html i iframe image img input ins kbd keygen label legend li link listing main
map mark marquee math menu menuitem meta meter multicol nav nobr noembed noframes noscript object ol optgroup
option output p param picture plaintext portal pre progress q rb rp rt rtc ruby s samp script search section
select set shadow slot small source spacer span strike strong style sub summary sup svg table tbody td template
textarea tfoot th thead time title tr track tt u ul use var video wbr xmp
"""
_ELEMENTS: Final = frozenset(_ELEMENT_NAMES.split())


class Missing(Enum):
    """Why the end of a construct was not found."""

    MORE = "more text may bring it"
    NEVER = "no text can bring it"


def closing(text: str, start: int, *, opener: str, limit: int, final: bool) -> int | Missing:
    """Return the index of the bracket that closes the one at `start`, at most `limit` code points on, in its paragraph.

    Whether it is MORE or NEVER depends only on the text up to the limit, so that it does not matter where a stream was
    cut.
    """
    closer = OPENERS.get(opener, ")")
    stop = min(len(text), start + limit)
    depth = 0
    for match in re.compile(rf"[{re.escape(opener)}{re.escape(closer)}]|\n[ \t]*\n").finditer(text, start, stop):
        found = match.group()
        if found == opener:
            depth += 1
            if depth > _DEPTH_LIMIT:
                return Missing.NEVER
        elif found == closer:
            depth -= 1
            if depth == 0:
                return match.start()
        else:
            return Missing.NEVER
    return Missing.NEVER if final or len(text) >= start + limit else Missing.MORE


def marker_numbers(inner: str) -> list[int] | None:
    """Return the numbers that the text in a pair of brackets cites, or None when it is no marker.

    Read are 1 / 1, 2 / 1-3 / ^1 / Source 1 / 1†L3 / 1, p. 3 and the like.
    """
    text = inner.strip()
    if text[:1] == "[" and text[-1:] == "]":
        text = text[1:-1]
    match = _MARKER.fullmatch(text) if len(text) <= GROUP_LIMIT else None
    if match is None:
        return None
    numbers: list[int] = []
    for first, last in _NUMBERS.findall(match["numbers"]):
        low, high = int(first), int(last or first)
        numbers.extend(range(low, high + 1) if low <= high <= low + 50 else (low, high))
    return list(dict.fromkeys(numbers))


def is_target(text: str) -> bool:
    """Return whether the text in round brackets after [..] makes a Markdown link."""
    return bool(_TARGET.fullmatch(text))


def is_definition(rest: str) -> bool:
    """Return whether the text after "[label]:" on its line makes a Markdown reference definition."""
    return bool(_DEFINITION.fullmatch(rest))


def element_name(tag: str) -> str:
    """Return the name of an HTML element that the text between < and > is a tag of, "" when it is none."""
    if tag[:1] in {"!", "?"}:
        return tag[:1]
    match = _TAG_NAME.match(tag)
    name = match.group(1).lower() if match else ""
    return name if name in _ELEMENTS or name.startswith("svg:") else ""
