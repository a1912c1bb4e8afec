"""Progress of ingest: a bar on a terminal, otherwise a line every few seconds, nothing with --quiet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from ragkit import show
from ragkit_ingest.report import IngestProgress, ProgressCallback

EVERY_SECONDS = 5.0
_NAME_WIDTH = 40


@contextmanager
def drawn_progress(stream: TextIO, *, quiet: bool = False, every: float = EVERY_SECONDS) -> Iterator[ProgressCallback]:
    """Yield a callback that draws progress on a stream."""
    if quiet:
        yield lambda _: None
    elif stream.isatty():
        with _bar(stream) as draw:
            yield draw
    else:
        yield _lines(stream, every)


@contextmanager
def _bar(stream: TextIO) -> Iterator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[counts]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[name]}", markup=False, style="dim"),
        console=Console(file=stream, highlight=False),
        transient=True,
    )
    with progress:
        task = progress.add_task("looking", total=None, counts="", name="")

        def draw(state: IngestProgress) -> None:
            if state.stage == "walk":
                progress.update(task, counts=f"{state.files:,} files")
                return
            # A file counts half when it is read, and whole when its document is committed.
            done = (state.read + state.documents + state.failed) / 2
            progress.update(
                task,
                description="reading, embedding" if state.read < state.files else "embedding",
                total=max(state.files, 1),
                completed=min(done, state.files),
                counts=f"{state.read:,}/{state.files:,} files  {state.embedded:,} chunks embedded",
                name=show(state.source, _NAME_WIDTH) or "",
            )

        yield draw


def _lines(stream: TextIO, every: float) -> ProgressCallback:
    last = time.monotonic()

    def draw(state: IngestProgress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < every:
            return
        last = now
        if state.stage == "walk":
            stream.write(f"ragkit: looking at files: {state.files:,}\n")
        else:
            failed = f", {state.failed:,} failed" if state.failed else ""
            stream.write(
                f"ragkit: read {state.read:,} of {state.files:,} files{failed}; {state.documents:,} documents"
                f" committed, {state.embedded:,} chunks embedded\n"
            )
        stream.flush()

    return draw
