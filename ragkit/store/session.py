"""The transactions of one run, in every back end: each commit updates totals, revision, generation and the log."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ragkit.errors import ModelMismatchError, StoreError
from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.base import ChunkReader
from ragkit.store.checks import mismatch
from ragkit.store.encoding import decode_fingerprint, dump_settings
from ragkit.store.quantizers import train_for
from ragkit.store.runs import LOG_SLACK, Change, OpenGeneration, Run, Stamp, Statement, iso, stamp_of
from ragkit.text.cleaning import show
from ragkit.types.collection import Fingerprint


class WritingSession(ABC):
    """The run that a connection with the writer lock is used for; a back end adds its statements.

    outer: the changes of the open `atomic`, None outside of it. pending: statements for the next transaction. repinned:
    the open `atomic` has made the run's model the collection's. It is not thread-safe: the Writer's lock guards it.
    """

    def __init__(self, collection: str, run: Run) -> None:
        """collection: its name. The back end's statements can be run already."""
        self.fingerprint = run.fingerprint
        self.outer: Change | None = None
        self.pending: list[Statement] = []
        self.repinned = False
        self.ended = False
        self._collection, self._run = collection, run
        self._pins = {name: run.settings[name] for name in ("chunk", "model") if name in run.settings}
        self._opened = False
        self.revision, generation = self.state()
        self.generation: int = generation + 1
        self._started = run.clock()
        self._mismatched = self._mismatch() is not None
        if run.kind != "rebuild":
            self.check_model()

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def transaction(self) -> Iterator[Change]:
        """Open a transaction, or a savepoint within `atomic`; its end updates totals and revision."""
        if self.ended:
            raise StoreError("this writer's run has ended", cure="use it inside `with store.write(...)`")
        change = Change()
        if self.outer is not None:
            with self.savepoint():
                yield change
            self.outer.include(change)
            return
        pending, revision = len(self.pending), self.revision
        try:
            with self.begin():
                for statement in self.pending[:pending]:
                    self.execute(statement)
                yield change
                revision += change.touched
                self._settle(change, revision)
        finally:  # a later transaction must not write what a failed one was to write
            del self.pending[:pending]
        self.revision = revision
        self._opened = self._opened or change.touched

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Make every transaction within the body part of one."""
        if self.outer is not None:
            raise StoreError("atomic() is open already", cure="don't nest it")
        try:
            with self.transaction() as change:
                self.outer = change
                try:
                    yield
                finally:
                    self.outer = None
        finally:
            self.repinned = False
        self._mismatched = self._mismatch() is not None

    def touch(self, change: Change) -> Stamp:
        """Open the generation, and pin the model if none is pinned, at the first change of a transaction."""
        if not change.touched:
            change.touched = True
            self.open_generation(OpenGeneration.of(self._run, number=self.generation, started=self._started))
            if self.fingerprint is not None:
                self.pin(only_if_free=True)
        return stamp_of(self.generation, self._run.clock())

    def finish(self) -> None:
        """Mark the generation as finished, train a quantizer when the collection has outgrown its own, and keep the
        log of deleted chunks no longer than the collection."""
        if not self._opened:
            return
        chunks = self.chunks()  # this session is the only writer, so it needs no transaction of its own
        renewed = self.is_quantizer_due(chunks)
        quantizer = train_for(chunks) if renewed else None
        with self.begin():
            if renewed:
                self.store_quantizer(quantizer, chunks.fingerprint)
            self.finish_generation(iso(self._run.clock()))
            logged, stored = self.log_size()
            if logged > stored + LOG_SLACK:
                self.forget_log(self.revision)

    def _settle(self, change: Change, revision: int) -> None:
        if self.repinned:
            self._check_rebuilt()
        if change.touched:
            self.count_revision(change, revision)
        if change.touched or change.vectors:
            self.add_to_totals(change)
        if change.forgets_log:
            self.forget_log(revision)

    # ------------------------------------------------------------------ the model

    def need_fingerprint(self) -> Fingerprint:
        """Return the run's fingerprint; StoreError when it has none."""
        if self.fingerprint is None:
            raise StoreError("this run has no model", cure="pass a fingerprint to store.write()")
        return self.fingerprint

    def check_model(self) -> None:
        """Raise ModelMismatchError unless the run's model and chunk settings are the collection's."""
        if not self._mismatched or self.repinned:
            return
        found = self._mismatch()  # clear() may have resolved it in this transaction
        if found is not None:
            raise found

    def pin(self, *, only_if_free: bool) -> None:
        """Make the run's model and settings the collection's."""
        self.store_pins(dump_settings(self._pins), only_if_free=only_if_free)

    def _check_rebuilt(self) -> None:
        left = self.left_out()
        if left is not None:
            raise StoreError(
                f"the rebuild left out {show(left, 120)!r}, so the collection stays as it was",
                cure="run: ragkit rebuild",
            )

    def _mismatch(self) -> ModelMismatchError | None:
        """Return why the run's vectors or chunks don't fit those of the collection; None when they do."""
        found = self.pins()
        if found is None or self.fingerprint is None:
            return None
        pinned, stored = json.loads(found[0]), decode_fingerprint(found[1])
        wanted = json.loads(dump_settings(self._pins))
        return mismatch(self._collection, stored=(stored, pinned), wanted=(self.fingerprint, wanted))

    # ------------------------------------------------------------------ the statements of a back end

    @abstractmethod
    def begin(self) -> AbstractContextManager[None]:
        """Run a body in a transaction; any error, in the commit too, rolls all of it back and is one of ragkit's."""

    @abstractmethod
    def savepoint(self) -> AbstractContextManager[None]:
        """Run a body as a part of the open transaction that can be undone by itself."""

    @abstractmethod
    def execute(self, statement: Statement) -> None:
        """Run a statement."""

    @abstractmethod
    def state(self) -> tuple[int, int]:
        """Return the revision and the generation of the last commit."""

    @abstractmethod
    def pins(self) -> tuple[str, str] | None:
        """Return the pinned settings and the fingerprint, both as JSON; None when nothing is pinned."""

    @abstractmethod
    def store_pins(self, pins: str, *, only_if_free: bool) -> None:
        """Pin settings (JSON) and the run's fingerprint, or only where nothing is pinned."""

    @abstractmethod
    def open_generation(self, values: OpenGeneration) -> None:
        """Insert the run's generation, unless it is there."""

    @abstractmethod
    def count_revision(self, change: Change, revision: int) -> None:
        """Make a new revision of the run's generation, and add to what the generation added, changed and removed."""

    @abstractmethod
    def add_to_totals(self, change: Change) -> None:
        """Add a transaction's changes to the totals of the collection."""

    @abstractmethod
    def finish_generation(self, at: str) -> None:
        """Write when the run's generation was finished; ISO 8601."""

    @abstractmethod
    def log_size(self) -> tuple[int, int]:
        """Return how many deleted chunks are logged, and how many chunks there are."""

    @abstractmethod
    def forget_log(self, revision: int) -> None:
        """Delete the log of chunks deleted before a revision: caches of an earlier one must rebuild."""

    @abstractmethod
    def left_out(self) -> str | None:
        """Return the source of a document that the run's generation has not put; None when it has put all."""

    @abstractmethod
    def chunks(self) -> ChunkReader:
        """Return a reader of the chunks of the last commit."""

    @abstractmethod
    def is_quantizer_due(self, chunks: ChunkReader) -> bool:
        """Tell whether a collection lacks a quantizer that it needs, or has one that it can't use or does not need."""

    @abstractmethod
    def store_quantizer(self, quantizer: Quantizer | None, fingerprint: Fingerprint | None) -> None:
        """Store a quantizer and delete any other, within a transaction; None only deletes."""
