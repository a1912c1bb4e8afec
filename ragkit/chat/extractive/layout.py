"""A passage -> its parts in order (headings, sentences, list items, rows, code), and which belong together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from ragkit.chat.extractive.code_blocks import code_blocks
from ragkit.text.inclusions import INCLUDED
from ragkit.text.sentences import Span, is_item, sentence_spans
from ragkit.text.tables import has_cells, is_row
from ragkit.types.documents import BlockKind
from ragkit.types.hits import Hit

PartKind = Literal["sentence", "item", "row", "code", "heading"]
_LINE: Final = re.compile(r"[^\n]*\n?")
_OPENING: Final = 240  # code points of a sentence that may announce what comes next
_NAME_GOES_ON: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\(|_)")  # right after a point, without a blank
_TAG_MARKS: Final = (":::", "///")
_DIRECTIVE: Final = re.compile(r"^:{3}[^\n]*\s*\Z", re.MULTILINE)
_DIRECTIVE_LENGTH: Final = 200
_LEAD_END: Final = (":", "：")
_TAG: Final = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#[^{}\n]*\}|\{\*.*?\*\}|^[ \t]*(?::{3,}|/{3,})[^\n]*$", re.MULTILINE)


_FIELD: Final = re.compile(
    r"(?:[-*+•]\s+)?(?:default|type|since|added|new|changed|deprecated|version|required|optional|values?|returns?"
    r"|stability|environment|msrv|status|typ|standard|类型|默认值?)"
    r"(?:\s+(?:in|since|as of)\b[^:.]{0,30}|\s*[:：]\s*\S|$)",
    re.IGNORECASE,
)


_DEFINITION: Final = re.compile(r"[^\s:：.][^:：.\n]{0,60}[:：]\s")
_ANNOUNCES: Final = re.compile(
    r"\b(?:the\s+following\b(?!\s+(?:examples?|code|command|section))|as\s+follows|folgende\w*|suivante?s?|siguientes?)\b"
    r"|\b(?:are|include)\s*[:：]|如下|以下|下列",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece `[start, end)` of a passage that is scored by itself."""

    start: int
    end: int
    kind: PartKind


@dataclass(frozen=True, slots=True)
class ListRegion:
    """A list: `[start, end)` of its items; lead: where the line that leads into it begins, `start` without one."""

    lead: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a passage in order, and its lists. A code block is one part.

    cut: where blocks of code begin that go on outside the passage: they can't be pasted.
    """

    text: str
    parts: tuple[Part, ...]
    lists: tuple[ListRegion, ...]
    cut: frozenset[int] = frozenset()

    def list_at(self, start: int, end: int) -> ListRegion | None:
        """Return the list that holds a span, or that the span leads into."""
        return next((found for found in self.lists if found.lead <= start < found.end and end > found.lead), None)

    def item_at(self, region: ListRegion, at: int) -> Span:
        """Return the whole item of a list, its continuation lines and items below it included."""
        starts = [start for start, line in _lines(self.text, region.start, region.end) if _opens_item(line)]
        depths = {start: _depth(self.text[start:]) for start in starts}
        own = max((start for start in starts if start <= at), default=region.start)
        after = (start for start in starts if start > own and depths[start] <= depths.get(own, 0))
        end = next(after, region.end)
        return own, own + len(self.text[own:end].rstrip())


def read_layout(hit: Hit, *, language: str) -> Layout:
    """Return the parts of a passage: the units of `sentence_spans`, with each heading and block of code as one.

    Headings, lists and code are those of the document where the hit has them, else they are recognised by their form.
    """
    text = hit.text
    codes = code_blocks(text) if hit.blocks is None else _blocks_of(hit, "code")
    titles = [_line_at(text, heading.offset - hit.start) for heading in hit.headings]
    fixed: list[Part] = [Part(start, end, "code") for start, end in codes]
    fixed += [Part(start, end, "heading") for start, end in titles if not _held(start, codes)]
    parts: list[Part] = []
    for part in _around(text, sorted(fixed, key=lambda part: part.start), language):
        unit = text[part.start : part.end]
        if part.kind == "sentence" and not bare_of_tags(unit):
            continue
        if part.kind == "code" and _is_options(text, part):
            continue
        kind: PartKind = part.kind
        if kind == "sentence":
            kind = "row" if has_cells(unit) or is_row(unit) else "item" if is_item(unit) else "sentence"
        parts.append(Part(part.start, part.end, kind))
    lists = _regions(text, codes) if hit.blocks is None else _lists_of(hit)
    regions = tuple(ListRegion(_lead(text, start, parts), start, end) for start, end in lists)
    return Layout(text, tuple(parts), regions, frozenset(part.start for part in fixed if _is_cut(hit, part)))


def _is_options(text: str, part: Part) -> bool:
    """Return whether code is no example but the options of a directive (mkdocstrings: "::: NAME", "options: ..")."""
    opens = text[part.start : part.end].lstrip().startswith("options:")
    return opens and bool(_DIRECTIVE.search(text, max(0, part.start - _DIRECTIVE_LENGTH), part.start))


def _blocks_of(hit: Hit, kind: BlockKind) -> list[Span]:
    """Return the spans of a kind of block within a passage, without blank lines at their ends."""
    out: list[Span] = []
    for block in hit.blocks or ():
        start, end = max(block.start, hit.start) - hit.start, min(block.end, hit.end) - hit.start
        held = hit.text[start:end]
        if block.kind == kind and held.strip():
            first = start + len(held) - len(held.lstrip("\n"))
            out.append((first, start + len(held.rstrip())))
    return out


def _lists_of(hit: Hit) -> list[Span]:
    """Return the spans of the lists within a passage; single paragraphs of an item are not lists."""
    return [
        (start, end) for start, end in _blocks_of(hit, "list") if any(map(_opens_item, hit.text[start:end].split("\n")))
    ]


def _is_cut(hit: Hit, part: Part) -> bool:
    """Return whether a part is code of a block that the passage does not hold whole."""
    start, end = hit.start + part.start, hit.start + part.end
    return part.kind == "code" and any(
        block.start < end and start < block.end and (block.start < hit.start or hit.end < block.end)
        for block in hit.blocks or ()
    )


def _line_at(text: str, start: int) -> Span:
    end = text.find("\n", start)
    return start, end if end >= 0 else len(text)


def _held(at: int, spans: Sequence[Span]) -> bool:
    return any(start <= at < end for start, end in spans)


def announces(sentence: str) -> bool:
    """Return whether a sentence says that the things it speaks of come next ("The following X are ..")."""
    return bool(_ANNOUNCES.search(sentence[:_OPENING]))


def is_definition(text: str) -> bool:
    """Return whether a text begins with a name and a colon: an entry of a list of definitions."""
    return bool(_DEFINITION.match(text))


def is_field(text: str) -> bool:
    """Return whether a text is a field of an entry of reference, such as "Default: false" or "New in version 3.6"."""
    return bool(_FIELD.match(text))


def bare_of_tags(text: str) -> str:
    """Return a text without tags of site generators ({% .. %}, {{ .. }}, {#id}, :::, included files), "" for those."""
    return INCLUDED.sub("", _TAG.sub("", text)).strip(" \t\n.,;:")


def _around(text: str, fixed: Sequence[Part], language: str) -> Iterator[Part]:
    """Yield the parts that are known, and the units of the text between them as sentences."""
    position = 0
    for part in [*fixed, Part(len(text), len(text), "sentence")]:
        for first, last in _whole_names(text[position : part.start], language):
            yield Part(position + first, position + last, "sentence")
        if part.start < part.end:
            yield part
        position = part.end


def _whole_names(text: str, language: str) -> Iterator[Span]:
    """Yield the sentences of a text; one that ends within a dotted name ("flask.Flask.url_map") goes on."""
    held: Span | None = None
    for start, end in sentence_spans(text, language=language):
        directive = held and text.startswith(_TAG_MARKS, held[0])
        if held and held[1] == start and (directive or _NAME_GOES_ON.match(text, start)):
            held = held[0], end
            continue
        if held:
            yield held
        held = start, end
    if held:
        yield held


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    for match in _LINE.finditer(text, start, end):
        if match.group():
            yield match.start(), match.group().rstrip("\n")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _opens_item(line: str) -> bool:
    return is_item(line.lstrip(" \t"))


def _regions(text: str, codes: Sequence[Span]) -> list[Span]:
    """Return the lists of a text without recorded blocks, in order."""
    cuts = [0, *(at for span in codes for at in span), len(text)]
    return [found for start, end in list(pairwise(cuts))[::2] for found in _item_runs(text, start, end)]


def _item_runs(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield runs of item lines with their continuation lines; a blank line may stand between two items."""
    first = last = -1
    blank = False
    for at, line in _lines(text, start, end):
        if not line.strip():
            blank = True
            continue
        goes_on = first >= 0 and (_opens_item(line) or line[:1] in " \t" or not blank)
        if not goes_on and first >= 0:
            yield first, last
            first = -1
        if first < 0 and _opens_item(line) and not has_cells(line):
            first = at
        if first >= 0:
            last = at + len(line)
        blank = False
    if first >= 0:
        yield first, last


def _lead(text: str, start: int, parts: Sequence[Part]) -> int:
    """Return where the sentence that leads into a list begins, the list's own start where none does."""
    before = [part for part in parts if part.end <= start and part.kind not in ("code", "heading")]
    if not before or text[before[-1].end : start].strip():
        return start
    return before[-1].start if text[: before[-1].end].endswith(_LEAD_END) else start
