"""Files that a document includes: read by the child below the root, and recorded so that a change is noticed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from ragkit import ExtractionError
from ragkit_ingest.readers.neighbours import MOST_BYTES, Neighbours
from ragkit_ingest.scan.acl_rules import AclRules, load_acl_rules
from ragkit_ingest.scan.digest import status_of, sure_mtime
from ragkit_ingest.scan.roots.local import LocalRoot
from ragkit_ingest.scan.walk import open_file, reason_of, why_ignored


def neighbours_of(place: Mapping[str, str] | None) -> Neighbours | None:
    """Return the files that a document at a place may include; None without a place."""
    if not place:
        return None
    return Neighbours(place["path"], partial(_read, os.fsencode(place["root"]), os.fsencode(place["path"])))


def _read(root: bytes, includer: bytes, path: str) -> bytes:
    """Return the bytes of a file below root; ExtractionError when it is missing, a link, ignored or too big, or when
    access rules give it labels that its includer has not."""
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError as error:
        raise ExtractionError("missing", "no such name") from error
    rules = load_acl_rules(LocalRoot(root))
    labels = rules.labels(name)
    if labels and labels != rules.labels(includer):
        raise ExtractionError("permission", "other access labels")
    descriptor = open_file(root, name)
    try:
        try:
            ignored = why_ignored(root, name)
        except OSError as error:
            raise ExtractionError(reason_of(error), error.strerror or "") from error
        if ignored:
            raise ExtractionError("ignored", ignored)
        if os.fstat(descriptor).st_size > MOST_BYTES:
            raise ExtractionError("too_big", f"more than {MOST_BYTES:,} bytes")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(MOST_BYTES + 1)
    finally:
        os.close(descriptor)


def record(root: bytes | None, paths: Sequence[str], *, read_at_ns: int) -> str:
    """Return the states of included files as text, for FileState.detail; "" for none.

    read_at_ns: when reading began; a file that changed about then or later gets a state that no file has.
    """
    if root is None or not paths:
        return ""
    rules = load_acl_rules(LocalRoot(root))
    return json.dumps({path: _state(root, path, rules, now_ns=read_at_ns) for path in paths}, separators=(",", ":"))


def has_changed(root: bytes | None, recorded: str) -> bool:
    """Tell whether an included file differs from its recorded state, is no longer there, or has come.

    root: a folder; None for a URL, from which nothing is included.
    """
    if root is None or not recorded:
        return False
    states: Any = None
    with suppress(ValueError):
        states = json.loads(recorded)
    if not isinstance(states, dict):
        return True
    rules = load_acl_rules(LocalRoot(root))
    return any(_state(root, path, rules) != state for path, state in states.items())


def _state(root: bytes, path: str, rules: AclRules, *, now_ns: int | None = None) -> list[object] | None:
    """Return size, times and access labels of a file below root; None when it cannot be opened."""
    try:
        descriptor = open_file(root, os.fsencode(path))
    except (ExtractionError, UnicodeEncodeError):
        return None
    try:
        found = status_of(os.fsencode(path), descriptor)
    finally:
        os.close(descriptor)
    labels = rules.labels(found.path)
    mtime = found.mtime_ns if now_ns is None else sure_mtime(found, now_ns=now_ns)
    return [found.size, mtime, found.ctime_ns, None if labels is None else ",".join(labels)]
