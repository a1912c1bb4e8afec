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
    the open `atomic` has made the run's model the collection's. revision, generation: of the state that the open
    transaction found, or the last one left; the generation is the run's own, for good once it has `opened` it. It is
    not thread-safe: the Writer's lock guards it.
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
        self._fits = False
        self.opened = False
        self.revision, generation = self.state()
        self.generation: int = generation + 1
        self._started = run.clock()
        if not run.rebuilds:
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
        pending = len(self.pending)
        try:
            with self.begin():
                for statement in self.pending[:pending]:
                    self.execute(statement)
                yield change
                revision = self.revision + change.touched
                self._settle(change, revision)
        except BaseException:
            self._fits = False  # it may have been this transaction that pinned the model
            raise
        finally:  # a later transaction must not write what a failed one was to write
            del self.pending[:pending]
        self.revision = revision
        self.opened = self.opened or change.touched

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
            self.repinned = self._fits = False

    def touch(self, change: Change) -> Stamp:
        """Open the generation, and pin the model if none is pinned, at the first change of a transaction.

        Within `atomic`, an earlier part that was released has done so.
        """
        done = self._fits and self.outer is not None and self.outer.touched
        if not change.touched and not done:
            self.open_generation(OpenGeneration.of(self._run, number=self.generation, started=self._started))
            if self.fingerprint is not None:
                self.pin(only_if_free=True)
        change.touched = True
        return stamp_of(self.generation, self._run.clock())

    def finish(self) -> None:
        """Mark the generation as finished, train a quantizer when the collection has outgrown its own, and keep the
        log of deleted chunks no longer than the collection."""
        if not self.opened:
            return
        with self.chunks() as chunks:
            renewed = self.is_quantizer_due(chunks)
            quantizer, model = (train_for(chunks) if renewed else None), chunks.fingerprint
        with self.begin():
            if renewed:
                self.store_quantizer(quantizer, model)
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
        if self._fits or self.repinned or self.fingerprint is None:
            return
        pins = self.pins()
        if pins is None:  # the first run to change the collection pins its own
            return
        found = self._mismatch(*pins)
        if found is not None:
            raise found
        self._fits = True  # only a run without others changes what is pinned

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

    def unpin(self) -> None:
        """Let the next change pin the model and settings of its run."""
        self._fits = False
        self.forget_pins()

    def _mismatch(self, pinned: str, fingerprint: str) -> ModelMismatchError | None:
        """Return why the run's vectors or chunks don't fit what the collection has pinned; None when they do."""
        stored = decode_fingerprint(fingerprint), json.loads(pinned)
        wanted = self.need_fingerprint(), json.loads(dump_settings(self._pins))
        return mismatch(self._collection, stored=stored, wanted=wanted)

    # ------------------------------------------------------------------ the statements of a back end

    @abstractmethod
    def begin(self) -> AbstractContextManager[None]:
        """Run a body in a transaction; any error, in the commit too, rolls all of it back and is one of ragkit's.

        A back end of several writers waits for the run's turn, and renews `revision`, and `generation` unless `opened`.
        """

    @abstractmethod
    def hold_alone(self) -> None:
        """Keep every other run out until this one ends. Raises LockedError while another one writes."""

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
    def forget_pins(self) -> None:
        """Delete what is pinned."""

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
    def chunks(self) -> AbstractContextManager[ChunkReader]:
        """Open a reader of the chunks of the last commit."""

    @abstractmethod
    def is_quantizer_due(self, chunks: ChunkReader) -> bool:
        """Tell whether a collection lacks a quantizer that it needs, or has one that it can't use or does not need."""

    @abstractmethod
    def store_quantizer(self, quantizer: Quantizer | None, fingerprint: Fingerprint | None) -> None:
        """Store a quantizer and delete any other, within a transaction; None only deletes."""
