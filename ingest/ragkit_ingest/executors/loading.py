"""Returns the executor that an option names: "local", "ray", or "ray:HOST:PORT"."""

from __future__ import annotations

import re
from typing import Final

from ragkit import ConfigError, show
from ragkit_ingest.executors.local import LocalExecutor
from ragkit_ingest.stages import Executor

EXECUTOR_FORMS: Final = "local, ray or ray:HOST:PORT"
_ADDRESS = re.compile(r"ray:(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+):(?P<port>\d{1,5})")


def load_executor(name: str) -> Executor:
    """Return an executor by its name; nothing is started or imported yet. Raises ConfigError for another form."""
    if name in ("", "local"):
        return LocalExecutor()
    # imported here: what runs in workers loads numpy, which `--help` does not need
    from ragkit_ingest.executors.ray_cluster.executor import RayExecutor

    if name == "ray":
        return RayExecutor()
    match = _ADDRESS.fullmatch(name)
    if match is None or not 0 < int(match["port"]) < 1 << 16:
        raise ConfigError(f"the executor {show(name, 80)!r} is not known", cure=f"it is {EXECUTOR_FORMS}")
    return RayExecutor(f"{match['host']}:{match['port']}")
