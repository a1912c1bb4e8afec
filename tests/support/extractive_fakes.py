"""Questions to the extractive model about pages with headings, lists, tables and code."""

from __future__ import annotations

from ragkit.chat.extractive.model import ExtractiveChat
from ragkit.citations.checker import check_answer
from ragkit.types.answers import Answer
from ragkit.types.documents import Block, BlockKind, Heading
from ragkit.types.hits import Hit, Hits
from tests.support.prompt_fakes import make_hit, make_prompt


def ask(question: str, *hits: Hit, confidence: float = 0.9) -> Answer:
    """Return the checked answer of the extractive model from some passages."""
    prompt = make_prompt(question, hits=Hits(hits, confidence=confidence))
    return check_answer(prompt, "".join(ExtractiveChat().stream(prompt)), model="extractive")


def page(text: str, *, rank: int = 1, headings: tuple[str, ...] = (), **blocks: str) -> Hit:
    """Return a hit at offset 0 of a document with structure. blocks: kind -> the text of its one block."""
    found = [
        Block(text.index(held), text.index(held) + len(held), kind)
        for kind in ("table", "list", "code")
        if (held := blocks.get(kind))
    ]
    kinds: list[BlockKind] = [block.kind for block in found]
    assert set(blocks) == set(kinds)
    return make_hit(
        text,
        rank=rank,
        start=0,
        heading=headings[0] if headings else "",
        headings=tuple(Heading(text.index(title), 2, title) for title in headings),
        blocks=tuple(sorted(found, key=lambda block: block.start)),
    )
