"""Hits and prompts for tests of prompts, models and citations."""

from __future__ import annotations

from typing import Any

from ragkit.prompting.fencing import new_nonce
from ragkit.types.documents import Page
from ragkit.types.hits import Hit, Hits
from ragkit.types.prompts import Message, Prompt

POLICY = (
    "Customers may return items within 30 days of delivery. Refunds are paid to the original card within 5 business"
    " days. Opened software cannot be returned. Ms. Alvarez heads the returns desk."
)
SHIPPING = "Standard shipping costs 4.90 EUR. Orders above 1,200 EUR ship free of charge to Germany and France."


def make_hit(text: str, *, rank: int = 1, **changes: Any) -> Hit:
    start = changes.pop("start", 100)
    values: dict[str, Any] = {
        "rank": rank,
        "score": 0.9 / rank,
        "scores": {"dense": 0.5, "lexical": 0.5},
        "source": f"doc{rank}.md",
        "title": "",
        "sha256": f"{rank:064x}",
        "media_type": "text/markdown",
        "page": None,
        "page_end": None,
        "page_label": None,
        "start": start,
        "end": start + len(text),
        "heading": "",
        "text": text,
    }
    return Hit(**{**values, **changes})


def make_hits(*texts: str, confidence: float = 0.9) -> Hits:
    return Hits([make_hit(text, rank=rank) for rank, text in enumerate(texts, 1)], confidence=confidence)


def make_prompt(question: str, *texts: str, hits: Hits | None = None, history: tuple[Message, ...] = ()) -> Prompt:
    found = hits if hits is not None else make_hits(*texts)
    return Prompt(
        question=question,
        messages=(Message("system", "Rules."), *history, Message("user", f"Question: {question}")),
        passages=tuple(found),
        tokens={"total": 10},
        budget=3_000,
        encoding="o200k_base",
        estimated=False,
        nonce=new_nonce(texts),
        confidence=found.confidence,
    )


TWO_PAGES = make_hit(
    "The fee is 20 EUR.\nThe deadline is May 3.", page=4, page_end=5, page_label="iv", page_starts=(Page(119, "v"),)
)
