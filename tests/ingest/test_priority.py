"""A process of lower priority yields to others also where the system shares the processor by session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ragkit_ingest.workers.priority import pass_niceness_to_session

_LOWERED = """
import os, sys
from pathlib import Path
from ragkit_ingest import lower_priority
from ragkit_ingest.workers.priority import pass_niceness_to_session

before = os.nice(0)
lower_priority(3)
pass_niceness_to_session(Path(sys.argv[1]))
print(os.nice(0) - before, os.nice(0))
"""


@pytest.mark.parametrize("own_session", [True, False])
def test_a_process_passes_its_niceness_to_the_session_that_it_leads(tmp_path: Path, own_session: bool) -> None:
    group = tmp_path / "autogroup"
    command = [sys.executable, "-c", _LOWERED, str(group)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, env=environment, start_new_session=own_session, capture_output=True, text=True, check=True
    )
    raised, niceness = done.stdout.split()
    assert raised == "3"
    assert group.exists() == own_session
    if own_session:
        assert group.read_text() == niceness


def test_without_groups_of_sessions_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getsid", lambda _process: os.getpid())
    pass_niceness_to_session(tmp_path / "no folder" / "autogroup")
    assert not list(tmp_path.iterdir())
