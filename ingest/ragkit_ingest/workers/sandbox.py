"""The sandbox of a reading child: no network, no new process, no write, limited memory and CPU."""

from __future__ import annotations

import ctypes
import fcntl
import math
import os
import resource
import signal
import sys

_CLONE_NEWNET = 0x4000_0000
_CLONE_NEWUSER = 0x1000_0000
_PR_SET_NO_NEW_PRIVS = 38
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = (
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
    "socket.gethostby",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
    "os.fork",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.kill",
    "pty.spawn",
    "urllib.Request",
    "http.client.connect",
    "ftplib.connect",
    "smtplib.connect",
    "webbrowser.open",
)
"""Prefixes of the audit events that a reader must not cause."""


_INHERITED_CPU = resource.getrlimit(resource.RLIMIT_CPU)[0]


def confine(*, memory: int, most: int = 0) -> None:
    """Drop permanently all rights that reading a file does not need, as far as the system allows it.

    memory: bytes of address space. most: bytes that this process may raise that to, for OCR. Files cannot be written
    (RLIMIT_FSIZE 0 beside the audit hook), no core is dumped, and where the system lets it, the process moves to a
    network namespace without any interface.
    """
    _lower(resource.RLIMIT_AS, memory, max(memory, most))
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.dont_write_bytecode = True
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if library.unshare(_CLONE_NEWNET) != 0:
        library.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    sys.addaudithook(_forbid)


def end_with(descriptor: int) -> None:
    """End this process when the other end of a pipe closes, which the kernel does when the parent ends.

    The kernel then sends SIGIO, whose default is to end the process, whatever code is running in it.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    try:
        closed = os.read(descriptor, 1) == b""
    except BlockingIOError:
        return
    if closed:
        os._exit(0)


def allow_cpu(seconds: float) -> None:
    """Limit this process to a number of seconds of CPU from now; the kernel then ends it by SIGXCPU."""
    wanted = math.ceil(_used() + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = wanted if _INHERITED_CPU == resource.RLIM_INFINITY else min(wanted, _INHERITED_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def more_cpu(seconds: float) -> None:
    """Raise the CPU limit of this process by a number of seconds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if soft == resource.RLIM_INFINITY:
        return
    wanted = soft + math.ceil(seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def cpu_allowance() -> float:
    """Return the seconds of CPU that the parent's limits give to this process; infinite without any."""
    return math.inf if _INHERITED_CPU == resource.RLIM_INFINITY else float(_INHERITED_CPU)


def cpu_left() -> float:
    """Return the remaining seconds of the allowance."""
    return cpu_allowance() - _used()


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _lower(kind: int, value: int, most: int = 0) -> None:
    _, hard = resource.getrlimit(kind)
    limits = [limit if hard == resource.RLIM_INFINITY else min(limit, hard) for limit in (value, max(value, most))]
    resource.setrlimit(kind, (limits[0], limits[1]))


def _forbid(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        flags = arguments[2]
        if isinstance(flags, int) and flags & _WRITING:
            raise PermissionError("a reader may not write")
    elif event.startswith(_FORBIDDEN):
        raise PermissionError(f"a reader may not do this: {event}")
