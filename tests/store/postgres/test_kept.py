"""What readers share in a process is of the newest revision only."""

from __future__ import annotations

from tests.support.filters_for_commits import check_filter_after_commits


def test_a_filter_is_answered_for_each_commit(postgres: str) -> None:
    check_filter_after_commits(postgres)
