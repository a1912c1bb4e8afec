"""The page, the health routes, and OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import ragkit
import ragkit_service
from ragkit import ModelError, StoreError
from ragkit_service.error_formats import format_of
from ragkit_service.schemas import responses as replies
from ragkit_service.schemas.responses import ReadyReply, VersionReply
from tests.support.service_fakes import FakeLibrary, client

STATIC = Path(ragkit_service.__file__).parent / "static"
SCRIPTS = sorted(f"/static/{path.relative_to(STATIC)}" for path in STATIC.rglob("*.js"))


@pytest.fixture
def http(tmp_path: Path) -> Iterator[TestClient]:
    with client(FakeLibrary("default"), tmp_path) as made:
        yield made


def test_the_page_asks_nothing_of_anyone_else(http: TestClient) -> None:
    page = http.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    links = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert links
    for link in links:
        assert http.get("/" + link).status_code == 200, link
    for path in ("/", "/static/style.css", *SCRIPTS):
        text = http.get(path).text
        assert not re.findall(r"https?://|//[a-z]+\.|@import|url\(", text.replace("http://www.w3.org/2000/svg", ""))


def test_browsers_find_the_icon_where_they_look_for_it(http: TestClient) -> None:
    found = http.get("/favicon.ico")
    assert (found.status_code, found.headers["content-type"]) == (200, "image/svg+xml")
    assert found.content == (STATIC / "icon.svg").read_bytes()
    assert http.delete("/favicon.ico").headers["allow"] == "GET, HEAD"


def test_the_page_puts_nothing_in_as_markup(http: TestClient) -> None:
    for path in SCRIPTS:
        script = http.get(path).text
        assert not re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|\.style\b", script
        ), path
    page = http.get("/").text
    assert not re.findall(r"<style|\son\w+=|\sstyle=|<script(?![^>]*src=)|javascript:", page)


def test_the_page_can_be_used_without_a_mouse(http: TestClient) -> None:
    page = http.get("/").text

    assert 'lang="en"' in page
    assert 'aria-live="polite"' in page
    labels = re.findall(r"<label.*?</label>", page, re.DOTALL)
    fields = re.findall(r"<(?:textarea|select|input)[^>]*id=\"([\w-]+)\"", page)
    assert len(fields) >= 8
    for field in fields:
        assert f'for="{field}"' in page or any(f'id="{field}"' in label for label in labels), field


def test_every_module_that_a_script_imports_is_served(http: TestClient) -> None:
    for path in SCRIPTS:
        for name in re.findall(r'from "\./([\w.]+)"', http.get(path).text):
            assert f"/static/js/{name}" in SCRIPTS


@pytest.mark.parametrize("name", ["../app.py", "js/../../app.py", "js", "", "js/none.js", "%2e%2e/app.py"])
def test_nothing_but_the_pages_files_is_served(http: TestClient, name: str) -> None:
    assert http.get(f"/static/{name}").status_code == 404


def test_health_ready_and_version(tmp_path: Path) -> None:
    library = FakeLibrary("default", "other")
    with client(library, tmp_path) as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        assert VersionReply.model_validate(http.get("/version").json()).ragkit == ragkit.__version__
        http.app.state.service.warm()  # type: ignore[attr-defined]
        ready = http.get("/readyz")
        assert ready.status_code == 200
        assert ReadyReply.model_validate(ready.json()).collections == 2


def test_it_is_not_ready_without_a_model(tmp_path: Path) -> None:
    library = FakeLibrary("default")
    library.warm_error = ModelError("no model in /srv/models")
    with client(library, tmp_path) as http:
        http.app.state.service.warm()  # type: ignore[attr-defined]
        response = http.get("/readyz")

    assert response.status_code == 503
    assert response.json()["model"] == "The model is not there"
    assert "/srv" not in response.text


def test_it_is_not_ready_when_no_collection_can_be_opened(tmp_path: Path) -> None:
    library = FakeLibrary("default")
    library.open_error = StoreError("damaged")
    with client(library, tmp_path) as http:
        http.app.state.service.warm()  # type: ignore[attr-defined]
        response = http.get("/readyz")

    assert response.status_code == 503
    assert response.json()["problems"] == {"default": "The data folder cannot be used"}


OTHER_APIS = {
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/vector_stores",
    "/v1/rerank",
    "/retrieval",
}
"""Routes whose clients send fields that ragkit has no use for."""


def test_openapi_describes_every_route_with_examples(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    routes = [(path, method, route) for path, methods in document["paths"].items() for method, route in methods.items()]
    assert len(routes) >= 16
    assert len({route["operationId"] for _, _, route in routes}) == len(routes)
    for path, method, route in routes:
        where = f"{method} {path}"
        assert route["description"], where
        for status, response in route["responses"].items():
            if int(status) >= 400 and path != "/readyz":
                native = format_of(path) == "problem"
                media = response["content"]["application/problem+json" if native else "application/json"]
                assert not native or media["example"]["status"] == int(status), where
                assert set(media["schema"]["required"]) <= set(media["example"]), where
        assert {"401", "413", "500"} <= set(route["responses"]), where
        body = route.get("requestBody")
        if body and "application/json" in body["content"]:
            name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
            schema = document["components"]["schemas"][name]
            assert schema["examples"], where
            foreign = path.partition("{")[0].rstrip("/") in OTHER_APIS
            assert foreign or schema["additionalProperties"] is False, where


def test_the_examples_of_replies_are_valid(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    used = {name for name in document["components"]["schemas"] if hasattr(replies, name)}
    assert {"SearchReply", "AnswerReply", "UploadReply", "WholeDocumentReply"} <= used
    checked = 0
    for name in used:
        for example in document["components"]["schemas"][name].get("examples", []):
            getattr(replies, name).model_validate(example)
            checked += 1
    assert checked >= 12


def test_there_is_no_page_that_loads_scripts_from_elsewhere(http: TestClient) -> None:
    assert http.get("/redoc").status_code == 404
    docs = http.get("/docs")
    assert "<script" not in docs.text
    assert "default-src 'none'" in docs.headers["content-security-policy"]
    for path in http.get("/openapi.json").json()["paths"]:
        assert path in docs.text
