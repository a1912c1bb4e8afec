"""Power cuts: replay a recorded run on a model of a disk that keeps only what was flushed, and what it happens to keep.

    python -m tests.faults.powercut --cuts 150 --report report.json

The model is stricter than file systems are. Of the writes to a file since its last fsync any subset may have reached
the disk, each in sectors of 512 bytes of which any subset may have; a size may be there without its data. Of the names
made, renamed or removed in a folder since the folder's last fsync, the first few may be there, in each folder for
itself; an fsync of a file says nothing of its name.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.faults.checker import check
from tests.faults.loop import Report, in_child, run_once, scratch
from tests.faults.supervisor import unsupported

_SECTOR: Final = 512
_CHANCES: Final = (0.0, 0.1, 0.5, 0.9, 1.0)
Event = tuple[Any, ...]


@dataclass(eq=False)
class Node:
    """A file or folder: what is in it now, what the disk surely has, and what lies between."""

    folder: bool
    data: bytearray = field(default_factory=bytearray)
    safe: bytes = b""
    names: dict[str, Node] = field(default_factory=dict)
    safe_names: dict[str, Node] = field(default_factory=dict)
    waiting: list[Any] = field(default_factory=list)

    def sync(self) -> None:
        """Flush."""
        self.safe, self.safe_names = bytes(self.data), dict(self.names)
        self.waiting.clear()


class Disk:
    """A model of one folder on a disk."""

    def __init__(self, root: Path) -> None:
        self.root = str(root).rstrip("/")
        self.top = Node(folder=True)
        self.said: list[dict[str, Any]] = []

    def apply(self, event: Event) -> None:
        """Do what an event says."""
        kind, path = event[0], event[1]
        if kind == "said":
            self.said.append(path)
        elif kind in ("create", "mkdir"):
            self._change(path, Node(folder=kind == "mkdir"))
        elif kind == "unlink":
            self._change(path, None)
        elif kind == "link":
            self._change(event[2], self._find(path))
        elif kind == "rename":
            self._rename(path, event[2])
        elif node := self._find(path):
            if kind == "sync":
                node.sync()
            else:
                node.waiting.append(event[2:])
                _write(node.data, *event[2:])

    def crash(self, chance: random.Random) -> dict[str, bytes | None]:
        """Return what is found after a power cut: the bytes of each file by path, None for a folder."""
        found: dict[str, bytes | None] = {}
        share = chance.choice(_CHANCES)
        seen: dict[int, bytes] = {}
        waiting = [("", self.top)]
        while waiting:
            prefix, folder = waiting.pop()
            names = dict(folder.safe_names)
            kept = sum(chance.random() < share for _ in folder.waiting)
            for change in folder.waiting[:kept]:
                for name, node in change:
                    if node is None:
                        names.pop(name, None)
                    else:
                        names[name] = node
            for name, node in names.items():
                path = f"{prefix}/{name}"
                if node.folder:
                    found[path] = None
                    waiting.append((path, node))
                else:
                    found[path] = seen.setdefault(id(node), _left(node, chance, share))
        return found

    def everything(self) -> dict[str, bytes | None]:
        """Return what programs see now."""
        found: dict[str, bytes | None] = {}
        waiting = [("", self.top)]
        while waiting:
            prefix, folder = waiting.pop()
            for name, node in folder.names.items():
                found[f"{prefix}/{name}"] = None if node.folder else bytes(node.data)
                if node.folder:
                    waiting.append((f"{prefix}/{name}", node))
        return found

    def _find(self, path: str) -> Node | None:
        node: Node | None = self.top
        for part in self._parts(path):
            node = node.names.get(part) if node else None
        return node

    def _parts(self, path: str) -> list[str]:
        return [part for part in path.removeprefix(self.root).split("/") if part]

    def _change(self, path: str, node: Node | None) -> None:
        *parents, name = self._parts(path)
        parent = self._find("/".join([self.root, *parents]))
        if parent is None:
            return
        parent.waiting.append([(name, node)])
        if node is None:
            parent.names.pop(name, None)
        else:
            parent.names[name] = node

    def _rename(self, old: str, new: str) -> None:
        node = self._find(old)
        if node is None:
            return
        if old.rpartition("/")[0] != new.rpartition("/")[0]:
            self._change(new, node)
            self._change(old, None)
            return
        parent = self._find(old.rpartition("/")[0])
        if parent is None:
            return
        before, after = self._parts(old)[-1], self._parts(new)[-1]
        parent.waiting.append([(before, None), (after, node)])  # both or neither
        parent.names.pop(before, None)
        parent.names[after] = node


def _write(data: bytearray, *write: Any) -> None:
    if len(write) == 1:  # a truncation
        del data[write[0] :]
        data.extend(bytes(write[0] - len(data)))
        return
    at, body = write
    data.extend(bytes(max(at + len(body) - len(data), 0)))
    data[at : at + len(body)] = body


def _left(node: Node, chance: random.Random, share: float) -> bytes:
    """Return what is left of a file."""
    data = bytearray(node.safe)
    for write in node.waiting:
        if chance.random() >= share:
            continue
        if len(write) == 1 or chance.random() < 0.7:
            _write(data, *write)
            continue
        at, body = write  # torn
        for start in range(0, len(body), _SECTOR):
            if chance.random() < share:
                _write(data, at + start, body[start : start + _SECTOR])
        if chance.random() < share:
            data.extend(bytes(max(at + len(body) - len(data), 0)))
    return bytes(data)


def write_tree(found: dict[str, bytes | None], place: Path) -> None:
    """Make the files that a crash left."""
    place.mkdir()
    for path, data in sorted(found.items()):
        target = place / path.lstrip("/")
        if data is None:
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def differences(disk: Disk, data: Path) -> list[str]:
    """Compare the model's files with the real ones: a model that is wrong proves nothing."""
    modelled = {path: body for path, body in disk.everything().items() if not path.endswith("-shm")}
    real = {
        "/" + str(path.relative_to(data)): None if path.is_dir() else path.read_bytes()
        for path in data.rglob("*")
        if not path.name.endswith("-shm")
    }
    return sorted(path for path in {*modelled, *real} if modelled.get(path, b"?") != real.get(path, b"?"))


def cut_power(cuts: int, *, seed: int = 0, broken_as: str = "", per_run: int = 150) -> Report:
    """Cut the power so many times, at random moments of recorded runs."""
    report = Report()
    while report.points < cuts:
        place = scratch()
        try:
            outcome = run_once(place, seed=seed, fault=None, broken_as=broken_as, record=True)
            disk = Disk(place / "data")
            for event in outcome.events:
                disk.apply(event)
            report.wrong += [
                f"the model of the disk is wrong about {path}" for path in differences(disk, place / "data")
            ]
            report.calls += len(outcome.calls)
            _cut_run(report, outcome.events, place, min(per_run, cuts - report.points), seed)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        seed += 1
    return report


def _cut_run(report: Report, events: Sequence[Event], place: Path, cuts: int, seed: int) -> None:
    chance = random.Random(seed)
    moments = sorted(chance.choices(range(len(events)), k=cuts))
    disk = Disk(place / "data")
    done = 0
    for number, moment in enumerate(moments):
        for event in events[done:moment]:
            disk.apply(event)
        done = max(done, moment)
        left = place / f"cut{number}"
        write_tree(disk.crash(random.Random(f"{seed}/{number}")), left)
        said = list(disk.said)
        wrong = in_child(partial(check, left, place / "docs", said, cut_off_files=True))
        shutil.rmtree(left, ignore_errors=True)
        report.points += 1
        report.acknowledged += sum("done" in line for line in said)
        report.wrong += [f"seed {seed}, cut {number} before event {moment}: {line}" for line in wrong]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--broken", default="")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    logging.disable()
    reason = unsupported()
    if reason:
        sys.exit(reason)
    report = cut_power(options.cuts, seed=options.seed, broken_as=options.broken)
    if options.report:
        options.report.write_text(report.as_json())
    print(report.as_json())
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
