"""Run code in a forked child whose every write-class system call is seen, counted, and failed or killed at will.

The child installs a seccomp filter that asks this process about the calls (seccomp_unotify(2), Linux 5.9 or newer). So
SQLite, tantivy, FAISS and Python are all covered, in every thread, without ptrace, strace, a compiler or a preload.
Only calls on files below one folder count. What they write can be recorded, to be replayed for power cuts.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import platform
import select
import signal
import socket
import struct
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

Mode = Literal["kill", "torn", "eio", "enospc", "full"]
MODES: Final[tuple[Mode, ...]] = ("kill", "torn", "eio", "enospc", "full")
"""kill: SIGKILL before the call. torn: half of a write, then SIGKILL (as kill for other calls). eio, enospc: the call
fails once. full: from this call on, whatever needs space fails with ENOSPC."""

_X86: Final = {
    "write": 1, "pwrite64": 18, "writev": 20, "sendfile": 40, "fsync": 74, "fdatasync": 75, "truncate": 76,
    "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "link": 86, "unlink": 87, "openat": 257, "mkdirat": 258,
    "unlinkat": 263, "renameat": 264, "linkat": 265, "fallocate": 285, "pwritev": 296, "renameat2": 316,
    "copy_file_range": 326,
}  # fmt: skip
_ARM: Final = {
    "write": 64, "pwrite64": 68, "writev": 66, "sendfile": 71, "fsync": 82, "fdatasync": 83, "truncate": 45,
    "ftruncate": 46, "openat": 56, "mkdirat": 34, "unlinkat": 35, "renameat": 38, "linkat": 37, "fallocate": 47,
    "pwritev": 70, "renameat2": 276, "copy_file_range": 285,
}  # fmt: skip
_TABLES: Final = {"x86_64": (_X86, 317), "aarch64": (_ARM, 277)}
_NEEDS_SPACE: Final = frozenset(
    {"write", "pwrite64", "writev", "pwritev", "sendfile", "copy_file_range", "fallocate", "mkdir", "mkdirat", "link"}
)
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CWD: Final = -100


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do at call number `at`, from 1, of all that count."""

    at: int
    mode: Mode


@dataclass(slots=True)
class Outcome:
    """What became of a child. calls: (name, path below the folder). said: the lines it told. events: see powercut."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    status: int = 0
    fired: tuple[str, str] | None = None
    hung: bool = False


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class _Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction))]


def unsupported() -> str:
    """Return why children can't be supervised here; "" when they can."""
    if platform.machine() not in _TABLES:
        return f"no table of system calls for {platform.machine()}"
    child = os.fork()
    if not child:  # it must not write: nobody answers it
        os._exit(0 if _install() >= 0 else 1)
    refused = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return "the kernel gives no seccomp notifications (Linux 5.9 or newer is needed)" if refused else ""


def _install() -> int:
    """Filter this process; return the descriptor that tells of its calls, or -1."""
    numbers, seccomp = _TABLES[platform.machine()]
    wanted = sorted(numbers.values())
    steps = [(0x20, 0, 0, 0)]
    steps += [(0x15, len(wanted) - index, 0, number) for index, number in enumerate(wanted)]
    steps += [(6, 0, 0, _ALLOW), (6, 0, 0, _NOTIFY)]
    library = ctypes.CDLL(None, use_errno=True)
    instructions = (_Instruction * len(steps))(*[_Instruction(*step) for step in steps])
    library.prctl(38, 1, 0, 0, 0)
    return int(library.syscall(seccomp, 1, 8, ctypes.byref(_Program(len(steps), instructions))))


def supervise(
    work: Callable[[Callable[[dict[str, Any]], None]], None],
    root: Path,
    *,
    fault: Fault | None = None,
    record: bool = False,
    timeout: float = 60.0,
) -> Outcome:
    """Run `work(tell)` in a fork of this process, which must have no threads; `tell` sends a line before it returns.

    timeout: seconds without a system call after which it hangs; on a busy machine a run as a whole may take long.
    """
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        _child(work, theirs, write)
    theirs.close()
    os.close(write)
    _, (listener, *_), _, _ = socket.recv_fds(ours, 1, 1)
    ours.send(b"g")
    try:
        return _Supervisor(child, listener, read, root=str(root), fault=fault, record=record).run(timeout)
    finally:
        for descriptor in (listener, read):
            os.close(descriptor)
        ours.close()


def _child(work: Callable[[Callable[[dict[str, Any]], None]], None], channel: socket.socket, write: int) -> None:
    def tell(line: dict[str, Any]) -> None:
        os.write(write, json.dumps(line).encode() + b"\n")

    try:
        listener = _install()
        socket.send_fds(channel, [b"f"], [listener])
        os.close(listener)
        channel.recv(1)
        work(tell)
        os._exit(0)
    except BaseException:  # noqa: BLE001 (told to the parent)
        with suppress(BaseException):
            tell({"crash": traceback.format_exc()})
        os._exit(70)


class _Supervisor:
    def __init__(self, child: int, listener: int, said: int, *, root: str, fault: Fault | None, record: bool) -> None:
        self._child, self._listener, self._said = child, listener, said
        self._root = root.rstrip("/") + "/"
        self._fault, self._record = fault, record
        self._names = {number: name for name, number in _TABLES[platform.machine()][0].items()}
        self._out = Outcome()
        self._rest = b""

    def run(self, timeout: float) -> Outcome:
        end = time.monotonic() + timeout
        last = end + 9 * timeout
        handle = os.pidfd_open(self._child)
        poll = select.poll()
        for descriptor in (self._listener, self._said, handle):
            poll.register(descriptor, select.POLLIN)
        try:
            while True:
                ready = dict(poll.poll(500))
                if ready.get(self._listener, 0) & select.POLLIN:
                    self._answer()
                    end = min(time.monotonic() + timeout, last)
                elif self._listener in ready:
                    poll.unregister(self._listener)
                if ready.get(self._said, 0) & select.POLLIN and not self._record:
                    self._hear()
                elif self._said in ready and not self._record:
                    poll.unregister(self._said)
                if handle in ready and not ready.get(self._listener, 0) & select.POLLIN:
                    break
                if time.monotonic() > end:
                    self._out.hung = True
                    os.kill(self._child, signal.SIGKILL)
                    end = last = time.monotonic() + timeout
        finally:
            os.close(handle)
        while self._hear():
            pass
        self._out.status = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        return self._out

    def _hear(self) -> bool:
        data = os.read(self._said, 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._out.said += [json.loads(line) for line in lines]
        return bool(data)

    # ------------------------------------------------------------------ one call

    def _answer(self) -> None:
        buffer = bytearray(80)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, buffer)
        except OSError:  # it was killed meanwhile
            return
        number, task, _, call, _, _, *arguments = struct.unpack("<QIIiIQ6Q", buffer)
        error = 0
        with suppress(OSError):  # a thread that is gone
            error = self._judge(task, self._names[call], arguments)
        if error < 0:
            return
        with suppress(OSError):
            fcntl.ioctl(self._listener, _SEND, struct.pack("<QqiI", number, 0, -error, 0 if error else 1))

    def _judge(self, task: int, name: str, arguments: list[int]) -> int:
        """Count a call; return the error that it shall have, 0 for none, -1 when the child was killed."""
        path = self._path(task, name, arguments)
        if not f"{path}/".startswith(self._root):
            if self._record and name == "write" and path.startswith("pipe:"):
                self._out.events.append(("said", json.loads(read_memory(task, arguments[1], arguments[2]))))
            return 0
        self._out.calls.append((name, path.removeprefix(self._root)))
        if self._record:
            self._note(task, name, path, arguments)
        fault = self._fault
        if fault is None or len(self._out.calls) < fault.at:
            return 0
        if len(self._out.calls) > fault.at:
            grows = name in _NEEDS_SPACE or (
                name == "openat" and arguments[2] & os.O_CREAT and not os.path.exists(path)
            )
            return errno.ENOSPC if fault.mode == "full" and grows else 0
        self._out.fired = self._out.calls[-1]
        if fault.mode in ("kill", "torn"):
            if fault.mode == "torn" and name in ("write", "pwrite64"):
                self._tear(task, name, arguments)
            os.kill(self._child, signal.SIGKILL)
            return -1
        return errno.EIO if fault.mode == "eio" else errno.ENOSPC

    def _tear(self, task: int, name: str, arguments: list[int]) -> None:
        data = read_memory(task, arguments[1], arguments[2])
        at = arguments[3] if name == "pwrite64" else self._position(task, arguments[0])
        descriptor = os.open(f"/proc/{task}/fd/{_signed(arguments[0])}", os.O_WRONLY)
        os.pwrite(descriptor, data[: len(data) // 2], at)
        os.close(descriptor)

    # ------------------------------------------------------------------ what a call is about

    def _path(self, task: int, name: str, arguments: list[int]) -> str:
        if name in ("openat", "mkdirat", "unlinkat", "renameat", "renameat2", "linkat"):
            return self._named(task, _signed(arguments[0]), arguments[1])
        if name in ("rename", "mkdir", "rmdir", "link", "unlink", "truncate"):
            return self._named(task, _CWD, arguments[0])
        return os.readlink(f"/proc/{task}/fd/{_signed(arguments[0])}")

    def _named(self, task: int, folder: int, address: int) -> str:
        name = os.fsdecode(read_memory(task, address, 4096).split(b"\0", 1)[0])
        if not name.startswith("/"):
            name = os.readlink(f"/proc/{task}/cwd" if folder == _CWD else f"/proc/{task}/fd/{folder}") + "/" + name
        return os.path.normpath(name)

    def _position(self, task: int, descriptor: int) -> int:
        facts = dict(line.split(None, 1) for line in Path(f"/proc/{task}/fdinfo/{descriptor}").read_text().splitlines())
        if int(facts["flags:"], 8) & os.O_APPEND:
            return os.stat(f"/proc/{task}/fd/{descriptor}").st_size
        return int(facts["pos:"])

    def _note(self, task: int, name: str, path: str, arguments: list[int]) -> None:
        """Record what a call does, as one or two events."""
        add = self._out.events.append
        if name in ("write", "pwrite64"):
            at = arguments[3] if name == "pwrite64" else self._position(task, arguments[0])
            add(("write", path, at, read_memory(task, arguments[1], arguments[2])))
        elif name == "sendfile":
            source = f"/proc/{task}/fd/{_signed(arguments[1])}"
            at = struct.unpack("<q", read_memory(task, arguments[2], 8))[0]
            data = Path(source).read_bytes()[at : at + arguments[3]]
            add(("write", path, self._position(task, arguments[0]), data))
        elif name in ("fsync", "fdatasync"):
            add(("sync", path))
        elif name == "ftruncate":
            add(("truncate", path, arguments[1]))
        elif name == "openat":
            if arguments[2] & os.O_CREAT and not os.path.lexists(path):
                add(("create", path))
            elif arguments[2] & os.O_TRUNC:
                add(("truncate", path, 0))
        elif name in ("mkdir", "mkdirat"):
            if not os.path.lexists(path):
                add(("mkdir", path))
        elif name in ("rmdir", "unlink", "unlinkat"):
            if os.path.lexists(path):
                add(("unlink", path))
        elif name in ("rename", "link"):
            add((name, path, self._named(task, _CWD, arguments[1])))
        elif name in ("renameat", "renameat2", "linkat"):
            kind = "link" if name == "linkat" else "rename"
            add((kind, path, self._named(task, _signed(arguments[2]), arguments[3])))
        else:
            raise RuntimeError(f"the recorder does not know the call {name}: teach it, or cuts would miss what it did")


def read_memory(task: int, address: int, size: int) -> bytes:
    """Return what a thread has at an address; less than `size` where its mapped memory ends, as behind a path."""
    with open(f"/proc/{task}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        data = memory.read(size)
        with suppress(OSError):  # the next page is not mapped
            while 0 < len(data) < size and (more := memory.read(size - len(data))):
                data += more
        return data


def _signed(value: int) -> int:
    return int.from_bytes((value & 0xFFFFFFFF).to_bytes(4, "little"), "little", signed=True)
