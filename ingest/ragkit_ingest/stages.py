"""The seam of executors: where a run of ingest reads and chunks its files and embeds their texts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ragkit_ingest.jobs import Job
from ragkit_ingest.limits import ReadLimits

if TYPE_CHECKING:  # the embedder's protocol would load numpy, which `--help` does not need
    from ragkit import ChunkSettings, Document, Embedder, ExtractionError, ModelSettings


class Pool(Protocol):
    """Reads files elsewhere; `WorkerPool` is one."""

    def submit(self, job: Job) -> Future[Document | ExtractionError]:
        """Submit one file for reading."""
        ...


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one run. processes: files that `pool` reads at once. embedder: None for the collection's own."""

    pool: Pool
    processes: int
    embedder: Embedder | None = None


@dataclass(frozen=True, slots=True)
class StageSettings:
    """What the stages of a run need to know.

    workers: how many, 0 for as many as the executor finds fit. model, chunk: those of the collection.
    """

    limits: ReadLimits
    workers: int
    model: ModelSettings
    chunk: ChunkSettings


class Executor(Protocol):
    """Provides the stages of a run: in processes of this machine, or in a cluster."""

    def stages(self, settings: StageSettings, *, stopped: Callable[[], bool]) -> AbstractContextManager[Stages]:
        """Return a context manager: it starts the stages, and ends them and whatever they still do.

        stopped: asked while they start; once it is true, StoppedStartError is raised.
        """
        ...


class StoppedStartError(Exception):
    """The run was stopped while its stages were starting."""
