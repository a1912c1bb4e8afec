"""Find addresses in a word of text, in every form that a mail program or browser would turn into a link."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_TLDS: Final = (
    "app|biz|click|cloud|co|com|dev|edu|example|gov|icu|info|int|invalid|io|link|live|me|mil|mobi|name|net|online|org|pro"
    "|ru|shop|site|space|store|tech|test|top|tv|uk|us|website|world|xyz|zip|ai|at|au|be|br|ca|ch|cn|de|dk|es|eu|fi|fr"
    "|gg|in|it|jp|kr|ly|nl|no|onion|pl|pt|se|su|tk|to|ws|xn--[a-z0-9-]+"
)
_LABEL: Final = r"[^\W_](?:[\w-]{0,62}[^\W_])?"
_HOST: Final = rf"(?:{_LABEL}\.)+(?:{_TLDS})(?![A-Za-z0-9]|[.-][A-Za-z0-9])"
_ADDRESS = re.compile(
    rf"""
    (?P<url>
        [a-z][a-z0-9+.\-]*:(?://|\\\\)\S*                       # any scheme with slashes
      | (?<![A-Za-z0-9])(?:javascript|vbscript|mailto|view-source):\S+
      | (?<![A-Za-z0-9])data:[\w.+-]+/\S*
      | (?<![:\w/])(?://|\\\\)[\w.-]+\.\w[^\s]*                 # //host/path and \\host\path take the page's scheme
      | (?<![A-Za-z0-9])www\d{{0,3}}\.[^\W_]\S*
      | (?<![A-Za-z0-9]){_HOST}(?::\d+)?[/?\#]\S*                   # host/path without a scheme
      | (?<![A-Za-z0-9])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+)?/\S+
    )
  | (?P<mail>(?<![A-Za-z0-9])[\w.+-]+@(?:{_LABEL}\.)+[a-z]{{2,24}}(?![A-Za-z0-9]))
  | (?P<host>(?<![A-Za-z0-9]){_HOST})
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ABBREVIATION = re.compile(r"[A-Z]\.[A-Z][a-z]")  # "S.No" heads the columns of running numbers
_ENDING = re.compile(r"""[.,;:!?'"’”»)\]}>*_~|、。，；：！？）】」』]+$""")
_JOINERS = re.compile("[\u200c\u200d\ufe00-\ufe0f\\\\]")
_HOST_OF = re.compile(r"(?:[a-z][a-z0-9+.\-]*:)?(?://|\\\\)?(?:[^/@\s]*@)?([^/:?#\s\\]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """An address that a program could turn into a link. kind: "url", "mail" or "host" (a bare name such as a.com)."""

    text: str
    kind: str

    @property
    def host(self) -> str:
        """Return the host's name in lower case, "" where there is none."""
        found = _HOST_OF.match(self.text)
        return found.group(1).lower().rstrip(".") if found else ""


def replace_addresses(word: str, replacement: Callable[[Address], str]) -> str:
    """Return a word (without white space) with each address replaced by the result of a function.

    An address that shows only after the word is unescaped, folded to its compatibility form or freed of joiners takes
    the whole word with it.
    """
    if "." not in word and ":" not in word and "@" not in word and "&" not in word and word.isascii():
        return word
    seen = _JOINERS.sub("", unicodedata.normalize("NFKC", html.unescape(word)))
    if seen != word:
        hidden = [match for match in _ADDRESS.finditer(seen) if match.group() not in word]
        if hidden:
            return replacement(Address(hidden[0].group(), str(hidden[0].lastgroup)))

    def one(match: re.Match[str]) -> str:
        if _ABBREVIATION.fullmatch(match.group()):
            return match.group()
        text, tail = match.group(), ""
        ending = _ENDING.search(text)
        if ending and ending.start() > 0:
            size = ending.start()
            while text[size : size + 1] == ")" and text[:size].count("(") > text[:size].count(")"):
                size += 1  # that bracket was opened in the address
            text, tail = text[:size], text[size:]
        said = replacement(Address(text, str(match.lastgroup)))
        after = tail or match.string[match.end() : match.end() + 1]
        if said[:1] == "(" == match.string[match.start() - 1 : match.start()] and said[-1:] == ")" == after[:1]:
            said = said[1:-1]  # the text has brackets already
        return said + tail

    return _ADDRESS.sub(one, word)


def defang(text: str) -> str:
    """Return an address in a form that no program turns into a link, for reports."""
    return text.replace("://", "[:]//").replace(".", "[.]") if re.search(r"://|\w\.\w", text) else text
