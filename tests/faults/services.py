"""Services over one PostgreSQL database under load: no error, no answer of an earlier generation, no document lost.

    python -m tests.faults.services [--services 4] [--clients 32] [--writers 2] [--seconds 60]

Each writer puts a counter, a document that it replaces again and again, and a new document, in one request to a service
by turns, and waits until it is acknowledged. Clients search for a counter on any service. What they find must not be
older than what had been acknowledged before they asked: by the same service, or by any at least a second earlier. At
the end every service must list every acknowledged document, and `ragkit verify` must find nothing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

import ragkit
from tests.support.postgres_server import postgres_server
from tests.support.shared_services import RunningService, send, shared_services

Links = Sequence["Link"]

FOLLOW_SECONDS: Final = 1.0
"""How long another service may take to follow a commit."""
_COLLECTION: Final = "/v1/collections/default"
_VALUE: Final = re.compile(r"stands at (\d+)")
_ASK_EVERY: Final = 8
_PAGE: Final = 1_000
_WAIT: Final = 120.0
_IDLE_SECONDS: Final = 5.0


@dataclass(slots=True)
class Acknowledged:
    """What services have acknowledged. values: of each writer, as (time, service, value)."""

    values: dict[int, list[tuple[float, int, int]]] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, writer: int, service: int, value: int) -> None:
        """Note that a service has acknowledged a value of a writer."""
        with self.lock:
            self.values.setdefault(writer, []).append((time.monotonic(), service, value))
            self.sources |= {f"upload:counter-{writer}", f"upload:entry-{writer}-{value}"}

    def least(self, writer: int, service: int) -> int:
        """Return the least value of a writer that a service may answer with now; 0 for any."""
        followed = time.monotonic() - FOLLOW_SECONDS
        with self.lock:
            seen = self.values.get(writer, ())
            return max((value for at, by, value in seen if by == service or at < followed), default=0)


@dataclass(slots=True)
class Result:
    """What a run saw. errors: by status or exception. stale: answers of an earlier generation, in words."""

    requests: int = 0
    writes: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    stale: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    problems: int = 0
    seconds: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as JSON."""
        p50, p99 = np.percentile(self.seconds or [0.0], (50, 99)) * 1000
        return {
            "requests": self.requests,
            "writes": self.writes,
            "errors": dict(self.errors),
            "wrong generations": self.stale[:5],
            "lost documents": self.lost[:5],
            "problems of verify": self.problems,
            "p50_ms": round(float(p50), 1),
            "p99_ms": round(float(p99), 1),
        }


class Link:
    """A connection that a client keeps; one that was idle for long is made anew, since the service closes it."""

    def __init__(self, service: RunningService) -> None:
        self._connection = http.client.HTTPConnection(service.host, service.port, timeout=_WAIT)
        self._used = time.monotonic()

    def send(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Send a request; return the status and the JSON of the response."""
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self.close()
        try:
            return send(self._connection, method, path, body)
        finally:
            self._used = time.monotonic()

    def close(self) -> None:
        """Close the connection; the next request makes a new one."""
        self._connection.close()


class Load:
    """Writers and clients of some services, for some seconds."""

    def __init__(self, services: Sequence[RunningService], *, clients: int, writers: int, seconds: float) -> None:
        self._services = services
        self._writers = writers
        self._acknowledged = Acknowledged()
        self._result = Result()
        self._lock = threading.Lock()
        self._seconds = seconds
        self._end = 0.0
        self._threads = [
            *(threading.Thread(target=self._run, args=(self._write, number)) for number in range(writers)),
            *(threading.Thread(target=self._run, args=(self._ask, number)) for number in range(clients)),
        ]

    def run(self) -> Result:
        """Run to the end, then look for every acknowledged document on every service."""
        first = {"documents": [{"id": "first", "text": "The processes of the jobs have begun."}]}
        assert self._services[0].request("POST", f"{_COLLECTION}/documents?wait=true", first)[0] == 200
        self._end = time.monotonic() + self._seconds
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        time.sleep(FOLLOW_SECONDS)
        for number, service in enumerate(self._services):
            lost = self._acknowledged.sources - _listed(service)
            self._result.lost += [f"{source} on service {number}" for source in sorted(lost)]
        return self._result

    def _run(self, work: Callable[[int, Links], None], number: int) -> None:
        """Run a writer or a client over connections of its own."""
        with ExitStack() as stack:
            work(number, [stack.enter_context(closing(Link(item))) for item in self._services])

    def _write(self, writer: int, links: Links) -> None:
        value = 0
        while time.monotonic() < self._end:
            value += 1
            turn = (value + writer) % len(links)
            counter = f"Counter {writer} stands at {value}."
            texts = {f"counter-{writer}": counter, f"entry-{writer}-{value}": "An entry."}
            body = {"documents": [{"id": name, "text": text} for name, text in texts.items()]}
            found = self._sent(links[turn], "POST", f"{_COLLECTION}/documents?wait=true", body)
            if found is not None:
                self._acknowledged.add(writer, turn, value)
                with self._lock:
                    self._result.writes += 1

    def _ask(self, client: int, links: Links) -> None:
        chance = random.Random(client)
        turns = 0
        while time.monotonic() < self._end:
            turns += 1
            service, writer = chance.randrange(len(links)), chance.randrange(self._writers)
            if turns % _ASK_EVERY == 0:
                question = {"question": f"Where does counter {writer} stand?"}
                self._sent(links[service], "POST", f"{_COLLECTION}/ask", question)
                continue
            least = self._acknowledged.least(writer, service)
            where = {"type": "eq", "key": "source", "value": f"upload:counter-{writer}"}
            query = {"query": f"counter {writer}", "where": where, "k": 1}
            found = self._sent(links[service], "POST", f"{_COLLECTION}/search", query)
            if found is not None:
                self._compare(found, least, f"counter {writer} on service {service}")

    def _compare(self, found: Any, least: int, what: str) -> None:
        match = _VALUE.search(found["hits"][0]["text"]) if found["hits"] else None
        value = int(match[1]) if match else 0
        if value < least:
            with self._lock:
                self._result.stale.append(f"{what} stood at {value} after {least} was acknowledged")

    def _sent(self, link: Link, method: str, path: str, body: Any) -> Any | None:
        """Send a request and count it; return the JSON, None for an error, which is counted."""
        begun = time.monotonic()
        try:
            status, found = link.send(method, path, body)
            error = "" if status == 200 else f"{status} {json.dumps(found)[:200]}"
        except (OSError, http.client.HTTPException) as caught:
            link.close()
            error = repr(caught)
        with self._lock:
            self._result.requests += 1
            self._result.seconds.append(time.monotonic() - begun)
            if error:
                self._result.errors[error] += 1
        return None if error else found


def _listed(service: RunningService) -> set[str]:
    """Return the sources that a service lists."""
    found: set[str] = set()
    while True:
        page = service.request("GET", f"{_COLLECTION}/documents?limit={_PAGE}&offset={len(found)}")[1]["documents"]
        found |= {item["source"] for item in page}
        if len(page) < _PAGE:
            return found


def run_load(address: str, folder: Path, *, services: int, clients: int, writers: int, seconds: float) -> Result:
    """Run services over a database under load, then verify the collection."""
    ragkit.create_collection(address, "default")
    with shared_services(address, folder, count=services) as running:
        result = Load(running, clients=clients, writers=writers, seconds=seconds).run()
    with ragkit.open(address, create=False) as knowledge:
        result.problems = len(knowledge.verify())
    return result


def main() -> int:
    """Run the proof on a server of its own; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("services", 4), ("clients", 32), ("writers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=60.0)
    chosen = parser.parse_args()
    with postgres_server() as address, tempfile.TemporaryDirectory(prefix="ragkit-services-") as folder:
        result = run_load(address, Path(folder), **vars(chosen))
    sys.stdout.write(json.dumps(result.as_dict(), indent=2) + "\n")
    return 1 if result.errors or result.stale or result.lost or result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
