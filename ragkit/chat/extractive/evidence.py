"""Question + passages -> candidate sentences, each with a score for how well it answers: weighted lexical features."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from itertools import pairwise
from operator import attrgetter
from typing import Final

from ragkit.chat.extractive.intent import Question, letter_groups
from ragkit.chat.extractive.layout import Layout, PartKind, is_field, read_layout
from ragkit.text.addresses import without_addresses
from ragkit.text.asking import echoes
from ragkit.text.content_terms import ContentTerms, wording
from ragkit.text.sentences import Span, is_heading, is_item
from ragkit.text.tables import cells, column_names, has_cells
from ragkit.types.hits import Hit

_PREFIX: Final = 4
_LESSER_WEIGHT: Final = 0.4
_POINTS = re.compile(
    r"\b(?:(?:following|below)\s+(?:table|chart|figure|graph)"
    r"|(?:table|chart|figure|graph)\s+(?:below|\d[\d.-]*\s+(?:shows|lists)))",
    re.IGNORECASE,
)
_UNMARKED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese and Khmer: a sentence may end without a mark there, and its form is that of a heading."""
KINDRED: Final = 0.4
"""Cosine from which a sentence is about the question."""
_ITEMS_SHOWN: Final = 8
_LIST_LENGTH: Final = 400
_SIGNATURE: Final = 160  # code points of code that names the topic of the text after it
_BLANKS: Final = 3
_ADDED: Final = 0.8


@dataclass(frozen=True, slots=True)
class Features:
    """The features of a sentence, each 0..1. Shares are of the question's terms, weighted by their rarity."""

    own: float  # share that the sentence holds
    alike: float  # share of which only the first letters agree
    grams: float  # share of the question's groups of four letters
    rarest: float  # weight of its rarest common term, of the question's rarest
    lead: float  # share that the heading or question above holds, less for each sentence between
    near: float  # share that only the sentences beside it hold
    around: float  # share that only title, headings and column names hold
    pairs: float  # share of neighbouring terms that are neighbours here
    numbers: float  # share of the question's numbers
    date: float  # asked when, and it has a date
    figure: float  # asked how many or for a version, and it has another number or version
    money: float  # the question asks for a price, and it has a number and a word for money
    name: float  # asked who or where, and it has other names
    reason: float  # asked why, and it has a word of cause
    news: float  # its content beyond the question
    meaning: float  # cosine of its vector with the question's, where the search has it
    lead_meaning: float  # cosine of the heading or question above it
    length: float  # 0 up to 200 characters, 1 from 600 on
    score: float  # what the search said of its passage
    rank: float  # 1, 1/2, 1/3 .. for the passages in order


# Fitted as a conditional logit over the sentences of five passages, on the five SQuAD articles whose titles come first
# in the alphabet (923 questions); `money`, which few of these ask for, is set by hand.
WEIGHTS: Final = Features(
    own=2.3,
    alike=1.7,
    grams=2.2,
    rarest=2.7,
    lead=3.5,
    near=1.0,
    around=1.2,
    pairs=1.3,
    numbers=0.6,
    date=1.4,
    figure=1.3,
    money=2.2,
    name=1.0,
    reason=0.8,
    news=0.0,
    meaning=4.6,
    lead_meaning=1.0,
    length=-1.5,
    score=2.6,
    rank=1.6,
)
_WEIGHED: Final = astuple(WEIGHTS)
_MEASURED: Final = attrgetter(*(field.name for field in fields(Features)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence, item, row or block of code of a passage. passage: index from 0; span: within the passage's text.

    section: the order of the heading or question above it, -1 without; place: 1 for the first sentence or list below
    it, or below the signature after it. topic: 0..1, how much of that heading or question is in what was asked; asked:
    how much of what was asked is in heading and signature.
    value: the weighted sum of its features, to compare the candidates of one question. coverage: 0..1, how much of the
    question stands in it or near it.
    """

    passage: int
    order: int
    span: Span
    text: str
    section: int
    place: int
    topic: float
    asked: float
    features: Features
    value: float
    coverage: float
    kind: PartKind = "sentence"


@dataclass(frozen=True, slots=True)
class _Lead:
    """The heading or question above a unit: its terms and meaning, and where the unit stands below it.

    shown: terms of a signature or command between them. distance: 1 for the first sentence or list below either.
    """

    terms: frozenset[str]
    meaning: float = 0.0
    order: int = -1
    distance: int = 1
    shown: frozenset[str] = frozenset()

    @property
    def all_terms(self) -> frozenset[str]:
        """Its terms and those of the signature."""
        return self.terms | self.shown


@dataclass(slots=True)
class _Unit:
    passage: int
    order: int
    span: Span
    text: str
    own: ContentTerms
    lead: _Lead
    near: frozenset[str]
    around: frozenset[str]
    meaning: float
    size: int
    columns: str
    titled: bool
    kind: PartKind

    @property
    def leads(self) -> bool:
        """Whether it only introduces the text after it."""
        if self.kind in ("code", "heading"):
            return self.kind == "heading"
        asks = self.text.endswith(("?", "？"))
        short = is_heading(self.text) and not _UNMARKED.search(self.text)
        return asks or self.titled or short or bool(_POINTS.search(self.text))


def candidates(question: Question, passages: Sequence[Hit], layouts: Sequence[Layout] | None = None) -> list[Candidate]:
    """Return every sentence, row and block of code of the passages, in order; higher values are better.

    Headings are left out, unless an address is asked for and stands behind one.

    layouts: of the passages, where the caller has read them already.
    """
    if layouts is None:
        layouts = [read_layout(hit, language=question.language) for hit in passages]
    read = zip(passages, layouts, strict=True)
    units = [unit for number, pair in enumerate(read) for unit in _units(number, *pair, question)]
    held = Counter(term for unit in units for term in unit.own.terms)
    weights = {term: math.log(1 + len(units) / (0.5 + held[term])) for term in question.said.terms}
    for term in question.measures | question.carried:
        weights[term] *= _LESSER_WEIGHT
    out: list[Candidate] = []
    for unit in units:
        text = passages[unit.passage].text[slice(*unit.span)]
        if unit.leads and not question.gives_address(text):
            continue
        features = _features(question, weights, unit, passages[unit.passage])
        value = sum(weight * have for weight, have in zip(_WEIGHED, _MEASURED(features), strict=True))
        partly = features.alike + features.near + features.around + features.grams
        coverage = (features.own + 0.5 * partly) / 1.5
        out.append(
            Candidate(
                unit.passage,
                unit.order,
                unit.span,
                text,
                section=unit.lead.order,
                place=unit.lead.distance,
                topic=len(unit.lead.terms & question.said.terms) / max(len(unit.lead.terms), 1),
                asked=sum(weights[term] for term in unit.lead.terms & question.said.terms)
                / (sum(weights.values()) or 1.0),
                features=features,
                value=value,
                coverage=coverage,
                kind=unit.kind,
            )
        )
    return out


def _units(number: int, hit: Hit, layout: Layout, question: Question) -> list[_Unit]:
    language, asked = question.language, question.text
    spans = _with_what_they_lead_into(hit.text, layout)
    bare = [_bare(hit.text[start:end], asked) for start, end in spans]
    said = [wording(text, language=language) for text in bare]
    around = wording(f"{hit.title}\n{hit.heading}\n{hit.context}", language=language).terms
    lead = _Lead(wording(hit.heading.split(" › ")[-1], language=language).terms, distance=2)
    titles = {" ".join(title.split()) for title in (hit.title, *hit.heading.split(" › "))}
    guess = _usual_meaning(hit, asked)
    units: list[_Unit] = []
    headers: set[tuple[str, ...]] = set()
    for order, (part, span, text, own) in enumerate(zip(layout.parts, spans, bare, said, strict=True)):
        beside = said[max(0, order - 1) : order] + said[order + 1 : order + 2]
        near = frozenset().union(*(item.terms for item in beside))
        is_row = part.kind == "row" and has_cells(text)
        names = column_names(hit.text, span[0], hit.context) if is_row else []
        headers.add(tuple(names))
        columns = " ".join(names)
        above = around | wording(columns, language=language).terms
        titled = " ".join(text.split()) in titles
        meaning = guess if echoes(asked, hit.text[slice(*span)]) else _meaning(hit, span, guess)
        size = part.end - part.start
        unit = _Unit(number, order, span, text, own, lead, near, above, meaning, size, columns, titled, part.kind)
        units.append(unit)
        if unit.leads:
            lead = _Lead(own.terms, unit.meaning, order)
        elif part.kind == "code" and size <= _SIGNATURE:
            lead = replace(lead, shown=own.terms, distance=1)
        elif part.kind != "item" and not is_field(text):
            lead = replace(lead, distance=lead.distance + 1)
    return [unit for unit in units if unit.kind == "code" or tuple(cells(unit.text)) not in headers]


def _meaning(hit: Hit, span: Span, guess: float) -> float:
    """Return the highest cosine of the search's units that overlap a span of the passage, `guess` where none does."""
    start, end = hit.start + span[0], hit.start + span[1]
    found = [cosine for first, last, cosine in hit.units if first < end and start < last]
    return min(1.0, max(0.0, *found)) if found else guess


def _bare(text: str, asked: str) -> str:
    """Return a text without its addresses, and without the question where it only quotes it."""
    for start, end in reversed(echoes(asked, text)):
        text = f"{text[:start]} {text[end:]}"
    return without_addresses(text)


def _usual_meaning(hit: Hit, asked: str) -> float:
    """Return a substitute for the cosine of text that was added to a passage or quotes the question: a part of the mean
    of the others."""
    quoted = [(hit.start + start, hit.start + end) for start, end in echoes(asked, hit.text)]
    known = [
        cosine for first, last, cosine in hit.units if not any(first < end and start < last for start, end in quoted)
    ]
    return max(0.0, _ADDED * sum(known) / len(known)) if known else 0.0


def _with_what_they_lead_into(text: str, layout: Layout) -> list[Span]:
    """Let a sentence that ends in a colon span the list after it, and code the sentence that leads into it."""
    out: list[Span] = []
    parts = layout.parts
    for at, part in enumerate(parts):
        start, end = part.start, part.end
        if text[end - 1] in ":：" and part.kind != "code":
            for item in parts[at + 1 : at + 1 + _ITEMS_SHOWN]:
                if not is_item(text[item.start : item.end]) or item.end - start > _LIST_LENGTH:
                    break
                end = item.end
        elif part.kind == "code" and at and parts[at - 1].kind == "sentence" and start - parts[at - 1].end <= _BLANKS:
            start = parts[at - 1].start
        out.append((start, end))
    return out


def _features(question: Question, weights: dict[str, float], unit: _Unit, hit: Hit) -> Features:
    asked = question.said.terms
    own = asked & unit.own.terms
    starts = _prefixes(unit.own.terms)
    alike = {term for term in asked - own if _prefixes((term,)) & starts}
    near = (asked - own - alike) & unit.near
    around = (asked - own - alike - near) & unit.around

    def share(terms: Iterable[str]) -> float:
        return _share(terms, weights)

    other_numbers = unit.own.numbers - question.said.numbers
    other_names = len(unit.own.names - asked)
    return Features(
        own=share(own),
        alike=share(alike),
        grams=_gram_share(question.grams, unit.text),
        rarest=max((weights[term] for term in own), default=0.0) / max(weights.values(), default=1.0),
        lead=share(asked & unit.lead.all_terms) * _lead_share(unit, hit),
        near=share(near),
        around=share(around),
        pairs=_pair_share(question, weights, unit.own.order) / (sum(weights.values()) or 1.0),
        numbers=_part(question.said.numbers & unit.own.numbers, question.said.numbers),
        date=float("date" in question.kinds and (any(map(_is_year, other_numbers)) or question.gives_date(unit.text))),
        figure=max(
            _figure(question, other_numbers), float("version" in question.kinds and question.gives_version(unit.text))
        ),
        money=float(
            "money" in question.kinds and bool(other_numbers) and question.gives_money(f"{unit.columns} {unit.text}")
        ),
        name=min(1.0, other_names / 2) if question.kinds & {"who", "where"} else 0.0,
        reason=float("why" in question.kinds and question.gives_reason(unit.text)),
        news=min(1.0, len(unit.own.terms - asked) / 8),
        meaning=unit.meaning,
        lead_meaning=unit.lead.meaning,
        length=0.0 if unit.kind == "code" else min(1.0, max(0.0, (unit.size - 200) / 400)),
        score=hit.score,
        rank=1 / (unit.passage + 1),
    )


def _share(terms: Iterable[str], weights: dict[str, float]) -> float:
    """Return the weight of some of the question's terms, of all."""
    return sum(weights[term] for term in terms) / (sum(weights.values()) or 1.0)


def _lead_share(unit: _Unit, hit: Hit) -> float:
    """Return how much of its heading's words belong to a unit: less further down, and less for another meaning."""
    near = 2 / (1 + unit.lead.distance)
    return near * min(1.0, unit.meaning / KINDRED) if hit.units else near


def _figure(question: Question, numbers: frozenset[str]) -> float:
    """Return whether a unit has a number other than a year, where the question asks for one that is not money."""
    wanted = "figure" in question.kinds and "money" not in question.kinds
    return float(wanted and any(not _is_year(number) for number in numbers))


def _gram_share(asked: frozenset[str], text: str) -> float:
    return _part(asked & letter_groups(text), asked)


def _part(found: frozenset[str], wanted: frozenset[str]) -> float:
    return len(found) / len(wanted) if wanted else 0.0


def _prefixes(terms: Iterable[str]) -> set[str]:
    return {term[:_PREFIX] for term in terms if len(term) >= _PREFIX and not term[0].isdigit()}


def _pair_share(question: Question, weights: dict[str, float], order: Sequence[str]) -> float:
    """Return the weight of the question's neighbouring terms that stand beside each other, at most one apart."""
    here = {*pairwise(order), *zip(order, order[2:], strict=False)}
    return sum(
        (weights[left] + weights[right]) / 2
        for left, right in pairwise(question.said.order)
        if (left, right) in here or (right, left) in here
    )


def _is_year(number: str) -> bool:
    return len(number) == 4 and number[:2] in {"15", "16", "17", "18", "19", "20"}
