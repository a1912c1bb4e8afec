"""/metrics: what is counted, who may read it, and what it says without prometheus-client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from ragkit_service.observing.loop_stalls import LoopStalls
from ragkit_service.security.key_file import Grant, KeyFile
from tests.support.service_fakes import FakeLibrary, client

OURS = "/v1/collections/team-a"


@pytest.fixture
def http(tmp_path: Path) -> Iterator[TestClient]:
    library = FakeLibrary("team-a")
    library.put("team-a", "pay.md", "words about pay")
    with client(library, tmp_path) as made:
        yield made


def values(http: TestClient, **headers: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the samples by name and label values; Prometheus' own parser reads them."""
    response = http.get("/metrics", headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_requests_hits_answers_and_tokens_are_counted(http: TestClient) -> None:
    for query in ("pay", "about", "unheard"):
        http.post(f"{OURS}/search", json={"query": query})
    answer = http.post(f"{OURS}/ask", json={"question": "pay"}).json()
    http.post("/v1/chat/completions", json={"model": "team-a", "messages": [{"role": "user", "content": "pay"}]})
    http.get("/no/such/path/canary")
    seen = values(http)
    search = "/v1/collections/{name}/search"
    assert seen["ragkit_http_requests_total", ("POST", search, "200")] == 3
    assert seen["ragkit_http_requests_total", ("GET", "none", "404")] == 1
    assert seen["ragkit_http_request_seconds_count", (search,)] == 3
    assert seen["ragkit_searches_total", ("yes",)] == 2
    assert seen["ragkit_searches_total", ("no",)] == 1
    assert seen["ragkit_hits_total", ()] == 2
    assert seen["ragkit_answers_total", (answer["status"],)] == 2
    assert seen["ragkit_tokens_total", ("prompt",)] == 2 * answer["tokens"]["total"]
    assert seen["ragkit_open_collections", ()] == 1
    assert seen["ragkit_jobs_unfinished", ()] == 0
    assert 0 <= seen["ragkit_event_loop_stall_seconds", ()] < 60
    assert not any("canary" in str(name) or "team-a" in str(name) for name in seen)


def test_methods_without_bound_are_one_label(http: TestClient) -> None:
    for method in ("BREW", "CANARY"):
        http.request(method, "/healthz")
    assert [labels[0] for name, labels in values(http) if name == "ragkit_http_requests_total"] == ["other"]


def test_a_key_must_read_all_collections(tmp_path: Path) -> None:
    stored = KeyFile(tmp_path / "keys.json")
    kinds = {
        200: [Grant(("read",)), Grant(("admin",))],
        403: [Grant(("write",)), Grant(("admin",), ("team-a*",)), Grant(("read",), labels=("hr",))],
    }
    with client(FakeLibrary("team-a"), tmp_path) as http:
        for status, grants in kinds.items():
            for number, grant in enumerate(grants):
                key = stored.create(f"{status}-{number}", grant)
                assert http.get("/metrics", headers={"X-API-Key": key}).status_code == status, grant
        assert http.get("/metrics").status_code == 401


def test_without_the_package_there_is_a_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit_service.app.is_installed", lambda: False)
    with client(FakeLibrary("team-a"), tmp_path) as http:
        assert http.post(f"{OURS}/search", json={"query": "pay"}).status_code == 200
        response = http.get("/metrics")
    assert response.status_code == 404
    assert "ragkit[metrics]" in response.json()["cure"]


def test_a_stalled_event_loop_is_measured() -> None:
    stalls = LoopStalls()

    async def main() -> None:
        watching = asyncio.create_task(stalls.watch())
        await asyncio.sleep(0.15)
        time.sleep(0.4)
        await asyncio.sleep(0.15)
        watching.cancel()

    asyncio.run(main())
    assert stalls.longest() > 0.25


def test_stalls_of_more_than_a_minute_ago_do_not_count() -> None:
    stalls = LoopStalls()
    now = time.monotonic()
    for seconds_ago, late in ((70, 9.0), (50, 2.0), (40, 3.0), (10, 1.0)):
        stalls.note(now - seconds_ago, late)
    assert stalls.longest() == 3.0
