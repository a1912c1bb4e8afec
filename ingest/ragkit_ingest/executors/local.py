"""The executor of one machine: killable reading processes, and the collection's own embedder in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ragkit_ingest.stages import Pool, Stages, StageSettings
from ragkit_ingest.workers.pool import WorkerPool

_MOST_WORKERS = 4  # reading is far faster than embedding: more processes would only take its cores


class LocalExecutor:
    """Reads in processes of this machine, or by a given pool; the run chunks and embeds in its own process."""

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = pool

    @contextmanager
    def stages(self, settings: StageSettings, *, stopped: Callable[[], bool]) -> Iterator[Stages]:  # noqa: ARG002 (they start at once)
        """Start and end the reading processes: `settings.workers`, or one a core and at most four."""
        processes = settings.workers or min(len(os.sched_getaffinity(0)), _MOST_WORKERS)
        if self._pool is not None:
            yield Stages(self._pool, processes)
            return
        with WorkerPool(settings.limits, size=processes) as pool:
            yield Stages(pool, processes)
