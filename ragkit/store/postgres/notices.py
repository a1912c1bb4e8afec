"""Notices of commits: the server tells the processes that listen which collection has a new revision."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import psycopg

from ragkit.store.postgres.connection import Connection

CHANNEL: Final = "ragkit"


def notify(connection: Connection, collection: int) -> None:
    """Tell who listens that a collection has a new revision, after its commit.

    Not within it: notices are committed one at a time in a whole server. One that is lost costs a reader nothing but
    time, since every question reads the revision itself.
    """
    with suppress(psycopg.Error):
        connection.execute(f"NOTIFY {CHANNEL}, '{collection}'", prepare=False)
