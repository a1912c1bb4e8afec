"""Small servers on 127.0.0.1 that speak the chat APIs of OpenAI and Anthropic, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Events = list[bytes | threading.Event]
"""What a stream sends; at an event the server waits until the test sets it, or the client is gone."""


def openai_chunk(text: str | None = None, *, finish: str | None = None) -> bytes:
    """Return one chunk of a streamed OpenAI completion."""
    delta = {} if text is None else {"role": "assistant", "content": text}
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return f"data: {json.dumps(body)}\n\n".encode()


OPENAI_END = b"data: [DONE]\n\n"


def anthropic_event(kind: str, **fields: Any) -> bytes:
    """Return one event of a streamed Anthropic message."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def anthropic_message(*texts: str, stop: str | None = "end_turn", end: bool = True) -> Events:
    """Return the events of a message; without `stop` and `end` it is cut off."""
    message: dict[str, Any] = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "content": []}
    message["stop_reason"] = None
    usage = {"input_tokens": 1, "output_tokens": 1}
    events: Events = [anthropic_event("message_start", message={**message, "stop_sequence": None, "usage": usage})]
    events.append(anthropic_event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    events.extend(
        anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}) for text in texts
    )
    if stop:
        events.append(anthropic_event("content_block_stop", index=0))
        delta = {"stop_reason": stop, "stop_sequence": None}
        events.append(anthropic_event("message_delta", delta=delta, usage={"output_tokens": 2}))
    if end:
        events.append(anthropic_event("message_stop"))
    return events


class Server(ThreadingHTTPServer):
    """Answers each POST by `answer(body)`: (status, events). `requests` keeps (path, headers, body)."""

    daemon_threads = True

    def __init__(self, answer: Callable[[dict[str, Any]], tuple[int, Events]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        status, events = self.server.answer(body)
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream" if status == 200 else "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in events:
            if isinstance(event, threading.Event):
                event.wait(60)
            else:
                self.wfile.write(event)
                self.wfile.flush()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@contextmanager
def serving(answer: Callable[[dict[str, Any]], tuple[int, Events]]) -> Iterator[Server]:
    """Run a server for the length of a test."""
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
