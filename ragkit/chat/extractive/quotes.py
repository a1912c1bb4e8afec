"""A piece of a passage -> Markdown for an answer: readable, and in the source's own words."""

from __future__ import annotations

import re
from typing import Final

from ragkit.chat.extractive.layout import bare_of_tags, is_definition
from ragkit.text.addresses import without_addresses
from ragkit.text.inclusions import INCLUDED
from ragkit.text.tables import cells, column_names, has_cells
from ragkit.types.hits import Hit

_LENGTH: Final = 420
"""Longest quote of a sentence in code points; a longer one is shown around the words that matter."""

_BULLET = re.compile(r"^\s*(?:[-*+•●▪◦‣–]|(?!\(\d{3}\)\s\d{3}[-. ])\(?\d{1,3}[.)]|\(?[a-z][.)]|>+|#{1,6})\s+")
_NUMBERED = re.compile(r"\s*\(?(\d{1,3})[.)]\s+")
_MARKER = re.compile(r"\[(\d{1,3})\]")
_END = re.compile(r"(?:[.!?。！？…:：।။។៕]|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])[\"'”’»)\]]*$")
"""What ends a sentence: a mark, or a letter of Thai, Lao, Burmese or Khmer, where none is needed."""
_WORD = re.compile(r"\w+")
_TAGGED_LINK = re.compile(r"\[([^\[\]\n]+)\]\s?\(\{%.*?%\}\)")
_TAG = re.compile(r"[ \t]?(?:\{%.*?%\}|\{\{.*?\}\}|\{#[^{}\n]*\}|\{\*.*?\*\})")
_FENCE_LIKE = re.compile(r"^[`~]{3,}\s*")
_PLACEHOLDER: Final = re.compile(r"(?<!\S)[\w./:@-]*<[A-Za-z][\w-]*>(?:[\w./:@<>-]*[\w>])?")
"""A name with a part that the reader fills in ("pylock.<ENV>.toml"): code, or its brackets would read as HTML."""
_TICKS = re.compile(r"`{3,}")


def quoted(hit: Hit, span: tuple[int, int], *, wanted: frozenset[str], addresses: bool = False) -> str:
    """Return a sentence or row of a passage for an answer, ending in a sentence mark.

    Blanks are single, list marks go, numbers in square brackets (footnotes) get round ones, a table row is written
    cell by
    cell with the names of its columns. wanted: words in lower case that a cut keeps in view.
    addresses: whether those of links stay behind their words.
    """
    text = hit.text[span[0] : span[1]]
    if has_cells(text):
        text = _row(hit, span[0], text)
    text = _line(_BULLET.sub("", text), addresses)
    text = _around(text, wanted) if len(text) > _LENGTH else text
    return text if _END.search(text) else text.rstrip(";, ") + "."


def quoted_list(hit: Hit, lead: tuple[int, int], items: tuple[int, int], *, addresses: bool = False) -> str:
    """Return a list with the sentence that leads into it, an item a line, as Markdown. lead: (0, 0) for none."""
    lines = [_line(_BULLET.sub("", hit.text[slice(*lead)]), addresses)] if lead[1] > lead[0] else []
    after_blank = True
    for raw in hit.text[slice(*items)].split("\n"):
        opens, after_blank = after_blank and is_definition(raw), not raw.strip()
        if not raw.strip() or not bare_of_tags(raw):
            continue
        depth = "  " * min(3, (len(raw) - len(raw.lstrip())) // 2)
        number = _NUMBERED.match(raw)
        bare = _line(_BULLET.sub("", raw), addresses)
        if number and _BULLET.match(raw):
            lines.append(f"{depth}{number[1]}. {bare}")
        elif _BULLET.match(raw) or opens:
            lines.append(f"{depth}- {bare}")
        elif lines:
            lines[-1] = f"{lines[-1]} {bare}"
        else:
            lines.append(bare)
    return "\n".join(lines)


def quoted_rows(hit: Hit, spans: list[tuple[int, int]]) -> str:
    """Return rows of a table as list lines, each with the names of its columns."""
    return "\n".join(f"- {_line(_row(hit, start, hit.text[start:end]), True)}" for start, end in spans)


def quoted_code(hit: Hit, span: tuple[int, int]) -> str:
    """Return a block of code between fences, line breaks and indentation as in the source."""
    lines = hit.text[slice(*span)].strip("\n").rstrip().split("\n")
    depth = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    body = "\n".join(line[depth:].rstrip() for line in lines)
    longest = max((len(run) for run in _TICKS.findall(body)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{body}\n{fence}"


def _line(text: str, addresses: bool) -> str:
    """Return a text on one line, without the tags of site generators, that opens no block of Markdown."""
    plain = INCLUDED.sub("", _TAG.sub("", _TAGGED_LINK.sub(r"\1", text if addresses else without_addresses(text))))
    line = _FENCE_LIKE.sub("", _MARKER.sub(r"(\1)", " ".join(plain.split())))
    return line if "`" in line else _PLACEHOLDER.sub(r"`\g<0>`", line)


def _row(hit: Hit, start: int, text: str) -> str:
    """Return a row as "column: cell, .." where the names of its columns are known."""
    values = cells(text)
    names = column_names(hit.text, start, hit.context)
    if len(names) != len(values) or names == values:  # without names, or a part of a row
        return ", ".join(cell for cell in values if cell)
    return ", ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, values, strict=True) if cell)


def _around(text: str, wanted: frozenset[str]) -> str:
    """Return the part of a long text that holds most of the wanted words, with marks where it was cut."""
    words = list(_WORD.finditer(text))
    hits = [word.start() for word in words if word.group().lower() in wanted]
    best, most = 0, -1
    for start in [0, *(max(0, at - _LENGTH // 4) for at in hits)]:
        held = sum(start <= at < start + _LENGTH for at in hits)
        if held > most:
            best, most = start, held
    begin = next((word.start() for word in words if word.start() >= best), 0) if best else 0
    end = max((word.end() for word in words if word.end() <= begin + _LENGTH), default=begin + _LENGTH)
    return ("… " if begin else "") + text[begin:end] + (" …" if end < len(text) - 1 else text[end:])
