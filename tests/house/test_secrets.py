"""Keys never come out: not in replies, errors, logs, tracebacks or settings, nor in a file of the data folder."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import ragkit
from ragkit import ChatError, ChatSettings, Document, Settings, settings_from_env
from ragkit.cli.app import cli, run
from ragkit.cli.context import Tools
from ragkit.testing import HashEmbedder
from ragkit_service import ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from ragkit_service.settings import service_settings
from tests.support.chat_servers import OPENAI_END, Events, openai_chunk, serving
from tests.support.service_fakes import LOCAL, plain_extractor

UPSTREAM = "sk-canary-0Qw7Upstream5f3a9c51e2"
SERVICE = "canary-1Er8Service7d20b6aa94"
REFUNDS = "The refund window is thirty days after delivery. Opened goods are exchanged."
QUESTION = "How long is the refund window?"
Answer = Callable[[dict[str, Any]], tuple[int, Events]]


def forms(secret: str) -> list[bytes]:
    """Return a secret as it stands, and as careless code would hide it."""
    raw = secret.encode()
    digest = hashlib.sha256(raw).hexdigest().encode()  # kept of stored keys on purpose: not looked for there
    return [raw, raw[: len(raw) - 4], base64.b64encode(raw)[:-4], raw.hex().encode(), digest]


@dataclass
class Watch(logging.Handler):
    """Collects everything that comes out; `check` looks for the canaries in it."""

    secrets: list[str]
    out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    __hash__ = logging.Handler.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("http") and LOCAL in record.getMessage():
            return  # our own client, not the service
        self.out.append(f"{self.format(record)} {record.args!r} {record.exc_text or ''}")

    def saw(self, *things: object) -> None:
        for thing in things:
            self.out.append(thing if isinstance(thing, str) else repr(thing))

    def failed(self, error: BaseException) -> None:
        """Note an error with its traceback and everything that hangs on it."""
        self.saw("".join(traceback.format_exception(error)), error.args, str(error), vars(error))
        if error.__cause__ or error.__context__:
            self.failed(error.__cause__ or error.__context__ or error)

    def check(self, *folders: Path) -> None:
        text = "\n".join(self.out).encode("utf-8", "backslashreplace")
        assert len(text) > 200, "nothing was watched"
        for secret in self.secrets:
            for form in forms(secret):
                assert form not in text, text[max(text.find(form) - 300, 0) : text.find(form) + 50]
        for folder in folders:
            files = [path for path in folder.rglob("*") if path.is_file()]
            assert files
            for path in files:
                data = path.read_bytes()
                for secret in self.secrets:
                    for form in forms(secret)[: -1 if path.name == "keys.json" else None]:
                        assert form not in data, path


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Watch all logs at DEBUG: ours, the SDKs', the HTTP client's and the server's."""
    handler = Watch([UPSTREAM, SERVICE])
    root = logging.getLogger()
    before = root.level
    loggers = [logging.getLogger(name) for name in ("ragkit", "ragkit_service", "ragkit_service.access", "openai")]
    levels = [logger.level for logger in loggers]
    root.addHandler(handler)
    for logger in (root, *loggers):
        logger.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def good(body: dict[str, Any]) -> tuple[int, Events]:
    return 200, [openai_chunk("Thirty days [1]."), openai_chunk(finish="stop"), OPENAI_END]


def refused(status: int) -> Answer:
    """Return a server that tells the key in its refusal, as some do."""
    said = {
        "error": {"message": f"Incorrect API key provided: {UPSTREAM}. Header: Bearer {UPSTREAM}", "code": UPSTREAM}
    }
    return lambda body: (status, [json.dumps(said).encode()])


def told(body: dict[str, Any]) -> tuple[int, Events]:
    """Answer with the key, as a proxy might that was told to echo its headers."""
    return 200, [openai_chunk("Thirty days [1]. "), b'data: {"error": {"message": "key %s"}}\n\n' % UPSTREAM.encode()]


def garbage(body: dict[str, Any]) -> tuple[int, Events]:
    return 200, [f"data: {{not json {UPSTREAM}\n\n".encode(), b"\xff\xfe\x00"]


def cut(body: dict[str, Any]) -> tuple[int, Events]:
    return 200, [openai_chunk("Thirty ")]


def slow(body: dict[str, Any]) -> tuple[int, Events]:
    return 200, [openai_chunk("Thirty "), threading.Event()]


SERVERS: dict[str, Answer] = {
    "good": good,
    "400": refused(400),
    "401": refused(401),
    "404": refused(404),
    "429": refused(429),
    "500": refused(500),
    "told": told,
    "garbage": garbage,
    "cut": cut,
    "slow": slow,
}


def settings_for(url: str, *, deadline: float) -> Settings:
    environ = {
        "RAGKIT_CHAT": "openai:m",
        "RAGKIT_CHAT_BASE_URL": f"{url}/v1",
        "RAGKIT_CHAT_API_KEY": UPSTREAM,
        "RAGKIT_CHAT_DEADLINE": str(deadline),
        "RAGKIT_API_KEY": SERVICE,
    }
    return settings_from_env(environ)


@pytest.mark.parametrize("name", SERVERS)
def test_the_library_the_command_and_the_service_keep_them(
    name: str, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    data = tmp_path / "data"
    with serving(SERVERS[name]) as server:
        settings = settings_for(server.url, deadline=1.0 if name == "slow" else 60.0)
        by_library(data, settings, watch)
        variables = {
            "RAGKIT_CHAT": "openai:m",
            "RAGKIT_CHAT_BASE_URL": f"{server.url}/v1",
            "RAGKIT_CHAT_API_KEY": UPSTREAM,
            "RAGKIT_CHAT_DEADLINE": str(settings.chat.deadline),
            "RAGKIT_API_KEY": SERVICE,
        }
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        by_command(data, watch)
        by_service(data, settings, watch)
        seen = {headers["authorization"] for _, headers, _ in server.requests}
        assert seen == {f"Bearer {UPSTREAM}"}, "the key is not even used"
    watch.saw(settings, settings.public(), settings.pinned(), settings.chat)
    watch.check(data)


def by_library(data: Path, settings: Settings, watch: Watch) -> None:
    with ragkit.open(data, settings=settings, embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text("refunds.md", REFUNDS, title="Refunds"))
        watch.saw(kb, vars(kb), kb.status(), kb.history(), kb.doctor(), kb.verify(), kb.prompt(QUESTION).as_dict())
        try:
            watch.saw(kb.ask(QUESTION).as_dict())
        except ChatError as error:
            watch.failed(error)
        try:
            watch.saw(*kb.stream(QUESTION))
        except ChatError as error:
            watch.failed(error)
        kb.backup(data / "copy.ragkit")


def by_command(data: Path, watch: Watch) -> None:
    commands = [
        ["ask", QUESTION],
        ["ask", QUESTION, "--json"],
        ["prompt", QUESTION, "--json"],
        ["search", QUESTION, "--json"],
        ["status", "--json"],
        ["history", "--json"],
        ["doctor"],
        ["ask", QUESTION, "--chat", "openai:"],
        ["ask", QUESTION, "--collection", "none"],
        ["ask", "--no-such-option"],
    ]
    for words in commands:
        out = io.StringIO()
        arguments = [*words, "--data", str(data)]
        with redirect_stdout(out), redirect_stderr(out):
            try:
                cli.main(arguments, standalone_mode=False, obj=Tools(embedder=HashEmbedder()))
            except Exception as error:  # noqa: BLE001 - whatever comes out is looked at
                watch.failed(error)
            if words[0] in ("status", "history"):
                run(arguments)
        watch.saw(out.getvalue())


def by_service(data: Path, settings: Settings, watch: Watch) -> None:
    told = ServiceSettings(data=data, settings=settings, api_key=SERVICE)
    watch.saw(told, told.settings)
    library = DataFolder(data, settings=settings, embedder=HashEmbedder())
    app = create_app(told, library=library, extractor=plain_extractor())
    with TestClient(app, base_url=LOCAL, raise_server_exceptions=False) as http:
        own = {"Authorization": f"Bearer {SERVICE}"}
        for headers in (own, {"X-API-Key": SERVICE}, {"Authorization": f"Bearer {SERVICE}x"}, {}):
            for verb in ("ask", "prompt", "search"):
                for body in ({"query": QUESTION}, {"query": QUESTION, "stream": True}, {"query": 1}, {"query": " "}):
                    reply = http.post(f"/v1/collections/default/{verb}", json=body, headers=headers)
                    watch.saw(str(reply.status_code), reply.text, dict(reply.headers))
            for path in ("/healthz", "/readyz", "/openapi.json", "/v1/collections", "/v1/collections/default", "/none"):
                reply = http.get(path, headers=headers)
                watch.saw(reply.text, dict(reply.headers))
        reply = http.get(f"/v1/collections?key={SERVICE}x", headers=own)
        watch.saw(reply.text)


def test_a_key_that_is_stored_is_seen_once(watch: Watch, tmp_path: Path) -> None:
    def command(*words: str) -> str:
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            run([*words, "--data", str(tmp_path)])
        return out.getvalue()

    shown = json.loads(command("keys", "create", "laptop", "--json"))
    (key,) = (value for value in shown.values() if str(value).startswith("rk_"))
    watch.secrets.append(key)
    ragkit.create_collection(tmp_path, "default")
    watch.saw(command("keys", "list"), command("keys", "list", "--json"), command("keys", "create", "laptop"))
    library = DataFolder(tmp_path, settings=Settings(), embedder=HashEmbedder())
    app = create_app(service_settings({"RAGKIT_DATA": str(tmp_path)}), library=library, extractor=plain_extractor())
    with TestClient(app, base_url=LOCAL) as http:
        for value, status in ((key, 200), (key[:-1], 401), (f"{key}é", 401)):
            reply = http.get("/v1/collections", headers=[(b"Authorization", b"Bearer " + value.encode())])
            assert reply.status_code == status
            watch.saw(reply.text, dict(reply.headers))
        files = [("files", ("a.txt", REFUNDS.encode()))]
        headers = {"Authorization": f"Bearer {key}"}
        watch.saw(http.post("/v1/collections/default/documents", files=files, headers=headers).text)
    watch.saw(command("keys", "revoke", "laptop"), command("keys", "revoke", "laptop"))
    watch.check(tmp_path)


def test_settings_do_not_show_them(watch: Watch) -> None:
    chat = ChatSettings(model="openai:m", api_key=UPSTREAM)
    settings = Settings(chat=chat)
    service = ServiceSettings(settings=settings, api_key=SERVICE)
    watch.saw(chat, settings, service, settings.public(), settings.pinned(), str(service), f"{settings!r:>20}")
    for spoil in (
        lambda: replace(settings, chat=replace(chat, deadline=-1)),
        lambda: replace(service, port=-1),
        lambda: ServiceSettings(api_key=f" {SERVICE}"),
        lambda: settings_from_env({"RAGKIT_CHAT_API_KEY": UPSTREAM, "RAGKIT_CHAT_DEADLINE": "soon"}),
        lambda: service_settings({"RAGKIT_API_KEY": SERVICE, "RAGKIT_PORT": "x"}),
        lambda: ragkit.load_chat(replace(chat, model="nobody:m")),
    ):
        with pytest.raises(ragkit.ConfigError) as caught:
            spoil()
        watch.failed(caught.value)
    watch.check()


def test_the_watch_would_see_them(watch: Watch, tmp_path: Path) -> None:
    """The control: in whatever way a key gets out, `check` fails."""
    (tmp_path / "file").write_bytes(b"nothing")
    watch.saw("x" * 300)
    watch.check(tmp_path)
    logging.getLogger("openai._base_client").debug("headers: %s", {"Authorization": f"Bearer {UPSTREAM}"})
    with pytest.raises(AssertionError):
        watch.check(tmp_path)
    watch.out[1:] = []
    (tmp_path / "file").write_bytes(b"\x00" + base64.b64encode(SERVICE.encode()))
    with pytest.raises(AssertionError):
        watch.check(tmp_path)
