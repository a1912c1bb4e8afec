"""Number formats of spreadsheets in pieces: sections, conditions, literals, placeholders (ECMA-376 part 1, 18.8.31)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

Kind = Literal["number", "date", "text", "general"]
TokenKind = Literal["literal", "digit", "date", "elapsed", "ampm", "exponent", "general", "iso", "sign"]
_LIMIT: Final = 1_000
_TOKEN: Final = re.compile(
    r"""
      "(?P<quoted>[^"]*)"?
    | \\(?P<escaped>.)
    | _(?P<pad>.)
    | \*(?P<fill>.)
    | \[(?P<bracket>[^\]]*)\]
    | (?P<general>general)
    | (?P<ampm>am/pm|a/p|上午/下午)
    | (?P<exponent>e[+-])
    | (?P<date>y+|m+|d+|h+|s+|g+|e+|b+|a{3,4})
    | (?P<digit>[0#?])
    | (?P<other>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CONDITION: Final = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_ELAPSED: Final = re.compile(r"h+|m+|s+", re.IGNORECASE)
_LANGUAGES: Final = {
    0x04: "zh",
    0x07: "de",
    0x09: "en",
    0x0A: "es",
    0x0C: "fr",
    0x10: "it",
    0x11: "ja",
    0x12: "ko",
    0x13: "nl",
    0x16: "pt",
}


class Token(NamedTuple):
    """A piece of a section. text: what it shows, or the letters of its placeholder in lower case."""

    kind: TokenKind
    text: str


@dataclass(slots=True)
class Section:
    """One of up to four parts of a format code. condition: (operator, number) or None. language: "" when not said."""

    tokens: list[Token] = field(default_factory=list)
    condition: tuple[str, float] | None = None
    language: str = ""
    kind: Kind = "number"


def sections_of(code: str) -> list[Section]:
    """Return the sections of a format code; what is after its first 1,000 characters is left out."""
    sections = [Section()]
    for match in _TOKEN.finditer(code[:_LIMIT]):
        name, text = match.lastgroup or "other", match.group(match.lastgroup or "other")
        if name == "other" and text == ";":
            sections.append(Section())
        else:
            _add(sections[-1], name, text)
    for section in sections:
        section.kind = _kind(section.tokens)
        if section.kind != "date":  # letters that a careless writer left without quotes
            section.tokens = [Token("literal", text) if kind == "date" else Token(kind, text)
                              for kind, text in section.tokens]  # fmt: skip
    return sections


def _add(section: Section, name: str, text: str) -> None:
    tokens = section.tokens
    if name in ("quoted", "escaped"):
        tokens.append(Token("literal", text))
    elif name == "pad" or (name == "fill" and text == " " and not (tokens and tokens[-1].text.endswith("-"))):
        tokens.append(Token("literal", " "))  # after a minus sign, the blanks up to its number are left out
    elif name == "bracket":
        _bracket(section, text)
    elif name == "digit":
        tokens.append(Token("digit", text))
    elif name == "date":
        tokens.append(Token("date", text.lower()))
    elif name == "ampm":
        tokens.append(Token("ampm", text))
    elif name == "exponent":
        tokens.append(Token("exponent", text[1]))
    elif name == "general":
        tokens.append(Token("general", text))
    elif name == "other":
        tokens.append(Token("sign" if text in ".,%/@" else "literal", text))


def _bracket(section: Section, text: str) -> None:
    condition = _CONDITION.fullmatch(text.strip())
    if condition is not None:
        section.condition = (condition.group(1), float(condition.group(2)))
    elif text.startswith("$"):
        symbol, _, place = text[1:].partition("-")
        section.language = _language(place) or section.language
        if symbol:
            section.tokens.append(Token("literal", symbol))
    elif _ELAPSED.fullmatch(text):
        section.tokens.append(Token("elapsed", text.lower()))


def _language(place: str) -> str:
    """Return the language of "407", "de-DE" or "ja-JP-x-gannen", "" when it is the system's or unknown."""
    word = place.partition(",")[0].partition("-")[0]
    if re.fullmatch(r"[0-9A-Fa-f]{3,8}", word):
        number = int(word, 16)
        return "" if number & 0xFFFF in (0xF800, 0xF400) else _LANGUAGES.get(number & 0x3FF, "?")
    return word.lower() if word.isalpha() and word.isascii() else ""


def _kind(tokens: list[Token]) -> Kind:
    if any(token.kind == "general" for token in tokens):
        return "general"
    clock = any(token.kind in ("date", "elapsed", "ampm") for token in tokens)
    if clock and not _has_digits(tokens):
        return "date"
    if any(token == ("sign", "@") for token in tokens):
        return "text"
    return "number"


def _has_digits(tokens: list[Token]) -> bool:
    """Tell whether there are placeholders of a number other than the fraction of seconds."""
    fraction = False
    for number, token in enumerate(tokens):
        if token.kind != "digit":
            fraction = token == ("sign", ".") and number > 0 and tokens[number - 1].text.startswith("s")
        elif token.text != "0" or not fraction:
            return True
    return False
