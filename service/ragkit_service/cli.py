"""The commands `ragkit serve`, `ragkit mcp` and `ragkit keys`: parse, call, print."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ragkit import show, shown_location
from ragkit_service.configuration.reading import Configuration, limit_flags, read_configuration
from ragkit_service.configuration.toml_file import FILE_NAME
from ragkit_service.observing.audit import audit_event
from ragkit_service.security.access import SCOPES
from ragkit_service.security.key_file import Grant
from ragkit_service.security.keys import KeyStore
from ragkit_service.settings import DEFAULT_DATA, DEFAULT_HOST, DEFAULT_PORT
from ragkit_service.state.opening import open_for_command

SHORT_KEY = 16

_data = click.option(
    "--data",
    metavar="FOLDER|ADDRESS",
    help=f"Data folder, or postgresql://USER@HOST/DATABASE (or $RAGKIT_DATA).  [default: {DEFAULT_DATA}]",
)
_config = click.option("--config", metavar="FILE", help=f"Settings file (or $RAGKIT_CONFIG).  [default: ./{FILE_NAME}]")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(short_help="Serve search, prompts and answers over HTTP.")
@_data
@click.option("--host", metavar="ADDRESS", help=f"Address to listen on (or $RAGKIT_HOST).  [default: {DEFAULT_HOST}]")
@click.option("--port", metavar="PORT", type=int, help=f"Port (or $RAGKIT_PORT).  [default: {DEFAULT_PORT}]")
@click.option("--uds", metavar="PATH", help="Unix socket to listen on instead (or $RAGKIT_UDS).")
@click.option("--workers", metavar="N", type=int, help="Server processes (or $RAGKIT_WORKERS).  [default: 1]")
@click.option("--limit", "limits", metavar="NAME=N", multiple=True, help="A limit (or $RAGKIT_LIMIT_NAME); repeat it.")
@click.option("--json", "as_json", is_flag=True, help="Log in JSON, one line per record.")
@click.option("--show-config", is_flag=True, help="Print every setting, its value and its origin, and end.")
@_config
def serve(config: str | None, *, limits: tuple[str, ...], as_json: bool, show_config: bool, **flags: Any) -> None:
    """Serve search, prompts and answers over HTTP, and a page to ask questions on.

    Any address but loopback needs a key, in $RAGKIT_API_KEY or made by `ragkit keys create`; every request but GET
    /healthz must then carry it. Port 0 takes a free one. A Unix socket can be opened by its owner and group.
    Settings come from options, then from RAGKIT_* variables, then from ragkit.toml.
    """
    configuration = read_configuration({**flags, **limit_flags(limits)}, os.environ, file=config)
    settings = configuration.service_settings()
    if show_config:
        _show_config(configuration, as_json=as_json)
        return

    from ragkit_service.server import bind, check_key, run, url_of

    check_key(settings)
    if settings.api_key and len(settings.api_key) < SHORT_KEY:
        click.echo("ragkit: RAGKIT_API_KEY is short; `ragkit keys create` makes a long one", err=True)
    listener = bind(settings)
    url = url_of(listener)
    if as_json:
        click.echo(json.dumps({"url": url, "data": shown_location(settings.location), "workers": settings.workers}))
    else:
        pages = "" if settings.uds else f" (page: {url}/, routes: {url}/openapi.json)"
        click.echo(f"ragkit serves {shown_location(settings.location)} at {url}{pages}")
    run(settings, listener, values=configuration.values, as_json=as_json)


def _show_config(configuration: Configuration, *, as_json: bool) -> None:
    shown = configuration.shown()
    if as_json:
        file = str(configuration.file) if configuration.file else None
        click.echo(json.dumps({"file": file, "settings": [setting.as_dict() for setting in shown]}, indent=2))
        return
    for setting in shown:
        click.echo(show(f"{setting.key:32} {setting.value or '-':32} {setting.origin}"))


@click.command(short_help="Serve the collections as tools of the Model Context Protocol, over stdio.")
@_data
@click.option(
    "--collection", "collections", metavar="NAME", multiple=True, help="A collection to offer; repeat it. Default: all."
)
@_config
def mcp(data: str | None, collections: tuple[str, ...], config: str | None) -> None:
    """Serve the collections as read-only tools (search, fetch, ask, list_documents) over standard input and output.

    For clients that start a process, such as Claude Desktop or an IDE; a running `ragkit serve` offers the same at
    /mcp. Needs `pip install 'ragkit[mcp]'`.
    """
    from ragkit_service.mcp.stdio import run_stdio

    settings = read_configuration({"data": data}, os.environ, file=config).service_settings()
    run_stdio(settings.location, settings=settings.settings, collections=collections)


@click.group(short_help="Create, list, rotate and revoke keys of the service.")
def keys() -> None:
    """Create, list, rotate and revoke keys of the service. Only their SHA-256 digests are stored: in DATA/keys.json,
    or in the database that DATA names, for all services over it.

    A key is shown once, when it is made. A running service sees every change from the next request on, one over a
    database within a second.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may do.  [default: read, write]"
)
@click.option(
    "--collection", "collections", multiple=True, metavar="GLOB", help="Collections that it sees.  [default: all]"
)
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="Access labels.  [default: sees all documents]")
@click.option("--no-labels", is_flag=True, help="It sees documents without access labels only.")
@click.option("--expires", metavar="WHEN", default="", help="Days from now (90d), or a date (2026-12-31).")
@click.option("--rate", metavar="N", type=int, default=0, help="Requests a minute; 0 for any number.")
@_data
@_json
def create(name: str, data: str | None, as_json: bool, **options: Any) -> None:
    """Make a key and show it once; it cannot be shown again."""
    labels = tuple(options["labels"]) if options["labels"] or options["no_labels"] else None
    grant = Grant(
        scopes=options["scopes"] or ("read", "write"),
        collections=options["collections"] or ("*",),
        labels=labels,
        expires_at=_expiry(options["expires"]),
        rate=options["rate"],
    )
    with _state(data) as (stored, audit):
        key = stored.create(name, grant)
        audit("keys.create", name, _id_of(key))
    _show_key(name, key, as_json=as_json)


@keys.command()
@click.argument("name")
@_data
@_json
def rotate(name: str, data: str | None, as_json: bool) -> None:
    """Give a key another secret, and show it once; the rights stay, the old secret is invalid at once."""
    with _state(data) as (stored, audit):
        key = stored.rotate(name)
        audit("keys.rotate", name, _id_of(key))
    _show_key(name, key, as_json=as_json)


@keys.command("list")
@_data
@_json
def list_keys(data: str | None, as_json: bool) -> None:
    """List the stored keys with their rights."""
    with _state(data) as (keys_stored, _):
        stored = keys_stored.read()
    if as_json:
        click.echo(json.dumps({"keys": [key.as_dict() for key in stored]}))
        return
    for key in stored:
        grant = key.grant
        labels = "all documents" if grant.labels is None else f"labels {', '.join(grant.labels) or 'none'}"
        limits = [f"until {grant.expires_at}"] * bool(grant.expires_at) + [f"{grant.rate} a minute"] * bool(grant.rate)
        rights = [", ".join(grant.scopes), f"collections {', '.join(grant.collections)}", labels, *limits]
        click.echo(f"{key.name}  {key.id}  {'  '.join(rights)}  made {key.created_at}")
    if not stored:
        click.echo("There are no stored keys.", err=True)


@keys.command()
@click.argument("name")
@_data
@_json
def revoke(name: str, data: str | None, as_json: bool) -> None:
    """Revoke a key, given by name or id: a service over a folder refuses it from the next request on, services over
    a database within a second."""
    with _state(data) as (stored, audit):
        stored.revoke(name)
        audit("keys.revoke", name, None)
    click.echo(json.dumps({"revoked": name}) if as_json else f"revoked {name}")


def _show_key(name: str, key: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"name": name, "id": _id_of(key), "key": key}))
        return
    click.echo(key)
    click.echo("Keep it: it is not stored and cannot be shown again.", err=True)


def _id_of(key: str) -> str:
    return key.split("_")[1]


def _expiry(text: str) -> str:
    """Return a time of ISO 8601 for a number of days or a date; "" stays."""
    days = text.removesuffix("d")
    if text.endswith("d") and days.isdigit():
        return (datetime.now(UTC) + timedelta(days=min(int(days), 36_500))).isoformat(timespec="seconds")
    return text


@contextmanager
def _state(data: str | None) -> Iterator[tuple[KeyStore, Callable[[str, str, str | None], None]]]:
    """Lend the stored keys, and what writes a change of them (action, name, id of the key) to the audit log."""
    settings = read_configuration({"data": data}, os.environ).service_settings()
    with closing(open_for_command(settings)) as state:

        def audit(action: str, name: str, key_id: str | None) -> None:
            if settings.audit != "off":
                fields = {"by": "command line", "key": name, "changed_key_id": key_id}
                state.audit.write(audit_event(action, fields))

        yield state.keys, audit
