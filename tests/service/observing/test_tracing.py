"""OpenTelemetry: spans of requests and stages where it is configured, and nothing of it otherwise."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import ragkit
from ragkit import ConfigError, Document, Settings
from ragkit.testing import HashEmbedder
from ragkit_service import ServiceSettings, create_app, service_settings
from ragkit_service.collection_pool import DataFolder
from ragkit_service.configuration.reading import read_configuration
from ragkit_service.observing.tracing import Tracing
from tests.support.service_fakes import LOCAL, FakeLibrary, plain_extractor

sdk = pytest.importorskip("opentelemetry.sdk.trace.export", reason="the extra `otel` is not installed")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def spans() -> Any:
    return memory.InMemorySpanExporter()


@pytest.fixture
def http(tmp_path: Path, spans: Any) -> Iterator[TestClient]:
    with ragkit.open(tmp_path, collection="team-a", embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text("pay.md", "The canary pay in Ghent is 3,120 euros a month."))
    library = DataFolder(tmp_path, settings=Settings(), embedder=HashEmbedder())
    tracing = Tracing("", processor=sdk.SimpleSpanProcessor(spans))
    app = create_app(ServiceSettings(data=tmp_path), library=library, extractor=plain_extractor(), tracing=tracing)
    with TestClient(app, base_url=LOCAL) as opened:
        yield opened


def by_name(spans: Any) -> dict[str, Any]:
    return {span.name: span for span in spans.get_finished_spans()}


def test_a_question_is_a_span_with_its_stages_in_the_callers_trace(http: TestClient, spans: Any) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "from-the-caller"}
    for stream in (False, True):
        spans.clear()
        body = {"question": f"How much is the canary pay in Ghent {stream}?", "stream": stream}
        assert http.post("/v1/collections/team-a/ask", json=body, headers=headers).status_code == 200

        found = by_name(spans)
        whole = found["POST /v1/collections/{name}/ask"]
        assert f"{whole.context.trace_id:032x}" == TRACE
        assert f"{whole.parent.span_id:016x}" == PARENT
        assert dict(whole.attributes) == {
            "http.request.method": "POST",
            "http.route": "/v1/collections/{name}/ask",
            "http.response.status_code": 200,
            "ragkit.request_id": "from-the-caller",
        }
        for stage in ("ragkit.search", "ragkit.embed", "ragkit.model"):
            assert found[stage].parent.span_id == whole.context.span_id, stage
            assert whole.start_time <= found[stage].start_time <= found[stage].end_time <= whole.end_time


def test_a_search_has_the_stages_embed_and_search_once(http: TestClient, spans: Any) -> None:
    for _ in range(2):  # the first opens the collection, the second finds it open
        spans.clear()
        http.post("/v1/collections/team-a/search", json={"query": f"pay in Ghent {_}"})
        names = sorted(span.name for span in spans.get_finished_spans())
        assert names == ["POST /v1/collections/{name}/search", "ragkit.embed", "ragkit.search"]


def test_spans_hold_nothing_of_what_was_asked(http: TestClient, spans: Any) -> None:
    http.post("/v1/collections/team-a/ask", json={"question": "canary"}, headers={"Authorization": "Bearer canary"})
    http.get("/v1/collections/canary-collection")
    http.post("/v1/collections/canary-collection/search", json={"query": "canary"})
    assert spans.get_finished_spans()
    assert "canary" not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_errors_have_their_status(http: TestClient, spans: Any) -> None:
    http.post("/v1/collections/none/ask", json={"question": "pay"})
    http.get("/nowhere")
    statuses = [span.attributes["http.response.status_code"] for span in spans.get_finished_spans()]
    assert sorted(statuses)[-2:] == [404, 404]


def test_spans_are_sent_to_the_endpoint(tmp_path: Path) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Stay silent."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        settings = ServiceSettings(data=tmp_path, otlp_endpoint=f"http://127.0.0.1:{server.server_port}")
        app = create_app(settings, library=FakeLibrary("team-a"), extractor=plain_extractor())
        with TestClient(app, base_url=LOCAL) as http:
            http.get("/v1/collections")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert received
    assert received[0][0] == "/v1/traces"
    assert b"/v1/collections" in received[0][1]


def test_without_an_endpoint_nothing_of_the_sdk_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ragkit_service import ServiceSettings, create_app\n"
        f"create_app(ServiceSettings(data=Path({str(tmp_path)!r})))\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_the_setting_goes_before_opentelemetrys_own_variable() -> None:
    standard = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert service_settings(standard).otlp_endpoint == "http://127.0.0.1:4318"
    found = read_configuration({}, standard)
    assert found.service_settings().otlp_endpoint == "http://127.0.0.1:4318"
    assert found.origins["otlp_endpoint"] == "OTEL_EXPORTER_OTLP_ENDPOINT"
    both = {**standard, "RAGKIT_OTLP_ENDPOINT": "https://collector.example.org/a"}
    assert read_configuration({}, both).service_settings().otlp_endpoint == "https://collector.example.org/a"
    with pytest.raises(ConfigError, match="RAGKIT_OTLP_ENDPOINT"):
        service_settings({"RAGKIT_OTLP_ENDPOINT": "collector:4318"})
