"""An embedder of an installed package that ends its worker on request, and the processes of a test's Ray cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.installed import install

MODEL = "fatal:hash"
DRIVER = "RAGKIT_TEST_DRIVER"
CODE = """
import os, signal
from ragkit.testing import HashEmbedder

class FatalEmbedder(HashEmbedder):
    def token_offsets(self, text):
        end_if("ENDS-ITS-READER", [text])
        return super().token_offsets(text)

def end_if(word, texts):
    if any(word in text for text in texts) and os.environ["RAGKIT_TEST_DRIVER"] != str(os.getpid()):
        os.kill(os.getpid(), signal.SIGKILL)

def make(name, settings):
    return FatalEmbedder(32, max_tokens=64, name="fatal:" + name)
"""


@contextmanager
def fatal_model(folder: Path) -> Iterator[None]:
    """Install the embedder MODEL for this process and the processes that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        install(patch, folder, "ragkit.embedders", points={"fatal": "more_models:make"}, code=CODE)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        patch.setenv(DRIVER, str(os.getpid()))
        yield


def worker_processes(kind: str) -> list[int]:
    """Return the process ids of the actors of a class, of the clusters that this process has started."""
    mark = f"{DRIVER}={os.getpid()}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(f"ray::{kind}".encode()):
                found += [int(entry.name)] if mark in (entry / "environ").read_bytes().split(b"\0") else []
        except OSError:
            continue  # it has ended
    return sorted(found)


def kill(process: int) -> None:
    """End a process as the kernel would that runs out of memory."""
    os.kill(process, signal.SIGKILL)
