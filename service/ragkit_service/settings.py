"""Settings of the service: address, data folder, keys and limits. They are read once, at the edge."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from ragkit import ConfigError, RetrievalSettings, Settings, data_folder, settings_from_env

DEFAULT_DATA = ".ragkit"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
DEFAULT_REMEMBER = 4_096

Audit = Literal["auto", "on", "off"]
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_ADDRESS = re.compile(r"https?://[^\s/]+(?:/\S*)?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")

VARIABLES: Mapping[str, str] = {
    "RAGKIT_HOST": "address to listen on (default 127.0.0.1); any other than loopback needs a key",
    "RAGKIT_PORT": "port to listen on (default 8000)",
    "RAGKIT_UDS": "path of a Unix socket to listen on instead of an address and a port",
    "RAGKIT_API_KEY": "key that every request but GET /healthz must carry",
    "RAGKIT_ALLOWED_HOSTS": "further names, separated by commas, that a Host header may carry",
    "RAGKIT_WORKERS": "server processes (default 1)",
    "RAGKIT_TRUSTED_PROXIES": "addresses of proxies, separated by commas, whose forwarded headers are believed",
    "RAGKIT_ROOT_PATH": "prefix at which a proxy publishes the service, as /rag",
    "RAGKIT_CREATE_COLLECTIONS": "whether an upload makes a collection that is not there (default true)",
    "RAGKIT_AUDIT": "whether DATA/audit.jsonl is written: on, off, or auto (default): when requests need a key",
    "RAGKIT_CORS_ORIGINS": "origins, separated by commas, whose pages may use the service (default none)",
    "RAGKIT_OTLP_ENDPOINT": "collector that spans are sent to, as http://127.0.0.1:4318 (default none)",
    "RAGKIT_REMEMBER": "questions whose vectors are cached (default 4096, 0 for none)",
}
"""The variables that only the service reads, with their meaning; the limits have variables of their own."""
OTLP_VARIABLE: Final = "RAGKIT_OTLP_ENDPOINT"
STANDARD_OTLP_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""OpenTelemetry's own variable of the same meaning, which is used where ours is not set."""
LIMIT_PREFIX: Final = "RAGKIT_LIMIT_"
"""The variable of a limit is this and the limit's name in capitals."""


_RETRIEVAL: Final = RetrievalSettings()
LONGEST_QUESTION: Final = 100_000
"""Characters of a question at most, whatever the limit is set to."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one request and of the service. Sizes in bytes, times in seconds.

    json_bytes: largest body that is not an upload. upload_bytes: largest file; upload_files, upload_total: files and
    bytes of one upload. uploads_at_once: uploads received at the same time; one more waits upload_queue_seconds for its
    turn, then gets 503. readers: files read at a time. header_seconds, body_seconds: a request's headers, then its
    body, have arrived by then. upload_rate: bytes a second that an upload must keep up after body_seconds.
    write_seconds: how long a client may leave a response unread. first_event_seconds: how long a stream waits for its
    first event before it sends its head, so that an early error still has its own status. comment_seconds: pause after
    which a stream sends a comment, to be kept alive. idle_seconds: how long a connection is kept for a next request.
    leftover_seconds: how long the rest of a refused body is read. connections: open at once, peer_connections: of one
    address; beyond them an idle one is closed for a new one, and `reserve` more are for health checks. ending_seconds:
    for answers at work when the service is asked to end; then a stream ends with an `error` event. requests: served at
    once, more get 503. threads: for everything quick (searches of small collections share one of their own).
    ask_threads: answers at work at once. writer_seconds: how long a removal is waited for before it is given up;
    wait_seconds: how long an upload with `wait` is waited for. original_bytes: of the originals of uploaded PDFs that a
    collection keeps, for pictures of their pages; 0 for none. open_collections: kept open at once; the one that was
    unused for longest is closed. jobs: unfinished jobs at once; job_lanes: jobs at work at once, each of another
    collection. spool_bytes: of files of unfinished jobs that the database of a shared store holds; more get 507.
    lease_seconds: after which the job of a service that was lost is taken over by another, with a shared store.
    question_characters, question_words: the longest question that is taken; a letter of a script without spaces counts
    as a word, and so do three digits. rate: requests a minute of a key without a rate of its own, or of
    an address without a key; 0 for any number.
    """

    json_bytes: int = 1 << 20
    upload_bytes: int = 100 << 20
    upload_files: int = 32
    upload_total: int = 1 << 30
    uploads_at_once: int = 4
    upload_queue_seconds: float = 10.0
    readers: int = 2
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    upload_rate: int = 64 << 10
    write_seconds: float = 30.0
    first_event_seconds: float = 2.0
    comment_seconds: float = 15.0
    idle_seconds: int = 15
    leftover_seconds: float = 2.0
    connections: int = 512
    peer_connections: int = 384
    reserve: int = 16
    ending_seconds: float = 3.0
    requests: int = 256
    threads: int = 24
    ask_threads: int = 16
    writer_seconds: float = 30.0
    wait_seconds: float = 600.0
    jobs: int = 1_000
    job_lanes: int = 2
    spool_bytes: int = 16 << 30
    lease_seconds: float = 15.0
    original_bytes: int = 1 << 30
    question_characters: int = _RETRIEVAL.question_characters
    question_words: int = _RETRIEVAL.question_words
    open_collections: int = 64
    rate: int = 0


LIMIT_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "json_bytes": (1 << 10, 64 << 20),
    "upload_bytes": (1 << 10, 16 << 30),
    "upload_files": (1, 1_000),
    "upload_total": (1 << 10, 64 << 30),
    "uploads_at_once": (1, 64),
    "upload_queue_seconds": (0, 300),
    "readers": (1, 64),
    "header_seconds": (0.5, 300),
    "body_seconds": (1, 3_600),
    "upload_rate": (1, 1 << 30),
    "write_seconds": (1, 3_600),
    "first_event_seconds": (0.1, 60),
    "comment_seconds": (1, 300),
    "idle_seconds": (1, 3_600),
    "leftover_seconds": (0.1, 60),
    "connections": (8, 65_536),
    "peer_connections": (1, 65_536),
    "reserve": (1, 1_024),
    "ending_seconds": (0.1, 600),
    "requests": (1, 65_536),
    "threads": (2, 1_024),
    "ask_threads": (1, 1_024),
    "writer_seconds": (1, 3_600),
    "wait_seconds": (1, 86_400),
    "jobs": (1, 1_000_000),
    "job_lanes": (1, 64),
    "spool_bytes": (1 << 10, 1 << 44),
    "lease_seconds": (1, 3_600),
    "original_bytes": (0, 1 << 40),
    "question_characters": (1, LONGEST_QUESTION),
    "question_words": (1, LONGEST_QUESTION),
    "open_collections": (1, 4_096),
    "rate": (0, 1_000_000),
}
"""The least and the largest value of a limit."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """All settings of the service, in one value. `api_key` is never shown.

    data: the folder of keys, jobs, uploads and the audit log, and of the collections unless `shared`, the address of a
    shared store, is set. remember: questions whose vectors each server process keeps, see `ragkit.QueryBatcher`.
    create_collections: an upload to a collection that is not there makes it. trusted_proxies: addresses of proxies
    whose X-Forwarded-For and X-Forwarded-Proto are believed. root_path: the prefix at which a proxy publishes the
    service, as "/rag"; requests may come with it and without. audit: whether requests are written to the audit log;
    "auto" when they need a key. uds: a Unix socket, which replaces host and port. cors_origins: origins whose pages may
    use the service by a key, as "https://app.example.org"; none by default. otlp_endpoint: an OpenTelemetry collector;
    nothing is sent without one.
    """

    data: Path = Path(DEFAULT_DATA)
    shared: str = field(default="", repr=False)
    settings: Settings = field(default_factory=Settings)
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    api_key: str = field(default="", repr=False)
    allowed_hosts: tuple[str, ...] = ()
    workers: int = 1
    remember: int = DEFAULT_REMEMBER
    create_collections: bool = True
    trusted_proxies: tuple[str, ...] = ()
    root_path: str = ""
    audit: Audit = "auto"
    uds: Path | None = None
    limits: Limits = field(default_factory=Limits)
    cors_origins: tuple[str, ...] = ()
    otlp_endpoint: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port {self.port} is no port", cure="choose one from 0 (any free one) to 65535")
        if not 1 <= self.workers <= 256:
            raise ConfigError(f"workers is {self.workers}", cure="choose from 1 to 256")
        if not 0 <= self.remember <= 1_000_000:
            raise ConfigError(f"remember is {self.remember}", cure="choose from 0 to 1,000,000 questions")
        if self.root_path and not _PREFIX.fullmatch(self.root_path):
            raise ConfigError(f"RAGKIT_ROOT_PATH is {self.root_path!r}", cure="write it as /rag")
        if self.audit not in get_args(Audit):
            raise ConfigError(f"RAGKIT_AUDIT is {self.audit!r}", cure="set it to auto, on or off")
        for origin in self.cors_origins:
            if not _ORIGIN.fullmatch(origin):
                raise ConfigError(
                    f"RAGKIT_CORS_ORIGINS has {origin!r}", cure="name each origin in full, as https://app.example.org"
                )
        if self.otlp_endpoint and not _ADDRESS.fullmatch(self.otlp_endpoint):
            raise ConfigError(f"{OTLP_VARIABLE} is no address", cure="write it as http://127.0.0.1:4318")
        if self.api_key != self.api_key.strip():
            raise ConfigError("RAGKIT_API_KEY begins or ends with white space", cure="set it without")

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can reach the address; a Unix socket is that of its owner and group."""
        if self.uds or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_wildcard(self) -> bool:
        """True when the service listens on every address of the machine."""
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False

    @property
    def location(self) -> str | Path:
        """Where the collections are: the shared store, or the data folder."""
        return self.shared or self.data

    @property
    def keys_file(self) -> Path:
        """Where `ragkit keys` keeps the digests of keys."""
        return self.data / "keys.json"


def service_settings(environ: Mapping[str, str]) -> ServiceSettings:
    """Return the settings that RAGKIT_* variables name. Raises ConfigError."""
    allowed = environ.get("RAGKIT_ALLOWED_HOSTS", "")
    limits = _limits(environ)
    place = environ.get("RAGKIT_DATA", "") or DEFAULT_DATA
    unix = environ.get("RAGKIT_UDS", "").strip()
    return ServiceSettings(
        data=data_folder(place).absolute(),
        shared=place if "://" in place else "",
        settings=_bounded(settings_from_env(environ), limits),
        host=environ.get("RAGKIT_HOST", "") or DEFAULT_HOST,
        port=_whole(environ, "RAGKIT_PORT", default=DEFAULT_PORT),
        api_key=environ.get("RAGKIT_API_KEY", ""),
        allowed_hosts=_names(allowed.lower()),
        workers=_whole(environ, "RAGKIT_WORKERS", default=1),
        remember=_whole(environ, "RAGKIT_REMEMBER", default=DEFAULT_REMEMBER),
        trusted_proxies=_names(environ.get("RAGKIT_TRUSTED_PROXIES", "")),
        root_path=environ.get("RAGKIT_ROOT_PATH", "").strip(),
        uds=Path(unix).absolute() if unix else None,
        audit=cast("Audit", environ.get("RAGKIT_AUDIT", "").strip().lower() or "auto"),  # checked by the class
        create_collections=_flag(environ, "RAGKIT_CREATE_COLLECTIONS", default=True),
        limits=limits,
        otlp_endpoint=environ.get(OTLP_VARIABLE, "").strip() or environ.get(STANDARD_OTLP_VARIABLE, "").strip(),
        cors_origins=_names(environ.get("RAGKIT_CORS_ORIGINS", "").lower()),
    )


def _bounded(settings: Settings, limits: Limits) -> Settings:
    """Return the settings of the collections with the limits of a question."""
    retrieval = replace(
        settings.retrieval,
        question_characters=limits.question_characters,
        question_words=limits.question_words,
    )
    return replace(settings, retrieval=retrieval)


def _limits(environ: Mapping[str, str]) -> Limits:
    """Return the limits, each from its variable if that is set."""
    default = Limits()
    found: dict[str, Any] = {}
    for name in (limit.name for limit in fields(Limits)):
        variable = LIMIT_PREFIX + name.upper()
        text = environ.get(variable, "").strip()
        if not text:
            continue
        whole = isinstance(getattr(default, name), int)
        least, most = LIMIT_BOUNDS[name]
        try:
            found[name] = int(text) if whole else float(text)
        except ValueError as error:
            kind = "a whole number" if whole else "a number"
            raise ConfigError(f"{variable} is {text!r}", cure=f"set it to {kind}") from error
        if not least <= found[name] <= most:
            raise ConfigError(f"{variable} is {text}", cure=f"choose from {least:,} to {most:,}")
    return replace(default, **found)


def _whole(environ: Mapping[str, str], name: str, *, default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise ConfigError(f"{name} is {text!r}", cure="set it to a whole number") from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name, "").strip().lower()
    if not text:
        return default
    if text not in ("1", "true", "yes", "0", "false", "no"):
        raise ConfigError(f"{name} is {text!r}", cure="set it to true or false")
    return text in ("1", "true", "yes")
