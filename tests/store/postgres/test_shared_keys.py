"""Keys and the audit log in the shared database: one set for all services, in time, and safe when it is away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

import ragkit
from ragkit import ConflictError, NotFoundError, SharedDatabase, StoreError
from ragkit_service import ServiceSettings, create_app
from ragkit_service.cli import keys as keys_command
from ragkit_service.observing.audit import AuditLog, audit_event
from ragkit_service.observing.audit_table import AuditTable, QueuedAudit
from ragkit_service.security.key_file import Grant
from ragkit_service.security.key_table import KeyTable, WatchedKeys
from tests.support.service_fakes import LOCAL, FakeLibrary, plain_extractor

SOON = 1.0  # seconds within which a change of the keys reaches every service
QUERY = {"query": "text"}


@pytest.fixture
def database(postgres: str) -> Iterator[SharedDatabase]:
    """The database that the services share."""
    shared = ragkit.shared_database(postgres)
    assert shared is not None
    with closing(shared):
        yield shared


def run(postgres: str, *arguments: str) -> Result:
    """Run `ragkit keys` on the database."""
    return CliRunner().invoke(keys_command, [*arguments, "--data", postgres])


def ask(http: TestClient, key: str) -> int:
    """Search with a key and return the status."""
    response = http.post("/v1/collections/team/search", json=QUERY, headers={"Authorization": f"Bearer {key}"})
    return response.status_code


def statuses_soon(services: list[TestClient], key: str, wanted: int) -> bool:
    """Tell whether every service answers a key with a status within SOON."""
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        if all(ask(http, key) == wanted for http in services):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def services(postgres: str, tmp_path: Path) -> Iterator[list[TestClient]]:
    """Two services, each with a folder of its own, that share one database."""
    with ExitStack() as stack:
        made = []
        for number in (1, 2):
            settings = ServiceSettings(data=tmp_path / str(number), shared=postgres, audit="on", api_key="owner")
            app = create_app(settings, library=FakeLibrary("team"), extractor=plain_extractor())
            made.append(stack.enter_context(TestClient(app, base_url=LOCAL)))
        yield made


def test_a_key_works_on_every_service_until_it_is_revoked(services: list[TestClient], postgres: str) -> None:
    made = json.loads(run(postgres, "create", "phone", "--collection", "team*", "--json").stdout)
    assert statuses_soon(services, made["key"], 200)
    listed = json.loads(run(postgres, "list", "--json").stdout)["keys"]
    assert [(key["name"], key["id"], key["collections"]) for key in listed] == [("phone", made["id"], ["team*"])]
    turned = json.loads(run(postgres, "rotate", "phone", "--json").stdout)
    assert turned["id"] == made["id"]
    assert statuses_soon(services, turned["key"], 200)
    assert statuses_soon(services, made["key"], 401)
    assert run(postgres, "revoke", made["id"]).exit_code == 0
    assert statuses_soon(services, turned["key"], 401)
    assert isinstance(run(postgres, "revoke", "phone").exception, NotFoundError)


def test_the_database_holds_no_key(database: SharedDatabase) -> None:
    key = KeyTable(database).create("phone", Grant(labels=("hr",)))
    with database.transaction() as statements:
        rows = statements.rows("SELECT * FROM service_keys")
    assert key not in repr(rows)
    assert key.rpartition("_")[2] not in repr(rows)


def test_of_two_keys_of_one_name_made_at_once_one_is_refused(postgres: str) -> None:
    def make(number: int) -> str:
        shared = ragkit.shared_database(postgres)
        assert shared is not None
        with closing(shared):
            try:
                KeyTable(shared).create("same", Grant(rate=number))
            except ConflictError:
                return "refused"
            return "made"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(4))) == ["made", "refused", "refused", "refused"]


class Away:
    """A table of keys whose database can be away."""

    def __init__(self, table: KeyTable) -> None:
        self.table, self.is_away = table, False

    def read_changed(self, known: int) -> Any:
        """Read the keys, or raise StoreError."""
        if self.is_away:
            raise StoreError("no connection", cure="wait")
        return self.table.read_changed(known)


def test_keys_that_cannot_be_read_again_are_not_valid_for_long(
    database: SharedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit_service.security.key_table.TRUSTED_SECONDS", 0.8)
    table = KeyTable(database)
    table.create("phone", Grant())
    away = Away(table)
    watched = WatchedKeys(away)  # type: ignore[arg-type] # has the one method that is used
    watched.start()
    with closing(watched):
        assert [key.name for key in watched.read()] == ["phone"]
        before = watched.stamp()
        away.is_away = True
        time.sleep(1.2)
        assert watched.stamp() != before
        with pytest.raises(StoreError, match="cannot be read"):
            watched.read()
        away.is_away = False
        time.sleep(0.7)
        assert [key.name for key in watched.read()] == ["phone"]


def test_one_audit_log_of_all_services(
    services: list[TestClient], postgres: str, database: SharedDatabase, tmp_path: Path
) -> None:
    run(postgres, "create", "phone")
    for number, http in enumerate(services):
        assert ask(http, "owner") == 200
        http.get("/v1/collections", headers={"Authorization": "Bearer owner", "X-Request-ID": f"r-{number}"})
    end = time.monotonic() + 10
    events: list[dict[str, Any]] = []
    while len(events) < 5 and time.monotonic() < end:
        with database.transaction() as statements:
            found = statements.rows("SELECT event::text FROM service_audit ORDER BY number")
        events = [json.loads(row[0]) for row in found]
    assert sorted(event["action"] for event in events) == [
        "keys.create", "list_collections", "list_collections", "search", "search",
    ]  # fmt: skip
    assert {event.get("request_id") for event in events} >= {"r-0", "r-1"}
    assert "owner" not in {event.get("key_id") for event in events}
    assert not list(tmp_path.rglob("audit.jsonl"))


@pytest.mark.parametrize("statement", ["UPDATE service_audit SET action = 'x'", "DELETE FROM service_audit"])
def test_the_audit_log_only_grows(database: SharedDatabase, tmp_path: Path, statement: str) -> None:
    log = AuditTable(database, local=AuditLog(tmp_path))
    log.write(audit_event("ask", {"key_id": "1"}))
    with pytest.raises(StoreError, match="only added"), database.transaction() as statements:
        statements.changed(statement)


def test_events_that_the_database_does_not_take_are_kept_here(database: SharedDatabase, tmp_path: Path) -> None:
    local = AuditLog(tmp_path)
    queued = QueuedAudit(AuditTable(database, local=local), local=local)
    queued.start()
    with database.transaction() as statements:
        statements.changed("ALTER TABLE service_audit RENAME TO service_audit_lost")
    for number in range(3):
        queued.write(audit_event("ask", {"number": number}))
    queued.close()
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [0, 1, 2]
