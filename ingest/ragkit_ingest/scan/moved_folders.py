"""Recognise a moved folder: its documents follow it, edits and deletions included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ragkit import ExtractionError, FileState
from ragkit_ingest.scan.roots.opening import is_there
from ragkit_ingest.scan.targets import Target
from ragkit_ingest.scan.walk import Found

Files = Mapping[bytes, FileState]


def moved_root(target: Target, roots: Mapping[str, Files]) -> str:
    """Return the root that was moved to the target, or "" if there is none.

    It is a root whose folder no longer exists, and more than half of whose documents are below the target, at the same
    paths with the same bytes. A disk that is not mounted looks like a deleted folder, but half of its files do not
    appear elsewhere by chance.
    """
    if target.single or target.scope or target.root.folder is None or target.name in roots:
        return ""
    best, most = "", 0
    for name, files in roots.items():
        if is_there(name):
            continue
        good = [state for state in files.values() if state.source and not state.reason]
        alike = sum(_stands(target, state) for state in good)
        if alike * 2 > len(good) and alike > most:
            best, most = name, alike
    return best


def at_home(files: Files, target: Target) -> dict[bytes, FileState]:
    """Return the recorded states of files as states of files of the target."""
    return {path: replace(state, root=target.name) for path, state in files.items()}


def _stands(target: Target, state: FileState) -> bool:
    found = target.root.look(state.path)
    if not isinstance(found, Found) or found.size != state.size:
        return False
    if found.mtime_ns == state.mtime_ns:
        return True
    try:
        return target.root.digest(state.path)[0] == state.sha256
    except ExtractionError:
        return False
