"""Question + passages -> the pieces to tell, in order; none to abstain."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from ragkit.chat.extractive.constraints import Constraints, around, gives_kind, has_word, words_of
from ragkit.chat.extractive.dates import date_of, wants_current
from ragkit.chat.extractive.duplicates import collapsed, same_numbers, same_words
from ragkit.chat.extractive.evidence import Candidate, candidates
from ragkit.chat.extractive.intent import Question
from ragkit.chat.extractive.layout import read_layout
from ragkit.chat.extractive.pieces import Piece, follow_on, near_reach, paragraph_from, piece_of
from ragkit.text.content_terms import guess_language, wording
from ragkit.types.hits import Hit
from ragkit.types.prompts import Prompt

_MARGIN: Final = 1.2
"""A second and third piece are told when their value is no further than this below the best one's."""

_MOST: Final = 3
_SAME_TOPIC: Final = 0.6  # share of the question that a heading holds, unless the question holds the whole heading
_LEANS_BACK = re.compile(
    r"(?:It|Its|They|Their|These|This|Those|He|She|His|Her|Such|Er|Sie|Es|Diese[rsnm]?|Dies|Sein|Seine|Ihr|Ihre"
    r"|Il|Elle|Ils|Elles|Ce|Cette|Ces)\b(?! is (?:clear|known|possible|said|thought))"
)
_ADDRESS: Final = re.compile(r"https?://|\w@\w")
_LINK_BONUS: Final = 2.0
_CURRENT_BONUS: Final = 1.5
_SCRIPT_COST: Final = 4.0
_UNKNOWN: Final = 0.6  # share of a question's terms, in no passage, from which it is about something else
_FEW: Final = 2
_LIST_BONUS: Final = 1.0  # for the line that leads into a list, where a list is asked for
_TOPIC_BONUS: Final = 1.2  # for what stands first below a heading that is wholly in the question
_FIRST: Final = 2
_FACTS: Final = frozenset({"date", "figure", "money", "who", "where"})
_KEY: Final = re.compile(r"([^\W\d_][\w -]{2,40}): +\S")
_KEY_BONUS: Final = 1.5  # for "Key: value" where the question names the key
_UNSPACED: Final = frozenset({"zh", "ja", "ko", "th", "lo", "km", "my"})
_UNSPACED_COST: Final = 2.5  # vectors of the default English model say little of these
_NAME_COST: Final = 2.5
_CODE_COST: Final = 1.5  # for code, where the question does not ask how
_CONFLICT: Final = 0.6  # share of common words from which two pieces with other numbers tell of the same thing
_SCRIPTS: Final = tuple(
    re.compile(f"[{span}]")
    for span in (
        "A-Za-zÀ-ɏ", "\u0370-\u03ff", "\u0400-\u04ff", "\u0590-\u05ff", "\u0600-\u06ff", "\u0900-\u097f",
        "\u0e00-\u0e7f", "\u0e80-\u0eff", "\u1000-\u109f", "\u1780-\u17ff", "\u3040-\u30ff\u3400-\u9fff", "\uac00-\ud7af",
    )
)  # fmt: skip


class Choice:
    """Chooses the pieces of a prompt's passages that answer a question."""

    def __init__(self, question: Question, prompt: Prompt, min_evidence: float) -> None:
        self._question = question
        self._prompt = prompt
        self._min_evidence = min_evidence
        self._layouts = [read_layout(hit.text, language=question.language) for hit in prompt.passages]
        self._constraints = Constraints.of(question)

    def pieces(self) -> list[tuple[str, Piece]]:
        """Return the pieces to tell, each with the line that dates it ("" for most)."""
        found = candidates(self._question, self._prompt.passages, self._layouts)
        fit = self._fitting(found)
        ranked = sorted(fit, key=lambda item: (-self._value(item), item.passage, item.order))
        if not ranked or self._evidence(ranked[0]) < self._min_evidence:
            return []
        chosen = self._chosen(ranked, found)
        whole = collapsed([self._piece(item) for item in chosen], self._prompt.passages)
        return self._dated(self._with_follow_on(self._with_more(whole, ranked[0])))

    def _fitting(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates that are about what the question names, none where a name stands in no passage."""
        passages = self._prompt.passages
        everything = [f"{hit.text}\n{around(hit)}" for hit in passages]
        if self._constraints.missing_names(*everything) or self._constraints.missing_numbered("\n".join(everything)):
            return []
        if self._unknown("\n".join(everything)) >= _UNKNOWN:
            return []
        lacking = [self._constraints.missing_names(text) for text in everything]
        names = self._constraints.names
        common = {name for name in names if sum(name not in lack for lack in lacking) * 2 > len(passages)}
        return [
            item
            for item in found
            if not lacking[item.passage] - common
            and (item.kind == "code" or item.features.news)
            and not self._lacks_codes(item)
            and gives_kind(self._question, self._piece(item).text(passages[item.passage]))
        ]

    def _unknown(self, text: str) -> float:
        """Return the share of the question's terms that stand in no passage, 0 where its language is not theirs."""
        question = self._question
        terms = question.said.terms - question.measures
        if len(terms) < _FEW or not _script(question.text) & _script(self._prompt.passages[0].text):
            return 0.0
        if guess_language(self._prompt.passages[0].text) != question.language:
            return 0.0
        missing = terms - wording(text, language=question.language).terms
        words = words_of(text)
        return sum(not has_word(term, words) for term in missing) / len(terms)

    def _lacks_codes(self, item: Candidate) -> bool:
        """Return whether a code, version or year of the question stands neither in a piece nor where it belongs."""
        if not self._constraints.codes:
            return False
        hit = self._prompt.passages[item.passage]
        held = self._piece(item).text(hit)
        above = self._above(item)
        beside = ""
        if item.kind in ("sentence", "code"):
            parts = self._layouts[item.passage].parts
            near = parts[max(0, item.order - 2) : item.order + 2]
            beside = "\n".join(hit.text[part.start : part.end] for part in near if part.kind != "row")
        return bool(self._constraints.missing_codes(held, above, beside, around(hit)))

    def _above(self, item: Candidate) -> str:
        """Return the heading or lead-in that a candidate stands below."""
        if item.section < 0:
            return ""
        part = self._layouts[item.passage].parts[item.section]
        return self._prompt.passages[item.passage].text[part.start : part.end]

    def _value(self, item: Candidate) -> float:
        value = item.value
        if "link" in self._question.kinds and _ADDRESS.search(item.text):
            value += _LINK_BONUS
        if "list" in self._question.kinds and _is_list(self._piece(item), self._prompt.passages):
            value += _LIST_BONUS
        if item.topic == 1 and item.place <= _FIRST and not self._question.kinds - {"how", "list", "link"}:
            value += _TOPIC_BONUS
        if self._question.language in _UNSPACED:
            value -= _UNSPACED_COST * item.features.meaning
        key = _KEY.match(item.text)
        if key and wording(key[1], language=self._question.language).terms <= self._question.said.terms:
            value += _KEY_BONUS
        if wants_current(self._question.text) and self._is_newest(item):
            value += _CURRENT_BONUS
        if self._constraints.names:
            hit = self._prompt.passages[item.passage]
            lacking = self._constraints.missing_names(self._piece(item).text(hit), self._above(item), hit.heading, hit.title)
            value -= _NAME_COST * len(lacking) / len(self._constraints.names)
        if item.kind == "code" and not self._question.kinds & {"how"}:
            value -= _CODE_COST
        if item.kind != "code" and not _script(self._question.text) & _script(item.text):
            value -= _SCRIPT_COST
        return value

    def _is_newest(self, item: Candidate) -> bool:
        dates = [date_of(hit) for hit in self._prompt.passages]
        return len(set(dates)) > 1 and dates[item.passage] == max(dates)

    def _evidence(self, best: Candidate) -> float:
        """Return the log odds that the sources answer, from the best sentence and the confidence of the search."""
        sure = min(max(self._prompt.confidence, 0.001), 0.999)
        confidence = math.log(sure / (1 - sure))
        if self._prompt.passages[best.passage].units:
            return 0.5 * confidence + 1.6 * best.coverage + 4.8 * best.features.meaning - 4.6
        return 0.5 * confidence + 8.0 * best.coverage - 5.7

    def _chosen(self, ranked: Sequence[Candidate], found: Sequence[Candidate]) -> list[Candidate]:
        """Return the sentences to tell, in the order to tell them."""
        best = ranked[0]
        chosen = [best]
        wants_more = bool(self._question.kinds - {"figure", "money", "date"})
        for item in ranked[1:]:
            if len(chosen) == _MOST or self._value(item) < self._value(best) - _MARGIN:
                break
            if (wants_more or _gives_as_much(item, best)) and not any(_same(item, other) for other in chosen):
                chosen.append(item)
        openings = [item for item in found if any(_opens(item, other) for other in chosen) and item not in chosen]
        chosen = [*chosen[:1], *openings, *chosen[1:]][: max(_MOST, len(chosen))]
        return _in_order(_with_what_they_lean_on(chosen, found), best)

    def _piece(self, item: Candidate) -> Piece:
        return piece_of(item, self._layouts[item.passage], self._question)

    def _with_more(self, pieces: Sequence[Piece], best: Candidate) -> list[Piece]:
        """Let the best sentence go on to the end of its paragraph, where no single fact is asked for."""
        if self._question.kinds & _FACTS:
            return list(pieces)
        out: list[Piece] = []
        for piece in pieces:
            is_best = piece.number == best.passage + 1 and piece.first <= best.span[0] < piece.end
            if is_best and piece.kind == "sentence" and best.kind == "sentence":
                piece = paragraph_from(piece, self._layouts[piece.number - 1])
            if not any(piece.overlaps(other) for other in out):
                out.append(piece)
        return out

    def _with_follow_on(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Add the code or list that a piece speaks of, where the question does not ask for a single fact."""
        kinds = self._question.kinds
        if kinds & _FACTS - {"where"}:
            return list(pieces)
        wanted = {"code"} if "how" in kinds else {"list"} if "list" in kinds else {"code", "list"}
        if any(piece.kind in wanted for piece in pieces):
            return list(pieces)
        options: list[tuple[float, int, Piece, Piece]] = []
        for at, piece in enumerate(pieces):
            layout = self._layouts[piece.number - 1]
            if kinds & {"how", "list"}:
                more = follow_on(piece, layout, wanted) or follow_on(piece, layout, {"code", "list"} - wanted, reach=1)
            else:
                more = None if at else follow_on(piece, layout, wanted, reach=near_reach(piece, layout))
            if more is not None and not any(other.overlaps(more) for other in pieces if other.kind != "sentence"):
                options.append((self._held(more), -at, piece, more))
        if not options:
            return list(pieces)
        _, _, piece, more = max(options, key=lambda option: option[:2])
        rest = [other for other in pieces if not other.overlaps(more)]
        place = next((n + 1 for n, other in enumerate(rest) if other is piece), 0)
        return [*rest[:place], more, *rest[place:]]

    def _held(self, piece: Piece) -> float:
        """Return how many of the question's terms a piece holds, names of code counted twice."""
        text = piece.text(self._prompt.passages[piece.number - 1])
        terms = wording(text, language=self._question.language).terms & self._question.said.terms
        return len(terms) + 2.0 * (len(self._constraints.names) - len(self._constraints.missing_names(text)))

    def _dated(self, pieces: Sequence[Piece]) -> list[tuple[str, Piece]]:
        """Put the newer of two pieces that tell the same with other numbers first, both with their dates."""
        passages = self._prompt.passages
        for at, piece in enumerate(pieces):
            for other in pieces[at + 1 :]:
                dates = [date_of(passages[item.number - 1]) for item in (piece, other)]
                if all(dates) and dates[0] != dates[1] and _conflict(piece, other, passages):
                    newer, older = (piece, other) if dates[0] > dates[1] else (other, piece)
                    rest = [item for item in pieces if item not in (newer, older)]
                    told = [(f"{max(dates)}:\n\n", newer), (f"{min(dates)}:\n\n", older)]
                    return [*told, *(("", item) for item in rest)]
        return [("", piece) for piece in pieces]


def _is_list(piece: Piece, passages: Sequence[Hit]) -> bool:
    """Return whether a piece is a list of two items or more."""
    return piece.kind == "list" and "\n" in passages[piece.number - 1].text[piece.start : piece.end].strip()


def _conflict(one: Piece, other: Piece, passages: Sequence[Hit]) -> bool:
    left, right = (item.text(passages[item.number - 1]) for item in (one, other))
    return same_words(left, right) >= _CONFLICT and not same_numbers(left, right)


def _script(text: str) -> frozenset[int]:
    """Return which scripts a text is written in, by their place in the table; Latin only where there is no other."""
    found = {at for at, pattern in enumerate(_SCRIPTS) if pattern.search(text)}
    return frozenset(found - {0} or found)


def _gives_as_much(item: Candidate, best: Candidate) -> bool:
    """Return whether a sentence has the amount, figure or date that was asked for, where the best one has it."""
    return all(getattr(item.features, kind) >= getattr(best.features, kind) for kind in ("money", "figure", "date"))


def _opens(item: Candidate, other: Candidate) -> bool:
    """Return whether a sentence is the first below another's heading, where that heading is what was asked about."""
    if item.passage != other.passage or not item.section == other.section != -1 or not item.place == 1 < other.place:
        return False
    told = item.features.money or item.features.figure or item.features.date
    return item.features.lead >= _SAME_TOPIC or bool(item.topic == 1 and told)


def _same(item: Candidate, other: Candidate) -> bool:
    """Return whether two candidates say the same: overlapping spans, or one text within the other."""
    if item.passage == other.passage and item.span[0] < other.span[1] and other.span[0] < item.span[1]:
        return True
    one, two = " ".join(item.text.split()), " ".join(other.text.split())
    return one in two or two in one


def _with_what_they_lean_on(chosen: list[Candidate], found: Sequence[Candidate]) -> list[Candidate]:
    """Add the sentence before one that begins with a pronoun, as long as there is room."""
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
