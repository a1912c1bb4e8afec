"""Candidates -> those that have the names of the question, and how well each answers beyond shared words."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from ragkit.chat.extractive.constraints import Constraints, around, gives_kind, has_word, words_of
from ragkit.chat.extractive.dates import date_of, wants_current
from ragkit.chat.extractive.evidence import KINDRED, Candidate
from ragkit.chat.extractive.intent import FACTS, Question
from ragkit.chat.extractive.layout import Layout
from ragkit.chat.extractive.needs import Place, form_value, heading_above
from ragkit.chat.extractive.pieces import Piece, piece_of
from ragkit.text.addresses import without_addresses
from ragkit.text.content_terms import guess_language
from ragkit.text.tables import column_names
from ragkit.types.prompts import Prompt

_UNKNOWN: Final = 0.6  # share of a question's terms, in no passage, from which it is about something else
_FEW: Final = 2
_BESIDE: Final = 2  # parts before and after a sentence that may hold its code or year
_UNSPACED: Final = frozenset({"zh", "ja", "ko", "th", "lo", "km", "my"})
_ENDED: Final = re.compile(r"[.!。！។][\"'”’»)\]]*$")

# In the units of `Candidate.value`, set by hand on trees of documentation.
_NAME_COST: Final = 2.5  # a name of the question is missing from a piece and from the headings above it
_OPERATOR_COST: Final = 4.0  # an operator of the question is missing from a piece
_LEAD_COST: Final = 2.5  # it leads into what is not there, or a site fills in what it states
_SCRIPT_COST: Final = 4.0  # written in another script than the question
_LANGUAGE_COST: Final = 1.5  # in another language than the question, where a passage in its own is there
_UNSPACED_COST: Final = 2.5  # of meaning: vectors of the default English model mean little for scripts without spaces
_CURRENT_BONUS: Final = 1.5  # of the newest passage, where what holds now is asked for

_SCRIPTS: Final = tuple(
    re.compile(f"[{span}]")
    for span in (
        "A-Za-zÀ-ɏ",
        "\u0370-\u03ff",
        "\u0400-\u04ff",
        "\u0590-\u05ff",
        "\u0600-\u06ff",
        "\u0900-\u097f",
        "\u0e00-\u0e7f",
        "\u0e80-\u0eff",
        "\u1000-\u109f",
        "\u1780-\u17ff",
        "\u3040-\u30ff\u3400-\u9fff",
        "\uac00-\ud7af",
    )
)


class Fitness:
    """Judges the candidates of one prompt for one question."""

    def __init__(self, question: Question, prompt: Prompt, layouts: Sequence[Layout]) -> None:
        """layouts: those of the prompt's passages."""
        self._question = question
        self._passages = prompt.passages
        self._confidence = min(max(prompt.confidence, 0.001), 0.999)
        self._layouts = layouts
        self._pieces: dict[tuple[int, int], Piece] = {}
        self._around = [around(hit) for hit in prompt.passages]
        dates = [date_of(hit) for hit in prompt.passages] if wants_current(question.text) else []
        self._newest = {at for at, when in enumerate(dates) if when and when == max(dates) and len(set(dates)) > 1}
        spoken = [guess_language(hit.text) for hit in prompt.passages]
        own = question.language in spoken
        self._foreign = {at for at, language in enumerate(spoken) if own and language != question.language}
        self.constraints = Constraints.of(question)

    def piece(self, item: Candidate) -> Piece:
        """Return the piece that a candidate stands for."""
        key = item.passage, item.order
        if key not in self._pieces:
            self._pieces[key] = piece_of(item, self._layouts[item.passage], self._question)
        return self._pieces[key]

    def fitting(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates that have the names of the question; none where no passage has a name."""
        everything = [f"{hit.text}\n{above}" for hit, above in zip(self._passages, self._around, strict=True)]
        whole = "\n".join(everything)
        if self.constraints.missing_names(*everything) or self.constraints.missing_numbered(whole):
            return []
        if self._unknown(whole) >= _UNKNOWN:
            return []
        lacking = [self.constraints.missing_names(text) for text in everything]
        common = {
            name
            for name in self.constraints.names
            if sum(name not in lack for lack in lacking) * 2 > len(self._passages)
        }
        priced = [self._question.speaks_of_price(text) for text in everything]
        return [
            item
            for item in found
            if priced[item.passage] and not lacking[item.passage] - common and self._may_answer(item)
        ]

    def _may_answer(self, item: Candidate) -> bool:
        """Return whether a candidate is no echo of the question, and has its codes and the requested kind of answer."""
        if self._is_unrelated(item) or (item.kind == "code" and not self._code_may_answer(item)):
            return False
        complete = item.kind == "code" or item.features.news or _ENDED.search(item.text)
        if not complete and not self._question.gives_address(item.text):
            return False
        hit = self._passages[item.passage]
        text = self.piece(item).text(hit)
        if item.kind == "row":
            text += "\n" + " ".join(column_names(hit.text, item.span[0], hit.context))
        return not self._lacks_codes(item, text) and gives_kind(self._question, without_addresses(text))

    def _is_unrelated(self, item: Candidate) -> bool:
        """Return whether a candidate has no word of the question, not even around it, nor a meaning near it."""
        if item.coverage or self.is_foreign or self.is_unspaced:
            return False
        return item.features.meaning < KINDRED

    def _code_may_answer(self, item: Candidate) -> bool:
        """Return whether code is complete, and requested where the question asks for a single fact."""
        layout = self._layouts[item.passage]
        kinds = self._question.kinds
        return layout.parts[item.order].start not in layout.cut and ("how" in kinds or not kinds & FACTS)

    def _unknown(self, text: str) -> float:
        """Return the share of the question's terms that no passage has, 0 where the languages differ."""
        question = self._question
        terms = question.said.terms - question.measures
        if len(terms) < _FEW or self.is_foreign:
            return 0.0
        missing = terms - question.terms_of(text)
        words = words_of(text)
        return sum(not has_word(term, words) for term in missing) / len(terms)

    @property
    def is_foreign(self) -> bool:
        """Whether the first passage is in another language than the question."""
        first = self._passages[0].text
        return guess_language(first) != self._question.language or not _script(self._question.text) & _script(first)

    @property
    def is_unspaced(self) -> bool:
        """Whether the question is in a script without spaces, of which the default model's vectors say little."""
        return self._question.language in _UNSPACED

    def _lacks_codes(self, item: Candidate, text: str) -> bool:
        """Return whether a code, version or year of the question is missing from a piece and its context."""
        if not self.constraints.codes:
            return False
        beside = ""
        if item.kind in ("sentence", "code"):
            source = self._passages[item.passage].text
            near = self._layouts[item.passage].parts[max(0, item.order - _BESIDE) : item.order + _BESIDE]
            beside = "\n".join(source[part.start : part.end] for part in near if part.kind != "row")
        return bool(self.constraints.missing_codes(text, self.heading(item), beside, self._around[item.passage]))

    def heading(self, item: Candidate) -> str:
        """Return the heading or introducing line above a candidate."""
        return heading_above(item, self._layouts[item.passage], default="")

    def _before(self, item: Candidate) -> str:
        """Return the two parts before a candidate, which may name what it refers to."""
        parts = self._layouts[item.passage].parts[max(0, item.order - _BESIDE) : item.order]
        return "\n".join(self._passages[item.passage].text[part.start : part.end] for part in parts)

    def value(self, item: Candidate) -> float:
        """Return how well a candidate answers: its value, adjusted by its form, place and date."""
        layout = self._layouts[item.passage]
        heading = self._passages[item.passage].heading.split(" › ")[-1]
        place = Place(heading, self.constraints.operators, self._is_list(item))
        form = form_value(self._question, item, layout, place)
        return item.value + form - self._costs(item) + _CURRENT_BONUS * (item.passage in self._newest)

    def _costs(self, item: Candidate) -> float:
        cost = 0.0
        limits = self.constraints
        if limits.names:
            hit = self._passages[item.passage]
            texts = (self.piece(item).text(hit), self.heading(item), self._before(item), hit.heading, hit.title)
            lacking = limits.missing_names(*texts)
            cost += _NAME_COST * len(lacking) / len(limits.names)
        if limits.operators and not any(mark in item.text for mark in limits.operators):
            cost += _OPERATOR_COST
        if self.is_unspaced:
            cost += _UNSPACED_COST * item.features.meaning
        if item.kind == "code":
            return cost
        if (item.text.endswith((":", "：")) and self.piece(item).kind == "sentence") or "{{" in item.text:
            cost += _LEAD_COST
        cost += _LANGUAGE_COST * (item.passage in self._foreign)
        return cost + _SCRIPT_COST * (not _script(self._question.text) & _script(item.text))

    def _is_known(self, item: Candidate) -> bool:
        """Return whether a question in another language shares two words or more with a piece, and all that any passage
        has: its other words are not missing but translated."""
        if not self.is_foreign or self.is_unspaced:
            return False
        terms = self._question.said.terms - self._question.measures
        known = terms & self._question.terms_of("\n".join(hit.text for hit in self._passages))
        return len(known) >= _FEW and known <= self._question.terms_of(
            self.piece(item).text(self._passages[item.passage])
        )

    def _is_list(self, item: Candidate) -> bool:
        """Return whether a candidate stands for a list of two items or more, or the rows of a table."""
        piece = self.piece(item)
        if piece.kind == "table":
            return True
        return piece.kind == "list" and "\n" in self._passages[item.passage].text[piece.start : piece.end].strip()

    def evidence(self, best: Candidate) -> float:
        """Return the log odds that the sources answer, from the search's confidence and the candidate of most value.

        That is the value of its features alone: form and place choose the piece, not whether there is one.
        """
        confidence = math.log(self._confidence / (1 - self._confidence))
        if self._is_known(best):
            return 1.6 + 4.8 * best.features.meaning - 4.6
        if self._passages[best.passage].units and not self.is_unspaced:
            return 0.5 * confidence + 1.6 * best.coverage + 4.8 * best.features.meaning - 4.6
        return 0.5 * confidence + 8.0 * best.coverage - 5.7


def _script(text: str) -> frozenset[int]:
    """Return which scripts a text is written in, by their place in the table; Latin only where there is no other."""
    found = {at for at, pattern in enumerate(_SCRIPTS) if pattern.search(text)}
    return frozenset(found - {0} or found)
