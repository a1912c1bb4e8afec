"""Signs of Symbol, Wingdings, Zapf Dingbats and such fonts, which hold pictures in place of letters, as Unicode."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_PRIVATE: Final = 0xF000  # Office moves the signs of such fonts to U+F020 to U+F0FF

_SYMBOL_LOW: Final = " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
_SYMBOL_HIGH: Final = "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪"
_SYMBOL: Final = {
    **{0x20 + at: sign for at, sign in enumerate(_SYMBOL_LOW)},
    **{0xA0 + at: sign for at, sign in enumerate(_SYMBOL_HIGH)},
    **{0xF1 + at: sign for at, sign in enumerate("〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭")},
}
_WINGDINGS: Final = {
    0x21: "✏", 0x22: "✂", 0x28: "☎", 0x29: "✆", 0x2A: "✉", 0x36: "⌛", 0x3F: "✍", 0x41: "✌", 0x43: "👍", 0x44: "👎",
    0x45: "☜", 0x46: "☞", 0x47: "☝", 0x48: "☟", 0x4A: "☺", 0x4B: "😐", 0x4C: "☹", 0x4D: "💣", 0x4E: "☠", 0x52: "☼",
    0x54: "❄", 0x58: "✠", 0x59: "✡", 0x5A: "☪", 0x5B: "☯", 0x6C: "●", 0x6D: "❍", 0x6E: "■", 0x6F: "☐", 0x70: "☐",
    0x71: "❑", 0x72: "❒", 0x73: "⬧", 0x74: "⧫", 0x75: "◆", 0x76: "❖", 0x77: "⬥", 0x78: "☒", 0x80: "⓪",
    **{0x81 + at: chr(0x2460 + at) for at in range(10)},
    0x7A: "⌘", 0x7B: "❀", 0x7C: "✿", 0x7D: "❝", 0x7E: "❞", 0x8B: "⓿",
    **{0x8C + at: chr(0x2776 + at) for at in range(10)},
    0x9E: "·", 0x9F: "•", 0xA1: "○", 0xA4: "◉", 0xA5: "◎", 0xA7: "▪", 0xA8: "☐", 0xAA: "✦", 0xAB: "★", 0xAC: "✶",
    0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE3: "↖", 0xE4: "↗", 0xE5: "↙", 0xE6: "↘", 0xE8: "➔",
    0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧", 0xF2: "⇩", 0xF3: "⇔", 0xF4: "⇕", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2: Final = {
    0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0x55: "⮽", 0x56: "⮾", 0x97: "●", 0x98: "●",
    0xA2: "■", 0xA3: "☐",
    **{0x6A + at: chr(0x2460 + at) for at in range(10)},
    **{0x75 + at: chr(0x2776 + at) for at in range(10)},
}  # fmt: skip
_WINGDINGS_3: Final = {
    0x66: "←", 0x67: "→", 0x68: "↑", 0x69: "↓", 0x70: "▲", 0x71: "▼", 0x74: "◀", 0x75: "▶", 0x7B: "◀", 0x7D: "▶",
}  # fmt: skip
_WEBDINGS: Final = {
    0x33: "◀", 0x34: "▶", 0x35: "▲", 0x36: "▼", 0x60: "⬑", 0x61: "✓", 0x63: "☐", 0x67: "■", 0x69: "ⓘ", 0x6E: "●",
    0x72: "✗", 0x78: "☒",
}  # fmt: skip
_DINGBATS: Final = {
    **{code: chr(0x2701 + code - 0x21) for code in range(0x21, 0x7F)},
    **{code: chr(0x2761 + code - 0xA1) for code in range(0xA1, 0xFF)},
    0x25: "☎", 0x2A: "☛", 0x2B: "☞", 0x48: "★", 0x6C: "●", 0x6E: "■", 0x73: "▲", 0x74: "▼", 0x75: "◆", 0x77: "◗",
    0xA8: "♣", 0xA9: "♦", 0xAA: "♥", 0xAB: "♠", **{0xAC + at: chr(0x2460 + at) for at in range(10)},
    0xD5: "→", 0xD6: "↔", 0xD7: "↕",
}  # fmt: skip
_FONTS: Final = {
    "symbol": _SYMBOL,
    "wingdings": _WINGDINGS,
    "wingdings2": _WINGDINGS_2,
    "wingdings3": _WINGDINGS_3,
    "webdings": _WEBDINGS,
    "zapfdingbats": _DINGBATS,
    "itczapfdingbats": _DINGBATS,
    "monotypesorts": _DINGBATS,
    "marlett": {},
}
UNKNOWN_SIGN: Final = "•"
"""Stands for a sign of such a font that is in no table."""
_NAME_PARTS = re.compile(r"[\s,_-]|regular|bold|italic|oblique|mt$|ps$|std$")


def is_symbol_font(font: str) -> bool:
    """Tell whether a font holds pictures in the places of letters; its name may be that of a subset in a PDF."""
    return _signs_of(font) is not None


@lru_cache(maxsize=256)
def _signs_of(font: str) -> Mapping[int, str] | None:
    bare = _NAME_PARTS.sub("", font.rpartition("+")[2].lower())
    return _FONTS.get(bare)


def symbol(font: str, code: str) -> str:
    """Return the sign of a font at a hexadecimal code, as w:sym has it; "" when it is not known."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    return symbol_text(chr(number), font) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def symbol_text(text: str, font: str) -> str:
    """Return text that is set in a symbol font as Unicode.

    A sign of such a font that is in no table becomes "•", never the letter in whose place it stands; an unknown sign
    of the private use area in another font is left out.
    """
    signs = _signs_of(font)
    found = []
    for sign in text:
        code = ord(sign)
        code -= _PRIVATE if _PRIVATE <= code <= _PRIVATE + 0xFF else 0
        if code < 0x20:
            found.append(sign)
        elif signs is not None and code <= 0xFF:
            found.append(signs.get(code, UNKNOWN_SIGN if code > 0x20 else sign))
        elif code != ord(sign):
            found.append(_SYMBOL.get(code, ""))  # a private sign in a common font: Office falls back to Symbol
        else:
            found.append(sign)
    return "".join(found)


def has_private(text: str) -> bool:
    """Tell whether text holds signs of symbol fonts in Office's private places."""
    return any("\uf020" <= sign <= "\uf0ff" for sign in text)
