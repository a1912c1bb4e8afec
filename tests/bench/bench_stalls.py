"""How long ingest of one large text keeps other threads of the process waiting (the GIL), and what memory it takes.

    python -m tests.bench.bench_stalls [MiB ...]

A thread that only sleeps measures the longest time that it waited for the GIL: how late it woke, less the time that it
waited for a processor, and no more than another thread used the processor meanwhile (see ThreadClocks). A process that
has nothing beside the same thread shows what the machine alone makes it wait. HashEmbedder stands for the model, which
runs without the GIL. After the ingest, a first question builds the indexes, and a second one uses them.
"""

from __future__ import annotations

import gc
import multiprocessing
import random
import re
import resource
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path

import ragkit
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, ReadLimits, ingest_folder
from tests.support.thread_clocks import ThreadClocks

_SLEEP = 0.005
_WORDS = ("invoice", "refund", "window", "ledger", "harbour", "copper", "nineteen", "valley", "contract", "paid")


@dataclass(slots=True)
class Probe:
    """Wakes every 5 ms. longest: seconds that it came late at most, as far as another thread is to blame; stacks: what
    ran when it was later than a limit; collecting: seconds of the longest garbage collection."""

    limit: float = 0.05
    longest: float = 0.0
    late: list[float] = field(default_factory=list)
    stacks: dict[str, float] = field(default_factory=dict)
    collecting: float = 0.0
    _collection: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Measure until `stop`."""
        with ThreadClocks() as clocks:
            while not self._stop.is_set():
                clocks.start()
                before = time.perf_counter()
                time.sleep(_SLEEP)
                gap = clocks.held_up(time.perf_counter() - before - _SLEEP)
                if gap > self.limit:
                    self.late.append(gap)
                    self._note(gap)
                self.longest = max(self.longest, gap)

    def stop(self) -> None:
        """End the measurement."""
        self._stop.set()

    def on_collection(self, phase: str, _info: dict[str, int]) -> None:
        """Measure the CPU of a run of the garbage collector, which holds the GIL; a callback of gc."""
        if phase == "start":
            self._collection = time.thread_time()
        else:
            self.collecting = max(self.collecting, time.thread_time() - self._collection)

    def _note(self, gap: float) -> None:
        for place in working_places():
            self.stacks[place] = max(self.stacks.get(place, 0.0), gap)


def working_places() -> list[str]:
    """Return where the other threads of this process are, unless they wait: the last three calls of each."""
    places = []
    for thread, frame in sys._current_frames().items():
        lines = traceback.extract_stack(frame)[-3:]
        place = " < ".join(f"{Path(line.filename).stem}:{line.lineno} {line.name}" for line in reversed(lines))
        if thread != threading.get_ident() and not re.search("wait|select|_worker|recv", place):
            places.append(place)
    return places


def _control(stop: ProcessEvent, sent: Connection) -> None:
    """Measure in a process of its own what the machine alone makes a sleeping thread wait."""
    longest = 0.0
    while not stop.is_set():
        before = time.perf_counter()
        time.sleep(_SLEEP)
        longest = max(longest, time.perf_counter() - before - _SLEEP)
    sent.send(longest)


def write_text(path: Path, size: int) -> None:
    """Write so many bytes of English-like text in paragraphs."""
    chance = random.Random(7)
    with path.open("w") as file:
        written = 0
        while written < size:
            words = " ".join(chance.choices(_WORDS, k=60))
            written += file.write(f"{words.capitalize()} {chance.randrange(10**6)}.\n\n")


def measure(mib: int) -> None:
    """Ingest one text of so many MiB and print the longest stall, that of the control, seconds and memory."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        write_text(root / "large.txt", mib << 20)
        context = multiprocessing.get_context("spawn")
        stop = context.Event()
        receiving, sending = context.Pipe(duplex=False)
        control = context.Process(target=_control, args=(stop, sending))
        control.start()
        probe = Probe()
        gc.callbacks.append(probe.on_collection)
        thread = threading.Thread(target=probe.run)
        with ragkit.open(Path(folder) / "kb", embedder=HashEmbedder()) as kb:
            thread.start()
            started = time.perf_counter()
            options = IngestOptions(limits=ReadLimits(max_size=256 << 20, timeout=600), workers=1)
            report = ingest_folder(kb, root, options=options)
            seconds = time.perf_counter() - started
            ingested = probe.longest
            kb.search("Which ledger holds the refund contract?")
            kb.search("Which harbour paid the copper invoice?")
        probe.stop()
        thread.join()
        gc.callbacks.remove(probe.on_collection)
        stop.set()
        alone = receiving.recv()
        control.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{mib:4} MiB: {report.add.chunks:,} chunks in {seconds:.1f} s, longest stall {ingested * 1000:.0f} ms, with "
        f"first questions {probe.longest * 1000:.0f} ms ({len(probe.late)} over 50 ms; longest garbage collection "
        f"{probe.collecting * 1000:.0f} ms; machine alone {alone * 1000:.0f} ms), peak {peak:.0f} MiB"
    )
    for place, gap in sorted(probe.stacks.items(), key=lambda item: -item[1])[:12]:
        print(f"    {gap * 1000:6.0f} ms  {place}")


def main(arguments: Sequence[str]) -> None:
    """Measure the sizes that are given, else 1, 6 and 100 MiB."""
    for mib in map(int, arguments or ("1", "6", "100")):
        measure(mib)


if __name__ == "__main__":
    main(sys.argv[1:])
