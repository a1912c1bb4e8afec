"""`ragkit keys` and `ragkit serve`, and the settings they read."""

from __future__ import annotations

import gc
import hashlib
import json
import socket
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result
from fastapi import FastAPI

from ragkit import ConfigError, ConflictError, InputError, NotFoundError, Settings
from ragkit_service import ServiceSettings, create_app, service_settings
from ragkit_service.cli import keys, serve
from ragkit_service.configuration.reading import read_configuration
from ragkit_service.security.key_file import KeyFile
from ragkit_service.server import bind, url_of, with_share_of_cpus
from ragkit_service.server import run as run_server
from ragkit_service.settings import VARIABLES
from tests.support.service_fakes import FakeLibrary, plain_extractor


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(keys, [*arguments, "--data", str(data)])


def test_a_key_is_shown_once_and_only_its_digest_is_stored(tmp_path: Path) -> None:
    result = run(tmp_path, "create", "laptop")

    key = result.stdout.strip()
    assert result.exit_code == 0
    assert len(key) > 40
    file = tmp_path / "keys.json"
    assert key not in file.read_text()
    assert hashlib.sha256(key.encode()).hexdigest() in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob(".keys-*")] == []


def test_keys_are_listed_and_revoked(tmp_path: Path) -> None:
    for name in ("laptop", "phone"):
        run(tmp_path, "create", name)
    assert [item["name"] for item in json.loads(run(tmp_path, "list", "--json").stdout)["keys"]] == ["laptop", "phone"]
    assert "laptop" in run(tmp_path, "list").stdout

    assert json.loads(run(tmp_path, "revoke", "laptop", "--json").stdout) == {"revoked": "laptop"}
    assert [stored.name for stored in KeyFile(tmp_path / "keys.json").read()] == ["phone"]


def test_no_keys_are_an_empty_list(tmp_path: Path) -> None:
    assert json.loads(run(tmp_path, "list", "--json").stdout) == {"keys": []}
    assert run(tmp_path, "list").exit_code == 0
    assert not (tmp_path / "keys.json").exists()


def test_what_keys_refuses(tmp_path: Path) -> None:
    assert isinstance(run(tmp_path, "revoke", "nobody").exception, NotFoundError)
    run(tmp_path, "create", "one")
    assert isinstance(run(tmp_path, "create", "one").exception, ConflictError)
    for name in ("", " ", "x" * 65, "a\nb"):
        assert isinstance(run(tmp_path, "create", name).exception, InputError)
    (tmp_path / "keys.json").write_text("{")
    assert isinstance(run(tmp_path, "create", "two").exception, ConfigError)
    assert (tmp_path / "keys.json").read_text() == "{"


def test_serve_refuses_an_open_address_without_a_key(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        serve, ["--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path)], env={"RAGKIT_API_KEY": ""}
    )

    assert isinstance(result.exception, ConfigError)
    assert "ragkit keys create" in str(result.exception)


def test_serve_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(serve, ["--port", str(port), "--data", str(tmp_path)])

    assert isinstance(result.exception, ConfigError)
    assert "is taken" in str(result.exception)


def test_port_0_takes_a_free_one() -> None:
    with bind(ServiceSettings(port=0)) as listener:
        assert url_of(listener).startswith("http://127.0.0.1:")
        assert not url_of(listener).endswith(":0")
        assert listener.proto == socket.IPPROTO_TCP, "asyncio would leave out TCP_NODELAY"


def test_an_address_of_no_machine_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="--host"):
        bind(ServiceSettings(host="192.0.2.1", port=0))


def test_settings_come_from_the_environment_and_arguments_go_first(tmp_path: Path) -> None:
    environ = {
        "RAGKIT_DATA": str(tmp_path),
        "RAGKIT_HOST": "::1",
        "RAGKIT_PORT": "9000",
        "RAGKIT_API_KEY": "k",
        "RAGKIT_ALLOWED_HOSTS": "A.example.org, b.example.org,",
        "RAGKIT_WORKERS": "2",
        "RAGKIT_REMEMBER": "0",
        "RAGKIT_CHAT": "openai:small",
    }
    told = service_settings(environ)
    assert (told.data, told.host, told.port, told.workers, told.remember) == (tmp_path, "::1", 9000, 2, 0)
    assert told.allowed_hosts == ("a.example.org", "b.example.org")
    assert told.settings.chat.model == "openai:small"
    flags = {"host": "127.0.0.1", "port": 0, "workers": 1, "data": "elsewhere"}
    given = read_configuration(flags, environ).service_settings()
    assert (given.host, given.port, given.workers, given.data.name) == ("127.0.0.1", 0, 1, "elsewhere")
    default = service_settings({})
    assert (default.host, default.port, default.data.name, default.remember) == ("127.0.0.1", 8000, ".ragkit", 4096)


@pytest.mark.parametrize(
    "environ",
    [
        {"RAGKIT_PORT": "http"},
        {"RAGKIT_PORT": "70000"},
        {"RAGKIT_PORT": "-1"},
        {"RAGKIT_WORKERS": "0"},
        {"RAGKIT_REMEMBER": "-1"},
        {"RAGKIT_REMEMBER": "all"},
        {"RAGKIT_API_KEY": " k"},
        {"RAGKIT_API_KEY": "k\n"},
        {"RAGKIT_OFFLINE": "perhaps"},
    ],
)
def test_an_unreadable_setting_is_a_config_error(environ: Mapping[str, str]) -> None:
    with pytest.raises(ConfigError):
        service_settings(environ)


def test_the_documentation_names_every_variable_and_route(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")

    assert [name for name in VARIABLES if f"`{name}`" not in text] == []
    app = create_app(ServiceSettings(data=tmp_path), library=FakeLibrary(), extractor=plain_extractor())
    paths = {path.replace("/{source}", "") for path in app.openapi()["paths"]}
    assert [path for path in paths if path not in text] == []


@pytest.mark.parametrize(("workers", "cpus", "threads"), [(1, 8, 8), (2, 8, 4), (3, 8, 2), (2, 2, 1), (16, 2, 1)])
def test_server_processes_share_the_cpus_for_their_models(workers: int, cpus: int, threads: int) -> None:
    shared = with_share_of_cpus(ServiceSettings(workers=workers), cpus=cpus)
    assert shared.settings.model.threads == threads
    told = replace(Settings(), model=replace(Settings().model, threads=5))
    assert with_share_of_cpus(ServiceSettings(workers=workers, settings=told), cpus=cpus).settings == told


def test_what_was_loaded_at_the_start_is_not_visited_by_the_garbage_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen: list[int] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: frozen.append(gc.get_freeze_count()))
    monkeypatch.setattr("ragkit_service.server.create_app", lambda _: FastAPI())  # the real one begins processes
    settings = ServiceSettings(data=tmp_path, port=0)
    try:
        with bind(settings) as listener:
            run_server(settings, listener, values={})
    finally:
        gc.unfreeze()
    assert frozen[0] > 50_000
