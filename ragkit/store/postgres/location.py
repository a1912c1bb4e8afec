"""The address of a PostgreSQL database: how to connect, how to show it without secrets, and its local folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ragkit.errors import ConfigError

FOLDER: Final = "postgresql"
LOCAL_VARIABLE: Final = "RAGKIT_LOCAL"
_SHAPE: Final = "write postgresql://USER@HOST:5432/DATABASE, the user and password percent-encoded"
_DEFAULTS: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""How soon libpq gives up on a server that is gone; the address may say otherwise. Seconds, the last milliseconds."""


@dataclass(frozen=True, slots=True)
class Location:
    """A database. shown: its address without password and options; options: what libpq needs, secrets included."""

    shown: str
    options: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return self.shown

    @property
    def folder(self) -> Path:
        """Where this machine keeps files for the collections of this database."""
        return local_root(os.environ) / FOLDER / hashlib.sha256(self.shown.encode()).hexdigest()[:16]


def parse_location(address: str) -> Location:
    """Return the database of postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE, as libpq reads it.

    What the address leaves out comes from libpq's own variables and files (PGHOST, PGPASSWORD, ~/.pgpass). Raises
    ConfigError, which does not repeat the address.
    """
    try:
        options: dict[str, Any] = conninfo_to_dict(address)
    except (psycopg.Error, UnicodeError):  # the message may hold a part of the password
        raise ConfigError("the address of the PostgreSQL database is not valid", cure=_SHAPE) from None
    user, host = options.get("user"), str(options.get("host") or "")
    port = f":{options['port']}" if options.get("port") else ""
    place = "" if host.startswith("/") else f"{host}{port}"
    socket = f"?host={host}" if host.startswith("/") else ""
    database = options.get("dbname", "")
    shown = f"postgresql://{f'{user}@' if user else ''}{place}/{database}{socket}"
    return Location(shown, {**_DEFAULTS, **options})


def local_root(environ: Mapping[str, str]) -> Path:
    """Return the folder for what shared stores keep on this machine: RAGKIT_LOCAL, or ragkit in the user's data."""
    named = environ.get(LOCAL_VARIABLE, "")
    if named:
        return Path(named).expanduser()
    return Path(environ.get("XDG_DATA_HOME", "") or "~/.local/share").expanduser() / "ragkit"
