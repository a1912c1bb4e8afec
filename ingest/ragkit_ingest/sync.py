"""Bring a collection up to date with folders of files: plan, then remove, move, read, embed and commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from ragkit import (
    ACL_KEY,
    AddProgress,
    AddReport,
    ConflictError,
    Document,
    ExtractionError,
    FileState,
    InputError,
    NotFoundError,
    PreparedDocument,
)
from ragkit_ingest.executors.local import LocalExecutor
from ragkit_ingest.options import IngestOptions
from ragkit_ingest.reader_pool import Reading, read_files
from ragkit_ingest.report import Action, Change, IngestProgress, IngestReport, ProgressCallback, Warned
from ragkit_ingest.scan.included import record
from ragkit_ingest.scan.losses import RemovalsError, great_losses
from ragkit_ingest.scan.names import source_of
from ragkit_ingest.scan.plan import Memory, Move, Plan, Planner, Work, problem
from ragkit_ingest.scan.targets import PathLike, Target, apart, find_targets
from ragkit_ingest.stages import Executor, Stages, StageSettings, StoppedStartError

if TYPE_CHECKING:
    from ragkit import KnowledgeBase, KnowledgeWriter
    from ragkit_ingest.scan.forecast import Expected

_ATTEMPTS: Final = 3
"""Plans of one run: each is made from what other machines have committed by then."""
_PASSING: frozenset[str] = frozenset({"missing", "unreadable", "changed_while_reading", "path_too_long"})
"""Reasons that do not depend on the bytes: such a file is not recorded, and the next run tries it again."""


def ingest_folder(
    kb: KnowledgeBase,
    path: PathLike | Sequence[PathLike],
    *,
    dry_run: bool = False,
    options: IngestOptions | None = None,
    progress: ProgressCallback | None = None,
    stop: threading.Event | None = None,
) -> IngestReport:
    """Make a collection match a folder: read new and changed files, remove the documents of deleted ones.

    path: a folder, a file, a URL of a storage (`s3://bucket/prefix`), a list of web addresses (an https:// address, or
    `urls:` and a file), or several of them. A folder inside one that was ingested before belongs to that one; a
    folder around one syncs it along, and its documents keep their sources. A file whose name, size and times are
    unchanged is not read. Each document is committed whole as soon as its vectors are there, in one generation; a file
    that cannot be read leaves its earlier version and is reported.

    dry_run: report what would be done, and do nothing. stop: when set, the run commits the documents that are ready,
    gives up the others and returns within seconds, with `interrupted` and `remaining` in the report.

    Raises InputError (a path that is not there), RemovalsError (a root is suddenly empty or loses most of its files,
    and `options.allow_removals` is off: nothing was changed), LockedError (another process writes), StorageFullError,
    EmbeddingError; what was committed stays.
    """
    paths = [path] if isinstance(path, str | bytes) or hasattr(path, "__fspath__") else list(path)
    options = options or IngestOptions()
    run = _Run(kb, options, progress, stop or threading.Event())
    targets = find_targets(paths, known=kb.roots(), options=options)
    return run.look(targets) if dry_run else run.do(targets)


class _StoppedError(Exception):
    """The run was stopped before anything was written."""


@dataclass(slots=True)
class _Outcome:
    """The results of the plan so far."""

    changes: list[Change] = field(default_factory=list)
    warned: list[Warned] = field(default_factory=list)
    unchanged: int = 0
    kept: int = 0
    read: int = 0
    failed: int = 0
    refused: int = 0
    add: AddReport = field(default_factory=AddReport)


class _Run:
    def __init__(
        self, kb: KnowledgeBase, options: IngestOptions, progress: ProgressCallback | None, stop: threading.Event
    ) -> None:
        self._kb = kb
        self._options = options
        self._progress = progress
        self._stop = stop
        self._out = _Outcome()
        self._works: dict[str, Work] = {}
        self._last = AddProgress(0, 0, 0)
        self._started = time.perf_counter()
        self._walked = 0.0

    # ------------------------------------------------------------------ looking

    def look(self, targets: Sequence[Target]) -> IngestReport:
        """Report the plan."""
        memory = Memory(self._kb)
        try:
            plan = self._make_plan(targets, memory)
        except _StoppedError:
            return self._report(targets, Plan())
        if not self._options.allow_removals:
            losses = great_losses(plan, memory.files, targets)
            plan.notes += [f"{loss}; the run would stop and ask (--allow-removals)" for loss in losses]
        expected = self._foretell(plan)
        self._out.changes = [
            *_removals(plan),
            *_renames(plan.moves),
            *(Change(work.action, work.source) for work in plan.work),
        ]
        from ragkit_ingest.scan.forecast import summed

        forecast = summed(expected, plan.problems)
        return replace(self._report(targets, plan), dry_run=True, forecast=forecast)

    def _foretell(self, plan: Plan) -> list[Expected]:
        """Look at the files to read; those that no reader will take become problems, as a real run reports them."""
        # imported here: it loads the readers' tables, which `--help` does not need
        from ragkit_ingest.scan.forecast import expect

        expected: list[Expected] = []
        stay: list[Work] = []
        for work in plan.work:
            if self._stop.is_set():
                break
            seen = expect(work.root, work.found)
            expected.append(seen)
            if seen.error is None:
                stay.append(work)
                continue
            kept = work.action != "added"
            error = seen.error
            plan.problems.append(problem(work.root.name, work.found.path, error.reason, error.detail, kept=kept))
            self._out.kept += kept
        plan.work = stay
        return expected

    def do(self, targets: Sequence[Target]) -> IngestReport:
        """Carry the plan out; it is made again when another run wrote before this one got the lock."""
        memory = Memory(self._kb)
        try:
            plan = self._allowed_plan(targets, memory)
            if plan.empty:
                return self._report(targets, plan)
            with self._stages(plan) as stages, self._writer(stages) as writer:
                plan = self._carried_out(targets, plan, memory, writer)
                if plan.work:
                    self._read(plan, writer, stages)
                generation = writer.generation if self._out.changes else 0
        except (_StoppedError, StoppedStartError):
            return self._report(targets, Plan())
        return self._report(targets, plan, generation=generation)

    def _carried_out(self, targets: Sequence[Target], plan: Plan, memory: Memory, writer: KnowledgeWriter) -> Plan:
        """Remove and rename as planned; return the plan, made again when another run wrote before or meanwhile."""
        plan = self._renewed(plan, targets, memory)
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._settle(plan, writer)
            except (NotFoundError, ConflictError):  # in a store of many writers: a run on another machine was first
                if not left:
                    raise
                plan = self._allowed_plan(targets, Memory(self._kb))
            else:
                break
        return plan

    def _renewed(self, plan: Plan, targets: Sequence[Target], memory: Memory) -> Plan:
        """Return the plan, made again where another run has recorded files since `memory` was read."""
        now = Memory(self._kb)  # of many files it takes much memory, so it is not kept
        return plan if now.files == memory.files else self._allowed_plan(targets, now)

    def _stages(self, plan: Plan) -> AbstractContextManager[Stages]:
        """Start what reads the files; a plan without any needs no cluster."""
        executor: Executor = (self._options.executor if plan.work else None) or LocalExecutor(self._options.pool)
        settings = StageSettings(
            self._options.limits, self._options.workers, self._kb.settings.model, self._kb.settings.chunk
        )
        return executor.stages(settings, stopped=self._stop.is_set)

    def _writer(self, stages: Stages) -> AbstractContextManager[KnowledgeWriter]:
        return self._kb.writer(kind="ingest", extractor=self._options.extractor, embedder=stages.embedder)

    def _allowed_plan(self, targets: Sequence[Target], memory: Memory) -> Plan:
        """Return the plan; RemovalsError when it removes most of a root without consent."""
        plan = self._make_plan(targets, memory)
        losses = () if self._options.allow_removals else great_losses(plan, memory.files, targets)
        if losses:
            raise RemovalsError(losses)
        return plan

    def _make_plan(self, targets: Sequence[Target], memory: Memory) -> Plan:
        started = time.perf_counter()
        planner = Planner(
            memory,
            options=self._options,
            version=self._options.extractor,
            apart=apart(targets, known=list(memory.files), data=self._kb.path),
            pulse=self._pulse,
        )
        self._planner = planner
        plan = planner.plan(targets)
        self._walked += time.perf_counter() - started
        return plan

    def _pulse(self, files: int) -> None:
        if self._stop.is_set():
            raise _StoppedError
        if self._progress and files % 100 == 0:
            self._progress(IngestProgress("walk", files))

    # ------------------------------------------------------------------ doing

    def _settle(self, plan: Plan, writer: KnowledgeWriter) -> None:
        """Do what needs no file to be read. Raises NotFoundError, ConflictError where a document to rename has gone."""
        for state in plan.remove:
            writer.forget_file(state.root, state.path)
            if state.source:
                writer.remove(state.source)
        self._out.changes += _removals(plan)
        for move in plan.moves:
            # In this order, what is remembered is written in the transaction of the rename.
            writer.forget_file(move.old.root, move.old.path)
            writer.record_file(move.new)
            if move.old.source != move.new.source:
                writer.rename(move.old.source, move.new.source)
            self._out.changes += _renames([move])
        for state in plan.touch:
            writer.record_file(state)

    def _read(self, plan: Plan, writer: KnowledgeWriter, stages: Stages) -> None:
        """Read, chunk, embed and commit the new and changed files."""
        self._works = {work.source: work for work in plan.work}
        self._out.add = writer.add(
            self._documents(plan, stages, writer),
            progress=self._committed,
            reject=lambda document, error: self._rejected(plan, document, error),
            stopped=self._stop.is_set,
        )

    def _documents(
        self, plan: Plan, stages: Stages, writer: KnowledgeWriter
    ) -> Iterator[PreparedDocument | tuple[Document, FileState | None]]:
        readings = read_files(stages.pool, plan.work, processes=stages.processes, stopped=self._stop.is_set)
        for reading in readings:
            self._out.read += 1
            if isinstance(reading.result, ExtractionError):
                self._failed(plan, reading, reading.result, writer)
                self._report_progress(self._last)
                continue
            document = self._labelled(reading.work, reading.result)
            if document.warnings:
                self._out.warned.append(Warned(document.source, document.warnings))
            self._report_progress(self._last, document.source)
            state = self._state(reading, document.source, document.sha256)
            chunks = reading.chunks
            yield (document, state) if chunks is None else PreparedDocument(document, chunks, state)

    def _labelled(self, work: Work, document: Document) -> Document:
        """Return a document with the access labels that the folder's rules give to its file."""
        labels = self._planner.labels(work.root, work.found.path)
        if labels is None:
            return document
        own = {key: value for key, value in document.metadata.items() if key != ACL_KEY}
        return replace(document, metadata={**own, ACL_KEY: labels} if labels else own)

    def _failed(self, plan: Plan, reading: Reading, error: ExtractionError, writer: KnowledgeWriter) -> None:
        """Report a file that gave no document, and record it so that it is not read again without need."""
        work = reading.work
        kept = work.action != "added"
        line = problem(work.root.name, work.found.path, error.reason, error.detail, kept=kept)
        plan.problems.append(line)
        self._out.refused += 1
        self._out.kept += kept
        self._out.failed += line.failed
        if error.reason in _PASSING or (kept and reading.seen is None):
            return
        state = self._state(reading, work.source if kept else "", _digest_of(reading))
        key = self._planner.key(work.root, work.found.path, error.reason)
        writer.record_file(replace(state, extractor=key, reason=error.reason, detail=error.detail))

    def _rejected(self, plan: Plan, document: Document, error: InputError) -> None:
        """Report a document that cannot be stored: its reader broke a rule; the earlier version stays."""
        work = self._works[document.source]
        kept = work.action != "added"
        plan.problems.append(problem(work.root.name, work.found.path, "damaged", error.message, kept=kept))
        self._out.refused += 1
        self._out.kept += kept
        self._out.failed += 1

    def _state(self, reading: Reading, source: str, sha256: str) -> FileState:
        seen = reading.seen or reading.work.found
        return FileState(
            root=reading.work.root.name,
            path=seen.path,
            source=source,
            size=seen.size,
            mtime_ns=seen.mtime_ns,
            ctime_ns=seen.ctime_ns,
            sha256=sha256,
            extractor=self._planner.key(reading.work.root, reading.work.found.path),
            detail=record(reading.work.root.folder, reading.included, read_at_ns=reading.began_ns),
        )

    def _committed(self, progress: AddProgress) -> None:
        """Record the progress of the writer; the embedding thread calls this too."""
        self._last = progress
        work = self._works.get(progress.source)
        if work and progress.outcome in ("added", "changed"):
            action: Action = "added" if progress.outcome == "added" else "changed"
            self._out.changes.append(Change(action, work.source))
        elif work:
            self._out.unchanged += 1
        self._report_progress(progress, progress.source)

    def _report_progress(self, add: AddProgress, source: str = "") -> None:
        if self._progress:
            self._progress(
                IngestProgress(
                    "read",
                    len(self._works),
                    read=self._out.read,
                    documents=add.documents,
                    chunks=add.chunks,
                    embedded=add.embedded,
                    failed=self._out.failed,
                    source=source,
                )
            )

    # ------------------------------------------------------------------ reporting

    def _report(self, targets: Sequence[Target], plan: Plan, *, generation: int = 0) -> IngestReport:
        seconds = {"walk": self._walked, **self._out.add.seconds, "total": time.perf_counter() - self._started}
        return IngestReport(
            paths=tuple(source_of(target.path) for target in targets),
            generation=generation,
            files=plan.files,
            changes=tuple(self._ordered()),
            unchanged=plan.unchanged + self._out.unchanged,
            kept=plan.kept + self._out.kept,
            problems=tuple(sorted(plan.problems, key=lambda item: (item.root, item.path))),
            warned=tuple(self._out.warned),
            notes=tuple(plan.notes),
            add=self._out.add,
            seconds=seconds,
            interrupted=self._stop.is_set(),
            remaining=self._remaining(plan),
        )

    def _remaining(self, plan: Plan) -> int:
        """Return how many files of the plan a stopped run left; the next run reads them."""
        if not self._stop.is_set():
            return 0
        committed = sum(change.action in ("added", "changed", "reread") for change in self._out.changes)
        return max(0, len(plan.work) - committed - self._out.unchanged - self._out.refused)

    def _ordered(self) -> list[Change]:
        """Return the changes in the order of the plan; files are committed as they become ready."""
        place = {source: number for number, source in enumerate(self._works)}
        return sorted(self._out.changes, key=lambda change: place.get(change.source, -1))


def _removals(plan: Plan) -> list[Change]:
    return [Change("removed", state.source) for state in plan.remove if state.source]


def _renames(moves: Sequence[Move]) -> list[Change]:
    return [
        Change("renamed", move.new.source, old=move.old.source) for move in moves if move.old.source != move.new.source
    ]


def _digest_of(reading: Reading) -> str:
    """Return the SHA-256 of a file that gave no document, or "" if it has changed since it was read."""
    if reading.work.root.folder is None:
        return reading.opened.sha256 if reading.opened is not None else ""
    try:
        sha256, now = reading.work.root.digest(reading.work.found.path)
    except ExtractionError:
        return ""
    same = reading.seen is not None and (now.size, now.ctime_ns) == (reading.seen.size, reading.seen.ctime_ns)
    return sha256 if same else ""
