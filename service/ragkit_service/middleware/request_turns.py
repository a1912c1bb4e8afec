"""Requests that arrive together begin a few per turn of the event loop, so that others are served in between."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from ragkit_service.middleware.request_log import OPEN_PATH

A_TURN: Final = 2
"""Requests that begin in one turn. The part of a search before its first wait takes the loop 0.5 ms, and 4 ms where
its vector is cached."""


class RequestTurns:
    """ASGI middleware: at most `a_turn` requests begin in one turn of the event loop, the others later in FIFO order.

    asyncio runs everything that is ready in one turn; the first parts of sixty requests, run in one go, would delay
    every timer and connection by their sum. Health checks do not wait.
    """

    def __init__(self, app: ASGIApp, *, a_turn: int = A_TURN) -> None:
        self.app = app
        self._a_turn = a_turn
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on in its turn."""
        if scope["type"] == "http" and scope["path"] != OPEN_PATH:
            await self._turn()
        await self.app(scope, receive, send)

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        if self._begun < self._a_turn:  # then nobody waits
            if not self._begun:
                loop.call_soon(self._next_turn)
            self._begun += 1
            return
        begin = loop.create_future()
        self._waiting.append(begin)
        await begin

    def _next_turn(self) -> None:
        """Let the next requests begin; runs once a turn while any did in the turn before."""
        self._begun = 0
        while self._waiting and self._begun < self._a_turn:
            begin = self._waiting.popleft()
            if not begin.done():  # a cancelled future is done already
                begin.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._next_turn)
