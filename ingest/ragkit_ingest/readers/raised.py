"""Superscripts and subscripts as text that stays distinct from the number or word before: 30¹, 10⁻⁶, H₂O, x^(n+k)."""

from __future__ import annotations

from typing import Final

from ragkit_ingest.readers.titles import squeeze

_RAISED: Final = dict(zip("0123456789+-−=()nieo", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱᵉᵒ", strict=True))
_LOWERED: Final = dict(zip("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎", strict=True))
_ORDINALS: Final = frozenset(
    [
        "st",
        "nd",
        "rd",
        "th",
        "er",
        "ère",
        "re",
        "ème",
        "eme",
        "º",
        "ª",
        "os",
        "as",
        "tm",
        "®",
        "™",
        "©",
        "sm",
    ]
)
"""Raised letters that are a part of the word: 1st, Mme; single ones, as in 2ᵉ and nᵒ, may mark a note as well."""


def superscript(text: str) -> str:
    """Return raised text: Unicode superscripts where each sign has one, ordinals as they are, else ^(…)."""
    text = squeeze(text)
    if not text:
        return ""
    if text.lower() in _ORDINALS:
        return text
    if all(sign in _RAISED for sign in text):
        return "".join(_RAISED[sign] for sign in text)
    return f"^{text}" if len(text) == 1 else f"^({text})"


def subscript(text: str) -> str:
    """Return lowered text: Unicode subscripts where each sign has one, else _(…)."""
    text = squeeze(text)
    if not text:
        return ""
    if all(sign in _LOWERED for sign in text):
        return "".join(_LOWERED[sign] for sign in text)
    return f"_{text}" if len(text) == 1 else f"_({text})"
