"""Model text + prompt -> Answer: every citation is checked against its source, unsafe text is removed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ragkit.citations.judges import Judge
from ragkit.citations.sanitizer import Rules, Sanitizer
from ragkit.citations.sources import Sentence, Sources, states
from ragkit.text.abstention import abstains, abstention, opens_with_abstention
from ragkit.text.asking import wants_address
from ragkit.text.content_terms import guess_language
from ragkit.text.key_filter import KeyFilter
from ragkit.text.sentences import sentence_spans
from ragkit.text.token_counter import Counter
from ragkit.types.answers import Answer, Citation, Status
from ragkit.types.prompts import Prompt

_QUOTES: Final = "extractive"
"""The model whose text is made of the sources' own words; its name is reserved (a chat model's has a colon)."""

_ENDS: Final = (".", "!", "?", "…", ":", "。", "！", "？", "：")


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
        judge: Judge | None = None,
    ) -> None:
        """Begin an answer. model: its name, for the Answer. counter: counts the answer's tokens.

        link_hosts: hosts whose addresses may leave as plain text where a source holds them; none by default.
        strict: an answer that is not supported as a whole becomes an abstention; nothing is shown before the end.
        judge: decides where words cannot whether a source supports a sentence.
        """
        self._prompt = prompt
        self._model = model
        self._counter = counter
        texts = [f"{hit.text}\n{hit.context}\n{hit.source}" for hit in prompt.passages]
        hosts = tuple(host.lower() for host in link_hosts)
        quoted = model == _QUOTES
        rules = Rules(len(texts), texts, hosts, quoted=quoted, addresses=quoted and wants_address(prompt.question))
        self._sanitizer = Sanitizer(rules)
        self._key = KeyFilter(prompt.nonce)
        self._strict = strict
        self._judge = judge
        self._given: list[str] = []

    def feed(self, delta: str) -> str:
        """Take a piece of the model's text; return the text that is now safe to show, "" while it is undecided."""
        text = self._keep(self._sanitizer.feed(self._key.feed(delta)))
        return "" if self._strict else text

    def finish(self) -> tuple[str, Answer]:
        """Return the rest of the safe text, and the whole answer with its citations checked."""
        rest = self._keep(self._sanitizer.feed(self._key.finish()))
        rest += self._keep(self._sanitizer.finish())
        if not any(self._given):
            rest += self._keep(abstention(self._prompt.question))
        text = "".join(self._given)
        citations, status = _status(
            Sources(self._prompt.passages, judge=self._judge), self._prompt, text, self._sanitizer
        )
        removed = tuple(self._sanitizer.removed)
        if self._key.found:
            removed = (*removed, "the key of the prompt's fences")
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
            warnings=self._prompt.warnings,
            template=self._prompt.template,
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
    """Turn a model's text into an Answer: clean it, check each citation, decide the status.

    The status is `abstained` when the text says that the sources do not hold the answer and cites nothing that
    supports it (and for an empty text, which becomes such a sentence); `answered` when every sentence that states
    something is supported by a source, cited or matched; `unsupported` when none is; else `partial`. Parameters as for
    StreamChecker.
    """
    checker = StreamChecker(prompt, model=model, counter=counter, link_hosts=link_hosts, strict=strict)
    checker.feed(text)
    return checker.finish()[1]


def _status(sources: Sources, prompt: Prompt, text: str, seen: Sanitizer) -> tuple[tuple[Citation, ...], Status]:
    if not seen.markers and opens_with_abstention(text):
        return (), "abstained"
    citations: list[Citation] = []
    stated = supported = 0
    abstained = False
    for sentence in _sentences(text, seen):
        found = sources.cite(sentence) if sentence.numbers else sources.match(sentence, asked=prompt.question)
        citations.extend(found)
        if abstains(sentence.text):
            abstained = True
        elif found or states(sentence.text):
            stated += 1
            supported += any(citation.supported for citation in found)
    for start, end in seen.code:
        if "\n" in text[start:end]:  # a block of code is a statement: it is in a source or not
            stated += 1
            held = sources.hold(text[start:end])
            supported += bool(held)
            citations.extend(held)
    if supported == stated and stated and not abstained:
        return tuple(citations), "answered"
    if not supported and (abstained or not stated):
        return tuple(citations), "abstained"
    if not supported:
        return tuple(citations), "unsupported"
    return tuple(citations), "partial"


def _sentences(text: str, seen: Sanitizer) -> list[Sentence]:
    """Split an answer into sentences with their citation markers; blocks of code are left out."""
    plain, markers = _without_markers(text, seen)
    spans = sentence_spans(plain, language=guess_language(plain))
    sentences = [Sentence(" ".join(plain[start:end].split())) for start, end in spans]
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
    after_block = False
    for start, end, number in sorted(blocks + marks):
        part = text[position:start]
        after_block = after_block and not part.strip()
        if number and after_block:
            position = end  # it belongs to the block of code above it, which has a citation of its own
            continue
        after_block = not number
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
    """Return the index of the sentence that a marker at an offset belongs to; -1 when there is none."""
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
