"""Questions that can be made from a document without a language model, with the passage that answers each."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ragkit.chunking.units import document_units
from ragkit.evaluation.generation import templates
from ragkit.text.content_terms import guess_language
from ragkit.types.documents import Document

KINDS: Final = ("heading", "definition", "sentence", "cloze")
"""The kinds of questions that can be made without a language model."""
_LEAST_SECTION = 80  # characters below a heading that make it worth asking about
_KEPT_WORDS = 4  # content words that a question must keep
_CLOZE_WINDOW = 8  # content words around a blank
_ANSWER = re.compile(
    r"(?<![\w.,–-])[$€£¥]?\d(?:[\d.,]*\d)?(?:[ ]?%|(?![\w–-]))"
    r"|(?<=[^.!?…:][ ])[A-Z][\w’'-]+(?:[ ][A-Z][\w’'-]+){0,3}"
)
_BLANKS = re.compile(r"\s+")
_MARKER = re.compile(r"(?:[-*•–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+")
_LOOSE = re.compile(r"\s+([,.;:!?%)\]])")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question and the span of its document that answers it. subject: a key, unique in the collection.

    more: further spans, all of which are needed, of a question in parts.
    """

    kind: str
    text: str
    start: int
    end: int
    subject: str
    answer: str = ""
    more: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """The source of candidates: the document's language, the sentences of its prose, and its headings."""

    document: Document
    language: str
    sentences: tuple[tuple[int, int], ...]

    def sentence(self, span: tuple[int, int]) -> str:
        """Return the text of a sentence, on one line."""
        return _BLANKS.sub(" ", self.document.text[span[0] : span[1]])


def outline(document: Document) -> Outline:
    """Return the sentences of a document that questions can be made of; tables, code and headings are left out."""
    language = str(document.metadata.get("language") or guess_language(document.text))[:2]
    spans = []
    for unit in document_units(document):
        kind = document.blocks[unit.block].kind if unit.block >= 0 else ""
        sentence = _BLANKS.sub(" ", document.text[unit.start : unit.end])
        if not unit.glued and kind in ("", "list") and templates.is_prose(sentence):
            marker = _MARKER.match(document.text, unit.start)
            spans.append((marker.end() if marker else unit.start, unit.end))
    return Outline(document, language, tuple(spans))


def sentence_key(sentence: str) -> str:
    """Return a key that is equal for sentences that differ only in case, blanks and punctuation."""
    return " ".join(word for _, _, word in templates.words(sentence))


def candidates(found: Outline, *, rarity: Mapping[str, float], seed: int) -> Iterator[Candidate]:
    """Yield every question that the document gives, in its order.

    rarity: word -> the logarithm of sentences by sentences that hold it, over the collection. The seed decides which
    answer of a sentence becomes a blank.
    """
    yield from _headings(found)
    for span in found.sentences:
        sentence = found.sentence(span)
        term = templates.defined_term(sentence, found.language)
        if term and found.language in templates.WHAT_IS:
            question = templates.what_is(term, sentence, found.language)
            yield Candidate("definition", question, *span, subject=term.lower())
        known = _known_item(sentence, found.language, rarity)
        if known:
            yield Candidate("sentence", known, *span, subject=sentence_key(sentence))
        cloze = _cloze(sentence, found.language, seed)
        if cloze:
            yield Candidate("cloze", cloze[0], *span, subject=sentence_key(sentence), answer=cloze[1])


def _headings(found: Outline) -> Iterator[Candidate]:
    document = found.document
    ends = [heading.offset for heading in document.headings[1:]] + [len(document.text)]
    for heading, end in zip(document.headings, ends, strict=False):
        plain = templates.plain_heading(heading.text)
        body = sum(b - a for a, b in found.sentences if heading.offset <= a and b <= end)
        if not plain or body < _LEAST_SECTION or not templates.content_words(plain, found.language):
            continue
        template = templates.ABOUT.get(found.language, templates.ABOUT["en"])
        question = plain if plain.endswith(("?", "？")) else template.format(x=plain)
        yield Candidate("heading", question, heading.offset, end, subject=plain.lower())


def _known_item(sentence: str, language: str, rarity: Mapping[str, float]) -> str:
    """Return the content words of a sentence without its rarest ones, like a half-remembered query; "" if too few."""
    content = templates.content_words(sentence, language)
    order = sorted({word for _, _, word in content}, key=lambda word: (-rarity.get(word, math.inf), word))
    kept = frozenset(order[max(2, math.ceil(0.3 * len(order))) :])
    if len(kept) < _KEPT_WORDS:
        return ""
    parts: list[str] = []
    last = -1
    for start, end, word in content:
        if word in kept:
            # Pairs of characters of a script without spaces that touch stay together.
            parts.append(("" if start == last else " ") + sentence[start:end])
            last = end
    return "".join(parts).strip()


def _cloze(sentence: str, language: str, seed: int) -> tuple[str, str] | None:
    """Return the words around a blank, and the missing number or name (in languages that capitalise names)."""
    answers = [match for match in _ANSWER.finditer(sentence) if language != "de" or match.group()[0].isdigit()]
    if not answers:
        return None
    answer = answers[_number(sentence, seed) % len(answers)]
    content = [
        item
        for item in templates.content_words(sentence, language)
        if item[1] <= answer.start() or item[0] >= answer.end()
    ]
    nearest = sorted(content, key=lambda item: max(answer.start() - item[1], item[0] - answer.end()))[:_CLOZE_WINDOW]
    if len(nearest) < _KEPT_WORDS:
        return None
    start = min(answer.start(), *(item[0] for item in nearest))
    end = max(answer.end(), *(item[1] for item in nearest))
    return _tidy(f"{sentence[start : answer.start()]}{templates.BLANK}{sentence[answer.end() : end]}"), answer.group()


def _tidy(text: str) -> str:
    """Return text without doubled blanks, blanks before punctuation, and punctuation without words."""
    text = _LOOSE.sub(r"\1", _BLANKS.sub(" ", text))
    text = re.sub(r"[(\[“\"'‘]\s*[)\]”\"'’]", "", text)
    return _BLANKS.sub(" ", re.sub(r"([,;:])(?:\s*[,;:.])+", r"\1", text)).strip(" ,;:–—-")


def _number(text: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{text}".encode()).digest()[:8], "big")
