"""The thread that follows commits: at once, rarely where following takes long, and on after an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest

from ragkit_service.state import commit_following
from ragkit_service.state.commit_following import CommitFollowing


class Watch:
    """Says None, then that a collection was committed to at every wait."""

    def __init__(self) -> None:
        self.waits = 0
        self.is_closed = False

    def wait(self, seconds: float) -> frozenset[str] | None:
        self.waits += 1
        time.sleep(0.001)
        return None if self.waits == 1 else frozenset({"books"})

    def close(self) -> None:
        self.is_closed = True


class Pool:
    """Notes what is followed and when; following takes `seconds`, and the first fails."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.followed: list[Any] = []
        self.began: list[float] = []
        self.enough = threading.Event()

    def follow_commits(self, names: Iterable[str] | None) -> None:
        self.began.append(time.monotonic())
        self.followed.append(names)
        if len(self.followed) >= 4:
            self.enough.set()
        time.sleep(self.seconds)
        if len(self.followed) == 1:
            raise RuntimeError("no network")


def test_many_commits_are_followed_together_and_an_error_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(commit_following, "WAIT_SECONDS", 0.001)
    pool: Any = Pool(0.01)
    watch = Watch()
    following = CommitFollowing(pool, watch)
    following.start()
    assert pool.enough.wait(30)
    following.close()
    assert watch.is_closed
    assert "not followed now" in caplog.text
    assert pool.followed[:3] == [None, {"books"}, {"books"}]
    assert pool.began[3] - pool.began[2] >= 0.01 * (1 + commit_following.PAUSE)


def test_a_service_that_never_started_closes() -> None:
    watch = Watch()
    pool: Any = Pool(0)
    CommitFollowing(pool, watch).close()
    assert watch.waits == 0
