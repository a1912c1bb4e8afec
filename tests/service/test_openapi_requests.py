"""The OpenAPI document is true: requests that schemathesis makes from it get answers that it documents."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import uvicorn

import ragkit
from ragkit import Document, Settings
from ragkit.testing import HashEmbedder
from ragkit_service import Limits, ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from ragkit_service.server import bind, server_config, url_of
from tests.support.service_fakes import plain_extractor

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = 20  # for each of some 25 operations, beside those that cover every value of every parameter
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,missing_required_header,unsupported_method,allow_header_conformance"
)
"""Left out: whether exactly the bodies that the schema describes are taken; it says less of filters than is taken."""


def _read(path: Path) -> Document:
    """Read any bytes as text: schemathesis uploads a picture."""
    return Document.from_text(path.name, path.read_bytes().decode("utf-8", "replace"))


def test_every_answer_is_documented(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, collection="handbook", embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text("a.md", "The refund window is thirty days."))
    library = DataFolder(tmp_path, settings=Settings(), embedder=HashEmbedder())
    limits = Limits(wait_seconds=5, writer_seconds=5)
    settings = ServiceSettings(data=tmp_path, port=0, limits=limits)
    config = server_config(settings, create_app(settings, library=library, extractor=plain_extractor(_read)))
    config.log_config = None
    server = uvicorn.Server(config)
    with bind(settings) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={CONFIG}", "run"]
            options = ["--max-examples", str(EXAMPLES), "--seed", "7", "--checks", CHECKS, "--no-color"]
            phases = ["--phases", "examples,coverage,fuzzing"]
            address = f"{url_of(listener)}/openapi.json"
            done = subprocess.run(
                [*command, address, *options, *phases],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
        finally:
            server.should_exit = True
            thread.join(60)
    assert done.returncode == 0, done.stdout[-20000:]
