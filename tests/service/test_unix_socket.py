"""`ragkit serve --uds`: the socket's file, and a service that answers on it."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import httpx2
import pytest
import uvicorn

from ragkit import ConfigError
from ragkit_service import ServiceSettings, create_app, service_settings
from ragkit_service.configuration.reading import read_configuration
from ragkit_service.protocol.deadlines import DeadlineProtocol
from ragkit_service.server import app_from_environment, bind, server_config, url_of
from tests.support.service_fakes import FakeLibrary, plain_extractor


def test_a_service_answers_on_a_socket_without_a_key(tmp_path: Path) -> None:
    settings = ServiceSettings(data=tmp_path / "data", uds=tmp_path / "s.sock")
    app = create_app(settings, library=FakeLibrary("team-a"), extractor=plain_extractor())
    config = server_config(settings, app)
    config.log_config = None
    server = uvicorn.Server(config)
    with bind(settings) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(settings.uds)), timeout=60) as http:
                found = http.get("http://localhost/v1/collections")
                foreign = http.get("http://evil.example/v1/collections")
        finally:
            server.should_exit = True
            thread.join(60)
    assert found.json() == {"collections": ["team-a"]}
    assert foreign.status_code == 421


def test_the_file_is_for_its_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with bind(ServiceSettings(uds=path)) as listener:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert url_of(listener) == f"unix:{path}"


def test_a_left_over_socket_is_replaced_and_one_in_use_is_not(tmp_path: Path) -> None:
    settings = ServiceSettings(uds=tmp_path / "s.sock")
    bind(settings).close()
    assert (tmp_path / "s.sock").exists()
    with bind(settings), pytest.raises(ConfigError, match="another service listens"):
        bind(settings)


def test_other_files_and_bad_paths_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    for path in (file, tmp_path, tmp_path / "no" / "folder" / "s.sock", tmp_path / ("x" * 200)):
        with pytest.raises(ConfigError, match=r"--uds|socket"):
            bind(ServiceSettings(uds=path))
    assert file.read_text() == "mine"


def test_the_option_goes_before_the_variable(tmp_path: Path) -> None:
    environ = {"RAGKIT_UDS": str(tmp_path / "a.sock"), "RAGKIT_HOST": "0.0.0.0"}
    assert service_settings(environ).uds == tmp_path / "a.sock"
    assert service_settings(environ).is_loopback
    assert read_configuration({"uds": tmp_path / "b.sock"}, environ).service_settings().uds == tmp_path / "b.sock"
    assert service_settings({}).uds is None


def test_each_of_several_processes_has_the_limits_and_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("limits", "crowd"):
        monkeypatch.setattr(DeadlineProtocol, name, getattr(DeadlineProtocol, name))
    monkeypatch.setenv("RAGKIT_DATA", str(tmp_path))
    monkeypatch.setenv("RAGKIT_UDS", str(tmp_path / "s.sock"))
    before = DeadlineProtocol.crowd
    app = app_from_environment()
    assert DeadlineProtocol.crowd is not before
    assert DeadlineProtocol.limits is app.state.service.settings.limits
