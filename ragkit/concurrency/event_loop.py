"""Reports finished calls to the event loops that await them, in batches: each report wakes its loop once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import asyncio


A_TURN: Final = 4
"""Calls that a loop completes in one turn: an answer of a search takes it about a millisecond."""


class Call(Protocol):
    """A call that an event loop awaits; `future` only signals that it has ended."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


def report_to_loops(calls: Iterable[Call]) -> None:
    """Complete the futures of calls that have ended, from any thread; each loop is woken once.

    A loop completes a few of them a turn: what follows each of sixty answers would hold up its timers and others.
    """
    loops: dict[asyncio.AbstractEventLoop, list[Call]] = {}
    for call in calls:
        loops.setdefault(call.loop, []).append(call)
    for loop, ended in loops.items():
        with suppress(RuntimeError):  # the loop was closed
            loop.call_soon_threadsafe(_settle, loop, ended)


def _settle(loop: asyncio.AbstractEventLoop, calls: list[Call]) -> None:
    for call in calls[:A_TURN]:
        if not call.future.done():  # a cancelled future is done already
            call.future.set_result(None)
    if len(calls) > A_TURN:
        loop.call_soon(_settle, loop, calls[A_TURN:])
