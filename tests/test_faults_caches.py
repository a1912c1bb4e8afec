"""Damaged caches of real collections, counted: no wrong answer; and rebuilt from SQLite alone they answer as before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import ragkit
from ragkit import Document
from ragkit.testing import HashEmbedder
from tests.faults.damage import DAMAGES, Tally, damage
from tests.faults.workload import SETTINGS, WORDS, text_of


def assert_right(tally: Tally, cases: int) -> None:
    assert tally.wrong == [], "\n".join(tally.wrong[:20])
    assert set(tally.cases) == {item.__name__ for item in DAMAGES}
    assert sum(tally.cases.values()) >= cases
    assert tally.noticed > cases // 4  # the others are whole but outdated, or hold no difference


def test_three_hundred_damaged_caches_give_no_wrong_answer(tmp_path: Path) -> None:
    assert_right(damage(tmp_path, 300), 300)


@pytest.mark.slow
def test_five_thousand_damaged_caches_give_no_wrong_answer(tmp_path: Path) -> None:
    assert_right(damage(tmp_path, 5_000, seed=1), 5_000)


def test_a_collection_rebuilt_from_its_database_alone_answers_as_before(tmp_path: Path) -> None:
    questions = [f"{one} {two} part 1" for one in WORDS[:6] for two in WORDS[6:12]]
    with ragkit.open(tmp_path, embedder=HashEmbedder(16), settings=SETTINGS) as kb:
        kb.add(Document(source=f"d{number}", text=text_of(f"d{number}", 1)) for number in range(40))
        before = [kb.search(question, k=8) for question in questions]
    shutil.rmtree(tmp_path / "collections" / "default" / "cache")
    with ragkit.open(tmp_path, embedder=HashEmbedder(16), settings=SETTINGS) as kb:
        after = [kb.search(question, k=8) for question in questions]
        assert not (tmp_path / "collections" / "default" / "cache").exists() or kb.doctor()["ok"]
    assert [list(hits) for hits in after] == [list(hits) for hits in before]
    assert all(len(hits) for hits in before)
