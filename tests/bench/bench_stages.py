"""What each stage of a search costs: milliseconds of the processor a question, in one process.

    python -m tests.bench.bench_stages DATA QUESTIONS [--count 96] [--clients 16]

QUESTIONS: a file with a question a line; all are different, so that each is embedded. Each stage is measured by the
clock of the thread that runs it; the model, which has threads of its own, by the clock of the process, in batches of as
many questions as there are clients. HTTP is uvicorn's protocol and the app around a search that returns at once, on one
kept connection without a socket. What is left of the whole is the handing over between threads.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from uvicorn.server import ServerState

import ragkit
from ragkit.knowledge.querying import Querying
from ragkit.retrieval import retriever
from ragkit_service import ServiceSettings, create_app
from ragkit_service.server import server_config
from tests.bench.bench_http import QUESTIONS

_REQUESTS = 400


class Stages:
    """Adds up the processor time of functions, by stage."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def measuring(self, places: dict[str, tuple[Any, str]]) -> Iterator[None]:
        """Measure functions while the block runs. places: the stage, and where its function is."""
        patches = [mock.patch.object(*place, self._timed(stage, getattr(*place))) for stage, place in places.items()]
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()

    def _timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def timed(*arguments: Any, **options: Any) -> Any:
            before = time.thread_time()
            try:
                return work(*arguments, **options)
            finally:
                with self._lock:
                    self.seconds[stage] += time.thread_time() - before

        return timed


async def _ask(kb: ragkit.KnowledgeBase, questions: list[str], clients: int) -> None:
    async def client(own: list[str]) -> None:
        for question in own:
            await kb.asearch(question, k=5)

    await asyncio.gather(*(client(questions[number::clients]) for number in range(clients)))


def stages(data: Path, questions: list[str], *, clients: int) -> dict[str, float]:
    """Return milliseconds of the processor a question, by stage; the first questions of the file warm up."""
    found = Stages()
    warm, asked = questions[: 2 * clients], questions[2 * clients :]
    with ragkit.open(data, create=False) as kb:
        kb.search(warm[0])
        asyncio.run(_ask(kb, warm, clients))
        newest = kb._querying._indexes.newest()
        assert newest is not None
        places: dict[str, tuple[Any, str]] = {
            "vector search": (retriever._Search, "near"),
            "terms of the question": (type(newest.lexical), "question"),
            "search of terms": (type(newest.lexical), "search"),
            "scoring": (retriever.Retriever, "_score"),
            "passages": (retriever.Retriever, "_hits"),
        }
        with found.measuring(places):
            before = time.process_time()
            asyncio.run(_ask(kb, asked, clients))
            found.seconds["all"] = time.process_time() - before
        before, embedder = time.process_time(), kb._models.embedder()
        for start in range(0, len(asked), clients):
            embedder.embed_queries(asked[start : start + clients])
        found.seconds["model"] = time.process_time() - before
    return {stage: round(spent * 1000 / len(asked), 2) for stage, spent in found.seconds.items()}


class _NoSocket(asyncio.Transport):
    """A transport that keeps nothing of what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 80)})

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Forget the bytes."""

    def is_closing(self) -> bool:
        """Return False: the connection is kept."""
        return False


async def http(data: Path) -> float:
    """Return milliseconds of the event loop's thread for a request, without its search."""
    settings = ServiceSettings(data=data, port=0)
    app = create_app(settings)
    config = server_config(settings, app)
    config.log_config = None
    config.load()
    body = json.dumps({"query": QUESTIONS[0], "k": 5}).encode()
    head = "POST /v1/collections/default/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    sent = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    async with app.router.lifespan_context(app) as state:
        service = app.state.service
        while not service.readiness.ready:
            await asyncio.sleep(0.1)
        with service.pool.use("default") as kb:
            hits = await kb.asearch(QUESTIONS[0], k=5)
        protocol: Any = config.http_protocol_class(config, ServerState(), dict(state or {}))  # type: ignore[call-arg]
        protocol.connection_made(_NoSocket())
        with mock.patch.object(Querying, "asearch", mock.AsyncMock(return_value=hits)):
            before = time.thread_time()
            for _ in range(_REQUESTS):
                protocol.data_received(sent)
                while not protocol.cycle.response_complete:
                    await asyncio.sleep(0)
            return (time.thread_time() - before) * 1000 / _REQUESTS


def main() -> None:
    """Read the options, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    lines = [line for line in options.questions.read_text(encoding="utf-8").splitlines() if line.strip()]
    asked = lines[: options.count + 2 * options.clients]
    found = stages(options.data, asked, clients=options.clients)
    print(json.dumps({**found, "http": round(asyncio.run(http(options.data)), 2)}))


if __name__ == "__main__":
    main()
