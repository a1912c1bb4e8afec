"""Read files in killable children: one worker is one child, a pool keeps several busy and answers in order."""

from __future__ import annotations

import base64
import os
import queue
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import ragkit
from ragkit import Document, ExtractionError, InputError, RagkitError, Reason
from ragkit_ingest.jobs import Job, Place
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.workers.protocol import ClosedError, DeadlineError, check_answer, receive, send, unpack

_Result = TypeVar("_Result")
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "VIRTUAL_ENV", "TZ")
_MEMORY_SIGN = 0.5  # a child that dies while it uses this share of its memory ran out of it
_LOOK_EVERY = 0.1
_START_SECONDS = 120.0  # for a child to load its code, on a machine however busy; a file's own time begins after that
_END_SECONDS = 10.0  # for a child that has closed its end to exit


class _DiedError(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason: Reason = reason
        self.detail = detail
        super().__init__(reason)


class Worker:
    """One child process at a time; a dead or retired one is replaced when the next file comes. Not thread-safe."""

    def __init__(self, limits: ReadLimits | None = None, *, folders: Sequence[Path] = ()) -> None:
        """folders: searched for readers that are not installed, in addition to the installed ones."""
        self._limits = limits or ReadLimits()
        self._sent_limits = asdict(self._limits)
        self._folders = folders
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._life = -1
        self._held = 0
        self._left = 0.0  # seconds that the file which is being read may still take
        self._abandoned = False
        self.included: list[str] = []
        """Files below the root that the text of the last document includes or would include."""

    @property
    def process_id(self) -> int:
        """The child's process id, 0 when there is none."""
        return self._process.pid if self._process is not None else 0

    def read(
        self, descriptor: int, *, source: str, name: str, place: Place | None = None, settled: bool = False
    ) -> Document:
        """Return the document of an open file; ExtractionError with a typed reason when it gives none.

        settled: nobody writes to the file, so that it is read once, however new it is.

        A reader that crashed is tried once more without optional native code, in the remaining time. The start of a
        child does not count.
        """
        self._left = self._limits.timeout
        self.included = []
        request = {"name": name, "place": place.as_dict() if place is not None else None, "settled": settled}
        try:
            message, text = self._ask(descriptor, {**request, "careful": False})
        except _DiedError as error:
            if error.reason != "worker_crashed":
                raise ExtractionError(error.reason, error.detail) from None
            try:
                message, text = self._ask(descriptor, {**request, "careful": True})
            except _DiedError as again:
                raise ExtractionError(again.reason, again.detail) from None
        self.included = [str(path) for path in message.pop("included", [])]
        try:
            return unpack(message, text, source=source)
        except InputError as error:
            raise ExtractionError("damaged", f"its reader broke the rules of a document: {error.message}") from error

    def draw(self, descriptor: int, *, name: str, page: int) -> tuple[str, bytes]:
        """Return the SHA-256 (hex) of an open PDF, and one page of it, from 1, as a PNG. Raises ExtractionError."""
        self._left = self._limits.timeout
        try:
            message, text = self._ask(descriptor, {"name": name, "careful": False, "page": page})
        except _DiedError as error:
            raise ExtractionError(error.reason, error.detail) from None
        check_answer(message)
        return str(message["sha256"]), base64.b64decode(text)

    def _ask(self, descriptor: int, request: Mapping[str, object]) -> tuple[dict[str, Any], str]:
        """Send a request with an open file; return the child's answer and its text."""
        if self._abandoned:
            raise _DiedError("worker_crashed", "it was given up")
        channel = self._ready()
        started = time.monotonic()
        try:
            send(channel, {**request, "limits": self._sent_limits}, descriptor=descriptor)
            message, text = self._answer(channel, started + self._left)
        except DeadlineError:
            raise self._end("too_slow", f"reading took more than {self._limits.timeout:g} s") from None
        except (ClosedError, OSError):
            raise self._post_mortem() from None
        finally:
            self._left -= time.monotonic() - started
        if message.pop("retire"):
            self.close()
        return message, text

    def _answer(self, channel: socket.socket, deadline: float) -> tuple[dict[str, Any], str]:
        """Wait for the answer; sample the child's memory, to explain its death later.

        A child that reads by OCR tells that it takes more time, page by page, as far as the limits allow.
        """
        self._held = 0
        extra = self._limits.ocr_seconds if self._limits.ocr != "off" else 0.0
        while True:
            if self._abandoned:  # perhaps before this child was there to be killed
                raise ClosedError
            try:
                channel.settimeout(min(_LOOK_EVERY, max(deadline - time.monotonic(), 0.001)))
                if not channel.recv(1, socket.MSG_PEEK):
                    raise ClosedError
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise DeadlineError from None
                self._held = max(self._held, self._memory())
                continue
            message, text, _ = receive(channel, deadline=deadline)
            if "more" not in message:
                return message, text
            more = min(max(float(message["more"]), 0.0), extra)
            extra -= more
            deadline += more
            self._left += more

    def abandon(self) -> None:
        """Abandon the file that another thread is reading with this worker, and every later one."""
        self._abandoned = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _ready(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._forget()
        if self._channel is None:
            channel = self._start()
            try:
                self._answer(channel, time.monotonic() + _START_SECONDS)  # the child reports that its code is loaded
            except DeadlineError:
                raise self._end("too_slow", f"its reader had not started after {_START_SECONDS:g} s") from None
            except (ClosedError, OSError):
                raise self._post_mortem() from None
            return channel
        return self._channel

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        arguments = [str(theirs.fileno()), str(reading), str(self._limits.memory)]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-B", "-X", "utf8", "-m", "ragkit_ingest.workers.child", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), reading),
                env=_environment(os.environ, self._folders),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            os.close(writing)
            raise RagkitError(f"a reading process does not start: {error}", cure="check memory and limits") from error
        finally:
            theirs.close()
            os.close(reading)
        self._channel, self._life = ours, writing
        return ours

    def _end(self, reason: Reason, detail: str) -> _DiedError:
        self.close()
        return _DiedError(reason, detail)

    def _post_mortem(self) -> _DiedError:
        """Return why a child died; a child with an invalid answer is ended."""
        process, held = self._process, self._held
        code = 0
        if process is not None:
            if self._abandoned:
                process.kill()
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(_END_SECONDS)
        self.close()
        if code == -signal.SIGXCPU or (code == -signal.SIGKILL and held < self._limits.memory * _MEMORY_SIGN):
            return _DiedError("too_slow", "reading took more CPU than a file may")
        if held >= self._limits.memory * _MEMORY_SIGN:
            return _DiedError("expands_too_much", "reading took more memory than a file may")
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        return _DiedError("worker_crashed", f"its reader ended {how}")

    def _memory(self) -> int:
        """Return the memory that the child uses, in bytes; 0 if the system does not report it."""
        if self._process is None:
            return 0
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _forget(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._life >= 0:
            os.close(self._life)
        self._process, self._channel, self._life = None, None, -1


class WorkerPool:
    """Several workers, each driven by a thread that only waits; answers come in the order of the jobs.

    Use it as a context manager, or close it: the children end with the parent in any case.
    """

    def __init__(self, limits: ReadLimits | None = None, *, size: int = 0, folders: Sequence[Path] = ()) -> None:
        """size: how many children, 0 for one a core. folders: of readers that are not installed."""
        self._limits = limits or ReadLimits()
        self._size = size or len(os.sched_getaffinity(0))
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        self._all: list[Worker] = []
        for _ in range(self._size):
            worker = Worker(self._limits, folders=folders)
            self._all.append(worker)
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="ragkit-read")
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, job: Job) -> Document:
        """Read one file now; ExtractionError when it gives no document."""
        result = self._run(job)
        if isinstance(result, ExtractionError):
            raise result
        return result

    def draw(self, job: Job, page: int) -> tuple[str, bytes]:
        """Return the SHA-256 (hex) of a PDF and a page of it, counted from 1, as a PNG. Raises ExtractionError."""

        def draw(worker: Worker, descriptor: int) -> tuple[str, bytes]:
            return worker.draw(descriptor, name=job.name, page=page)

        return self._with_worker(job, draw)

    def submit(self, job: Job) -> Future[Document | ExtractionError]:
        """Submit one file for reading."""
        return self._threads.submit(self._run, job)

    def map(self, jobs: Iterable[Job], *, ahead: int = 0) -> Iterator[tuple[Job, Document | ExtractionError]]:
        """Yield each job with its document or error, in order; at most `ahead` jobs (0: two a child) run or wait."""
        limit = ahead or 2 * self._size
        waiting: deque[tuple[Job, Future[Document | ExtractionError]]] = deque()
        try:
            for job in jobs:
                waiting.append((job, self.submit(job)))
                if len(waiting) >= limit:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()

    def close(self) -> None:
        """End all children; files that are being read are abandoned."""
        if self._closed:
            return
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._all:
            worker.abandon()
        self._threads.shutdown(wait=True)
        for worker in self._all:
            worker.close()

    def _run(self, job: Job) -> Document | ExtractionError:
        def read(worker: Worker, descriptor: int) -> Document:
            document = worker.read(descriptor, source=job.source, name=job.name, place=job.place, settled=job.private)
            if job.included is not None:
                job.included(worker.included)
            return document

        try:
            return self._with_worker(job, read)
        except ExtractionError as error:
            return error

    def _with_worker(self, job: Job, use: Callable[[Worker, int], _Result]) -> _Result:
        """Open a file and give it to the first idle worker. Raises ExtractionError."""
        try:
            descriptor = job.open()
        except OSError as error:
            raise ExtractionError("unreadable", error.strerror or type(error).__name__) from error
        try:
            worker = self._idle.get()
            try:
                return use(worker, descriptor)
            finally:
                self._idle.put(worker)
        finally:
            os.close(descriptor)


def _environment(ours: Mapping[str, str], more: Sequence[Path]) -> dict[str, str]:
    """Return the child's environment: the path of its code, and no variable that could be a secret."""
    folders = {Path(str(ragkit.__file__)).resolve().parents[1], Path(__file__).resolve().parents[2]}
    passed = {name: ours[name] for name in _PASSED_ON if name in ours}
    return {**passed, "PYTHONPATH": os.pathsep.join(map(str, [*sorted(folders), *more])), "LC_ALL": "C.UTF-8"}
