"""The passages of a prompt as sources: each sentence gets a checked citation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ragkit.citations.bare_text import without_references
from ragkit.citations.judges import Judge, decide
from ragkit.citations.support import Passage, Support
from ragkit.text.abstention import abstains
from ragkit.text.content_terms import guess_language, wording
from ragkit.types.answers import Citation, Verdict
from ragkit.types.hits import Hit

_ENUMERATED = re.compile(r"^\s*(?:[-*+•●▪◦‣–]|(?!\(\d{3}\)\s\d{3}[-. ])\(?\d{1,3}[.)])\s+")


_TITLE = re.compile(r"\s*#+\s.*|\s*\*\*[^*]+\*\*:?|\(?\d{1,3}[.)]")


_LEAD_IN = re.compile(r"^[^.。]{0,160}[:：]$")


_LINK_NOTE: Final = re.compile(r"\s?\(link (?:in source \d{1,3}|removed)\)")


_BROKEN_OFF: Final = re.compile(
    r"(?:…|\b(?:the|an?|is|are|was|were|has|have|will|can|may|must|of|to|by|for|with|from|in|on|at|and|or|than|that|which|if"
    r"|der|die|das|den|dem|ein|eine|ist|sind|wird|kann|muss|von|mit|für|und|oder|dass|wenn"
    r"|le|la|les|un|une|est|sont|de|du|des|à|pour|avec|et|ou|que))\s*$",
    re.IGNORECASE,
)
"""The end of an unfinished sentence: an ellipsis, or a conjunction or preposition without a full stop."""

_WORD: Final = re.compile(r"[^\W\d_]+")
_ADDRESS_KEYS: Final = ("url", "canonical_url", "permalink", "uri", "link")
_WEB = re.compile(r"https?://[^\s<>\"']{1,2000}")
_JUDGED: Final = 3  # passages that a judge reads for one sentence without a marker
_ORDER: Final[Mapping[Verdict, int]] = {"quoted": 3, "supported": 2, "contradicted": 1, "unclear": 0}


@dataclass(slots=True)
class Sentence:
    """A sentence of an answer without its markers.

    numbers: what it cites. following: what the next sentence with markers in its paragraph cites.
    """

    text: str
    numbers: list[int] = field(default_factory=list)
    following: tuple[int, ...] = ()


class Sources:
    """The passages of a prompt, read when they are first cited."""

    def __init__(self, hits: Sequence[Hit], *, judge: Judge | None = None) -> None:
        """Take passages. judge: decides whether a passage supports a sentence where the words leave it undecided."""
        self._hits = hits
        self._judge = judge
        self._read: dict[int, Passage] = {}

    def cite(self, sentence: Sentence) -> list[Citation]:
        """Return a checked citation for each number of a sentence.

        Several sources may support it together where none does alone.
        """
        claim = _ENUMERATED.sub("", sentence.text)
        if not _LINK_NOTE.sub("", claim).strip():
            return []
        found = [self._cite(number, claim, sentence.text) for number in sentence.numbers]
        if len(found) > 1 and not any(citation.supported for citation in found):
            together = Passage(
                without_references("\n\n".join(citation.quote for citation in found)), around=self._above(found)
            )
            if together.support(claim).supported and not _breaks_off(claim, together.text):
                found = [replace(citation, supported=True, verdict="supported", reason="") for citation in found]
        return self._decided(claim, found)

    def match(self, sentence: Sentence, *, asked: str) -> list[Citation]:
        """Return the citation of the source that supports a sentence without a marker; [] for none, or no statement.

        A marker that follows in its paragraph counts for it where its source supports it; else any source may.
        """
        if not states(sentence.text) or abstains(sentence.text) or sentence.text.strip(" ?") == asked.strip(" ?"):
            return []
        claim = _ENUMERATED.sub("", sentence.text)
        rest = (number for number in range(1, len(self._hits) + 1) if number not in sentence.following)
        open_ones: list[Citation] = []
        for number in (*sentence.following, *rest):
            citation = self._cite(number, claim, sentence.text)
            if not citation.supported:
                open_ones.append(citation)
                continue
            (citation,) = self._decided(claim, [citation])
            if citation.supported:
                return [citation if number in sentence.following else replace(citation, matched=True)]
        for citation in self._decided(claim, open_ones[:_JUDGED]):
            if citation.supported:
                return [citation if citation.number in sentence.following else replace(citation, matched=True)]
        return []

    def best(self, text: str) -> Citation | None:
        """Return the most relevant citation for a sentence: one that supports it, else one that contradicts it.

        A passage that has more of the sentence's words, and says otherwise, speaks against one that has fewer.
        """
        claim = _ENUMERATED.sub("", text)
        read = [(self._supported(number, claim), number) for number in range(1, len(self._hits) + 1)]
        against = max((support.coverage for support, _ in read if support.opposed), default=0.0)
        found = [
            self._citation(number, support, text)
            for support, number in read
            if support.verdict != "supported" or support.coverage > against
        ]
        found.sort(key=lambda item: (-_ORDER[item.verdict], item.number))
        found = [*self._decided(claim, found[:_JUDGED]), *found[_JUDGED:]]
        return max(found, key=lambda item: (_ORDER[item.verdict], -item.number), default=None)

    def hold(self, block: str) -> list[Citation]:
        """Return the citation of the source that has all lines of a block of code in the same order, [] for none."""
        lines = [line.strip() for line in block.strip("`").splitlines()[1:] if line.strip("` ")]
        for number, hit in enumerate(self._hits, 1):
            first = last = -1
            for line in lines:
                at = hit.text.find(line, max(last, 0))
                if at < 0:
                    break
                first, last = (at if first < 0 else first), at + len(line)
            else:
                if lines:
                    support = Support(first, last, "quoted", coverage=1.0)
                    return [self._citation(number, support, "\n".join(lines))]
        return []

    def _decided(self, claim: str, found: list[Citation]) -> list[Citation]:
        """Return citations; a judge decides those that the words leave undecided, where there is a judge."""
        return decide(self._judge, claim, found, self._hits) if self._judge and found else found

    def _above(self, found: list[Citation]) -> str:
        passages = [self._passage(citation.number) for citation in found]
        return "\n".join(f"{passage.around}\n{passage.first}" for passage in passages)

    def _passage(self, number: int) -> Passage:
        if number not in self._read:
            hit = self._hits[number - 1]
            first = f"{hit.heading}\n{hit.context}"
            around = f"{hit.title}\n{hit.source}"
            self._read[number] = Passage(
                without_references(hit.text), around=around, first=first, known=self._known(hit)
            )
        return self._read[number]

    def _known(self, hit: Hit) -> frozenset[str]:
        """Return the words of the other passages."""
        texts = (f"{other.heading}\n{other.text}" for other in self._hits if other is not hit)
        return frozenset(word for text in texts for word in _WORD.findall(text.lower()))

    def _cite(self, number: int, claim: str, sentence: str) -> Citation:
        return self._citation(number, self._supported(number, claim), sentence)

    def _supported(self, number: int, claim: str) -> Support:
        passage = self._passage(number)
        support = passage.support(claim)
        if support.verdict == "supported" and _breaks_off(claim, passage.text):
            return replace(support, verdict="unclear", reason="the sentence breaks off")
        return support

    def _citation(self, number: int, support: Support, sentence: str) -> Citation:
        hit = self._hits[number - 1]
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
            heading=hit.heading,
            address=_address(hit),
        )


def _breaks_off(claim: str, source: str) -> bool:
    """Return whether a claim is cut off; a quotation that is cut on purpose appears in its source as it is."""
    if claim.rstrip().endswith("…") and " ".join(claim.strip("… ").split()) in " ".join(source.split()):
        return False
    return bool(_BROKEN_OFF.search(claim))


def _address(hit: Hit) -> str:
    """Return the document's address on the web, as its metadata give it; "" where they give none."""
    values = (hit.metadata.get(name) for name in _ADDRESS_KEYS)
    return next((value for value in values if isinstance(value, str) and _WEB.fullmatch(value)), "")


def states(sentence: str) -> bool:
    """Return whether a sentence makes a statement: it is no title, question, introduction of a list or bare list
    number."""
    bare = _LINK_NOTE.sub("", sentence).strip("*_# \t-•>")
    if not bare or bare.endswith("?") or _LEAD_IN.match(bare) or _TITLE.fullmatch(sentence):
        return False
    return bool(wording(bare, language=guess_language(bare)).terms)
