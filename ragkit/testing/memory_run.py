"""One run of the in-memory store: its transactions, its generation, and the model that it writes with."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from ragkit.errors import StoreError
from ragkit.store.checks import mismatch
from ragkit.testing.memory_state import State
from ragkit.text.cleaning import show
from ragkit.types.collection import FileState, Fingerprint, Generation

_LOG_SLACK: Final = 1_000


class Held(Protocol):
    """The target of a writer: a collection's committed state, of which it is the only writer."""

    name: str
    state: State


class MemoryRun:
    """The state that a run changes, a copy at a time: `draft` is the open transaction's, None between transactions.

    run: kind, extractor version and settings. repinned: the collection takes this run's model in this transaction.
    forgets: the transaction makes older revisions unknown. ended: the run is over.
    """

    def __init__(
        self,
        collection: Held,
        *,
        run: tuple[str, str, Mapping[str, Any]],
        fingerprint: Fingerprint | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._collection = collection
        self._kind, self._extractor, settings = run
        self._settings: dict[str, Any] = json.loads(json.dumps(dict(settings), sort_keys=True, default=str))
        self._fingerprint = fingerprint
        self._clock = clock
        self.lock = threading.RLock()
        self._started = clock()
        self.draft: State | None = None
        self.pending: list[tuple[tuple[str, bytes], FileState | None]] = []
        self.repinned = self.ended = self._opened = self._touched = self.forgets = False
        self.generation = collection.state.generation + 1
        if self._kind != "rebuild":
            self.check_model(collection.state)

    @property
    def state(self) -> State:
        """The state that the run sees: the open transaction's, or the committed one."""
        return self.draft or self._collection.state

    @contextmanager
    def transaction(self) -> Iterator[State]:
        """Yield a copy of the state, which is committed at the end; within `atomic`, a part that can be undone."""
        with self.lock:
            if self.ended:
                raise StoreError("this writer's run has ended", cure="use it inside `with store.write(...)`")
            if self.draft is not None:
                before, flags = self.draft.copy(), (self._touched, self.forgets)
                try:
                    yield self.draft
                except BaseException:
                    self.draft, (self._touched, self.forgets) = before, flags
                    raise
                return
            pending, self.pending = self.pending, []  # lost with a transaction that fails
            self.draft = self._collection.state.copy()
            self._touched = self.forgets = False
            try:
                for key, state in pending:
                    _apply(self.draft, key, state)
                yield self.draft
                self._settle(self.draft)
                self._collection.state = self.draft
                self._opened = self._opened or self._touched
            finally:
                self.draft = None

    def _settle(self, state: State) -> None:
        if self.repinned:
            left = [item for item in state.documents.values() if item.generation != self.generation]
            if left:
                raise StoreError(
                    f"the rebuild left out {show(left[0].document.source, 120)!r}, so the collection stays as it was",
                    cure="run: ragkit rebuild",
                )
        if self._touched:
            state.revision += 1
            state.generation = self.generation
            state.last_chunks[state.revision] = state.last_chunk
        if self.forgets:
            state.forget_log()

    def finish(self) -> None:
        """Mark the generation as finished, and keep the log within the size of the collection."""
        with self.lock:
            if not self._opened:
                return
            state = self._collection.state.copy()
            state.generations[-1] = replace(state.generations[-1], finished_at=iso_time(self._clock()))
            if len(state.log) > len(state.chunks) + _LOG_SLACK:
                state.forget_log()
            self._collection.state = state

    def touch(self, state: State, *, added: int = 0, changed: int = 0, removed: int = 0) -> None:
        """Open the generation and pin the model at the first change, and count what changed."""
        if not state.generations or state.generations[-1].number != self.generation:
            name, digest = (self._fingerprint.model, self._fingerprint.id) if self._fingerprint else ("", "")
            state.generations.append(
                Generation(
                    number=self.generation,
                    started_at=iso_time(self._started),
                    finished_at="",
                    kind=self._kind,
                    added=0,
                    changed=0,
                    removed=0,
                    model=name,
                    fingerprint=digest,
                    extractor=self._extractor,
                    settings=self._settings,
                )
            )
        last = state.generations[-1]
        state.generations[-1] = replace(
            last, added=last.added + added, changed=last.changed + changed, removed=last.removed + removed
        )
        self._touched = True
        if self._fingerprint is not None and state.fingerprint is None:
            self.pin(state)

    def model(self) -> Fingerprint:
        """Return the run's fingerprint; StoreError when it has none."""
        if self._fingerprint is None:
            raise StoreError("this run has no model", cure="pass a fingerprint to store.write()")
        return self._fingerprint

    def pin(self, state: State) -> None:
        """Make the run's model and settings the collection's."""
        state.fingerprint = self.model()
        state.pinned = {name: value for name, value in self._settings.items() if name in ("chunk", "model")}

    def check_model(self, state: State) -> None:
        """Raise ModelMismatchError unless the run's model and chunk settings are the collection's."""
        if self.repinned or self._fingerprint is None or state.fingerprint is None:
            return
        pins = {name: value for name, value in self._settings.items() if name in ("chunk", "model")}
        wrong = mismatch(
            self._collection.name,
            stored=(state.fingerprint, state.pinned or {}),
            wanted=(self._fingerprint, pins),
        )
        if wrong is not None:
            raise wrong

    def put_off(self, key: tuple[str, bytes], state: FileState | None) -> None:
        """Record a file's state (None: delete it) with the next transaction, or at once within one."""
        with self.lock:
            self.pending.append((key, state))
            if self.draft is not None:
                with self.transaction() as draft:
                    _apply(draft, *self.pending.pop())


def _apply(state: State, key: tuple[str, bytes], file: FileState | None) -> None:
    if file is None:
        state.files.pop(key, None)
    else:
        state.files[key] = file


def iso_time(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
