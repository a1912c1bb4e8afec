"""A proxy before a PostgreSQL server's socket that breaks off, or falls silent, in the middle of what passes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

Direction = Literal["question", "answer"]
NEVER: Final = 1 << 62


class Proxy:
    """Passes bytes on both ways until a number of them has passed in one direction, over all connections.

    address: of the server through this proxy. At `cut_at` bytes of a direction it ends every connection, or from then
    on passes nothing more and leaves them open, while `hangs`; it accepts new ones either way.
    """

    def __init__(self, server: Path, folder: Path) -> None:
        """server: the server's socket. folder: an empty one, for the proxy's own."""
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / server.name))
        self._listener.listen()
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self.passed: dict[Direction, int] = {"question": 0, "answer": 0}
        self.cut: tuple[Direction, int] = ("question", NEVER)
        self.hangs = False
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def strike(self, direction: Direction, after: int, *, hang: bool) -> None:
        """Break off, or hang, after so many bytes more in a direction."""
        with self._lock:
            self.hangs = hang
            self.cut = (direction, self.passed[direction] + after)

    def heal(self) -> None:
        """Pass everything on from now on, on new connections; the old ones end."""
        with self._lock:
            self.cut = ("question", NEVER)
            self._end_all()

    def close(self) -> None:
        """End every connection and the proxy."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        self.heal()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(str(self._server))
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._pairs.append((client, server))
                thread = threading.Thread(target=self._serve, args=(client, server), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            back = threading.Thread(target=self._pass, args=(server, client, "answer"), daemon=True)
            back.start()
            self._pass(client, server, "question")
            back.join()

    def _pass(self, source: socket.socket, target: socket.socket, direction: Direction) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                part = self._allowed(data, direction)
                target.sendall(part)
                if len(part) < len(data) and not self.hangs:
                    with self._lock:
                        self._end_all()
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _allowed(self, data: bytes, direction: Direction) -> bytes:
        """Return the part of some bytes that passes."""
        with self._lock:
            struck, at = self.cut
            before = self.passed[direction]
            is_over = self.passed[struck] >= at
            part = data[: at - before] if direction == struck else b"" if is_over and self.hangs else data
            self.passed[direction] += len(part)
            return b"" if is_over and self.hangs else part

    def _end_all(self) -> None:
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()


@contextmanager
def postgres_proxy(server: Path, folder: Path) -> Iterator[Proxy]:
    """Run a proxy before a server's socket for the body."""
    proxy = Proxy(server, folder)
    try:
        yield proxy
    finally:
        proxy.close()
