"""Who may come in: keys, hosts, origins; and what every response carries."""

from __future__ import annotations

import base64
import logging
from pathlib import Path

import pytest

from ragkit import ConfigError, Settings
from ragkit_service import Limits, ServiceSettings, create_app
from ragkit_service.security.key_file import KeyFile
from tests.support.service_fakes import KEY, LOCAL, FakeLibrary, client, plain_extractor

SEARCH = "/v1/collections/default/search"
BODY = {"query": "refund"}


def library() -> FakeLibrary:
    made = FakeLibrary("default")
    made.put("default", "refunds.md", "refund window")
    return made


# ---------------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": f"bearer  {KEY}"}, 200),
        ({"Authorization": KEY}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": f"Bearer {KEY}x"}, 401),
        ({"Authorization": f"Bearer {KEY[:-1]}"}, 401),
        ({"X-API-Key": KEY}, 200),
        ({"X-API-Key": "wrong"}, 401),
        ({"X-API-Key": ""}, 401),
        ({"Authorization": b"Bearer \xff\xfe\xe4"}, 401),
        ({"X-API-Key": "ключ".encode()}, 401),
        ({"Authorization": "Basic " + base64.b64encode(f":{KEY}".encode()).decode()}, 200),
        ({"Authorization": "Basic " + base64.b64encode(b"\xff:\xfe").decode()}, 401),
        ({"Authorization": "Basic !!!"}, 401),
        ({"Authorization": "Basic " + base64.b64encode(KEY.encode()).decode()}, 401),
    ],
)
def test_a_key_is_asked_for_when_one_is_set(tmp_path: Path, headers: dict[str, str | bytes], status: int) -> None:
    with client(library(), tmp_path, api_key=KEY) as http:
        response = http.post(SEARCH, json=BODY, headers=headers)  # type: ignore[arg-type]

    assert response.status_code == status
    if status == 401:
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["cure"]


def test_a_key_that_is_not_ascii_is_compared_as_bytes(tmp_path: Path) -> None:
    with client(library(), tmp_path, api_key="schlüssel-ключ") as http:
        right = http.post(SEARCH, json=BODY, headers={b"X-API-Key": "schlüssel-ключ".encode()})
        wrong = http.post(SEARCH, json=BODY, headers={b"X-API-Key": "schlüssel".encode("latin-1")})

    assert (right.status_code, wrong.status_code) == (200, 401)


def test_every_route_but_health_asks_for_the_key(tmp_path: Path) -> None:
    with client(library(), tmp_path, api_key=KEY) as http:
        assert http.get("/healthz").status_code == 200
        routes = http.app.openapi()["paths"]  # type: ignore[attr-defined]
        paths = {(path, method) for path, methods in routes.items() for method in methods}
        assert len(paths) > 15
        extra = {("/", "get"), ("/openapi.json", "get"), ("/static/app.js", "get"), ("/nothing", "get")}
        for path, method in (paths | extra) - {("/healthz", "get")}:
            response = http.request(
                method, path.replace("{name}", "default"), headers={"Content-Type": "application/json"}
            )
            assert response.status_code == 401, (path, method)


def test_health_with_a_slash_or_below_is_no_way_in(tmp_path: Path) -> None:
    with client(library(), tmp_path, api_key=KEY) as http:
        for path in ("/healthz/", "/healthz/../version", "//healthz", "/healthz%2f", "/HEALTHZ"):
            assert http.get(path).status_code == 401


def test_a_browser_that_wants_the_page_is_asked_for_a_password(tmp_path: Path) -> None:
    with client(library(), tmp_path, api_key=KEY) as http:
        refused = http.get("/", headers={"Accept": "text/html,*/*"})
        token = base64.b64encode(f"anyone:{KEY}".encode()).decode()
        admitted = http.get("/", headers={"Accept": "text/html,*/*", "Authorization": f"Basic {token}"})

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert admitted.status_code == 200


def test_stored_keys_open_at_once_and_are_revoked_at_once(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    with client(library(), tmp_path) as http:
        assert http.post(SEARCH, json=BODY).status_code == 200
        first = keys.create("laptop")
        second = keys.create("phone")
        assert http.post(SEARCH, json=BODY).status_code == 401
        for key in (first, second):
            assert http.post(SEARCH, json=BODY, headers={"X-API-Key": key}).status_code == 200
        keys.revoke("laptop")
        assert http.post(SEARCH, json=BODY, headers={"X-API-Key": first}).status_code == 401
        assert http.post(SEARCH, json=BODY, headers={"X-API-Key": second}).status_code == 200


@pytest.mark.parametrize(
    "damage", [None, b"", b"{", b'{"version": 9, "keys": []}', b'{"version": 1, "keys": [5]}', b"[]"]
)
def test_losing_the_key_file_does_not_open_the_door(tmp_path: Path, damage: bytes | None) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    key = keys.create("laptop")
    with client(library(), tmp_path) as http:
        assert http.post(SEARCH, json=BODY, headers={"X-API-Key": key}).status_code == 200
        if damage is None:
            keys.path.unlink()
        else:
            keys.path.write_bytes(damage)
        assert http.post(SEARCH, json=BODY).status_code == 401
        assert http.post(SEARCH, json=BODY, headers={"X-API-Key": key}).status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_an_address_that_others_reach_needs_a_key(tmp_path: Path, host: str) -> None:
    settings = ServiceSettings(data=tmp_path, host=host)
    with pytest.raises(ConfigError, match="RAGKIT_API_KEY"):
        create_app(settings, library=library(), extractor=plain_extractor())

    KeyFile(tmp_path / "keys.json").create("one")
    create_app(settings, library=library(), extractor=plain_extractor())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_needs_none(tmp_path: Path, host: str) -> None:
    create_app(ServiceSettings(data=tmp_path, host=host), library=library(), extractor=plain_extractor())


def test_no_key_is_ever_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = ServiceSettings(data=tmp_path, api_key="canary-4711", settings=Settings())
    assert "canary" not in repr(settings)
    with client(library(), tmp_path, api_key="canary-4711") as http:
        for headers in ({"X-API-Key": "canary-4711"}, {"Authorization": "Bearer canary-4711-wrong"}):
            http.post(SEARCH, json={"query": "canary-question"}, headers=headers)
            http.get("/version?key=canary-4711", headers=headers)

    assert "POST /v1/collections/default/search 200" in caplog.text
    assert "canary" not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("ragkit"))


# --------------------------------------------------------------------------- hosts


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("127.0.0.1", 200),
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("localhost.", 200),
        ("[::1]:8000", 200),
        ("127.0.0.2", 200),
        ("kb.example.org", 200),
        ("evil.example.org", 421),
        ("127.0.0.1.evil.example.org", 421),
        ("localhost.evil.example.org", 421),
        ("192.0.2.7", 421),
        ("0.0.0.0", 421),
        ("[::1", 421),
        ("", 421),
        ("127.0.0.1:8000:8000", 421),
        ("127.0.0.1/..", 421),
        ("user@127.0.0.1", 421),
    ],
)
def test_only_known_hosts_are_answered(tmp_path: Path, host: str, status: int) -> None:
    with client(library(), tmp_path, allowed_hosts=("kb.example.org",)) as http:
        response = http.post(SEARCH, json=BODY, headers={"Host": host})

    assert response.status_code == status


def test_a_service_on_every_address_is_reached_by_any_address_and_by_allowed_names(tmp_path: Path) -> None:
    names = ("kb.example.org",)
    with client(library(), tmp_path, host="0.0.0.0", api_key=KEY, allowed_hosts=names) as http:
        http.headers["X-API-Key"] = KEY
        for host, status in (("192.0.2.7:8000", 200), ("kb.example.org", 200), ("evil.example.org", 421)):
            assert http.post(SEARCH, json=BODY, headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": LOCAL}, 200),
        ({"Origin": LOCAL, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://evil.example.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": LOCAL}, 403),
    ],
)
def test_other_sites_pages_cannot_post(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    with client(library(), tmp_path) as http:
        assert http.post(SEARCH, json=BODY, headers=headers).status_code == status


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_no_json(tmp_path: Path, content_type: str) -> None:
    with client(library(), tmp_path) as http:
        response = http.post(SEARCH, content=b'{"query": "refund"}', headers={"Content-Type": content_type})

    assert response.status_code == 415


def test_there_is_no_cors(tmp_path: Path) -> None:
    preflight = {"Origin": "https://other.example.org", "Access-Control-Request-Method": "POST"}
    with client(library(), tmp_path) as http:
        for response in (http.options(SEARCH, headers=preflight), http.get("/version", headers=preflight)):
            assert not [name for name in response.headers if name.startswith("access-control-")]


# ------------------------------------------------------------------ every response


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/version", "/nothing", "/static/app.js", "/v1/collections", "/openapi.json"]
)
def test_every_response_protects_the_browser(tmp_path: Path, path: str) -> None:
    with client(library(), tmp_path) as http:
        headers = http.get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-request-id"]


def test_a_body_over_the_limit_is_413_however_it_is_sent(tmp_path: Path) -> None:
    with client(library(), tmp_path, limits=Limits(json_bytes=1000)) as http:
        headers = {"Content-Type": "application/json"}
        announced = http.post(SEARCH, content=b" " * 1001, headers=headers)
        chunked = http.post(SEARCH, content=iter([b" " * 100] * 11), headers=headers)
        lying = http.post(SEARCH, content=b" " * 1001, headers={**headers, "Content-Length": "5"})
        fits = http.post(SEARCH, content=iter([b'{"query": "refund"', b" " * 900, b"}"]), headers=headers)

    assert (announced.status_code, chunked.status_code, lying.status_code) == (413, 413, 413)
    assert fits.status_code == 200


def test_an_unknown_route_and_a_wrong_method_are_problems(tmp_path: Path) -> None:
    with client(library(), tmp_path) as http:
        unknown, wrong = http.get("/v2/nothing"), http.put(SEARCH, json=BODY)

    assert (unknown.status_code, wrong.status_code) == (404, 405)
    for response in (unknown, wrong):
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["cure"]
