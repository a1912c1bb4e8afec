"""The share of the processor of processes whose work may wait, beside a server that answers requests."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_GROUP: Final = Path("/proc/self/autogroup")


def lower_priority(by: int) -> None:
    """Raise the niceness of this process, and of the session that it leads. Does nothing where a system has none."""
    if hasattr(os, "nice"):
        os.nice(by)
        pass_niceness_to_session()


def pass_niceness_to_session(group: Path = _GROUP) -> None:
    """Give the session that this process leads the niceness of the process; does nothing if it leads none.

    Linux may group processes by session (autogroup, sched(7)). Each session then has the same share of the processor,
    and niceness counts only within it, so that a nice process with a session of its own has as much as a whole server.
    """
    if not hasattr(os, "nice") or os.getsid(0) != os.getpid():
        return
    with suppress(OSError):  # no such grouping, or a second process did the same within a tenth of a second
        group.write_text(str(os.nice(0)), encoding="ascii")
