"""A team of actors of one kind: one call at a time each, and the one policy of what is tried again."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import ragkit
from ragkit import ConfigError, EmbeddingError, ModelError, RagkitError, show
from ragkit_ingest.limits import EXTRACTOR_VERSION

_log = logging.getLogger("ragkit")

ATTEMPTS: Final = 3
"""How often a call is made: a worker that ends three times with the same call ended because of it."""
START_SECONDS: Final = 60.0
"""Until a worker must have begun: the cluster may have no processor free."""
PREPARE_SECONDS: Final = 600.0
"""Until a worker must have loaded its model, which it may have to compile or download."""
_LOOK_SECONDS: Final = 0.1
_KINDS: Final[dict[str, type[RagkitError]]] = {
    kind.__name__: kind for kind in (ConfigError, ModelError, EmbeddingError)
}


class ClosedTeamError(RagkitError):
    """The team was closed while a call was under way."""


class WorkersDiedError(RagkitError):
    """Every worker that was given a call ended before it answered."""


class Team:
    """Actors of one class. Each does one call at a time, so that the call of a worker that ended is known.

    A call whose worker ended is made again by another, ATTEMPTS times at most; an ended worker is replaced. Any number
    of threads may call.
    """

    def __init__(
        self, make: Callable[[], Any], *, size: int, prepare: Sequence[Any], stopped: Callable[[], bool]
    ) -> None:
        """make: starts an actor. prepare: arguments of its method `prepare`. stopped: ends the wait for the start."""
        import ray

        self._ray = ray
        self._make = make
        self._prepare = tuple(prepare)
        self._wanted = size
        self._stopped = stopped
        self._lock = threading.Lock()
        self._members: list[Any] = []
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._closed = threading.Event()

    @property
    def size(self) -> int:
        """How many workers there are now."""
        return len(self._members)

    def begin(self) -> list[Any]:
        """Start the actors, all at once; return what `hello` of each is to give."""
        self._members = [self._make() for _ in range(self._wanted)]
        return [member.hello.remote() for member in self._members]

    def complete(self, greetings: Sequence[Any]) -> list[dict[str, Any]]:
        """Wait until the actors are ready; return what each `prepare` gave. Raises ConfigError, ModelError.

        Actors that have not begun after START_SECONDS are given up, with a warning, as long as one has.
        """
        deadline = time.monotonic() + START_SECONDS
        ready: list[Any] = []
        for member, greeting in zip(list(self._members), greetings, strict=True):
            if self._begun(greeting, deadline):
                ready.append(member)
            else:
                self._drop(member)
        if not ready:
            raise ConfigError(
                f"no worker of the cluster began within {START_SECONDS:g} s",
                cure="check that it has a free processor (ray status)",
            )
        if len(ready) < self._wanted:
            _log.warning("the cluster has room for %d of %d workers", len(ready), self._wanted)
        until = time.monotonic() + PREPARE_SECONDS
        answers = [member.prepare.remote(*self._prepare) for member in ready]
        facts = [self._unpacked(self._result(answer, until=until)) for answer in answers]
        for member in ready:
            self._idle.put(member)
        return facts

    def call(self, method: str, *arguments: Any) -> Any:
        """Return the result of a method of the next idle actor.

        Raises WorkersDiedError after ATTEMPTS, ClosedTeamError, RagkitError (a fault of the worker's code).
        """
        for attempt in range(1, ATTEMPTS + 1):
            member = self._take()
            try:
                result = self._result(getattr(member, method).remote(*arguments))
            except _DiedError as error:
                _log.warning("a worker of the cluster ended (attempt %d of %d): %s", attempt, ATTEMPTS, error)
                self._replace(member)
                continue
            except BaseException:
                self._idle.put(member)
                raise
            self._idle.put(member)
            return result
        raise WorkersDiedError(f"its worker ended {ATTEMPTS} times")

    def unpacked_call(self, method: str, *arguments: Any) -> tuple[Any, ...]:
        """Return the result of a method that gives a Reply and more; the error of the Reply is raised."""
        reply, *more = self.call(method, *arguments)
        return (self._unpacked(reply), *more)

    def close(self) -> None:
        """End the actors; calls that are under way raise ClosedTeamError."""
        self._closed.set()
        for member in list(self._members):
            self._drop(member)

    def _take(self) -> Any:
        while not self._closed.is_set():
            try:
                return self._idle.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if not self._members:
                    raise RagkitError(
                        "no worker of the cluster is left", cure="see `ray status`; then run again"
                    ) from None
        raise ClosedTeamError("the run has ended")

    def _begun(self, greeting: Any, deadline: float) -> bool:
        """Return whether an actor began in time, with the versions of this process. Raises ConfigError."""
        try:
            about = self._unpacked(self._result(greeting, until=deadline))
        except _DiedError as error:
            raise ConfigError(
                f"a worker of the cluster does not start: {error}",
                cure=f"install ragkit {ragkit.__version__} with the same extras on every machine of the cluster",
            ) from None
        except TimeoutError:
            return False
        theirs, ours = (about["ragkit"], about["extractor"]), (ragkit.__version__, EXTRACTOR_VERSION)
        if theirs != ours:
            raise ConfigError(
                f"a worker of the cluster has ragkit {show(theirs[0], 40)} (readers {show(theirs[1], 20)}),"
                f" this process {ours[0]} (readers {ours[1]})",
                cure=f"install ragkit {ours[0]} on every machine of the cluster",
            )
        return True

    def _replace(self, member: Any) -> None:
        """Start an actor in place of one that ended; the team is one smaller when that fails."""
        self._drop(member)
        if self._closed.is_set():
            return
        new = self._make()
        with self._lock:
            self._members.append(new)
        try:
            if self._begun(new.hello.remote(), time.monotonic() + START_SECONDS):
                answer = new.prepare.remote(*self._prepare)
                self._unpacked(self._result(answer, until=time.monotonic() + PREPARE_SECONDS))
                self._idle.put(new)
                return
        except (RagkitError, TimeoutError, _DiedError) as error:
            _log.warning("a worker of the cluster could not be replaced: %s", error)
        self._drop(new)

    def _drop(self, member: Any) -> None:
        with self._lock:
            if member in self._members:
                self._members.remove(member)
        try:
            self._ray.kill(member)
        except (self._ray.exceptions.RayError, RuntimeError, ValueError):
            _log.debug("an actor had ended already")

    def _result(self, reference: Any, *, until: float = float("inf")) -> Any:
        """Wait for a result. Raises _DiedError, ClosedTeamError, RagkitError, and TimeoutError after `until`."""
        errors = self._ray.exceptions
        while True:
            if self._closed.is_set():
                raise ClosedTeamError("the run has ended")
            if until < float("inf") and self._stopped():
                raise ClosedTeamError("the run was stopped while the workers were starting")
            try:
                done, _ = self._ray.wait([reference], timeout=_LOOK_SECONDS)
                if done:
                    return self._ray.get(reference)
            except errors.RayTaskError as error:
                raise RagkitError(f"a worker of the cluster failed: {_last_line(error)}") from error
            except errors.RayError as error:
                raise _DiedError(_last_line(error)) from error
            if time.monotonic() >= until:
                raise TimeoutError

    def _unpacked(self, reply: str) -> Any:
        held = json.loads(reply)
        if "error" not in held:
            return held["result"]
        kind, message, cure = held["error"]
        raise _KINDS.get(kind, RagkitError)(f"on a worker of the cluster: {message}", cure=cure)


class _DiedError(Exception):
    """The process of an actor ended, or its machine did."""


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return show(lines[-1] if lines else type(error).__name__, 200)
