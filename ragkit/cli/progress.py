"""Progress of `ragkit eval`: a bar on a terminal, otherwise a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from ragkit.evaluation.measures.runner import Progress

EVERY_SECONDS = 10.0


@contextmanager
def drawn_progress(stream: TextIO, *, every: float = EVERY_SECONDS) -> Iterator[Progress]:
    """Yield a callback that draws the stages of a run on a stream."""
    if stream.isatty():
        with _bar(stream) as draw:
            yield draw
    else:
        yield _lines(stream, every)


@contextmanager
def _bar(stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(file=stream, highlight=False),
        transient=True,
    )
    with progress:
        task = progress.add_task("starting", total=None)

        def draw(stage: str, done: int, total: int) -> None:
            progress.update(task, description=stage, completed=done, total=total or None)

        yield draw


def _lines(stream: TextIO, every: float) -> Progress:
    last = time.monotonic()

    def draw(stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every:
            last = now
            stream.write(f"ragkit: {stage}: {done:,}" + (f" of {total:,}\n" if total else "\n"))
            stream.flush()

    return draw
