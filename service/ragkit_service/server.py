"""uvicorn around the app: the socket, the deadlines, the log; one process or several."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from ragkit import ConfigError
from ragkit_service.app import create_app, keyring_of, require_key
from ragkit_service.observing.metrics import SHARED_FOLDER
from ragkit_service.protocol.deadlines import DeadlineProtocol, protocol_class
from ragkit_service.protocol.unix_socket import bind_unix
from ragkit_service.settings import ServiceSettings, service_settings
from ragkit_service.state.opening import open_state

SHUTDOWN_SECONDS: Final = 10
HEADER_BYTES: Final = 32 << 10
SWITCH_SECONDS: Final = 0.0005
"""Python's default is 5 ms. Each turn of the event loop may wait that long for every thread that searches or answers;
a health check takes some five turns."""


def app_from_environment() -> FastAPI:
    """Return the app that the environment describes; each of several server processes calls this."""
    settings = with_share_of_cpus(service_settings(os.environ), cpus=len(os.sched_getaffinity(0)))
    DeadlineProtocol.configure(settings.limits, trusted=_unbounded(settings))
    app = create_app(settings)
    prepare_interpreter()
    return app


def prepare_interpreter() -> None:
    """Prepare the interpreter of a server process, so that other threads hold up its event loop for less.

    Objects loaded so far are excluded from garbage collection: they live until the process ends, and a full collection
    holds the GIL while it visits every object. A thread that runs Python hands the GIL over after SWITCH_SECONDS.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)


def with_share_of_cpus(settings: ServiceSettings, *, cpus: int) -> ServiceSettings:
    """Return settings in which each server process's model has its share of the CPUs, unless they set the threads.

    Models of several processes that each run on all CPUs wait for one another at every step.
    """
    own = settings.settings
    if own.model.threads:
        return settings
    model = replace(own.model, threads=max(1, cpus // settings.workers))
    return replace(settings, settings=replace(own, model=model))


def check_key(settings: ServiceSettings) -> None:
    """Raise ConfigError when other machines can reach the service and there is no key."""
    with closing(open_state(settings)) as state:
        require_key(settings, keyring_of(settings, state.keys))


def bind(settings: ServiceSettings) -> socket.socket:
    """Return the listening socket. Raises ConfigError when the address cannot be bound.

    The protocol is named because asyncio sets TCP_NODELAY only on sockets that say they are TCP: without it every
    answer on a kept connection waits some 40 ms for the client's delayed ACK.
    """
    if settings.uds is not None:
        return bind_unix(settings.uds)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(1024)
        return listener
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        what = "is taken" if taken else f"cannot be used: {error.strerror or error}"
        raise ConfigError(
            f"{settings.host} port {settings.port} {what}", cure="choose another with --port or --host"
        ) from error


def url_of(listener: socket.socket) -> str:
    """Return the address that a socket listens on, as a URL; unix:PATH for a Unix socket."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_config(settings: ServiceSettings, app: FastAPI | str, *, as_json: bool = False) -> uvicorn.Config:
    """Return uvicorn's configuration, with a deadline or a bound for everything that a client could leave open."""
    several = isinstance(app, str)
    own = protocol_class(settings.limits, trusted=_unbounded(settings))
    protocol: Any = "ragkit_service.protocol.deadlines:DeadlineProtocol" if several else own
    return uvicorn.Config(
        app,
        factory=several,
        workers=settings.workers,
        http=protocol,
        ws="none",
        lifespan="on",
        access_log=False,  # it would log query strings; Observe logs paths
        log_config=_log_config(as_json=as_json),
        proxy_headers=bool(settings.trusted_proxies),  # X-Forwarded-For and -Proto, from these peers only
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        timeout_keep_alive=settings.limits.idle_seconds,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )


def _unbounded(settings: ServiceSettings) -> list[str]:
    """Return the peers without a limit per peer: proxies, and those on a Unix socket, which have no address."""
    return [*settings.trusted_proxies, *([""] if settings.uds else [])]


def run(
    settings: ServiceSettings, listener: socket.socket, *, values: Mapping[str, str], as_json: bool = False
) -> None:
    """Serve until a signal ends it. values: the settings by variable, which several processes read again."""
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is the way to stop it; it has shut down
        if settings.workers == 1:
            config = server_config(settings, create_app(settings), as_json=as_json)
            prepare_interpreter()
            uvicorn.Server(config).run(sockets=[listener])
            return
        os.environ.update(values)
        with _shared_counts():
            config = server_config(settings, "ragkit_service.server:app_from_environment", as_json=as_json)
            Multiprocess(config, sockets=[listener]).run()


@contextlib.contextmanager
def _shared_counts() -> Iterator[None]:
    """Let the server processes share their counts, in a folder that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="ragkit-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        yield


def _log_config(*, as_json: bool) -> dict[str, Any]:
    plain = {"format": "%(asctime)s %(levelname)s %(message)s", "datefmt": "%Y-%m-%d %H:%M:%S"}
    formatter: dict[str, Any] = {"()": "ragkit_service.observing.access_log.JsonFormatter"} if as_json else plain
    logger = {"handlers": ["stderr"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {
            "ragkit": {**logger, "level": "INFO"},
            "ragkit_ingest": {**logger, "level": "INFO"},
            "ragkit_service": {**logger, "level": "INFO"},
            "uvicorn": {**logger, "level": "WARNING"},
        },
    }
