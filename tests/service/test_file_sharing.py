"""The thread that shares the own files of collections: how often it looks, and that it goes on after an error."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from ragkit_service.state import file_sharing
from ragkit_service.state.file_sharing import FileSharing


class Pool:
    """Counts the looks at the files; each takes `seconds`, and the first fails."""

    def __init__(self, seconds: float, *, wanted: int) -> None:
        self.seconds, self.wanted = seconds, wanted
        self.began: list[float] = []
        self.enough = threading.Event()

    def follow_files(self) -> None:
        self.began.append(time.monotonic())
        time.sleep(self.seconds)
        if len(self.began) >= self.wanted:
            self.enough.set()
        if len(self.began) == 1:
            raise RuntimeError("no network")


def test_looks_that_take_long_are_rare_and_an_error_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(file_sharing, "SHARE_SECONDS", 0.001)
    pool: Any = Pool(0.01, wanted=3)
    sharing = FileSharing(pool)
    sharing.start()
    assert pool.enough.wait(30)
    sharing.close()
    assert "cannot be shared" in caplog.text
    assert min(pool.began[1] - pool.began[0], pool.began[2] - pool.began[1]) >= 0.01 * (1 + file_sharing.PAUSE)
    assert len(pool.began) >= 4  # once more at the end
