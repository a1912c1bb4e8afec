"""Keeps the traces of a collection's chains: one JSON file a run, the newest of them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ragkit.chains.trace import ChainRun
from ragkit.errors import CorruptError, NotFoundError

FOLDER: Final = "traces"
KEPT: Final = 200
"""The number of traces kept for a collection; the oldest are deleted first."""
_ID: Final = re.compile(r"\d{8}T\d{9}-[0-9a-f]{8}-[a-z0-9][a-z0-9._-]*")


def store_trace(folder: Path, run: ChainRun) -> ChainRun:
    """Write a run into a collection's folder and return it with its id; old traces beyond the limit are deleted."""
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    stamp = re.sub(r"[-:.Z]", "", run.started)
    stored = replace(run, id=f"{stamp}-{secrets.token_hex(4)}-{run.chain}")
    new = place / f".{stored.id}.new"
    new.write_text(json.dumps(stored.as_dict(), ensure_ascii=False, default=str), encoding="utf-8")
    new.replace(place / f"{stored.id}.json")
    for old in sorted(place.glob("*.json"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return stored


def trace_ids(folder: Path) -> list[str]:
    """Return the ids of the stored traces, newest first."""
    names = (path.stem for path in (folder / FOLDER).glob("*.json"))
    return sorted((name for name in names if _ID.fullmatch(name)), reverse=True)


def load_trace(folder: Path, name: str = "") -> Mapping[str, Any]:
    """Return the JSON of a stored run; the newest without a name. Raises NotFoundError, CorruptError."""
    known = trace_ids(folder)
    if (name or known) and (not name or name in known):
        path = folder / FOLDER / f"{name or known[0]}.json"
        try:
            loaded: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CorruptError(f"the trace {path} cannot be read", cure="delete it") from error
        return loaded
    raise NotFoundError(f"there is no trace {name!r}" if name else "no chain has run yet", cure="run: ragkit chain run")
