"""Statements about the sample documents, written by hand, through `KnowledgeBase.check`: all documents may answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit_ingest import ingest_folder

ROOT = Path(__file__).parents[2]
STATEMENTS = Path(__file__).parent / "statements" / "sample_docs.txt"  # a line: R (right) or W (wrong), the statement
LEAST = 0.93


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ragkit.KnowledgeBase]:
    with ragkit.open(tmp_path_factory.mktemp("samples")) as kb:
        ingest_folder(kb, ROOT / "sample_docs")
        yield kb


@pytest.mark.parametrize("mark", ["R", "W"])
def test_most_statements_are_judged_right(knowledge: ragkit.KnowledgeBase, mark: str) -> None:
    lines = STATEMENTS.read_text(encoding="utf-8").splitlines()
    statements = [line[2:] for line in lines if line.startswith(f"{mark} ")]
    wrongly = []
    for statement in statements:
        (sentence,) = knowledge.check(statement).sentences
        if (sentence.verdict in ("quoted", "supported")) != (mark == "R"):
            wrongly.append(statement)
    assert len(wrongly) <= (1 - LEAST) * len(statements), wrongly
