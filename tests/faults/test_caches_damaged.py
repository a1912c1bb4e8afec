"""Damaged caches of real collections, counted: no wrong answer; and rebuilt from SQLite alone they answer as before."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit import Document
from ragkit.testing import HashEmbedder
from tests.faults.damage import DAMAGES, Tally, damage
from tests.faults.test_fault_points import run_faults
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


@pytest.mark.parametrize("seed", range(3))
def test_answers_after_changes_equal_those_of_indexes_made_anew(seed: int, tmp_path: Path) -> None:
    """Documents come, change and go; then the caches are thrown away: the same passages, and the same scores."""
    chance = random.Random(seed)
    questions = [
        " ".join(chance.choices(WORDS, k=chance.randint(1, 5))) + chance.choice(("", "?", " part 1")) for _ in range(40)
    ]
    names, versions = [f"d{number}" for number in range(110)], 1
    with ragkit.open(tmp_path, embedder=HashEmbedder(16), settings=SETTINGS) as kb:
        kb.add(Document(source=name, text=text_of(name, versions)) for name in names)
        assert (tmp_path / "collections" / "default" / "cache").exists()
        for _ in range(6):
            versions += 1
            gone = chance.sample(names, chance.randint(1, 12))
            kb.remove(gone)
            names = [name for name in names if name not in gone] + [
                f"n{versions}-{n}" for n in range(chance.randint(0, 9))
            ]
            changed = [name for name in names if name.startswith("n") or chance.random() < 0.15]
            kb.add(Document(source=name, text=text_of(name, versions)) for name in changed)
            kb.search(chance.choice(questions))
        before = [kb.search(question, k=8) for question in questions]
    shutil.rmtree(tmp_path / "collections" / "default" / "cache")
    with ragkit.open(tmp_path, embedder=HashEmbedder(16), settings=SETTINGS) as kb:
        after = [kb.search(question, k=8) for question in questions]
    for one, other in zip(before, after, strict=True):
        assert [(hit.source, hit.start, hit.end) for hit in one] == [(hit.source, hit.start, hit.end) for hit in other]
        assert [hit.score for hit in one] == pytest.approx([hit.score for hit in other], abs=1e-6)
        for first, second in zip(one, other, strict=True):
            assert first.scores == pytest.approx(second.scores, abs=1e-6)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-6)
    assert sum(map(len, before)) > 200


def rebuilt(tmp_path: Path, *options: object) -> list[dict[str, Any]]:
    """Compare answers before and after a rebuild; the spoiled copies must be told from the whole one."""
    found = run_faults("rebuild", tmp_path / "report.json", *options)
    assert [line for report in found["reports"] for line in report["wrong"]] == []
    assert set(found["controls"]) == {"vector", "document"}
    assert all(found["controls"].values())
    assert all(report["tail"] and report["gone"] for report in found["reports"])
    reports: list[dict[str, Any]] = found["reports"]
    return reports


def test_a_collection_that_grew_answers_as_one_rebuilt_from_its_database(tmp_path: Path) -> None:
    reports = rebuilt(tmp_path, "--chunks", 1_500, "--each", 6, "--dense", "auto,exact", "--grouped-from", 1_000)
    for report in reports:
        assert (report["near_differ"], report["words_differ"]) == (0, 0)
        assert report["equal"] == report["questions"] == 42


@pytest.mark.slow
def test_a_large_collection_that_grew_answers_as_one_rebuilt_from_its_database(tmp_path: Path) -> None:
    for report in rebuilt(tmp_path, "--chunks", 100_000):
        assert report["near_differ"] == 0
        assert report["equal"] > 0.99 * report["questions"]
