"""The OpenAPI document is true: requests that schemathesis makes from it get answers that it documents.

What it describes is taken, what it does not is refused, and nothing is answered without a key.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

import ragkit
from ragkit import Document, Settings
from ragkit.testing import HashEmbedder
from ragkit_service import Limits, ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from ragkit_service.server import bind, server_config, url_of
from tests.support.service_fakes import KEY, plain_extractor

CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "ignored_auth",
)


def _read(path: Path) -> Document:
    """Read any bytes as text: schemathesis uploads a picture."""
    return Document.from_text(path.name, path.read_bytes().decode("utf-8", "replace"))


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Serve a folder with one collection to whoever has the key; yield the address of the OpenAPI document."""
    with ragkit.open(folder, collection="handbook", embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text("a.md", "The refund window is thirty days."))
    library = DataFolder(folder, settings=Settings(), embedder=HashEmbedder())
    limits = Limits(wait_seconds=5, writer_seconds=5)
    settings = ServiceSettings(data=folder, port=0, api_key=KEY, limits=limits)
    config = server_config(settings, create_app(settings, library=library, extractor=plain_extractor(_read)))
    config.log_config = None
    server = uvicorn.Server(config)
    with bind(settings) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"{url_of(listener)}/openapi.json"
        finally:
            server.should_exit = True
            thread.join(60)


def _requests_made(folder: Path, *, phases: str, examples: int, seconds: int, every: int = 1) -> int:
    """Send requests of the given phases, so many made-up ones per operation; return how many. Fails on any failure.

    every: send a part of those that cover the document, see schemathesis_hooks.
    """
    with _served(folder) as address:
        command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={CONFIG}", "run", address]
        options = ["--checks", ",".join(CHECKS), "--header", f"Authorization: Bearer {KEY}", "--no-color"]
        options += ["--request-timeout", "60"]  # seconds: the machine may be busy
        drawn = ["--phases", phases, "--max-examples", str(examples), "--seed", "7", "--generation-deterministic"]
        done = subprocess.run(
            [*command, *options, *drawn, "--continue-on-failure"],
            cwd=folder,
            env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS), "SCHEMATHESIS_EVERY": str(every)},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    made = re.search(r"([\d,]+) generated", done.stdout)
    assert made is not None, done.stdout[-2_000:]
    return int(made[1].replace(",", ""))


def test_every_answer_is_documented(tmp_path: Path) -> None:
    assert _requests_made(tmp_path, phases="examples,coverage", examples=1, seconds=600, every=8) >= 2_000


@pytest.mark.slow
def test_every_answer_of_fifty_thousand_is_documented(tmp_path: Path) -> None:
    assert _requests_made(tmp_path, phases="examples,coverage,fuzzing", examples=1_000, seconds=7_200) >= 50_000
