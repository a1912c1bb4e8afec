"""The open connections of a server process: limits in all and for each peer, and the connection to close at a limit."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from ragkit_service.settings import Limits


class Connection(Protocol):
    """One connection, with what the limits need to know."""

    @property
    def peer(self) -> str:
        """The address of the other side, without its port."""

    @property
    def is_idle(self) -> bool:
        """Whether no request is running on it."""

    def drop(self) -> None:
        """Close it now."""


class Connections:
    """Admits connections. When there are too many, the idle one that has been open for longest is closed for a new one.

    Beyond `connections`, when none is idle, `reserve` more are admitted: requests above the bound of requests get a
    503 there, and health checks their answer. trusted: peers without a bound of their own (proxies).
    """

    def __init__(self, limits: Limits, *, trusted: Collection[str] = ()) -> None:
        self._limits = limits
        self._trusted = frozenset(trusted)
        self._open: dict[Connection, None] = {}  # in the order of their arrival

    def admit(self, new: Connection) -> bool:
        """Take a new connection in; False when it must be closed instead."""
        limits = self._limits
        if new.peer not in self._trusted:
            same = [held for held in self._open if held.peer == new.peer]
            if len(same) >= limits.peer_connections and not self._drop_idle(same):
                return False
        full = len(self._open) >= limits.connections and not self._drop_idle(list(self._open))
        if full and len(self._open) >= limits.connections + limits.reserve:
            return False
        self._open[new] = None
        return True

    def forget(self, closed: Connection) -> None:
        """Stop counting a connection; does nothing when it is not counted."""
        self._open.pop(closed, None)

    def __len__(self) -> int:
        return len(self._open)

    def _drop_idle(self, among: list[Connection]) -> bool:
        for held in among:
            if held.is_idle:
                self.forget(held)
                held.drop()
                return True
        return False
