"""The report of a run of ingest, which the library returns and the command line prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ragkit import AddReport

Action = Literal["added", "changed", "removed", "renamed", "reread"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a document: the action, the source, and the source before a rename.

    `reread`: the bytes are the same, but the readers are newer.
    """

    action: Action
    source: str
    old: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the JSON shape."""
        shape = {"action": self.action, "source": self.source}
        return {**shape, "from": self.old} if self.old else shape


@dataclass(frozen=True, slots=True)
class Problem:
    """A file or folder (its path ends in "/") that gave no document, with the reason.

    failed: it is bad or could not be read (exit code 1); otherwise it was left out on purpose. kept: the document of
    its earlier bytes stays.
    """

    root: str
    path: str
    reason: str
    detail: str = ""
    failed: bool = False
    kept: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        names = ("root", "path", "reason", "detail", "kept")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Warned:
    """A document that was read with losses or guesses."""

    source: str
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {"source": self.source, "warnings": list(self.warnings)}


def kind_of(warning: str) -> str:
    """Return the kind of a warning: its first clause, with # for every number ("page # has no text")."""
    return re.sub(r"(?<![\w-])\d+(?:[.,]\d+)*", "#", re.split(r"[:;(]", warning, maxsplit=1)[0]).strip() or warning[:80]


class ForecastRow(Protocol):
    """How many files of a type will be read (reason ""), or will not, and why."""

    @property
    def type(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def files(self) -> int: ...

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        ...


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """The progress of a run. stage: "walk" (files counted so far), "read" (of `files` to read, `read` are done)."""

    stage: Literal["walk", "read"]
    files: int
    read: int = 0
    documents: int = 0
    chunks: int = 0
    embedded: int = 0
    failed: int = 0
    source: str = ""


ProgressCallback = Callable[[IngestProgress], None]
"""Called often and from several threads; must return soon."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """The changes of a run, or with dry_run those that it would make.

    paths: the folders and files that were synced. generation: its number, 0 when nothing was written. changes: in the
    order in which they were applied. unchanged: documents that were as before. kept: documents whose files could not be
    examined; they stay as they were. add: what chunking and embedding report. notes: for people. seconds: time by stage
    (walk, parse, chunk, embed, write, total); stages overlap.
    """

    paths: tuple[str, ...]
    dry_run: bool = False
    generation: int = 0
    files: int = 0
    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    kept: int = 0
    problems: tuple[Problem, ...] = ()
    warned: tuple[Warned, ...] = ()
    notes: tuple[str, ...] = ()
    forecast: tuple[ForecastRow, ...] = ()
    add: AddReport = field(default_factory=AddReport)
    seconds: Mapping[str, float] = field(default_factory=dict)
    interrupted: bool = False

    def count(self, action: Action) -> int:
        """Return how many documents were added, changed, removed, renamed or read again."""
        return sum(change.action == action for change in self.changes)

    @property
    def failed(self) -> tuple[Problem, ...]:
        """Files that are bad or could not be read."""
        return tuple(problem for problem in self.problems if problem.failed)

    @property
    def skipped(self) -> tuple[Problem, ...]:
        """Files that were left out on purpose."""
        return tuple(problem for problem in self.problems if not problem.failed)

    def warnings_by_kind(self) -> dict[str, int]:
        """Return how many documents have each kind of warning, the most frequent first."""
        kinds = Counter(kind for item in self.warned for kind in {kind_of(words) for words in item.warnings})
        return dict(sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0])))

    @property
    def exit_code(self) -> int:
        """130 when interrupted, 1 when a file failed, else 0."""
        if self.interrupted:
            return 130
        return 1 if self.failed else 0

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit ingest --json`."""
        names: tuple[Action, ...] = ("added", "changed", "removed", "renamed", "reread")
        counts: dict[str, int] = {name: self.count(name) for name in names}
        return {
            "paths": list(self.paths),
            "dry_run": self.dry_run,
            "interrupted": self.interrupted,
            "generation": self.generation,
            "files": self.files,
            "documents": {**counts, "unchanged": self.unchanged, "kept": self.kept},
            "pages": self.add.pages,
            "chunks": self.add.chunks,
            "embedded": self.add.embedded,
            "truncated": self.add.truncated,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "changes": [change.as_dict() for change in self.changes],
            "failed": [problem.as_dict() for problem in self.failed],
            "skipped": [problem.as_dict() for problem in self.skipped],
            "skipped_by_reason": dict(Counter(problem.reason for problem in self.skipped).most_common()),
            "warnings": [item.as_dict() for item in self.warned],
            "warnings_by_kind": self.warnings_by_kind(),
            **({"forecast": [line.as_dict() for line in self.forecast]} if self.dry_run else {}),
            "notes": list(self.notes),
        }
