"""Starts a Ray cluster on this machine, or joins a running one; both quietly, and in bounded time."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from ragkit import ConfigError, MissingPackageError, show
from ragkit_ingest.stages import StoppedStartError

_CONNECT_SECONDS: Final = 5.0
_HEALTH_SECONDS: Final = 20.0
_JOIN_SECONDS: Final = 60.0
_START_SECONDS: Final = 120.0
"""Ray itself gives up after 60 s for each of its processes."""
_OBJECT_STORE: Final = 256 << 20
"""Bytes of shared memory for files and results on their way; Ray puts what is beyond it on disk."""
_END_SECONDS: Final = 10.0
"""A cluster of this machine that takes longer to end is ended by the kernel, with this process."""
_LOOK_SECONDS: Final = 0.1


def import_ray() -> Any:
    """Import Ray without its usage statistics, and without its log on the terminal. Raises MissingPackageError."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns at every start
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # or it prints the ends of workers on standard output
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingPackageError("ray", purpose="the executor ray", install="'ragkit[ray]'") from error
    return ray


@contextmanager
def cluster(address: str, *, processors: int, stopped: Callable[[], bool]) -> Iterator[Any]:
    """Yield the module `ray`, connected: to a running cluster, or with "" to one of this machine, ended afterwards.

    processors: that a cluster of this machine may use. A connection that this process had before is used and stays.
    Raises MissingPackageError, ConfigError (no answer, another version), StoppedStartError.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    if address:
        _check_answers(address)
        connection = _Connection(ray, {"address": address})
    else:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # it listens on this machine, for this run
        connection = _Connection(
            ray, {"num_cpus": processors, "object_store_memory": _OBJECT_STORE, "include_dashboard": False}
        )
    with connection:
        error = connection.opened(stopped)
        if error is not None:
            raise _refusal(address, error) from error
        _take_back_sigterm()
        yield ray


def _take_back_sigterm() -> None:
    """Install this process's handler of SIGTERM again: Ray's own would print its stack and end the process."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM) or signal.SIG_DFL)


class _Connection:
    """Begins and ends Ray's connection on a thread of its own, so that a stopped run need not wait for either.

    The processes of a cluster of this machine end with the thread that started them (PR_SET_PDEATHSIG of Linux): it
    lives as long as they are needed. A cluster of this machine has a private folder, which is deleted.
    """

    def __init__(self, ray: Any, options: dict[str, Any]) -> None:
        self._ray = ray
        self._options = options
        self._opened = threading.Event()
        self._leave = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ragkit-ray", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        if self._opened.is_set():
            self._thread.join(_END_SECONDS)

    def opened(self, stopped: Callable[[], bool]) -> BaseException | None:
        """Wait for the connection; return the error that it ended with. Raises StoppedStartError."""
        limit = _JOIN_SECONDS if "address" in self._options else _START_SECONDS
        deadline = time.monotonic() + limit
        while not self._opened.wait(_LOOK_SECONDS):
            if stopped():
                raise StoppedStartError
            if time.monotonic() > deadline:
                return TimeoutError(f"no answer within {limit:g} s")
        return self._error

    def _run(self) -> None:
        folder = "" if "address" in self._options else tempfile.mkdtemp(prefix="rk-", dir=_short_folder())
        inner = {"_temp_dir": os.path.join(folder, "ray")} if folder else {}  # Ray opens its own folder to everybody
        try:
            logging.getLogger("ray").setLevel(logging.CRITICAL)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._ray.init(log_to_driver=False, configure_logging=False, **self._options, **inner)
        except BaseException as error:  # noqa: BLE001 (the edge of the thread; raised again by the one that waits)
            self._error = error
        self._opened.set()
        self._leave.wait()
        self._ray.shutdown()
        if folder:
            _delete(folder)


def _delete(folder: str) -> None:
    """Delete the folder of a cluster that has ended; a process of it may still write a last line of its log."""
    deadline = time.monotonic() + _END_SECONDS / 2
    while os.path.exists(folder) and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_LOOK_SECONDS if os.path.exists(folder) else 0)


def _refusal(address: str, error: BaseException) -> ConfigError:
    """Return what to say when a cluster cannot be started or joined."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if any("version mismatch" in line.lower() for line in lines):
        words = " ".join(lines)
        return ConfigError(
            f"the Ray cluster at {address} runs another version: {show(words, 300)}",
            cure="install the same versions of Python and ray here and there",
        )
    reason = show(lines[0] if lines else type(error).__name__, 200)
    if address:
        cure = "run this on a machine of the cluster, and give the address that `ray start` printed"
        return ConfigError(f"the Ray cluster at {address} cannot be joined: {reason}", cure=cure)
    return ConfigError(f"a Ray cluster does not start here: {reason}", cure="check memory and /dev/shm, or use local")


def _check_answers(address: str) -> None:
    """Check that Ray answers at an address; a driver would wait for a minute, write its log on standard error and end.

    Raises ConfigError.
    """
    cure = "check the address and that the cluster runs (ray status)"
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        reason = error.strerror or "no answer"
        raise ConfigError(f"no Ray cluster answers at {address}: {reason}", cure=cure) from error
    check = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(check, stdin=quiet, stdout=quiet, stderr=quiet, timeout=_HEALTH_SECONDS, check=False)
        answers = done.returncode == 0
    except subprocess.TimeoutExpired:
        answers = False
    if not answers:
        raise ConfigError(f"what answers at {address} is no healthy Ray cluster", cure=cure)


def _short_folder() -> str:
    """Return a folder for Ray's sockets, whose paths may have 107 bytes at most."""
    folder = tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) <= 30 else str(Path("/tmp"))  # noqa: S108 (mkdtemp makes one of our own)
