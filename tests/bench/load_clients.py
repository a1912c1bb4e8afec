"""The clients of a load test, in a process of their own: searches, answers and uploads on kept connections.

    python -m tests.bench.load_clients URL --seconds 60 --clients 64 --uploaders 2

One client in sixteen asks for answers, the others search. Prints JSON: how many of each, milliseconds, errors by
status, and the processor time of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.bench.bench_http import QUESTIONS

_ASK_EVERY = 16
_WORDS = ("invoice", "refund", "window", "ledger", "harbour", "copper", "valley", "contract", "battery", "holiday")
_BOUNDARY = "load-test-boundary"
_UPLOAD_BYTES = 200_000


@dataclass(slots=True)
class Tally:
    """What the clients saw: seconds of each kind of request, and errors by status or exception."""

    took: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """Return counts and milliseconds as JSON."""
        found: dict[str, Any] = {"errors": dict(self.errors)}
        for kind, values in self.took.items():
            p50, p99 = np.percentile(values, (50, 99)) * 1000
            found[kind] = {"requests": len(values), "p50_ms": round(p50, 1), "p99_ms": round(p99, 1)}
        return found


@dataclass(slots=True)
class Client:
    """One connection at a time to a server."""

    host: str
    port: int
    tally: Tally
    local: str = ""
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def send(self, kind: str, path: str, body: bytes, content_type: str = "application/json") -> None:
        """Send a request and count its answer; anything but 2xx and any broken connection is an error."""
        begun = time.perf_counter()
        try:
            status = await self._exchange(path, body, content_type)
        except (OSError, EOFError) as error:
            self.tally.errors[f"{kind}: {type(error).__name__}"] += 1
            self.close()
            return
        if status // 100 != 2:
            self.tally.errors[f"{kind}: {status}"] += 1
            return
        self.tally.took.setdefault(kind, []).append(time.perf_counter() - begun)

    async def _exchange(self, path: str, body: bytes, content_type: str) -> int:
        if self._writer is None or self._reader is None:
            local = (self.local, 0) if self.local else None
            self._reader, self._writer = await asyncio.open_connection(self.host, self.port, local_addr=local)
        head = f"POST {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: {content_type}\r\n"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await self._writer.drain()
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = next(line for line in answer.splitlines() if line.startswith(b"content-length:"))
        await self._reader.readexactly(int(length.split(b":")[1]))
        if b"\r\nconnection: close" in answer:
            self.close()
        return int(answer[9:12])

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def question_client(client: Client, number: int, until: float) -> None:
    """Ask one question after the other; the questions differ, so that they are embedded."""
    chance = random.Random(number)
    kind = "ask" if number % _ASK_EVERY == 0 else "search"
    while time.monotonic() < until:
        words = f"{chance.choice(QUESTIONS)} {chance.choice(_WORDS)} {chance.randrange(1000)}"
        body = {"question": words} if kind == "ask" else {"query": words, "k": 5}
        await client.send(kind, f"/v1/collections/default/{kind}", json.dumps(body).encode())
    client.close()


async def uploader(client: Client, number: int, until: float) -> None:
    """Upload one made text after the other and wait until each is searchable."""
    chance = random.Random(number)
    turn = 0
    while time.monotonic() < until:
        text = " ".join(chance.choices(_WORDS, k=_UPLOAD_BYTES // 8)).replace("valley ", "valley. ")
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="load-{number}-{turn}.txt"'
        body = f"{head}\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--{_BOUNDARY}--\r\n".encode()
        path = f"/v1/collections/uploads{number}/documents?wait=true"
        await client.send("upload", path, body, f"multipart/form-data; boundary={_BOUNDARY}")
        turn += 1
    client.close()


async def run(url: str, *, seconds: float, clients: int, uploaders: int = 0, local: str = "") -> Tally:
    """Let all clients work at once for so many seconds; local: the address that they come from."""
    host, port = url.removeprefix("http://").split(":")
    tally, until = Tally(), time.monotonic() + seconds
    made = [Client(host, int(port), tally, local) for _ in range(clients + uploaders)]
    work = [question_client(client, number, until) for number, client in enumerate(made[:clients])]
    work += [uploader(client, number, until) for number, client in enumerate(made[clients:])]
    await asyncio.gather(*work)
    return tally


def main() -> None:
    """Read the options, run the clients, print what they saw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--uploaders", type=int, default=0)
    parser.add_argument("--local", default="", help="address that the clients come from")
    options = parser.parse_args()
    tally = asyncio.run(
        run(
            options.url,
            seconds=options.seconds,
            clients=options.clients,
            uploaders=options.uploaders,
            local=options.local,
        )
    )
    sys.stdout.write(json.dumps({**tally.as_dict(), "cpu_s": round(time.process_time(), 1)}) + "\n")


if __name__ == "__main__":
    main()
