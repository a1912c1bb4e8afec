"""From errors to problems: one table, complete, and silent about the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ragkit
from ragkit import (
    AdapterRefusedError,
    AnswerFormatError,
    BudgetError,
    ChatError,
    ChatInterruptedError,
    ChatTimeoutError,
    ConfigError,
    ConflictError,
    CorruptError,
    EmbeddingError,
    ExtractionError,
    FilterError,
    InputError,
    LockedError,
    MissingPackageError,
    ModelError,
    ModelMismatchError,
    NotFoundError,
    QueryError,
    RagkitError,
    SchemaVersionError,
    StorageFullError,
    StoreError,
)
from ragkit_service.errors import RULES, UNKNOWN, Problem, Redactor, http_problem, problem_response, rule_for
from tests.support.service_fakes import FakeLibrary, client

STATUSES: dict[type[Exception], int] = {
    QueryError: 422,
    FilterError: 422,
    BudgetError: 422,
    AdapterRefusedError: 409,
    InputError: 422,
    NotFoundError: 404,
    ConflictError: 409,
    LockedError: 423,
    ModelMismatchError: 409,
    StorageFullError: 507,
    SchemaVersionError: 500,
    CorruptError: 500,
    StoreError: 500,
    EmbeddingError: 500,
    ModelError: 503,
    ConfigError: 500,
    AnswerFormatError: 502,
    ChatTimeoutError: 504,
    ChatInterruptedError: 502,
    ChatError: 502,
    RagkitError: 500,
}


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_each_error_has_its_status_over_http(tmp_path: Path, kind: type[Exception]) -> None:
    def fail(_: str) -> None:
        raise kind("it failed")

    library = FakeLibrary("default")
    library.prepare = lambda knowledge: setattr(knowledge, "before", fail)
    with client(library, tmp_path) as http:
        response = http.post("/v1/collections/default/search", json={"query": "x"})

    assert response.status_code == STATUSES[kind] == response.json()["status"]
    assert response.headers["content-type"] == "application/problem+json"
    assert set(response.json()) == {"type", "title", "status", "detail", "instance", "cure", "request_id"}
    assert response.json()["instance"] == "/v1/collections/default/search"
    assert response.json()["request_id"] == response.headers["x-request-id"]


def test_every_public_error_has_a_rule_of_its_own_or_of_an_ancestor_that_fits() -> None:
    for name in ragkit.__all__:
        kind = getattr(ragkit, name) if name.endswith("Error") else None
        if kind is not None and kind not in (MissingPackageError, ExtractionError):
            assert kind in RULES, name


def test_the_nearest_ancestor_decides() -> None:
    class Special(ChatTimeoutError):
        pass

    assert rule_for(Special("x")) is RULES[ChatTimeoutError]
    assert rule_for(MissingPackageError("x", purpose="y", install="z")) is RULES[ConfigError]
    assert rule_for(ValueError("x")) is UNKNOWN


def test_paths_of_the_server_are_left_out(tmp_path: Path) -> None:
    redactor = Redactor([tmp_path])
    error = NotFoundError(
        f"no collection at {tmp_path}/collections/x", cure="run: ragkit --data /var/lib/ragkit/data ingest"
    )
    problem = redactor.problem(error)

    assert str(tmp_path) not in problem.detail
    assert "/var" not in problem.cure
    assert "run: ragkit" in problem.cure
    assert redactor.clean("see https://example.org/a/b and policies/refunds.pdf, 3/4") == (
        "see https://example.org/a/b and policies/refunds.pdf, 3/4"
    )
    assert redactor.clean_json({"a": ["/srv/x/y", 5, None], "b": {"c": "/srv/x"}}) == {
        "a": ["PATH", 5, None],
        "b": {"c": "PATH"},
    }


@pytest.mark.parametrize(
    "error",
    [
        LockedError("locked by process 4711 (ragkit ingest /srv/docs) on db1", holder="4711"),
        StorageFullError("no space on /srv/data"),
        CorruptError("/srv/data/collection.sqlite page 7"),
        ConfigError("RAGKIT_CHAT_API_KEY is 'sk-canary'"),
        ChatError("http://10.1.2.3:8080 said 401 for sk-canary"),
        ModelError("no model in /srv/models"),
        OSError(13, "Permission denied", "/srv/data"),
        KeyError("sk-canary"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_for_the_log_is_not_told(error: Exception) -> None:
    problem = Redactor().problem(error)
    told = json.dumps(problem.as_dict(instance="/", request_id="1"))

    assert not [secret for secret in ("4711", "/srv", "canary", "10.1.2.3", "db1") if secret in told]
    assert problem.detail
    assert problem.cure


def test_an_extraction_error_carries_its_reason() -> None:
    problem = Redactor().problem(ExtractionError("encrypted", "a password is needed"))

    assert (problem.status, problem.extra) == (422, {"reason": "encrypted"})


def test_a_problem_can_hold_any_text() -> None:
    response = problem_response(Problem(422, "x", "t", "half \ud800 and \u2028"), instance="/", request_id="1")

    assert json.loads(bytes(response.body))["detail"] == "half \ud800 and \u2028"
    assert bytes(response.body).isascii()


def test_a_status_of_http_itself_is_a_problem_too() -> None:
    assert http_problem(404).as_dict(instance="/x", request_id="1")["type"] == "urn:ragkit:problem:not-found"


@pytest.mark.parametrize(
    "body",
    [b'{"query": ' + b"[" * 100_000, b'{"query": "x", "k": -' + b"7" * 6_000 + b"}", b'{"query": "\xff\xfe"}'],
    ids=["nested", "digits", "not-utf8"],
)
def test_a_body_that_cannot_be_parsed_is_refused_with_a_cure(body: bytes, tmp_path: Path) -> None:
    with client(FakeLibrary(), tmp_path) as service:
        told = service.post("/v1/collections/x/search", content=body, headers={"Content-Type": "application/json"})

    assert told.status_code in {400, 422}
    assert told.json()["cure"]
