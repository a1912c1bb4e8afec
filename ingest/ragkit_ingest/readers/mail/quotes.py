"""Quotes of other messages in a reply: lines behind ">", and all text below the line that begins an earlier message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from ragkit_ingest.readers.base import TextBuilder

Kind = Literal["own", "quote", "earlier"]
_QUOTED = re.compile(r"[ \t]?((?:>[ \t]?)+)(.*)")
_ATTRIBUTION: Final = 200  # characters of the attribution line
_WRAPPED: Final = 55  # a quoted line at least as long was wrapped, and goes on
_BULLET = re.compile(r"(?:[-*+•–]|\d{1,3}[.)])\s")
_EARLIER = re.compile(
    r"^[ \t]*(?:-{2,}[ \t]*(?:original message|original appointment|forwarded message|ursprüngliche nachricht|"
    r"weitergeleitete nachricht|message d'origine|message original|message transféré|mensaje original|"
    r"mensaje reenviado|messaggio originale|messaggio inoltrato|mensagem original|oorspronkelijk bericht|"
    r"begin forwarded message|wiadomość oryginalna|oryginalna wiadomość|исходное сообщение)[ \t]*-*[ \t]*"
    r"|_{20,}[ \t]*(?=\n(?:from|von|de|da|van):[ \t])"
    r"|(?:begin forwarded message|anfang der weitergeleiteten nachricht):?[ \t]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_HTML_QUOTE = re.compile(
    r"<(?:div[^>]{0,200}?(?:class=[\"']?(?:gmail_quote|moz-cite-prefix|yahoo_quoted)|id=[\"']?(?:appendonsend|divRplyFwdMsg|"
    r"reply-intro))|blockquote[^>]{0,200}?type=[\"']?cite)",
    re.IGNORECASE,
)


def html_quote_start(html: str) -> int:
    """Return where the quoted message begins in an HTML body, its length when there is none."""
    match = _HTML_QUOTE.search(html)
    return match.start() if match else len(html)


def split_quotes(text: str) -> Iterator[tuple[Kind, str]]:
    """Yield the parts of a plain body in order: own text, quotes with their attribution line, an earlier message."""
    match = _EARLIER.search(text)
    own = text[: match.start()] if match else text
    yield from _own_and_quoted(own)
    if match:
        yield "earlier", text[match.start() :]


def add_quoted(builder: TextBuilder, piece: str) -> None:
    """Add a quote as a block of its own, one paragraph a line, behind ">" as in the message."""
    lines: list[str] = []
    depth_before = wrapped = 0
    for line in piece.split("\n"):
        match = _QUOTED.fullmatch(line)
        depth, words = (match[1].count(">"), match[2].strip()) if match else (0, line.strip())
        goes_on = lines and depth == depth_before and wrapped and words and not _BULLET.match(words)
        if goes_on:
            lines[-1] += f" {words}"
        elif words:
            lines.append(f"{'>' * depth} {words}" if depth else words)
        wrapped = len(words) >= _WRAPPED or bool(goes_on and words and len(words) >= _WRAPPED)
        depth_before = depth
    builder.items(lines)


def _own_and_quoted(text: str) -> Iterator[tuple[Kind, str]]:
    kind: Kind = "own"
    lines: list[str] = []
    for line in text.split("\n"):
        now: Kind = "quote" if _QUOTED.fullmatch(line) else "own"
        if now == "own" and kind == "quote" and not line.strip():
            lines.append(line)  # a blank line inside a quote decides nothing
            continue
        if now != kind:
            lead_in = _attribution(lines) if now == "quote" else []
            yield kind, "\n".join(lines)
            kind, lines = now, lead_in
        lines.append(line)
    yield kind, "\n".join(lines)


def _attribution(lines: list[str]) -> list[str]:
    """Remove the attribution line of a quote ("On Monday Ana wrote:") from the end of `lines`, and return it."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    start = end
    while start and lines[start - 1].strip() and end - start < 3:
        start -= 1
    lead_in = lines[start:end]
    if not lead_in or not lead_in[-1].rstrip().endswith(":") or sum(map(len, lead_in)) > _ATTRIBUTION:
        return []
    if len(lead_in) > 1 and not re.search(r"\d|@", " ".join(lead_in)):
        lead_in = lead_in[-1:]
        start = end - 1
    del lines[start:]
    return lead_in
