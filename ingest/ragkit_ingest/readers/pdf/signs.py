"""Signs of fonts such as Wingdings, which a PDF's text names by the letters in whose places they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ragkit_ingest.readers.text.symbols import UNKNOWN_SIGN, is_symbol_font, symbol_text

_COMMON = (0x81, 0x85, 0x8D, 0x8F, 0x90, 0x95, 0x96, 0x97, 0x9D)  # ellipsis, bullet, dashes, and codes without a sign
_LETTERS = "BCDEFGHJKLMNOPQRSTUVWXYZbcdefghijklmnopqrstuvwxyz"  # without those that are words of English themselves
_WINDOWS = {  # signs that pdfium names by the Windows code page, but those that stand alone in words
    bytes([code]).decode("cp1252"): chr(code) for code in range(0x80, 0xA0) if code not in _COMMON
}
_CODES = frozenset(map(chr, range(0x80, 0xA0)))  # of glyphs that a font numbers in its own way
_LONE = frozenset(
    [*_CODES, *_WINDOWS, *map(chr, [*range(0xA1, 0x100), *range(0xF021, 0xF100)]), *'!"#*?@[]^_`{|}~', *_LETTERS]
)
"""Words of one character that may be a sign: "n" is a square of Wingdings."""
_BLANK = frozenset(["", " ", "\r", "\n", "\t", "\xa0"])


def with_signs(text: str, font_at: Callable[[int], str]) -> str:
    """Return the text of a page with Unicode for signs that stand alone; every offset stays.

    font_at: returns the name of the font at an offset; it is only asked about words of one character.
    """
    lone = _LONE.intersection(text.split())
    if not lone:
        return text
    signs = list(text)
    for sign in lone:
        for at in _places(text, sign):
            signs[at] = _shown(sign, font_at(at))
    return "".join(signs)


def _places(text: str, sign: str) -> Iterator[int]:
    """Yield the offsets where a character is a word."""
    at = text.find(sign)
    while at >= 0:
        if text[max(0, at - 1) : at] in _BLANK and text[at + 1 : at + 2] in _BLANK:
            yield at
        at = text.find(sign, at + 1)


def _shown(sign: str, font: str) -> str:
    """Return what a character is in its font; where a PDF names signs of Symbol that are no letters, it names them
    rightly, but for the dot."""
    if not is_symbol_font(font) or ("symbol" in font.lower() and not sign.isascii() and sign != "·"):
        return sign
    return UNKNOWN_SIGN if sign in _CODES else symbol_text(_WINDOWS.get(sign, sign), font) or sign
