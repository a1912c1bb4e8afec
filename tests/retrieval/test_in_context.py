"""Scores of chunks in their context: matching neighbours raise them, release notes give way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ragkit
from ragkit.retrieval.ordering.neighbours import LONG, WEIGHT, with_neighbours
from ragkit.retrieval.ordering.release_notes import SHARE, asks_about_changes, is_release_note, without_release_notes
from ragkit.store.rows import ChunkRow
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document, Heading


def row(document: int, ordinal: int, heading: str = "") -> ChunkRow:
    return ChunkRow(document * 100 + ordinal, document, ordinal, 0, 1, "x", "", heading, None, None, 3)


def test_a_chunk_is_raised_by_its_better_neighbour_in_a_long_document() -> None:
    rows = [row(1, 7), row(1, LONG + 9), row(1, 8), row(1, 6)]
    found = with_neighbours(np.array([0.5, 0.6, 0.9, 0.1]), rows)
    assert found == pytest.approx([0.5 + WEIGHT * 0.8, 0.6, 0.9 + WEIGHT * 0.4, 0.1 + WEIGHT * 0.4])


@pytest.mark.parametrize(
    "rows",
    [
        [row(1, 0), row(2, 0), row(2, 1), row(3, LONG - 1), row(3, LONG - 2)],
        [replace(row(4, LONG + at), page=at) for at in range(1, 6)],
    ],
)
def test_neighbours_in_short_documents_and_on_pages_change_nothing(rows: list[ChunkRow]) -> None:
    scores = np.array([0.8, 0.79, 0.78, 0.7, 0.69])
    assert with_neighbours(scores, rows).tolist() == scores.tolist()
    assert len(with_neighbours(np.array([]), [])) == 0


@pytest.mark.parametrize(
    "heading",
    [
        "Changes › 4.2.0 - 2031-05-17",
        "Pump history › 1.0.3",
        "7. Checklist › 7.12. Version 2.11",
        "Valve v3.1.0 › Lining",
        "Change log",
        "Release notes",
        "What's new in Gardener 3",
        "更新日志",
        "Kessel › Änderungsprotokoll",
    ],
)
def test_headings_of_releases_are_known(heading: str) -> None:
    assert is_release_note(heading)


@pytest.mark.parametrize(
    "heading",
    [
        "",
        "2.5. Priorities",
        "Early history",
        "Changes of address",
        "Version numbers",
        "3.1.4",
        "Section 4.2",
        "History",
    ],
)
def test_other_headings_are_not(heading: str) -> None:
    assert is_release_note(heading) == (heading == "3.1.4")  # three numbers alone are those of a release


def test_release_notes_keep_a_share_of_their_score() -> None:
    rows = [row(1, 0, "Changes › 4.2.0 - 2031-05-17"), row(2, 0, "Sealing a valve")]
    assert without_release_notes(np.array([0.9, 0.8]), rows) == pytest.approx([0.9 * SHARE, 0.8])


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("how do I seal a valve", False),
        ("Wie dichte ich ein Ventil ab?", False),
        ("阀门怎么密封", False),
        ("since when can a valve be sealed", True),
        ("what was added in 4.2", True),
        ("is the copper lining deprecated?", True),
        ("Seit wann gibt es die Dichtung?", True),
        ("哪个版本开始支持密封", True),
    ],
)
def test_a_question_about_a_change_is_known(question: str, about: bool) -> None:
    assert asks_about_changes(question) == about


def test_the_page_that_describes_comes_before_the_release_that_mentions(tmp_path: Path) -> None:
    release, valves = "4.2.0 - 2031-05-17", "Sealing"
    notes = Document("changes.md", f"{release}\n\nSeal a valve.", headings=(Heading(0, 2, release),))
    described = f"{valves}\n\nSeal a valve with copper tape, wound twice around its thread by hand."
    page = Document("valves.md", described, headings=(Heading(0, 2, valves),))
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add([notes, page])
        assert [hit.source for hit in kb.search("seal a valve")] == ["valves.md", "changes.md"]
        assert [hit.source for hit in kb.search("since when: seal a valve")] == ["changes.md", "valves.md"]
