"""A chosen sentence, item, row or block of code -> the whole piece that an answer shows."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ragkit.chat.extractive.code_blocks import only_imports
from ragkit.chat.extractive.evidence import Candidate
from ragkit.chat.extractive.intent import Question
from ragkit.chat.extractive.layout import Layout, ListRegion, Part, announces, is_definition
from ragkit.chat.extractive.quotes import quoted, quoted_code, quoted_list, quoted_rows
from ragkit.text.inclusions import INCLUDED
from ragkit.text.sentences import Span, is_heading, sentence_spans
from ragkit.text.tables import column_names, has_cells
from ragkit.types.hits import Hit

PieceKind = Literal["sentence", "list", "code", "table"]
_LIST_LIMIT: Final = 1_500
_ITEM_LIMIT: Final = 600  # of a list where not several things are asked for: one item answers then
_CODE_LIMIT: Final = 2_400
_ROWS_LIMIT: Final = 20
_MORE: Final = 2  # sentences after the best one in its paragraph that are shown with it
_MORE_LENGTH: Final = 360
_SETS_UP: Final = re.compile(
    r"(?:let['’]s\s+(?:say|see|assume|suppose|imagine)|imagine|suppose|assume|say\s+you|for\s+example|consider|if\s+you\s+want"
    r"|in\s+this\s+(?:example|case)|angenommen|zum\s+beispiel|par\s+exemple|por\s+ejemplo)\b|例如|比如|假设|たとえば",
    re.IGNORECASE,
)
_ENTRY: Final = re.compile(r"(?:[-*+•]|\d+[.)])\s+\S.{0,70}?(?:[:：]\s|\s[—–-]\s)")
_STEP: Final = re.compile(r"\s*\(?1[.)]\s")
_BACK: Final = 3
_REACH: Final = 3  # parts between a sentence and the code or list that illustrates it


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a passage that is shown as one. lead: the sentence that leads into it, (0, 0) for none.

    number: of the passage, from 1. also: numbers of other passages that have the same. order: of its first part.
    """

    number: int
    start: int
    end: int
    kind: PieceKind
    lead: Span = (0, 0)
    rows: tuple[Span, ...] = ()
    also: tuple[int, ...] = ()

    @property
    def first(self) -> int:
        """Its start, including the lead."""
        return self.lead[0] if self.lead != (0, 0) else self.start

    def overlaps(self, other: Piece) -> bool:
        """Return whether two pieces have text in common."""
        return self.number == other.number and self.first < other.end and other.first < self.end

    def text(self, hit: Hit) -> str:
        """Return its text in the passage, the lead included."""
        lead = hit.text[slice(*self.lead)]
        return f"{lead}\n{hit.text[self.start : self.end]}" if lead else hit.text[self.start : self.end]

    def markdown(self, hit: Hit, *, wanted: frozenset[str], addresses: bool = False) -> str:
        """Return it as Markdown of an answer, with its marker. addresses: whether those of links are shown."""
        mark = "".join(f"[{number}]" for number in (self.number, *self.also))
        if self.kind == "sentence":
            spans = [(self.start + a, self.start + b) for a, b in sentence_spans(hit.text[self.start : self.end])]
            whole = has_cells(hit.text[self.start : self.end]) or len(spans) == 1
            shown = [(self.start, self.end)] if whole else spans
            return " ".join(f"{quoted(hit, span, wanted=wanted, addresses=addresses)} {mark}" for span in shown)
        if self.kind == "list":
            return f"{quoted_list(hit, self.lead, (self.start, self.end), addresses=addresses)} {mark}"
        if self.kind == "table":
            return f"{quoted_rows(hit, list(self.rows))} {mark}"
        code = quoted_code(hit, (self.start, self.end))
        if self.lead == (0, 0):
            return f"{code}\n{mark}"
        return f"{quoted(hit, self.lead, wanted=wanted, addresses=addresses)} {mark}\n\n{code}"


def piece_of(item: Candidate, layout: Layout, question: Question) -> Piece:
    """Return the piece that a candidate stands for: a list, a block of code or a table whole, else the sentence."""
    number = item.passage + 1
    start, end = item.span
    if item.kind == "code":
        return _code(number, layout, layout.parts[item.order])
    if item.kind == "row" and has_cells(layout.text[start:end]):
        rows = _table(layout, start) if "list" in question.kinds else ()
        if rows:
            return Piece(number, rows[0][0], rows[-1][1], "table", rows=rows)
        return Piece(number, start, end, "sentence")
    rows = _announced_rows(item, layout) if "list" in question.kinds else ()
    if rows:
        return Piece(number, rows[0][0], rows[-1][1], "table", rows=rows)
    entries = _announced_entries(item, layout) if "list" in question.kinds else (0, 0)
    if entries[1]:
        return Piece(number, *entries, "list", (start, end))
    region = layout.list_at(start, end)
    if region is not None:
        return _list_piece(number, item.span, region, layout, question)
    if layout.text[:end].endswith((":", "：")):
        after = next((part for part in layout.parts if part.start >= end), None)
        if after is not None and after.kind == "code":
            return _fitting(number, layout, after) or Piece(number, start, end, "sentence")
    return Piece(number, start, end, "sentence")


def _list_piece(number: int, span: Span, region: ListRegion, layout: Layout, question: Question) -> Piece:
    """Return a list with its lead, or one item where the list is long or the item explains what is asked about."""
    start, end = span
    lead = _lead_of(layout, region.lead) if region.lead < region.start else (0, 0)
    limit = _LIST_LIMIT if _wants_whole(question, layout.text[region.start : region.end]) else _ITEM_LIMIT
    if start >= region.start and _is_entry(question, layout.text[start:end]):
        limit = 0
    if region.end - region.lead <= limit or (start < region.start and region.end - region.lead <= _LIST_LIMIT):
        return Piece(number, region.start, region.end, "list", lead)
    if start >= region.start:
        first, last = layout.item_at(region, start)
        if last - first <= _LIST_LIMIT:
            return Piece(number, first, last, "list", lead)
    return Piece(number, start, min(end, region.start) if start < region.start else end, "sentence")


def _is_entry(question: Question, item: str) -> bool:
    """Return whether an item explains a name, and the question asks about one name."""
    return "what" in question.kinds and "list" not in question.kinds and bool(_ENTRY.match(item))


def _wants_whole(question: Question, items: str) -> bool:
    """Return whether a question asks for several things, or how, where the list has numbered steps."""
    return "list" in question.kinds or ("how" in question.kinds and bool(_STEP.match(items)))


def _lead_of(layout: Layout, start: int) -> Span:
    return next((part.start, part.end) for part in layout.parts if part.start == start)


def _code(number: int, layout: Layout, part: Part) -> Piece:
    """Return a block of code with the sentence right before it."""
    before = [other for other in layout.parts if other.end <= part.start]
    leads = before and layout.text[: before[-1].end].endswith((":", "："))
    if before and (leads or before[-1].kind == "sentence") and before[-1].kind not in ("code", "heading"):
        return Piece(number, part.start, part.end, "code", (before[-1].start, before[-1].end))
    return Piece(number, part.start, part.end, "code")


def _table(layout: Layout, start: int) -> tuple[Span, ...]:
    """Return the rows of the table that a row belongs to, without its header; () for a long table."""
    run: list[Span] = []
    for part in layout.parts:
        if part.kind == "row" and (not run or not layout.text[run[-1][1] : part.start].strip()):
            run.append((part.start, part.end))
        elif run and run[0][0] <= start <= run[-1][0]:
            break
        else:
            run = [(part.start, part.end)] if part.kind == "row" else []
    rows = run[1:] if len(run) > 1 and column_names(layout.text, run[1][0], "") else run
    return tuple(rows) if 1 < len(rows) <= _ROWS_LIMIT and rows[0][0] <= start else ()


def _announced_rows(item: Candidate, layout: Layout) -> tuple[Span, ...]:
    """Return the rows of the table that a sentence leads into, () for another sentence."""
    after = layout.parts[item.order + 1 : item.order + 3]
    leads = item.text.endswith((":", "：")) or announces(item.text)
    if not leads or len(after) < 2 or any(part.kind != "row" for part in after):
        return ()
    return _table(layout, after[1].start)


def _announced_entries(item: Candidate, layout: Layout) -> Span:
    """Return the paragraphs "name: what it is" that a sentence announces, (0, 0) unless there are two."""
    if item.kind != "sentence" or not announces(item.text):
        return 0, 0
    found: list[Part] = []
    end = item.span[1]
    for part in layout.parts[item.order + 1 :]:
        opens = "\n\n" in layout.text[end : part.start] and is_definition(layout.text[part.start : part.end])
        if part.kind != "sentence" or not (found or opens) or part.end - item.span[1] > _LIST_LIMIT:
            break
        found += [part] if opens else []
        end = part.end
    return (found[0].start, end) if len(found) > 1 else (0, 0)


def follow_on(piece: Piece, layout: Layout, kinds: Collection[str], *, reach: int = _REACH) -> Piece | None:
    """Return the list or code that illustrates a piece: the next in its section, else code right before it.

    reach: how many parts may stand between.
    """
    after = [part for part in layout.parts if part.start >= piece.end]
    for place, part in enumerate(after[: reach + 1]):
        if part.kind == "code" and "code" in kinds:
            if only_imports(layout.text[part.start : part.end]):
                continue
            return _fitting(piece.number, layout, part)
        if part.kind == "row" and "table" in kinds:
            rows = _table(layout, after[place + 1].start if place + 1 < len(after) else part.start)
            return Piece(piece.number, rows[0][0], rows[-1][1], "table", rows=rows) if rows else None
        region = layout.list_at(part.start, part.end)
        if region is not None and "list" in kinds and region.end - region.lead <= _LIST_LIMIT:
            lead = _lead_of(layout, region.lead) if region.lead < region.start else (0, 0)
            return Piece(piece.number, region.start, region.end, "list", lead)
        if _ends_section(layout, part, after[place + 1 :]):
            break
    return None


def code_before(piece: Piece, layout: Layout) -> Piece | None:
    """Return the code that a piece describes: at most two sentences before the piece, in its section."""
    before = [part for part in layout.parts if part.end <= piece.first]
    for part in reversed(before[-_BACK:]):
        if part.kind == "code":
            return _fitting(piece.number, layout, part)
        if part.kind == "heading":
            break
    return None


def apart(more: Piece, pieces: Sequence[Piece]) -> tuple[Piece, list[Piece]]:
    """Return a piece and the others without repetition: without a lead that another piece is, or without that piece.

    A sentence that is nothing but the lead of the piece gives way to it.
    """
    rest = [
        other for other in pieces if not (other.overlaps(more) and other.first >= more.first and other.end <= more.end)
    ]
    return (replace(more, lead=(0, 0)) if any(other.overlaps(more) for other in rest) else more), rest


def included_after(piece: Piece, layout: Layout) -> str:
    """Return the path of the file that is shown after a piece, before any code and within its section, "" for none."""
    after = [part.start for part in layout.parts if part.start >= piece.end and part.kind in ("code", "heading")]
    found = INCLUDED.search(layout.text, piece.end, after[0] if after else len(layout.text))
    return found[1] if found else ""


def near_reach(piece: Piece, layout: Layout) -> int:
    """Return how far a list or code may be from a piece to belong to it: 1 where a lead-in comes between, else 0."""
    after = [part for part in layout.parts if part.start >= piece.end]
    return int(bool(after) and after[0].kind == "sentence" and layout.text[: after[0].end].endswith((":", "：")))


def paragraph_from(piece: Piece, layout: Layout) -> Piece:
    """Return a sentence with those after it in its paragraph, as far as they are few and short.

    One that only sets the scene ("Let's say that ..") goes on into the next paragraph.
    """
    end, added = piece.end, 0
    sets_up = bool(_SETS_UP.match(layout.text[piece.start : piece.end]))
    for part in layout.parts:
        if part.start < piece.end:
            continue
        gap = layout.text[end : part.start]
        ends = "\n\n" in gap and not (sets_up and not added)
        if part.kind != "sentence" or ends or gap.strip() or added == _MORE or part.end - piece.end > _MORE_LENGTH:
            break
        text = layout.text[part.start : part.end]
        leads = text.endswith((":", "："))
        if (leads and _has_block_after(layout, part)) or (not leads and is_heading(text)):
            break  # it leads into what comes next
        end, added = part.end, added + 1
    return replace(piece, end=end)


def _has_block_after(layout: Layout, part: Part) -> bool:
    after = next((other for other in layout.parts if other.start >= part.end), None)
    return after is not None and (after.kind in ("code", "row") or layout.list_at(after.start, after.end) is not None)


def _fitting(number: int, layout: Layout, part: Part) -> Piece | None:
    whole = part.end - part.start <= _CODE_LIMIT and part.start not in layout.cut
    return _code(number, layout, part) if whole else None


def _ends_section(layout: Layout, part: Part, after: Sequence[Part]) -> bool:
    text = layout.text[part.start : part.end]
    leads = bool(after) and text.endswith((":", "："))
    return part.kind == "sentence" and not leads and is_heading(text)
