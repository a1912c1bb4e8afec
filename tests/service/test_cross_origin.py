"""CORS: pages of allowed origins use the service, also its errors and streams; all others stay out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ragkit import ConfigError
from ragkit_service import Limits, service_settings
from tests.support.service_fakes import KEY, FakeLibrary, client

APP = "https://app.example.org"
FOREIGN = "https://evil.example.org"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def http(tmp_path: Path) -> Iterator[TestClient]:
    library = FakeLibrary("team-a")
    library.put("team-a", "d.md", "Goods may be returned within thirty days.")
    with client(library, tmp_path, api_key=KEY, cors_origins=(APP,), limits=Limits(json_bytes=2_000)) as opened:
        yield opened


def preflight(http: TestClient, origin: str, *, method: str = "POST", path: str = "/v1/collections/team-a/ask") -> Any:
    wanted = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    return http.options(path, headers={"Origin": origin, **wanted})


def test_a_preflight_of_an_allowed_origin_needs_no_key(http: TestClient) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        found = preflight(http, APP, method=method)
        assert found.status_code == 200
        assert found.headers["Access-Control-Allow-Origin"] == APP
        assert method in found.headers["Access-Control-Allow-Methods"]
        assert "authorization" in found.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in found.headers


@pytest.mark.parametrize("origin", [FOREIGN, "null", f"{APP}.evil.org", f"{APP}:8443", "http://app.example.org", ""])
def test_a_preflight_of_another_origin_is_not_answered(http: TestClient, origin: str) -> None:
    found = preflight(http, origin)
    assert found.status_code >= 400
    assert [name for name in found.headers if name.startswith("access-control")] == []


def test_an_allowed_page_may_ask_and_stream(http: TestClient) -> None:
    headers = {"Origin": APP, "Sec-Fetch-Site": "cross-site", **AUTHORIZED}
    body = {"question": "goods returned", "stream": True}
    found = http.post("/v1/collections/team-a/ask", headers=headers, json=body)

    assert found.status_code == 200
    assert "event: answer" in found.text
    assert found.headers["Access-Control-Allow-Origin"] == APP
    assert "X-Request-ID" in found.headers["Access-Control-Expose-Headers"]
    assert "Origin" in found.headers["Vary"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"{}", 401),
        ({**AUTHORIZED, "Content-Type": "application/json"}, b"{", 422),
        ({**AUTHORIZED, "Content-Type": "application/json"}, b" " * 3_000, 413),
        ({**AUTHORIZED, "Content-Type": "text/plain"}, b"x", 415),
    ],
)
def test_an_error_can_be_read_by_the_allowed_page(
    http: TestClient, headers: dict[str, str], body: bytes, status: int
) -> None:
    found = http.post("/v1/collections/team-a/ask", headers={"Origin": APP, **headers}, content=body)

    assert found.status_code == status
    assert found.headers["Access-Control-Allow-Origin"] == APP
    assert found.json()["cure"]


def test_a_service_without_capacity_still_has_the_headers(tmp_path: Path) -> None:
    with client(FakeLibrary("team-a"), tmp_path, cors_origins=(APP,), limits=Limits(requests=0)) as http:
        found = http.get("/v1/collections", headers={"Origin": APP})
    assert (found.status_code, found.headers["Access-Control-Allow-Origin"]) == (503, APP)


def test_another_page_is_refused_as_before(http: TestClient) -> None:
    found = http.post("/v1/collections/team-a/ask", headers={"Origin": FOREIGN, **AUTHORIZED}, json={"question": "a"})
    assert found.status_code == 403
    assert "Access-Control-Allow-Origin" not in found.headers
    read = http.get("/v1/collections", headers={"Origin": FOREIGN, **AUTHORIZED})
    assert "Access-Control-Allow-Origin" not in read.headers


def test_it_is_off_by_default(tmp_path: Path) -> None:
    with client(FakeLibrary("team-a"), tmp_path) as http:
        assert preflight(http, APP).status_code == 405
        assert http.post("/v1/collections/team-a/ask", headers={"Origin": APP}, json={}).status_code == 403
        assert "Access-Control-Allow-Origin" not in http.get("/healthz", headers={"Origin": APP}).headers


@pytest.mark.parametrize("text", ["*", "null", "app.example.org", f"{APP}/", "https://a b", f"{APP}/page"])
def test_an_origin_is_named_in_full(text: str) -> None:
    with pytest.raises(ConfigError, match="RAGKIT_CORS_ORIGINS"):
        service_settings({"RAGKIT_CORS_ORIGINS": text})


def test_origins_are_compared_without_case() -> None:
    assert service_settings({"RAGKIT_CORS_ORIGINS": f"{APP.upper()}, http://[::1]:3000"}).cors_origins == (
        APP,
        "http://[::1]:3000",
    )


def test_the_rate_of_the_service_holds_for_an_address_without_a_key(tmp_path: Path) -> None:
    with client(FakeLibrary("team-a"), tmp_path, limits=Limits(rate=3)) as http:
        found = [http.get("/v1/collections").status_code for _ in range(5)]
        assert found == [200, 200, 200, 429, 429]
        assert http.get("/healthz").status_code == 200
