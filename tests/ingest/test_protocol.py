"""The texts that a reading process sends arrive whole, wherever the socket cuts them."""

from __future__ import annotations

import os
import socket
import tempfile
import threading

import pytest

from ragkit_ingest.workers import protocol
from ragkit_ingest.workers.protocol import ClosedError, receive, send


def passed(text: str) -> str:
    """Return a text after it went through a socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=send, args=(theirs, {"n": 1}), kwargs={"text": text})
        sender.start()
        message, received, descriptor = receive(ours)
        sender.join()
    assert (message, descriptor) == ({"n": 1}, -1)
    return received


@pytest.mark.parametrize("small", [0, 1 << 16])
@pytest.mark.parametrize("piece", [1, 2, 3, 1 << 20])
def test_characters_may_be_cut_anywhere(monkeypatch: pytest.MonkeyPatch, piece: int, small: int) -> None:
    monkeypatch.setattr(protocol, "_PIECE", piece)
    monkeypatch.setattr(protocol, "_SMALL", small)
    text = "aé東\U0001f642\n" * 50
    assert passed(text) == text
    assert passed("") == ""


@pytest.mark.parametrize("size", [protocol._SMALL - 1, protocol._SMALL, protocol._SMALL + 1, 3 * protocol._SMALL])
def test_texts_around_the_limit_of_one_send_arrive_with_their_descriptor(size: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryFile() as file:
        text = "é" + "x" * (size - 2)
        options = {"text": text, "descriptor": file.fileno()}
        sender = threading.Thread(target=send, args=(theirs, {"n": 1}), kwargs=options)
        sender.start()
        message, received, descriptor = receive(ours)
        sender.join()
        same = os.fstat(descriptor).st_ino == os.fstat(file.fileno()).st_ino
        os.close(descriptor)
    assert (message, received, same) == ({"n": 1}, text, True)


def test_a_connection_that_ends_inside_a_text_is_closed() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            head = protocol._LENGTHS.pack(2, 10)
            theirs.sendall(head + b"{}" + "éé".encode())
        with pytest.raises(ClosedError):
            receive(ours)
