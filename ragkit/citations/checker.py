"""Model text + prompt -> Answer: every citation is checked against its source, and nothing foreign leaves."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

from ragkit.citations.sanitizer import Rules, Sanitizer
from ragkit.citations.support import Passage
from ragkit.text.abstention import abstains, abstention
from ragkit.text.content_terms import guess_language, wording
from ragkit.text.sentences import sentence_spans
from ragkit.text.token_counter import Counter
from ragkit.types.answers import Answer, Citation, Status
from ragkit.types.prompts import Prompt

_ENUMERATED = re.compile(r"^\s*(?:[-*+•●▪◦‣–]|\(?\d{1,3}[.)])\s+")
_ENDS: Final = (".", "!", "?", "…", "。", "！", "？")
_TITLE = re.compile(r"\s*#+\s.*|\s*\*\*[^*]+\*\*:?|\(?\d{1,3}[.)]")
_LEAD_IN = re.compile(r"^[^.]{0,160}:$")


@dataclass(slots=True)
class _Sentence:
    """A sentence of an answer without its markers.

    numbers: what it cites. following: what the next sentence with markers in its paragraph cites.
    """

    text: str
    numbers: list[int] = field(default_factory=list)
    following: tuple[int, ...] = ()


class StreamChecker:
    """Checks an answer while it is written: what `feed` and `finish` return adds up to the final answer's text."""

    def __init__(
        self,
        prompt: Prompt,
        *,
        model: str = "",
        counter: Counter | None = None,
        link_hosts: Collection[str] = (),
        strict: bool = False,
    ) -> None:
        """Begin an answer. model: its name, for the Answer. counter: counts the answer's tokens.

        link_hosts: hosts whose addresses may leave as plain text where a source holds them; none by default.
        strict: an answer that is not supported as a whole becomes an abstention; nothing is shown before the end.
        """
        self._prompt = prompt
        self._model = model
        self._counter = counter
        texts = [passage.text for passage in prompt.passages]
        self._sanitizer = Sanitizer(Rules(len(texts), texts, tuple(host.lower() for host in link_hosts)))
        self._strict = strict
        self._given: list[str] = []

    def feed(self, delta: str) -> str:
        """Take a piece of the model's text; return the text that is now safe to show, "" while it is undecided."""
        text = self._keep(self._sanitizer.feed(delta))
        return "" if self._strict else text

    def finish(self) -> tuple[str, Answer]:
        """Return the rest of the safe text, and the whole answer with its citations checked."""
        rest = self._keep(self._sanitizer.finish())
        if not any(self._given):
            rest += self._keep(abstention(self._prompt.question))
        text = "".join(self._given)
        citations, status = _judge(self._prompt, text, self._sanitizer)
        removed = tuple(self._sanitizer.removed)
        if self._strict:
            if status in ("partial", "unsupported"):
                removed = (*removed, "an answer that its sources do not support as a whole")
                text, citations, status = abstention(self._prompt.question), (), "abstained"
            rest = text
        tokens = dict(self._prompt.tokens)
        if self._counter is not None:
            tokens["answer"] = self._counter.count(text)
        return rest, Answer(
            question=self._prompt.question,
            text=text,
            status=status,
            citations=citations,
            model=self._model,
            tokens=tokens,
            confidence=self._prompt.confidence,
            removed=removed,
        )

    def _keep(self, text: str) -> str:
        if text:
            self._given.append(text)
        return text


def check_answer(
    prompt: Prompt,
    text: str,
    *,
    model: str = "",
    counter: Counter | None = None,
    link_hosts: Collection[str] = (),
    strict: bool = False,
) -> Answer:
    """Return the answer that a model's text makes: cleaned, each citation checked, the status decided.

    The status is `abstained` when the text says that the sources do not hold the answer and cites nothing that
    supports it (and for an empty text, which becomes such a sentence); `answered` when every sentence that states
    something is supported by a source, cited or matched; `unsupported` when none is; else `partial`. Parameters as for
    StreamChecker.
    """
    checker = StreamChecker(prompt, model=model, counter=counter, link_hosts=link_hosts, strict=strict)
    checker.feed(text)
    return checker.finish()[1]


def _judge(prompt: Prompt, text: str, seen: Sanitizer) -> tuple[tuple[Citation, ...], Status]:
    sources = _Sources(prompt)
    citations: list[Citation] = []
    stated = supported = 0
    abstained = False
    for sentence in _sentences(text, seen):
        found = sources.cite(sentence) if sentence.numbers else sources.match(sentence, asked=prompt.question)
        citations.extend(found)
        if abstains(sentence.text):
            abstained = True
        elif found or _states(sentence.text):
            stated += 1
            supported += any(citation.supported for citation in found)
    for start, end in seen.code:
        if "\n" in text[start:end]:  # a block of code states something, and stands in a source or does not
            stated += 1
            supported += sources.hold(text[start:end])
    if supported == stated and stated and not abstained:
        return tuple(citations), "answered"
    if not supported and (abstained or not stated):
        return tuple(citations), "abstained"
    if not supported:
        return tuple(citations), "unsupported"
    return tuple(citations), "partial"


class _Sources:
    """The passages of a prompt, read when they are first cited."""

    def __init__(self, prompt: Prompt) -> None:
        self._hits = prompt.passages
        self._read: dict[int, Passage] = {}

    def cite(self, sentence: _Sentence) -> list[Citation]:
        """Return a checked citation for each number of a sentence.

        Several sources may support it together where none does alone.
        """
        claim = _ENUMERATED.sub("", sentence.text)
        found = [self._cite(number, claim, sentence.text) for number in sentence.numbers]
        if len(found) > 1 and not any(citation.supported for citation in found):
            together = Passage("\n\n".join(citation.quote for citation in found), around=self._above(found))
            if together.support(claim).supported:
                found = [replace(citation, supported=True, verdict="supported", reason="") for citation in found]
        return found

    def match(self, sentence: _Sentence, *, asked: str) -> list[Citation]:
        """Return the citation of the source that supports a sentence without a marker; [] for none, or no statement.

        A marker that follows in its paragraph counts for it where its source supports it; else any source may.
        """
        if not _states(sentence.text) or abstains(sentence.text) or sentence.text.strip(" ?") == asked.strip(" ?"):
            return []
        claim = _ENUMERATED.sub("", sentence.text)
        for number in (*sentence.following, *range(1, len(self._hits) + 1)):
            citation = self._cite(number, claim, sentence.text)
            if citation.supported:
                return [citation if number in sentence.following else replace(citation, matched=True)]
        return []

    def hold(self, block: str) -> bool:
        """Return whether one source has every line of a block of code."""
        lines = [line.strip() for line in block.strip("`").splitlines()[1:] if line.strip("` ")]
        return any(all(line in hit.text for line in lines) for hit in self._hits)

    def _above(self, found: list[Citation]) -> str:
        return "\n".join(self._passage(citation.number).around for citation in found)

    def _passage(self, number: int) -> Passage:
        if number not in self._read:
            hit = self._hits[number - 1]
            self._read[number] = Passage(hit.text, around=f"{hit.title}\n{hit.heading}\n{hit.context}\n{hit.source}")
        return self._read[number]

    def _cite(self, number: int, claim: str, sentence: str) -> Citation:
        hit = self._hits[number - 1]
        support = self._passage(number).support(claim)
        start = hit.start + support.start
        page, label = hit.page_at(start)
        return Citation(
            number=number,
            source=hit.source,
            title=hit.title,
            sha256=hit.sha256,
            page=page,
            page_label=label,
            start=start,
            end=hit.start + support.end,
            quote=hit.text[support.start : support.end],
            supported=support.supported,
            sentence=sentence,
            verdict=support.verdict,
            reason=support.reason,
            header=support.header,
        )


def _states(sentence: str) -> bool:
    """Return whether a sentence claims something: it is no title, question, lead-in or bare number of a list."""
    bare = sentence.strip("*_# \t-•>")
    if not bare or bare.endswith("?") or _LEAD_IN.match(bare) or _TITLE.fullmatch(sentence):
        return False
    return bool(wording(bare, language=guess_language(bare)).terms)


def _sentences(text: str, seen: Sanitizer) -> list[_Sentence]:
    """Cut an answer into sentences, each with the markers that stand in it or right after it; blocks of code go."""
    plain, markers = _without_markers(text, seen)
    spans = sentence_spans(plain, language=guess_language(plain))
    sentences = [_Sentence(" ".join(plain[start:end].split())) for start, end in spans]
    for offset, number in markers:
        at = _owner(plain, spans, offset)
        if at >= 0 and number not in sentences[at].numbers:
            sentences[at].numbers.append(number)
    for at in range(len(sentences) - 2, -1, -1):
        after = sentences[at + 1]
        if "\n\n" not in plain[spans[at][1] : spans[at + 1][0]]:
            sentences[at].following = tuple(after.numbers) or after.following
    return sentences


def _without_markers(text: str, seen: Sanitizer) -> tuple[str, list[tuple[int, int]]]:
    """Return the text without markers and blocks of code, and (offset in it, number) of each marker.

    The blanks before a marker go with it.
    """
    blocks = [(start, end, 0) for start, end in seen.code if "\n" in text[start:end]]
    marks = [(start, start + len(f"[{number}]"), number) for start, number in seen.markers]
    parts: list[str] = []
    markers: list[tuple[int, int]] = []
    size = position = 0
    for start, end, number in sorted(blocks + marks):
        part = text[position:start]
        if number:
            stripped = part.rstrip(" \t")
            part = stripped if stripped and not stripped.endswith("\n") else part
            markers.append((size + len(part), number))
        parts.append(part)
        size += len(part)
        position = max(position, end)
        if number and part.endswith(_ENDS) and text[position : position + 1] == " ":
            parts.append("\n")  # a marker after a full stop ends the sentence, whatever stood before the stop
            size += 1
            position += 1
    parts.append(text[position:])
    return "".join(parts), markers


def _owner(plain: str, spans: list[tuple[int, int]], offset: int) -> int:
    """Return the index of the sentence that a marker at an offset cites for; -1 when there is none."""
    before = -1
    for index, (start, end) in enumerate(spans):
        if start < offset < end or (start == offset and _opens_line(plain, start)):
            return index
        if end <= offset:
            before = index
        elif start >= offset:
            return before if before >= 0 and "\n" not in plain[spans[before][1] : offset] else index
    return before


def _opens_line(plain: str, start: int) -> bool:
    return start == 0 or plain[start - 1] == "\n"
