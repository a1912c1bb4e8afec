"""Strike a writer of a shared collection, its connection or its server, beside another one; judge what is left.

    python -m tests.faults.postgres --points 200

A writer is a process that says what it begins and what was committed. After each strike every document of both writers
must be what the last acknowledged step made of it, or what the step that was cut off would have made: whole, with its
chunks and vectors. Then the step is done again, and the collection must be what both steps make.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Literal

import psycopg

from ragkit.errors import RagkitError
from ragkit.store.base import Store, Writer
from ragkit.store.postgres import connection as connections
from ragkit.store.postgres.backend import PostgresBackend
from tests.store.contract import writing
from tests.support.postgres_proxy import Direction, Proxy, postgres_proxy
from tests.support.postgres_server import restartable_server
from tests.support.store_fakes import cut

Mode = Literal["kill", "ended", "crash", "restart", "drop", "hang"]
MODES: Final[tuple[Mode, ...]] = ("kill", "ended", "crash", "restart", "drop", "hang")
"""kill: SIGKILL to the writer. ended: the server ends its session. crash: SIGKILL to the server's process of that
session, upon which the server ends all and recovers. restart: SIGKILL to the server, which is started again. drop,
hang: the proxy between breaks off, or falls silent, in the middle of a message."""
STEPS: Final = 10
WAITS: Final = 260
"""About how often a struck writer waits for the server in its steps: kill, ended and crash come at one of these."""
BYTES: Final[Mapping[Direction, int]] = {"question": 60_000, "answer": 16_000}
"""About how many bytes pass in the steps: drop and hang come at one of these."""
SPREAD: Final = 97
Texts = dict[str, str]
Case = tuple[str, Texts, int | None]
"""A writer, the texts of its documents by source, and its step that was cut off, None for none."""


@dataclass(slots=True)
class Report:
    """What was done. cut_off: strikes that cut a step off. errors: what struck writers were told, by type."""

    points: int = 0
    acknowledged: int = 0
    cut_off: int = 0
    by_mode: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


# ---------------------------------------------------------------------- the steps of a writer


def texts_after(texts: Texts, who: str, step: int) -> Texts:
    """Return the texts by source that a step makes of others."""
    changed = {source: "\n".join(paragraphs) for source, paragraphs in _puts(who, step).items()}
    removed = {f"{who} {step % 5}"} if step % 4 == 2 else set()
    return {source: text for source, text in (texts | changed).items() if source not in removed}


def do_step(writer: Writer, who: str, step: int) -> None:
    """Put a document, remove one, or put two in one transaction."""
    if step % 4 == 2:
        writer.remove(f"{who} {step % 5}")
        return
    with writer.atomic():
        for source, paragraphs in _puts(who, step).items():
            cut(source, paragraphs).put(writer)


def _puts(who: str, step: int) -> dict[str, list[str]]:
    if step % 4 == 2:
        return {}
    numbers = (step % 5, (step + 2) % 5) if step % 4 == 3 else (step % 5,)
    return {f"{who} {number}": [f"{who} step {step}", "shared words", f"part {number}"] for number in numbers}


class Strike:
    """What happens to a struck writer at the wait number `at`, within its own process."""

    def __init__(self, address: str, mode: Mode, at: int) -> None:
        self.address, self.mode, self.at = address, mode, at

    def arm(self, target: connections.WatchedConnection) -> None:
        """Count how often a connection waits for the server from now on, and strike before the wait number `at`."""
        plain, count = connections.WatchedConnection.wait, 0

        def wait(waiting: Any, *arguments: Any) -> Any:
            nonlocal count
            count += waiting is target
            if waiting is target and count == self.at:
                self._fall(target.server_pid)
            return plain(waiting, *arguments)

        connections.WatchedConnection.wait = wait  # type: ignore[method-assign]

    def _fall(self, server_pid: int) -> None:
        if self.mode == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.mode == "crash":
            os.kill(server_pid, signal.SIGKILL)
        elif self.mode == "ended":
            with psycopg.connect(self.address, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", (server_pid,))


def write(address: str, who: str, first: int, say: Connection, strike: Strike | None) -> None:
    """Do steps from a number on, and say what is begun and what is committed; a struck writer ends with its error.

    strike: None for the writer that goes on until it hears something, and tries again after an error.
    """
    connections.SILENT_SECONDS = 0.5
    step = first
    while True:
        try:
            with PostgresBackend().open(address, "default") as store, writing(store, wait=20) as writer:
                if strike is not None:
                    strike.arm(writer._session.connection)
                while step < first + STEPS if strike else not say.poll():
                    say.send(["begun", step])
                    do_step(writer, who, step)
                    say.send(["done", step])
                    step += 1
                break
        except RagkitError as error:
            say.send(["error", type(error).__name__, str(error)])
            if strike is not None:
                break
            time.sleep(0.1)
    say.send(["end"])
    if strike is None:
        say.recv()


# ---------------------------------------------------------------------- one point after another


class _Process:
    """A writer in a process of its own, and what it has said."""

    def __init__(self, context: Any, who: str, first: int, strike: Strike | None, address: str) -> None:
        self.who, self.said = who, list[list[Any]]()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=write, args=(address, who, first, theirs, strike), daemon=True)
        self._process.start()
        theirs.close()
        self._hearing = threading.Thread(target=self._hear, daemon=True)
        self._hearing.start()

    def end(self, *, tell: bool) -> bool:
        """Wait for the process; False when it hangs. tell: it to end."""
        if tell:
            self._pipe.send("end")
        self._process.join(60)
        ended = not self._process.is_alive()
        if not ended:
            self._process.kill()
            self._process.join()
        self._hearing.join()
        self._pipe.close()
        return ended

    def _hear(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                self.said.append(self._pipe.recv())


class _Loop:
    def __init__(self, address: str, restart: Callable[[], None], proxy: Proxy, through: str) -> None:
        self._address, self._restart, self._proxy, self._through = address, restart, proxy, through
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([__name__])
        self._texts: Texts = {}
        self.report = Report()

    def strike(self, point: int, mode: Mode) -> None:
        """Strike at one point, and judge."""
        first = 1_000 * (point + 1)
        strike = Strike(self._address, mode, 1 + point * SPREAD % WAITS)
        through = mode in ("drop", "hang")
        steady = _Process(self._processes, "steady", first, None, self._address)
        struck = _Process(self._processes, "struck", first, strike, self._through if through else self._address)
        if through:
            direction: Direction = "question" if point % 2 else "answer"
            self._proxy.strike(direction, 1 + point * SPREAD * 31 % BYTES[direction], hang=mode == "hang")
        if mode == "restart":
            time.sleep(0.1 + point * SPREAD % 50 / 50)
            self._restart()
        faults = [f"the {item.who} writer hangs" for item in (struck, steady) if not item.end(tell=item is steady)]
        self._proxy.heal()
        faults += self._judge([self._outcome(item, faults) for item in (struck, steady)])
        self.report.points += 1
        self.report.by_mode[mode] += 1
        self.report.wrong += [f"point {point} ({mode}): {fault}" for fault in faults]

    def _outcome(self, writer: _Process, faults: list[str]) -> Case:
        """Return the texts that a writer's acknowledged steps make, and the step that was cut off, None for none."""
        texts, begun = self._texts, None
        for what, *more in writer.said:
            if what == "begun":
                begun = more[0]
            elif what == "done":
                texts, begun = texts_after(texts, writer.who, more[0]), None
                self.report.acknowledged += 1
            elif what == "error":
                self.report.errors[more[0]] += 1
                if "\n" in more[1] or ";" not in more[1]:
                    faults.append(f"an error is not one line with a cure: {more[1]!r}")
        own = {source: text for source, text in texts.items() if source.startswith(writer.who)}
        return writer.who, own, begun

    def _judge(self, cases: list[Case]) -> list[str]:
        faults = []
        with PostgresBackend().open(self._address, "default") as store:
            for turn in ("found", "done again"):
                stored = read_texts(store)
                for who, texts, step in cases:
                    own = {source: text for source, text in stored.items() if source.startswith(who)}
                    after = texts if step is None else texts_after(texts, who, step)
                    if own != after and (turn == "done again" or own != texts):
                        faults.append(f"{turn}, {who}: {own} instead of {texts} or {after}")
                faults += [str(problem) for problem in store.verify()]
                faults += [str(problem) for problem in store.doctor()["problems"]]
                if turn == "found":
                    with writing(store, wait=20) as writer:
                        for who, _, step in cases:
                            if step is not None:
                                do_step(writer, who, step)
                                self.report.cut_off += 1
            self._texts = read_texts(store)
        return faults


def read_texts(store: Store) -> Texts:
    """Return the text of every document by source."""
    with store.read() as reader:
        return {document.source: document.text for document in reader.documents.iterate()}


def strike(points: int) -> Report:
    """Strike at so many points, the modes in turn."""
    with tempfile.TemporaryDirectory(prefix="rkpg-") as folder, restartable_server() as (address, restart):
        os.environ["RAGKIT_LOCAL"] = f"{folder}/local"
        socket_folder = Path(address.partition("host=")[2])
        (socket,) = socket_folder.glob(".s.PGSQL.*[0-9]")
        with psycopg.connect(address, autocommit=True) as admin:  # what is acknowledged must outlive the server
            admin.execute("ALTER SYSTEM SET synchronous_commit = on")
            admin.execute("SELECT pg_reload_conf()")
        PostgresBackend().open(address, "default", create=True).close()
        with postgres_proxy(socket, Path(folder)) as proxy:
            through = address.replace(str(socket_folder), folder) + "&connect_timeout=2"
            loop = _Loop(address, restart, proxy, through)
            with suppress(KeyboardInterrupt):  # an interrupted run reports what it has done
                for point in range(points):
                    loop.strike(point, MODES[point % len(MODES)])
                    if loop.report.wrong:
                        break
        return loop.report


def main() -> int:
    """Run from the command line; 1 when something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200)
    report = strike(parser.parse_args().points)
    print(json.dumps({name: getattr(report, name) for name in report.__slots__}, indent=1))
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
