"""A chat model's server that misbehaves in a chosen way, one script for each connection."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.chat_servers import OPENAI_END, openai_chunk

Script = Callable[["Connection", int], None]
"""Answers one request. The number counts the requests from 0."""

ANSWER = "The refund window is thirty days after delivery [1]."
WHOLE = [openai_chunk(ANSWER), openai_chunk(finish="stop"), OPENAI_END]


class Connection:
    """One request that was read, and what can be done to its client."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def head(self, status: int = 200, media_type: str = "text/event-stream") -> None:
        """Send the status line and the headers of a response that ends with the connection."""
        self.send(
            f"HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nConnection: close\r\n"
            f"Transfer-Encoding: chunked\r\n\r\n".encode()
        )

    def events(self, *events: bytes, end: bool = False) -> None:
        """Send pieces of the body. end: the body is complete."""
        for event in events:
            self.send(b"%x\r\n%s\r\n" % (len(event), event))
        if end:
            self.send(b"0\r\n\r\n")

    def error(self, status: int) -> None:
        """Send an error as OpenAI's API does."""
        self.head(status, "application/json")
        self.events(json.dumps({"error": {"message": "no", "type": "t", "code": "c"}}).encode(), end=True)

    def answer(self) -> None:
        """Send a whole answer."""
        self.head()
        self.events(*WHOLE, end=True)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def reset(self) -> None:
        """End the connection with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def wait(self, seconds: float = 60.0) -> float:
        """Say nothing until the client closes; return how many seconds that took."""
        started = time.monotonic()
        self._socket.settimeout(seconds)
        with contextlib.suppress(OSError):
            while self._socket.recv(4096):
                pass
        return time.monotonic() - started


class FaultyUpstream:
    """The server. script: what the next requests meet. requests: how many there were."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.script: Script = lambda connection, _: connection.answer()
        self.requests = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65_536)
            head, _, body = data.partition(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
            while len(body) < int(fields[b"content-length"]):
                body += connection.recv(65_536)
            number, self.requests = self.requests, self.requests + 1
            self.script(Connection(connection), number)


@contextmanager
def faulty_upstream() -> Iterator[FaultyUpstream]:
    """Run the server for the length of a test."""
    made = FaultyUpstream()
    try:
        yield made
    finally:
        made.close()


def scripts() -> dict[str, tuple[Script, Any]]:
    """Return the faults by name: the script, and what the client sees: "answer", or the code of the error."""

    def silent_head(connection: Connection, _: int) -> None:
        connection.wait()

    def silent_body(connection: Connection, _: int) -> None:
        connection.head()
        connection.wait()

    def silent_middle(connection: Connection, _: int) -> None:
        connection.head()
        connection.events(openai_chunk("The refund window is "))
        connection.wait()

    def trickle(connection: Connection, _: int) -> None:
        connection.head()
        connection.events(openai_chunk("The refund window is "))
        while True:
            connection.events(openai_chunk(""))
            time.sleep(0.1)

    def comments(connection: Connection, _: int) -> None:
        connection.head()
        while True:
            connection.events(b": keep-alive\n\n")
            time.sleep(0.1)

    def reset_first(connection: Connection, _: int) -> None:
        connection.reset()

    def reset_once(connection: Connection, number: int) -> None:
        (connection.reset if number == 0 else connection.answer)()

    def reset_middle(connection: Connection, _: int) -> None:
        connection.head()
        connection.events(openai_chunk("The refund window is "))
        time.sleep(0.2)
        connection.reset()

    def cut_chunked(connection: Connection, _: int) -> None:
        connection.head()
        connection.events(openai_chunk("The refund window is "))

    def ends_without_mark(connection: Connection, _: int) -> None:
        connection.head()
        connection.events(openai_chunk("The refund window is "), end=True)

    def half_an_event(connection: Connection, _: int) -> None:
        connection.head()
        connection.events(openai_chunk("The refund window is "), openai_chunk("thirty days")[:40], end=True)

    def broken_json(connection: Connection, _: int) -> None:
        connection.head()
        connection.events(openai_chunk("The refund window is "), b"data: {nonsense\n\n", end=True)

    def error_in_the_stream(connection: Connection, _: int) -> None:
        connection.head()
        error = {"error": {"message": "out of memory", "type": "server_error", "code": None}}
        connection.events(openai_chunk("The refund window is "), f"data: {json.dumps(error)}\n\n".encode(), end=True)

    def endless(connection: Connection, _: int) -> None:
        connection.head()
        for number in range(100_000):
            connection.events(openai_chunk("".join(f"Word {number * 40 + at} of many. " for at in range(40))))

    def page(connection: Connection, _: int) -> None:
        connection.head(media_type="text/html")
        connection.events(b"<html><body>Sign in</body></html>", end=True)

    def status(code: int) -> Script:
        return lambda connection, _: connection.error(code)

    def once(code: int) -> Script:
        return lambda connection, number: connection.error(code) if number == 0 else connection.answer()

    return {
        "silent before the head": (silent_head, "chat_timeout"),
        "silent after the head": (silent_body, "chat_timeout"),
        "silent in the middle": (silent_middle, "chat_timeout"),
        "a trickle that never ends": (trickle, "chat_timeout"),
        "comments and no text": (comments, "chat_timeout"),
        "reset before the head": (reset_first, "chat_interrupted"),
        "reset before the head, once": (reset_once, "answer"),
        "reset in the middle": (reset_middle, "chat_interrupted"),
        "cut in the middle of the body": (cut_chunked, "chat_interrupted"),
        "ends without an end mark": (ends_without_mark, "chat_interrupted"),
        "half an event": (half_an_event, "chat_interrupted"),
        "broken JSON": (broken_json, "chat_interrupted"),
        "an error in the stream": (error_in_the_stream, "chat"),
        "endless text": (endless, "chat"),
        "a page instead of a stream": (page, "chat_interrupted"),
        "HTTP 401": (status(401), "chat"),
        "HTTP 500 for ever": (status(500), "chat"),
        "HTTP 503 once": (once(503), "answer"),
        "HTTP 429 once": (once(429), "answer"),
    }
