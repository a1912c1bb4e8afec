"""Writers of a shared collection that are killed, cut off or left without an answer, and a server that is killed."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("psycopg", reason="pip install ragkit[postgres]")

from tests.faults.postgres import MODES, Report, strike


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop sets the variable; it is as before after the test."""
    monkeypatch.setenv("RAGKIT_LOCAL", os.environ.get("RAGKIT_LOCAL", ""))


def assert_right(report: Report) -> None:
    print({name: getattr(report, name) for name in report.__slots__ if name != "wrong"})
    assert report.wrong == [], "\n".join(report.wrong)
    assert report.acknowledged > 2 * report.points
    assert set(report.by_mode) == set(MODES)
    assert report.cut_off


def test_each_kind_of_strike() -> None:
    assert_right(strike(len(MODES)))


@pytest.mark.slow
def test_two_hundred_points() -> None:
    assert_right(strike(200))
