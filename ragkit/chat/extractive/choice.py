"""Question + passages -> the pieces of the answer, in order; none to abstain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations
from typing import Final

from ragkit.chat.extractive.dates import date_of
from ragkit.chat.extractive.duplicates import collapsed, same_numbers, same_words
from ragkit.chat.extractive.evidence import Candidate, candidates
from ragkit.chat.extractive.fitness import Fitness
from ragkit.chat.extractive.intent import FACTS, Question
from ragkit.chat.extractive.layout import read_layout
from ragkit.chat.extractive.pieces import (
    Piece,
    apart,
    code_before,
    follow_on,
    included_after,
    near_reach,
    paragraph_from,
)
from ragkit.types.hits import Hit
from ragkit.types.prompts import Prompt

_MARGIN: Final = 1.2
"""A second and third piece are added when their value is at most this much below the best one's."""

_CODE_MARGIN: Final = 5.0
"""The same for code, where the question asks how and no other piece has code."""

_MOST: Final = 3
_SAME_TOPIC: Final = 0.6  # share of the question that a heading holds, unless the question holds the whole heading
_LEANS_BACK = re.compile(
    r"(?:It|Its|They|Their|These|This|Those|He|She|His|Her|Such|Er|Sie|Es|Diese[rsnm]?|Dies|Sein|Seine|Ihr|Ihre"
    r"|Il|Elle|Ils|Elles|Ce|Cette|Ces)\b(?! is (?:clear|known|possible|said|thought))"
    r"|(?:[\w<>()]+,?\s+){1,4}(?:these|those|such)\s"
)
_BARE: Final = re.compile(r"\W*(?:yes|no|indeed|of course|ja|nein|oui|non|sí|是的|不是|可以|不可以)\W*", re.IGNORECASE)
_FOREIGN: Final = 1.0  # how much less evidence will do where question and documents share few words
_OPENS_BONUS: Final = 3.0  # of the first sentence below the heading of one of two things that are compared
_FACTS: Final = FACTS | {"where", "yes"}
_CONFLICT: Final = 0.6  # share of common words from which two pieces with other numbers are about the same thing


class Choice:
    """Chooses the pieces of a prompt's passages that answer a question."""

    def __init__(self, question: Question, prompt: Prompt, min_evidence: float) -> None:
        self._question = question
        self._prompt = prompt
        self._min_evidence = min_evidence
        self._layouts = [read_layout(hit, language=question.language) for hit in prompt.passages]
        self._fitness = Fitness(question, prompt, self._layouts)

    def pieces(self) -> list[tuple[str, Piece]]:
        """Return the pieces of the answer, each with the line that dates it ("" for most)."""
        found = candidates(self._question, self._prompt.passages, self._layouts)
        fit = self._fitness.fitting(found)
        ranked = sorted(fit, key=lambda item: (-self._fitness.value(item), item.passage, item.order))
        least = self._min_evidence - _FOREIGN * self._fitness.is_foreign
        if not ranked or self._evidence(fit) < least:
            return []
        chosen = self._chosen(ranked, found)
        rival = self._rival(ranked)
        if rival is not None and rival not in chosen:
            chosen = [*chosen, rival]
        chosen = self._with_sides(chosen, ranked)
        whole = collapsed([self._fitness.piece(item) for item in chosen], self._prompt.passages)
        pieces = self._with_follow_on(self._with_more(whole, ranked[0]))
        return self._dated(self._with_code(pieces, ranked))

    def _evidence(self, fit: Sequence[Candidate]) -> float:
        """Return the log odds that the sources answer, from the candidate of most value or, where values say little,
        from the one with most evidence."""
        if self._fitness.is_unspaced:
            return max(map(self._fitness.evidence, fit))
        return self._fitness.evidence(max(fit, key=lambda item: item.value))

    def _chosen(self, ranked: Sequence[Candidate], found: Sequence[Candidate]) -> list[Candidate]:
        """Return the sentences of the answer, in their order."""
        best = ranked[0]
        chosen = [best]
        wants_more = bool(self._question.kinds - {"figure", "money", "date", "yes"})
        for item in ranked[1:]:
            if len(chosen) == _MOST or self._fitness.value(item) < self._fitness.value(best) - _MARGIN:
                break
            if (wants_more or _gives_as_much(item, best)) and not any(_same(item, other) for other in chosen):
                chosen.append(item)
        openings = [item for item in found if any(_opens(item, other) for other in chosen) and item not in chosen]
        chosen = [*chosen[:1], *openings, *chosen[1:]][: max(_MOST, len(chosen))]
        return _in_order(_with_antecedents(chosen, found), best)

    def _with_sides(self, chosen: list[Candidate], ranked: Sequence[Candidate]) -> list[Candidate]:
        """Return the sentences with the best one about each of two things that are compared."""
        out = list(chosen)
        for side, other in permutations(self._question.sides, 2):
            about = [item for item in ranked if self._is_about(item, side) and not self._is_about(item, other)]
            best = max(
                about, key=lambda item: self._fitness.value(item) + _OPENS_BONUS * (item.place == 1), default=None
            )
            if best is not None and not any(_same(best, item) for item in out):
                out.append(best)
        return out

    def _is_about(self, item: Candidate, side: frozenset[str]) -> bool:
        """Return whether a candidate, or the heading above it, has the terms of one side of a comparison."""
        return side <= self._question.terms_of(f"{self._fitness.heading(item)}\n{item.text}")

    def _rival(self, ranked: Sequence[Candidate]) -> Candidate | None:
        """Return the candidate of another date that says the same as the best one with other numbers."""
        best = ranked[0]
        when = date_of(self._prompt.passages[best.passage])
        if not when:
            return None
        piece = self._fitness.piece(best)
        for item in ranked[1:]:
            other = date_of(self._prompt.passages[item.passage])
            if other and other != when and _conflict(piece, self._fitness.piece(item), self._prompt.passages):
                return item
        return None

    def _with_more(self, pieces: Sequence[Piece], best: Candidate) -> list[Piece]:
        """Extend the best sentence to the end of its paragraph, where the question does not ask for a single fact."""
        if self._question.kinds & _FACTS and not _BARE.fullmatch(best.text):
            return list(pieces)
        out: list[Piece] = []
        for piece in pieces:
            is_best = piece.number == best.passage + 1 and piece.first <= best.span[0] < piece.end
            goes_on = piece.kind == "sentence" and ((is_best and best.kind == "sentence") or not out)
            goes_on = goes_on or bool(piece.kind == "sentence" and self._question.sides)
            more = paragraph_from(piece, self._layouts[piece.number - 1]) if goes_on else piece
            if not any(more.overlaps(other) for other in out):
                out.append(more)
        return out

    def _with_follow_on(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Add the code or list that a piece refers to, where the question does not ask for a single fact."""
        kinds = self._question.kinds
        if kinds & _FACTS - {"where"}:
            return list(pieces)
        wanted = {"code"} if "how" in kinds else {"list", "table"} if "list" in kinds else {"code", "list"}
        if pieces[0].kind in wanted or ("how" not in kinds and any(piece.kind in wanted for piece in pieces)):
            return list(pieces)
        options = [
            (at == 0 and "how" in kinds, self._held(more), -at, piece, more)
            for at, piece in enumerate(pieces)
            if (more := self._shown_with(piece, wanted, first=at == 0)) is not None
            and not any(other.overlaps(more) for other in pieces if other.kind != "sentence")
        ]
        if not options:
            return list(pieces)
        *_, piece, more = max(options, key=lambda option: option[:3])
        place = next(n for n, other in enumerate(pieces) if other is piece)
        more, rest = apart(more, pieces)
        at = min(place + 1, len(rest))
        return [*rest[:at], more, *rest[at:]]

    def _with_code(self, pieces: list[Piece], ranked: Sequence[Candidate]) -> list[Piece]:
        """Add the best block of code of any passage, where the question asks how and no piece has code."""
        if "how" not in self._question.kinds or any(piece.kind == "code" for piece in pieces):
            return pieces
        least = self._fitness.value(ranked[0]) - _CODE_MARGIN
        best = next((item for item in ranked if item.kind == "code" and self._fitness.value(item) >= least), None)
        if best is None:
            return pieces
        more, rest = apart(self._fitness.piece(best), pieces)
        return [*rest, more]

    def _shown_with(self, piece: Piece, wanted: set[str], *, first: bool) -> Piece | None:
        """Return the code or list that goes with a piece, None where there is none. first: the piece begins the
        answer."""
        layout, kinds = self._layouts[piece.number - 1], self._question.kinds
        if kinds & {"how", "list"}:
            other = {"code", "list"} - wanted
            shown = self._included(piece) or follow_on(piece, layout, wanted)
            return (
                shown
                or (code_before(piece, layout) if "how" in kinds else None)
                or follow_on(piece, layout, other, reach=1)
            )
        if first and kinds:
            return follow_on(piece, layout, {"list"}, reach=0) if "what" in kinds else None
        near = follow_on(piece, layout, wanted, reach=near_reach(piece, layout))
        if near is not None or first or "?" in self._question.text:
            return near
        more = follow_on(piece, layout, wanted, reach=2)
        return more if more is not None and self._held(more) else None

    def _included(self, piece: Piece) -> Piece | None:
        """Return the file that a piece's section includes next, whole, where it is among the passages."""
        path = included_after(piece, self._layouts[piece.number - 1])
        if not path or "how" not in self._question.kinds:
            return None
        name = path.lstrip("./")
        for number, hit in enumerate(self._prompt.passages, 1):
            if hit.source == name or hit.source.endswith(f"/{name}"):
                return Piece(number, 0, len(hit.text), "code")
        return None

    def _held(self, piece: Piece) -> float:
        """Return how many of the question's terms a piece holds, names of code counted twice."""
        text = piece.text(self._prompt.passages[piece.number - 1])
        terms = self._question.terms_of(text) & self._question.said.terms
        limits = self._fitness.constraints
        return len(terms) + 2.0 * (len(limits.names) - len(limits.missing_names(text)))

    def _dated(self, pieces: Sequence[Piece]) -> list[tuple[str, Piece]]:
        """Put the newer of two pieces that say the same with other numbers first, both with their dates."""
        passages = self._prompt.passages
        for at, piece in enumerate(pieces):
            for other in pieces[at + 1 :]:
                dates = [date_of(passages[item.number - 1]) for item in (piece, other)]
                if all(dates) and dates[0] != dates[1] and _conflict(piece, other, passages):
                    newer, older = (piece, other) if dates[0] > dates[1] else (other, piece)
                    rest = [item for item in pieces if item not in (newer, older)]
                    dated = [(f"{max(dates)}:\n\n", newer), (f"{min(dates)}:\n\n", older)]
                    return [*dated, *(("", item) for item in rest)]
        return [("", piece) for piece in pieces]


def _conflict(one: Piece, other: Piece, passages: Sequence[Hit]) -> bool:
    left, right = (item.text(passages[item.number - 1]) for item in (one, other))
    return same_words(left, right) >= _CONFLICT and not same_numbers(left, right)


def _gives_as_much(item: Candidate, best: Candidate) -> bool:
    """Return whether a sentence has the requested amount, figure or date, where the best one has it."""
    return all(getattr(item.features, kind) >= getattr(best.features, kind) for kind in ("money", "figure", "date"))


def _opens(item: Candidate, other: Candidate) -> bool:
    """Return whether a sentence is the first below another's heading, where that heading is the question's topic."""
    if item.passage != other.passage or not item.section == other.section != -1 or not item.place == 1 < other.place:
        return False
    specific = item.features.money or item.features.figure or item.features.date
    return item.features.lead >= _SAME_TOPIC or bool(item.topic == 1 and specific)


def _same(item: Candidate, other: Candidate) -> bool:
    """Return whether two candidates say the same: overlapping spans, or one text within the other."""
    if item.passage == other.passage and item.span[0] < other.span[1] and other.span[0] < item.span[1]:
        return True
    one, two = " ".join(item.text.split()), " ".join(other.text.split())
    return one in two or two in one


def _with_antecedents(chosen: list[Candidate], found: Sequence[Candidate]) -> list[Candidate]:
    """Add the sentence before one that begins with a pronoun, while there is room."""
    before = {(item.passage, item.order): item for item in found}
    out = list(chosen)
    for item in chosen:
        previous = before.get((item.passage, item.order - 1))
        if len(out) < _MOST and previous and _LEANS_BACK.match(item.text) and previous not in out:
            out.append(previous)
    return out


def _in_order(chosen: list[Candidate], best: Candidate) -> list[Candidate]:
    """Return the best one's passage first, each passage in its own order."""
    return sorted(chosen, key=lambda item: (item.passage != best.passage, item.passage, item.order))
