"""Untrusted text -> text that can stand in a prompt as data: nothing in it can close a fence or hide from a reader."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Final

from ragkit.text.cleaning import show
from ragkit.types.hits import Hit

CUT_MARK: Final = " […]"
"""The mark at the end of a passage that was cut to fit the budget."""

# Everything that does not show: controls but tab and newline, bidi marks, tag characters, variation selectors beyond
# the sixteen of emoji. The joiners U+200C and U+200D belong to words of Persian and Indic scripts and stay.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff]"
)
# Our own fence, and the marks with which chat templates begin and end turns.
_FENCE_LIKE = re.compile(
    r"<(?=\s*/?\s*sources?\b)|<(?=\||<\s*/?\s*SYS)|(?<=\|)>"
    r"|<(?=\s*/?\s*(?:system|user|assistant|developer|human|tool\w*|function\w*|s|bos|eos|start_of_turn|end_of_turn)\b"
    r"[^<>]{0,200}>)",
    re.IGNORECASE,
)
_INSTRUCT = re.compile(r"\[(/?\s*(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_\w+))\]", re.IGNORECASE)
_NUMBER_MARK = re.compile(r"\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")


def plain(text: str) -> str:
    """Return text in which every character that does not show is written as an escape (tabs and newlines stay)."""
    return _HIDDEN.sub(lambda match: _escaped(ord(match.group())), text.replace("\r\n", "\n"))


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def neutral(text: str) -> str:
    """Return text that cannot be taken for a fence, a turn of a chat template or one of our source numbers.

    The brackets of such marks become ‹ › or ( ); all other text stays as it is.
    """
    return _NUMBER_MARK.sub(r"(\1)", unfenced(text))


def unfenced(text: str) -> str:
    """Return text that cannot be taken for a fence or a turn of a chat template; source numbers such as [1] stay."""
    text = _FENCE_LIKE.sub(lambda match: "›" if match.group() == ">" else "‹", plain(text))
    return _INSTRUCT.sub(r"(\1)", text)


def new_nonce(texts: Iterable[str]) -> str:
    """Return 16 random hex digits (64 bits from the system's generator) that stand in none of the texts."""
    held = list(texts)
    while True:
        nonce = secrets.token_hex(8)
        if not any(nonce in text for text in held):
            return nonce


def fenced(number: int, hit: Hit, *, nonce: str, cut: bool = False) -> str:
    """Return a passage as a numbered source between fences that carry the nonce."""
    lines = [f'<source id="{number}" key="{nonce}">']
    if hit.title:
        lines.append(f"title: {_line(hit.title)}")
    lines.append(f"file: {_line(hit.place)}")
    if hit.heading:
        lines.append(f"section: {_line(hit.heading)}")
    lines += [f"{key}: {_line(value)}" for key, value in _facts(hit)]
    lines.append("")
    lines.append(neutral(hit.text) + (CUT_MARK if cut else ""))
    lines.append(f'</source key="{nonce}">')
    return "\n".join(lines)


FACT_KEYS: Final = (
    "author", "authors", "reviewer", "owner", "date", "published", "created", "modified", "updated", "effective",
    "version", "status", "department",
)  # fmt: skip
"""Metadata that a model may need to answer: who wrote a source, when, and which version it is."""


def _facts(hit: Hit) -> list[tuple[str, str]]:
    """Return the metadata of a passage's document for its source line, in the order of `FACT_KEYS`."""
    named = {key.lower(): value for key, value in hit.metadata.items()}
    found: list[tuple[str, str]] = []
    for key in FACT_KEYS:
        value = named.get(key)
        values = value if isinstance(value, tuple | list) else (value,)
        text = ", ".join(str(item) for item in values if item is not None and not isinstance(item, bool))
        if text.strip():
            found.append((key, text[:120]))
    return found


def _line(text: str) -> str:
    return neutral(show(text, 300))


def every_text(hits: Sequence[Hit]) -> list[str]:
    """Return all text of some hits that reaches a prompt."""
    return [
        text
        for hit in hits
        for text in (hit.text, hit.title, hit.source, hit.heading, *(value for _, value in _facts(hit)))
    ]
