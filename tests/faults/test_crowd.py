"""Several processes on one data folder: every answer from one generation, and at the end what the writers say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.crowd import Tally, crowd


def assert_right(tally: Tally) -> None:
    print({name: getattr(tally, name) for name in tally.__slots__ if name != "wrong"})
    assert tally.wrong == [], "\n".join(tally.wrong)
    assert tally.commits
    assert tally.searches
    assert tally.served
    assert tally.while_written  # readers went on while somebody held the writer lock


def test_four_processes_on_one_folder(tmp_path: Path) -> None:
    assert_right(crowd(tmp_path / "data", processes=4, seconds=8))


@pytest.mark.slow
def test_eight_processes_on_one_folder(tmp_path: Path) -> None:
    assert_right(crowd(tmp_path / "data", processes=8, seconds=1_800))
