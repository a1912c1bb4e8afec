"""A crowd on one data folder: processes ingest, delete, search and serve at once, and every answer is judged.

    python -m tests.faults.crowd --processes 8 --seconds 60

Writers own some documents each and take turns by the writer lock. Every document's text names its version, and every
version has a word that no other has. A reader may see any committed state, but only one of them in an answer.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import random
import re
import shutil
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import ragkit
from ragkit import Document, KnowledgeBase, LockedError, NotFoundError
from ragkit.store.audit import verify_reader
from ragkit.store.sqlite.store import Store
from tests.faults.checker import halves, wrong_answers
from tests.faults.workload import SETTINGS, embedder, sha, text_of

OWNED: Final = 5
PATIENCE: Final = 120.0
_NAME: Final = re.compile(r"code(w\d+x\d+)v(\d+)")


@dataclass(slots=True)
class Tally:
    """What a crowd did, and what was wrong."""

    commits: int = 0
    removals: int = 0
    waits: int = 0
    searches: int = 0
    while_written: int = 0
    served: int = 0
    generations: int = 0
    wrong: list[str] = field(default_factory=list)


class _Clock:
    """When a process of the crowd may go: after its time, and when each of them has done what is to be judged.

    All begin together, and on a busy machine they go on until there is something to judge, for PATIENCE seconds more.
    """

    def __init__(self, context: Any, *, processes: int, seconds: float) -> None:
        self._all_here = context.Barrier(processes)
        self._unproven = context.Value("i", processes)
        self._seconds = seconds
        self._until = 0.0
        self._proven = False

    def start(self) -> None:
        """Wait for the others, who load their code, and begin."""
        self._all_here.wait(PATIENCE)
        self._until = time.monotonic() + self._seconds

    def going(self, *, proven: bool) -> bool:
        """Tell whether to go on. proven: this process has done what it is there for."""
        with self._unproven.get_lock():
            if proven and not self._proven:
                self._proven = True
                self._unproven.value -= 1
            others = self._unproven.value > 0
        now = time.monotonic()
        return now < self._until or (others and now < self._until + PATIENCE)


def _open(data: Path) -> KnowledgeBase:
    return ragkit.open(data, embedder=embedder(), settings=SETTINGS)


def _turn(tally: dict[str, int], work: Any) -> Any:
    """Do something that needs the writer lock; a named holder is the one reason to wait."""
    while True:
        try:
            return work()
        except LockedError as error:
            if not error.holder:
                raise
            tally["waits"] += 1
            time.sleep(random.uniform(0.002, 0.02))


def write(data: Path, number: int, clock: _Clock, tally: dict[str, int]) -> dict[str, str]:
    """Put and remove one's own documents; return what should be there at the end."""
    chance = random.Random(number)
    mine: dict[str, str] = {}
    version = 0
    with _open(data) as kb:
        while clock.going(proven=tally["commits"] > 0):
            version += 1
            name = f"w{number}x{chance.randrange(OWNED)}"
            if name in mine and chance.random() < 0.25:
                assert _turn(tally, lambda name=name: kb.remove(name)) == 1
                del mine[name]
                tally["removals"] += 1
            else:
                document = Document(source=name, text=text_of(name, version))
                _turn(tally, lambda document=document: kb.add(document))
                mine[name] = document.text
            tally["commits"] += 1
    return mine


def read(data: Path, number: int, clock: _Clock, tally: dict[str, int]) -> dict[str, str]:
    """Search, and check each answer against the state that it says it is of."""
    chance = random.Random(number)
    last = 0
    kb = _open(data)
    while clock.going(proven=tally["while_written"] > 0):
        busy = (data / "collections" / "default" / "writer.json").exists()
        name = f"w{chance.randrange(4)}x{chance.randrange(OWNED)}"
        hits = kb.search(f"{name} amber basil part 2", k=8)
        assert hits.generation >= last, f"went back from generation {last} to {hits.generation}"
        last = hits.generation
        _one_generation(hits)
        with suppress(NotFoundError):
            whole(name, kb.document(name).text)
        tally["searches"] += 1
        tally["while_written"] += busy
        if chance.random() < 0.05:  # a new process reads the files anew
            kb.close()
            kb = _open(data)
    kb.close()
    return {}


def _one_generation(hits: Any) -> None:
    """Every passage is of one version of its document: two versions never stand in one answer."""
    versions: dict[str, set[str]] = {}
    for hit in hits:
        for found in re.finditer(r"(w\d+x\d+)v(\d+) part", hit.text):
            assert found[1] == hit.source, f"{hit.source} shows the text of {found[1]}"
            versions.setdefault(found[1], set()).add(found[2])
    mixed = {source: found for source, found in versions.items() if len(found) > 1}
    assert not mixed, f"generation {hits.generation} mixes versions {mixed}"


def whole(name: str, text: str) -> None:
    """Check that a text is one that its writer wrote."""
    found = _NAME.match(text)
    assert found, f"{name} has the text {text[:60]!r}"
    assert text == text_of(name, int(found[2])), f"{name} is half version {found[2]}"


def serve(data: Path, number: int, clock: _Clock, tally: dict[str, int]) -> dict[str, str]:
    """Ask in several threads over one KnowledgeBase, as the service does."""
    errors: list[BaseException] = []

    def ask(kb: KnowledgeBase) -> None:
        try:
            while clock.going(proven=tally["served"] > 0) and not errors:
                _one_generation(kb.search("cedar dahlia part 1", k=8))
                prompt = kb.prompt("Which part is of basil and maple?", budget=1_000)
                assert prompt.messages
                tally["served"] += 1
        except BaseException as error:  # noqa: BLE001 (raised again by the caller)
            errors.append(error)

    with _open(data) as kb:
        threads = [threading.Thread(target=ask, args=(kb,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    return {}


def _process(kind: str, data: Path, number: int, clock: _Clock, answers: Any) -> None:
    logging.disable()
    tally: dict[str, int] = dict.fromkeys(("commits", "removals", "waits", "searches", "while_written", "served"), 0)
    mine: dict[str, str] = {}
    wrong = ""
    try:
        work = {"write": write, "read": read, "serve": serve}[kind]
        clock.start()
        mine = work(data, number, clock, tally)
    except BaseException:  # noqa: BLE001 (told to the parent)
        wrong = f"{kind} {number}: {traceback.format_exc()}"
        clock.going(proven=True)  # the others need not wait for it
    answers.put((mine, tally, wrong))


def crowd(data: Path, *, processes: int, seconds: float) -> Tally:
    """Let them all in, then compare the collection with what the writers say."""
    _open(data).close()
    with _open(data) as kb:
        kb.add(Document(source="first", text="The first document holds amber and basil."))
    kinds = [
        ("write", "read", "write", "serve", "write", "read", "write", "read")[index % 8] for index in range(processes)
    ]
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    clock = _Clock(context, processes=processes, seconds=seconds)
    numbers = {"write": 0, "read": 0, "serve": 0}
    started = []
    for kind in kinds:
        process = context.Process(target=_process, args=(kind, data, numbers[kind], clock, answers))
        numbers[kind] += 1
        process.start()
        started.append(process)
    tally = Tally()
    wanted = {"first": "The first document holds amber and basil."}
    for _ in started:
        mine, counts, wrong = answers.get(timeout=seconds + 3 * PATIENCE)
        wanted |= mine
        for name, count in counts.items():
            setattr(tally, name, getattr(tally, name) + count)
        tally.wrong += [wrong] if wrong else []
    for process in started:
        process.join(60)
    tally.wrong += judge(data, wanted, tally)
    return tally


def judge(data: Path, wanted: dict[str, str], tally: Tally) -> list[str]:
    """Compare the collection at the end with the model."""
    with _open(data) as kb:
        report = kb.doctor()
        wrong = [str(item) for item in (*report["problems"], *report["caches"])]
        tally.generations = len(kb.history())
        if tally.generations != tally.commits + 1:
            wrong.append(f"{tally.commits + 1} runs wrote, and {tally.generations} generations are there")
    with Store(data / "collections" / "default") as store, store.read() as reader:
        found = {document.source: sha(document.text) for document in reader.documents.iterate()}
        if found != {source: sha(text) for source, text in wanted.items()}:
            wrong.append(f"the documents at the end are not those of the writers: {sorted(set(found) ^ set(wanted))}")
        wrong += [str(problem) for problem in verify_reader(reader)]
        wrong += halves(reader) + wrong_answers(store.folder, reader)
    return wrong


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ragkit-crowd-"))
    try:
        tally = crowd(folder / "data", processes=options.processes, seconds=options.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({name: getattr(tally, name) for name in tally.__slots__}, indent=1))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
