"""Strike a workload at one system call after another, and judge what is left each time.

    python -m tests.faults.loop --points 250 --report report.json
    python -m tests.faults.loop --points 60 --broken early

Every run and every judgement is a fork of this process, which has imported everything and holds nothing open.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # no threads in a process that forks
    os.environ[_name] = "1"

import faiss  # noqa: E402, F401
import tantivy  # noqa: E402, F401

from tests.faults import broken  # noqa: E402
from tests.faults.checker import check  # noqa: E402
from tests.faults.supervisor import MODES, Fault, Mode, Outcome, supervise, unsupported  # noqa: E402
from tests.faults.workload import Workload  # noqa: E402

_RANDOM = re.compile(r"\.tmp\w+|[0-9a-f]{6,}|\d+")
SPREAD = 97  # coprime to the number of modes and of most things: points are taken all over a run


@dataclass(slots=True)
class Report:
    """What a loop did. struck: points by mode and by call. wrong: what the checker found, with the point."""

    points: int = 0
    calls: int = 0
    acknowledged: int = 0
    failed_steps: int = 0
    by_mode: Counter[str] = field(default_factory=Counter)
    by_call: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, indent=1)


def scratch() -> Path:
    """Return a new folder, in memory where there is such a place: faults are made here, not awaited from a disk."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="ragkit-faults-", dir=place))


def in_child(work: Callable[[], Any]) -> Any:
    """Return what `work` returns, computed in a fork of this process."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        answer: Any = ["the checker was ended"]
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001
            answer = [f"the checker failed: {type(error).__name__}: {error}"]
        finally:
            with os.fdopen(write, "w") as file, suppress(OSError):
                json.dump(answer, file)
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        data = file.read()
    os.waitpid(child, 0)
    return json.loads(data) if data else ["the checker died"]


def run_once(place: Path, *, seed: int, fault: Fault | None, broken_as: str = "", record: bool = False) -> Outcome:
    """Run the workload once in `place`."""
    data, docs = place / "data", place / "docs"
    data.mkdir()
    docs.mkdir()

    def work(tell: Callable[[dict[str, Any]], None]) -> None:
        broken.apply(broken_as)
        Workload(data, docs, tell, seed=seed).run()

    return supervise(work, data, fault=fault, record=record)


def order_of(calls: Sequence[tuple[str, str]]) -> list[int]:
    """Return all call numbers: first the first of each kind (a call on a kind of file), then each call in turn."""

    def kind(call: tuple[str, str]) -> tuple[str, str]:
        return call[0], _RANDOM.sub("*", call[1])

    seen: Counter[tuple[str, str]] = Counter()
    first: list[int] = []
    rest: dict[str, list[int]] = {}
    for number, call in enumerate(calls, 1):
        seen[kind(call)] += 1
        (first if seen[kind(call)] == 1 else rest.setdefault(call[0], [])).append(number)
    for numbers in rest.values():
        numbers.sort(key=lambda number: number * SPREAD % 1009)
    turns = itertools.zip_longest(*rest.values())
    return first + [number for turn in turns for number in turn if number is not None]


def strike(
    points: int, *, broken_as: str = "", modes: Sequence[Mode] = MODES, first_seed: int = 0, only: str = ""
) -> Report:
    """Strike so many points: every call of a run once, then again with the next mode, then another order of steps.

    only: strike calls of this name only.
    """
    report = Report()
    seed = first_seed
    while report.points < points:
        place = scratch()
        try:
            calls = run_once(place, seed=seed, fault=None, broken_as=broken_as).calls
        finally:
            shutil.rmtree(place, ignore_errors=True)
        report.calls += len(calls)
        for index, number in enumerate(order_of(calls)):
            if report.points >= points:
                break
            if only and calls[number - 1][0] != only:
                continue
            mode = modes[(index + seed) % len(modes)]
            _strike_one(report, seed, Fault(number, mode), broken_as)
        seed += 1
    return report


def count(seed: int) -> Report:
    """Run once without a fault, and count the calls by name."""
    place = scratch()
    try:
        outcome = run_once(place, seed=seed, fault=None)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if outcome.status or outcome.hung:
        sys.exit(f"the workload failed without a fault: {outcome.said[-1:]}")
    return Report(calls=len(outcome.calls), by_call=Counter(name for name, _ in outcome.calls))


def _strike_one(report: Report, seed: int, fault: Fault, broken_as: str) -> None:
    place = scratch()
    try:
        outcome = run_once(place, seed=seed, fault=fault, broken_as=broken_as)
        wrong = ["the workload hung"] if outcome.hung else []
        if outcome.fired is None:
            return  # threads took another turn, and the run was shorter
        wrong += in_child(lambda: check(place / "data", place / "docs", outcome.said))
        report.points += 1
        report.by_mode[fault.mode] += 1
        report.by_call[outcome.fired[0]] += 1
        report.acknowledged += sum("done" in line for line in outcome.said)
        report.failed_steps += sum("failed" in line for line in outcome.said)
        where = f"seed {seed}, {fault.mode} at call {fault.at} ({' '.join(outcome.fired)})"
        report.wrong += [f"{where}: {line}" for line in wrong]
    finally:
        shutil.rmtree(place, ignore_errors=True)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--broken", default="")
    parser.add_argument("--only", default="", help="strike calls of this name only")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--report", type=Path)
    parser.add_argument("--count-only", type=int, default=0)
    options = parser.parse_args()
    logging.disable()
    reason = unsupported()
    if reason:
        sys.exit(reason)
    modes = [mode for mode in MODES if mode in options.modes.split(",")]
    if options.count_only:
        report = count(options.seed)
        options.report.write_text(report.as_json())
        return 0
    report = strike(options.points, broken_as=options.broken, modes=modes, first_seed=options.seed, only=options.only)
    text = report.as_json()
    if options.report:
        options.report.write_text(text)
    print(text)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    random.seed(0)
    sys.exit(main())
