"""Progress of ingest: a bar on a terminal, otherwise a line every few seconds, nothing with --quiet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from ragkit import show
from ragkit_ingest.report import IngestProgress, ProgressCallback

EVERY_SECONDS = 5.0
_NAME_WIDTH = 40
_LEAST_NAME = 12
_LONG_BAR = 24
_SHORT_BAR = 6
_BESIDE_BAR = 9 + 4 + 7 + 4  # columns: the longest description, the percentage, the time left, and a space after each
_COUNTS = 38  # columns that the counts should have


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
    """Yield a callback that draws one line: the count, a bar, the percentage, the time left, and the file name where
    it fits."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(file=stream, highlight=False)
    bar = max(_SHORT_BAR, min(_LONG_BAR, console.width - _BESIDE_BAR - _COUNTS))
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=bar),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[more]}", markup=False, style="dim"),
        console=console,
        transient=True,
    )
    with progress:
        task = progress.add_task("looking", total=None, more="")

        def draw(state: IngestProgress) -> None:
            room = console.width - _BESIDE_BAR - bar
            if state.stage == "walk":
                progress.update(task, more=_fitted([f"{state.files:,} files"], "", room))
                return
            # A file counts half when it is read, and whole when its document is committed.
            done = (state.read + state.documents + state.failed) / 2
            counts = f"left · {state.read:,}/{state.files:,} files"
            failed = f", {state.failed:,} failed" if state.failed else ""
            progress.update(
                task,
                description="reading" if state.read < state.files else "embedding",
                total=max(state.files, 1),
                completed=min(done, state.files),
                more=_fitted([counts + failed, counts, "left"], show(state.source, _NAME_WIDTH) or "", room),
            )

        yield draw


def _fitted(texts: Sequence[str], name: str, room: int) -> str:
    """Return the first text that fits in `room` columns, and a name after it where that fits; wide letters take two."""
    from rich.cells import cell_len, set_cell_size

    text = next((item for item in texts if cell_len(item) <= room), "")
    free = room - cell_len(text) - 2
    if not name or free < _LEAST_NAME:
        return text
    return f"{text}  {name if cell_len(name) <= free else set_cell_size(name, free - 1) + '…'}"


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
