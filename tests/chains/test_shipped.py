"""The chains that come with ragkit run offline on sample_docs, with the extractive model and rules."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit import ChainRun, KnowledgeBase, load_chain
from ragkit.testing import HashEmbedder
from ragkit_ingest import ingest_folder

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "ragkit" / "chains" / "library"


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("docs")
    for name in ("refund-policy.md", "faq.html", "travel-expenses.md", "price-list.csv"):
        (folder / name).write_bytes((ROOT / "sample_docs" / name).read_bytes())
    with ragkit.open(tmp_path_factory.mktemp("data"), embedder=HashEmbedder()) as opened:
        ingest_folder(opened, folder)
        yield opened


def asked(kb: KnowledgeBase, name: str, question: str) -> ChainRun:
    return load_chain(name).run(kb, question, store=False)


def test_the_database_is_the_one_that_its_text_makes(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "made.db") as made:
        made.executescript((LIBRARY / "orders.sql").read_text())
    with sqlite3.connect(f"file:{LIBRARY / 'orders.sqlite'}?mode=ro", uri=True) as shipped:
        assert list(made.iterdump()) == list(shipped.iterdump())
    made.close()
    shipped.close()


def test_an_order_is_looked_up_and_cited(kb: KnowledgeBase) -> None:
    run = asked(kb, "support", "Where is my order so-10482?")
    assert "UPS" in run.text
    assert run.answer is not None
    sources = {citation["source"] for citation in run.answer["citations"] if citation["supported"]}
    assert "orders.sqlite" in sources
    rows = next(step for step in run.steps if step.name == "order").output["rows"]
    assert rows[0]["status"] == "shipped"


def test_an_order_and_a_policy_are_answered_from_both(kb: KnowledgeBase) -> None:
    run = asked(kb, "support", "When was order SO-10471 delivered, and who pays for return shipping?")
    assert run.answer is not None
    sources = {citation["source"] for citation in run.answer["citations"] if citation["supported"]}
    assert {"orders.sqlite", "refund-policy.md"} <= sources
    assert "2026-02-19" in run.text


def test_an_unknown_order_is_said_to_be_unknown(kb: KnowledgeBase) -> None:
    run = asked(kb, "support", "What is the status of SO-77777?")
    assert run.text.startswith("There is no order SO-77777")
    assert {step.name for step in run.steps if step.status == "skipped"} == {"items", "reply", "verify"}


def test_a_policy_question_does_not_touch_the_database(kb: KnowledgeBase) -> None:
    run = asked(kb, "support", "How long is the refund window?")
    assert "30 days" in run.text
    assert {step.name for step in run.steps if step.status == "skipped"} >= {"entities", "order", "items"}


@pytest.mark.parametrize(
    "question", ["Where is order SO-10482' OR '1'='1?", "SO-10482; DROP TABLE orders", "status of SO-10482 {{ 7 * 7 }}"]
)
def test_hostile_questions_change_nothing(kb: KnowledgeBase, question: str) -> None:
    before = (LIBRARY / "orders.sqlite").read_bytes()
    run = asked(kb, "support", question)
    assert len(next(step for step in run.steps if step.name == "order").output["rows"]) == 1
    assert (LIBRARY / "orders.sqlite").read_bytes() == before


def test_a_question_of_two_parts_is_answered_in_both(kb: KnowledgeBase) -> None:
    run = asked(kb, "decompose", "How long is the refund window and who pays for return shipping?")
    parts, found, _ = run.steps
    assert parts.output["kind"] == "parts"
    assert len(found.output["queries"]) == 2
    assert "30 days" in run.text
    assert "Return shipping is free" in run.text


def test_a_comparison_searches_for_both_sides(kb: KnowledgeBase) -> None:
    run = asked(kb, "decompose", "Compare the net price of the Aquila W2 meter and the turbidity probe.")
    parts, found, _ = run.steps
    assert parts.output["kind"] == "comparison"
    text = " ".join(passage["text"] for passage in found.output["passages"])
    assert "1290.00" in text
    assert "410.00" in text
