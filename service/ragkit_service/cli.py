"""The commands `ragkit serve`, `ragkit mcp` and `ragkit keys`: parse, call, print."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from ragkit_service.security.key_file import KeyFile
from ragkit_service.settings import DEFAULT_DATA, DEFAULT_HOST, DEFAULT_PORT, service_settings

SHORT_KEY = 16

_data = click.option(
    "--data",
    metavar="FOLDER",
    envvar="RAGKIT_DATA",
    default=DEFAULT_DATA,
    show_default=True,
    help="Data folder (or $RAGKIT_DATA).",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(short_help="Serve search, prompts and answers over HTTP.")
@_data
@click.option("--host", metavar="ADDRESS", help=f"Address to listen on (or $RAGKIT_HOST).  [default: {DEFAULT_HOST}]")
@click.option("--port", metavar="PORT", type=int, help=f"Port (or $RAGKIT_PORT).  [default: {DEFAULT_PORT}]")
@click.option("--workers", metavar="N", type=int, help="Server processes (or $RAGKIT_WORKERS).  [default: 1]")
@click.option("--json", "as_json", is_flag=True, help="Log in JSON, one line per record.")
def serve(data: str, host: str | None, port: int | None, workers: int | None, as_json: bool) -> None:
    """Serve search, prompts and answers over HTTP, and a page to ask questions on.

    Any address but loopback needs a key, in $RAGKIT_API_KEY or made by `ragkit keys create`; every request but GET
    /healthz must then carry it. Port 0 takes a free one.
    """
    settings = service_settings(os.environ, data=data, host=host, port=port, workers=workers)

    from ragkit_service.server import bind, check_key, run, url_of

    check_key(settings)
    if settings.api_key and len(settings.api_key) < SHORT_KEY:
        click.echo("ragkit: RAGKIT_API_KEY is short; `ragkit keys create` makes a long one", err=True)
    listener = bind(settings)
    url = url_of(listener)
    if as_json:
        click.echo(json.dumps({"url": url, "data": str(settings.data), "workers": settings.workers}))
    else:
        click.echo(f"ragkit serves {settings.data} at {url} (page: {url}/, routes: {url}/openapi.json)")
    run(settings, listener, as_json=as_json)


@click.command(short_help="Serve the collections as tools of the Model Context Protocol, over stdio.")
@_data
@click.option(
    "--collection", "collections", metavar="NAME", multiple=True, help="A collection to offer; repeat it. Default: all."
)
def mcp(data: str, collections: tuple[str, ...]) -> None:
    """Serve the collections as read-only tools (search, fetch, ask, list_documents) over standard input and output.

    For clients that start a process, such as Claude Desktop or an IDE; a running `ragkit serve` offers the same at
    /mcp. Needs `pip install 'ragkit[mcp]'`.
    """
    from ragkit_service.mcp.stdio import run_stdio

    settings = service_settings(os.environ, data=data)
    run_stdio(settings.data, settings=settings.settings, collections=collections)


@click.group(short_help="Create, list and revoke keys of the service.")
def keys() -> None:
    """Create, list and revoke keys of the service. Only their SHA-256 digests are stored, in DATA/keys.json."""


@keys.command()
@click.argument("name")
@_data
@_json
def create(name: str, data: str, as_json: bool) -> None:
    """Make a key and show it once; it cannot be shown again."""
    key = _file(data).create(name)
    if as_json:
        click.echo(json.dumps({"name": name, "key": key}))
        return
    click.echo(key)
    click.echo("Keep it: it is not stored and cannot be shown again.", err=True)


@keys.command("list")
@_data
@_json
def list_keys(data: str, as_json: bool) -> None:
    """List the stored keys by name."""
    stored = _file(data).read()
    if as_json:
        click.echo(json.dumps({"keys": [key.as_dict() for key in stored]}))
        return
    for key in stored:
        click.echo(f"{key.name}  sha256 {key.sha256[:12]}…  {key.created_at}")
    if not stored:
        click.echo("There are no stored keys.", err=True)


@keys.command()
@click.argument("name")
@_data
@_json
def revoke(name: str, data: str, as_json: bool) -> None:
    """Revoke a key: a running service refuses it from the next request on."""
    _file(data).revoke(name)
    click.echo(json.dumps({"revoked": name}) if as_json else f"revoked {name}")


def _file(data: str) -> KeyFile:
    return KeyFile(Path(data) / "keys.json")
