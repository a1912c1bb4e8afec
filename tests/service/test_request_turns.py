"""Requests that arrive together begin a few per turn of the event loop; health checks do not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from starlette.types import Message, Receive, Scope, Send

from ragkit_service import ServiceSettings, create_app
from ragkit_service.middleware.access import Guard
from ragkit_service.middleware.request_log import Observe
from ragkit_service.middleware.request_turns import RequestTurns
from tests.support.service_fakes import FakeLibrary, plain_extractor

_A_TURN = 3


async def _receive() -> Message:
    raise AssertionError("nothing is received")


async def _send(_: Message) -> None:
    raise AssertionError("nothing is sent")


class _Turns:
    """Counts the turns of the running loop, and notes the turn in which each path begins."""

    def __init__(self) -> None:
        self.now = 0
        self.begun: list[tuple[str, int]] = []
        asyncio.get_running_loop().call_soon(self._count)

    def _count(self) -> None:
        self.now += 1
        if self.now < 100:
            asyncio.get_running_loop().call_soon(self._count)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        self.begun.append((scope["path"], self.now))


def _begun(
    paths: list[str], *, meanwhile: Callable[[list[asyncio.Task[None]]], None] | None = None
) -> list[tuple[str, int]]:
    """Return the paths in the order in which they begin, with the loop's turn, of requests that arrive together."""

    async def main() -> list[tuple[str, int]]:
        turns = _Turns()
        gate = RequestTurns(turns.app, a_turn=_A_TURN)
        scopes = [{"type": "http", "path": path} for path in paths]
        tasks = [asyncio.create_task(gate(scope, _receive, _send)) for scope in scopes]
        if meanwhile is not None:
            await asyncio.sleep(0)
            meanwhile(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
        return turns.begun

    return asyncio.run(main())


def test_requests_that_arrive_together_begin_in_order_a_few_per_turn() -> None:
    paths = [f"/{number}" for number in range(4 * _A_TURN + 1)]
    begun = _begun(paths)
    turns = [turn for _, turn in begun]
    assert [path for path, _ in begun] == paths
    assert max(turns.count(turn) for turn in turns) == _A_TURN
    assert max(turns) <= 2 * len(paths)  # nobody waits longer than the others take


def test_a_health_check_passes_those_that_wait() -> None:
    begun = [path for path, _ in _begun([*(f"/{number}" for number in range(9)), "/healthz"])]
    assert begun.index("/healthz") == _A_TURN


def test_a_request_that_was_cancelled_takes_no_turn() -> None:
    paths = [f"/{number}" for number in range(3 * _A_TURN)]

    def cancel(tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks[_A_TURN:-1]:
            task.cancel()

    assert [path for path, _ in _begun(paths, meanwhile=cancel)] == [*paths[:_A_TURN], paths[-1]]


def test_the_service_has_it_within_what_counts_and_limits_requests(tmp_path: Path) -> None:
    app = create_app(ServiceSettings(data=tmp_path), library=FakeLibrary("default"), extractor=plain_extractor())
    kinds: list[object] = [layer.cls for layer in app.user_middleware]
    assert kinds.index(Observe) < kinds.index(RequestTurns) < kinds.index(Guard)


def test_after_a_pause_requests_begin_at_once() -> None:
    async def main() -> list[tuple[str, int]]:
        turns = _Turns()
        gate = RequestTurns(turns.app, a_turn=_A_TURN)
        for number in range(_A_TURN + 1):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            before = turns.now
            await gate({"type": "http", "path": f"/{number}"}, _receive, _send)
            assert turns.now == before
        return turns.begun

    assert len(asyncio.run(main())) == _A_TURN + 1
