"""Decide what a run will do, from the disk and the records of earlier runs; a dry run makes the same plan."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Protocol, cast

from ragkit import UPLOAD_PREFIX, ExtractionError, FileState, Reason
from ragkit_ingest.options import IngestOptions
from ragkit_ingest.report import Problem
from ragkit_ingest.scan.acl_rules import AclRules, load_acl_rules
from ragkit_ingest.scan.digest import sure_mtime
from ragkit_ingest.scan.ignore_rules import Patterns, names_of
from ragkit_ingest.scan.included import has_changed
from ragkit_ingest.scan.moved_folders import at_home, moved_root
from ragkit_ingest.scan.names import Sources, source_of
from ragkit_ingest.scan.roots.base import Apart, Root
from ragkit_ingest.scan.roots.opening import is_there
from ragkit_ingest.scan.targets import Target
from ragkit_ingest.scan.walk import Found, LeftOut, reason_of

_LIMITED: frozenset[str] = frozenset(
    {"too_big", "too_slow", "worker_crashed", "expands_too_much", "too_many_parts", "too_deep"}
)
"""Reasons that depend on limits: such a file is tried again when the limits change."""
_ON_PURPOSE: frozenset[str] = frozenset({"ignored", "link", "outside_root", "not_regular"})
"""Reasons that remove the document of a path; for every other one it stays until the file can be read."""


class Held(Protocol):
    """The records of earlier runs; a KnowledgeBase provides them."""

    def roots(self) -> list[str]: ...

    def files(self, root: str) -> dict[bytes, FileState]: ...

    def digests(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Work:
    """A file to be read. old: its recorded state, None for a new file. source: that of its document, new or old."""

    action: Literal["added", "changed", "reread"]
    root: Root
    found: Found
    source: str
    old: FileState | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A file that is recorded under another name or root: its document is kept, and nothing is read or embedded."""

    old: FileState
    new: FileState


@dataclass(slots=True)
class Plan:
    """What a run will do, in this order: remove, move, touch (only times changed), read.

    files: regular files that were found. unchanged, kept: documents that stay, and those whose files could not be
    examined.
    """

    remove: list[FileState] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    touch: list[FileState] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0
    unchanged: int = 0
    kept: int = 0

    @property
    def empty(self) -> bool:
        """True when there is nothing to write."""
        return not (self.remove or self.moves or self.touch or self.work)


class Memory:
    """A snapshot of the records of earlier runs and of the documents they gave, read once."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.files: Mapping[str, Mapping[bytes, FileState]] = {root: held.files(root) for root in held.roots()}

    @cached_property
    def documents(self) -> Mapping[str, str]:
        """sha256 by source, of every document in the collection."""
        return self._held.digests()

    @cached_property
    def holders(self) -> Mapping[str, FileState]:
        """The file that each document came from, by source."""
        return {state.source: state for files in self.files.values() for state in files.values() if state.source}

    @cached_property
    def sources(self) -> Sources:
        """Every source that is in use."""
        return Sources([*self.documents, *self.holders])

    def holds(self, state: FileState) -> bool:
        """Return whether the document of a file is the one that the file gave; another program may have replaced it."""
        return not state.source or bool(state.reason) or self.documents.get(state.source) == state.sha256


def problem(root: str, path: bytes, reason: str, detail: str, *, kept: bool = False) -> Problem:
    """Make the report's line for a path below a root."""
    failed = not ExtractionError(cast("Reason", reason)).skipped
    return Problem(root, source_of(path), reason, detail, failed=failed, kept=kept)


class Planner:
    """Makes one plan. `pulse` is called with the number of files seen so far; an exception in it ends the planning."""

    def __init__(
        self,
        memory: Memory,
        *,
        options: IngestOptions,
        version: str,
        apart: Apart,
        pulse: Callable[[int], None],
    ) -> None:
        self._memory = memory
        self._options = options
        self._version = version
        self._apart = apart
        self._pulse = pulse
        self._include = Patterns(options.include)
        self._exclude = Patterns(options.exclude)
        self._outside = 0
        self._new: list[tuple[Target, Found, FileState | None]] = []
        self._deleted: list[FileState] = []
        self._moved_away: set[tuple[str, bytes]] = set()
        self._adopted: list[Move] = []
        self._taken_over: Counter[str] = Counter()
        self._plan = Plan()
        self._acl: dict[Root, AclRules] = {}

    def plan(self, targets: Sequence[Target]) -> Plan:
        """Look at every target; nothing is written."""
        for target in targets:
            self._survey(target)
        order = {target.root: index for index, target in reversed(list(enumerate(targets)))}
        for target, found, old in self._new:
            if not self._renamed(target, found):
                self._name(target, found, old)
        self._settle_removals()
        self._plan.work.sort(key=lambda work: (order[work.root], work.found.path))
        self._note_outside()
        return self._plan

    def _settle_removals(self) -> None:
        """Remove deleted files that were not renamed; forget the old places of adopted files."""
        deleted = {(state.root, state.path): state for state in self._deleted}
        stay = [move for move in self._adopted if (move.new.root, move.new.path) not in deleted]
        for move in self._adopted:
            if (move.new.root, move.new.path) in deleted:
                deleted[move.new.root, move.new.path] = move.old
        self._plan.remove = [state for key, state in deleted.items() if key not in self._moved_away]
        self._plan.moves[:0] = stay

    def key(self, root: Root, path: bytes, reason: str = "") -> str:
        """Return what a FileState of today records as its extractor, for a file and the outcome of reading it."""
        labels = self.labels(root, path)
        version = self._version if labels is None else f"{self._version}+acl:{','.join(labels)}"
        return f"{version}+{self._options.limits_key}" if reason in _LIMITED else version

    def labels(self, root: Root, path: bytes) -> tuple[str, ...] | None:
        """Return the access labels that the rules of a root give to a file; None where no rule covers it."""
        if root not in self._acl:
            self._acl[root] = load_acl_rules(root)
        return self._acl[root].labels(path)

    # ------------------------------------------------------------------ what is on disk

    def _survey(self, target: Target) -> None:
        remembered = self._remembered(target)
        held = {path: state for path, state in remembered.items() if target.covers(path)}
        blind: list[bytes] = []
        for item in self._items(target):
            if isinstance(item, LeftOut):
                self._left_out(target, item, held, blind)
            elif not self._wanted(item.path):
                held.pop(item.path, None)
                self._outside += 1
            else:
                self._plan.files += 1
                self._found(target, item, held)
            self._pulse(self._plan.files)
        for path, state in sorted(held.items()):
            if any(path.startswith(folder) for folder in blind) or not self._wanted(path):
                self._plan.kept += bool(state.source)
            else:
                self._deleted.append(state)

    def _remembered(self, target: Target) -> Mapping[bytes, FileState]:
        """Return the recorded states of the target's root, or of the root that was moved to its place."""
        moved = moved_root(target, self._memory.files)
        if not moved:
            return self._memory.files.get(target.name, {})
        files = self._memory.files[moved]
        documents = sum(bool(state.source) for state in files.values())
        many = "1 document" if documents == 1 else f"{documents:,} documents"
        self._plan.notes.append(f"{moved} was moved to {target.name}: its {many} went along")
        here = at_home(files, target)
        self._adopted += [Move(files[path], here[path]) for path in sorted(files)]
        return here

    def _items(self, target: Target) -> Iterator[Found | LeftOut]:
        if target.single:
            yield target.root.look(target.scope)
            return
        try:
            yield from target.root.walk(scope=target.scope, apart=self._apart)
        except OSError as error:
            yield LeftOut(target.scope, reason_of(error), error.strerror or "", folder=True)

    def _wanted(self, path: bytes) -> bool:
        if not self._exclude and not self._include:
            return True
        names = names_of(path)
        if self._exclude.covers(names):
            return False
        return not self._include or self._include.covers(names)

    def _left_out(self, target: Target, item: LeftOut, held: dict[bytes, FileState], blind: list[bytes]) -> None:
        """Report a problem. A file left out on purpose may lose its document; one that could not be read keeps it."""
        if item.folder:
            blind.append(item.path + b"/" if item.path else b"")
        old = None
        if item.reason not in _ON_PURPOSE:
            old = held.pop(item.path, None)
            self._plan.kept += bool(old and old.source)
        path = (item.path or b".") + b"/" if item.folder else item.path
        self._report(target, path, item.reason, item.detail, old)

    def _found(self, target: Target, found: Found, held: dict[bytes, FileState]) -> None:
        old = held.pop(found.path, None)
        if old is None:
            if not self._too_big(target, found, old):
                self._new.append((target, found, None))
            return
        same = (old.size, old.mtime_ns, old.ctime_ns) == (found.size, found.mtime_ns, found.ctime_ns)
        current = not self._options.force and old.extractor == self.key(target.root, old.path, old.reason)
        changed = not old.reason and has_changed(target.root.folder, old.detail)
        current = current and self._memory.holds(old) and not changed
        if same and current and not self._opens_now(target, old):
            self._as_before(target, old)
            return
        if self._too_big(target, found, old):
            return
        if not same and old.size == found.size:
            try:
                sha256, found = target.root.digest(found.path)
            except ExtractionError as error:
                self._unreadable(target, old, held, error)
                return
            same = sha256 == old.sha256
            if same and current:
                self._touched(target, old, found)
                return
        if not old.source:
            self._new.append((target, found, old))
        else:
            action: Literal["reread", "changed"] = "reread" if same else "changed"
            self._plan.work.append(Work(action, target.root, found, old.source, old))

    def _opens_now(self, target: Target, old: FileState) -> bool:
        """Return whether a file that could not be opened can be now; its times do not show permissions of folders."""
        return old.reason == "permission" and isinstance(target.root.look(old.path), Found)

    def _too_big(self, target: Target, found: Found, old: FileState | None) -> bool:
        if found.size <= self._options.limits.max_size:
            return False
        detail = f"{found.size:,} bytes, and the limit is {self._options.limits.max_size:,} (--max-size)"
        self._report(target, found.path, "too_big", detail, old)
        self._plan.kept += bool(old and old.source)
        return True

    def _as_before(self, target: Target, old: FileState) -> None:
        if old.reason:
            self._report(target, old.path, old.reason, old.detail, old)
            self._plan.kept += bool(old.source)
        else:
            self._plan.unchanged += 1

    def _touched(self, target: Target, old: FileState, found: Found) -> None:
        state = replace(old, mtime_ns=sure_mtime(found), ctime_ns=found.ctime_ns)
        if state != old:
            self._plan.touch.append(state)
        self._as_before(target, old)

    def _unreadable(self, target: Target, old: FileState, held: dict[bytes, FileState], error: ExtractionError) -> None:
        if error.reason == "missing":
            held[old.path] = old  # it vanished since the folder was listed
            return
        self._report(target, old.path, error.reason, error.detail, old)
        self._plan.kept += bool(old.source)

    def _report(self, target: Target, path: bytes, reason: str, detail: str, old: FileState | None) -> None:
        self._plan.problems.append(problem(target.name, path, reason, detail, kept=bool(old and old.source)))

    # ------------------------------------------------------------------ what is it called

    @cached_property
    def _lost(self) -> dict[tuple[str, str], list[FileState]]:
        """Documents whose files vanished, by root and sha256."""
        lost: dict[tuple[str, str], list[FileState]] = defaultdict(list)
        for state in self._deleted:
            included = bool(state.detail)  # elsewhere its text may include other files
            if state.source and not state.reason and not included and self._memory.holds(state):
                lost[state.root, state.sha256].append(state)
        return lost

    @cached_property
    def _lost_shapes(self) -> set[tuple[str, int, bytes]]:
        """Root, size and suffix of those: a new file of another shape need not be hashed."""
        return {(state.root, state.size, _suffix(state.path)) for states in self._lost.values() for state in states}

    def _renamed(self, target: Target, found: Found) -> bool:
        """Match a new file with a vanished one of the same bytes, of the same name where there are several."""
        suffix = _suffix(found.path)
        if (target.name, found.size, suffix) not in self._lost_shapes:
            return False
        try:
            sha256, seen = target.root.digest(found.path)
        except ExtractionError:
            return False  # reading it will raise the right error
        states = self._lost.get((target.name, sha256), [])
        wanted = self.key(target.root, found.path)
        same = [state for state in states if _suffix(state.path) == suffix and state.extractor == wanted]
        if not same:
            return False
        name = os.path.basename(found.path)
        old = next((state for state in same if os.path.basename(state.path) == name), same[0])
        states.remove(old)
        self._moved_away.add((old.root, old.path))
        source = self._memory.sources.claim(target.root.address, found.path)
        self._plan.moves.append(Move(old, _moved(old, target, seen, source)))
        return True

    def _name(self, target: Target, found: Found, old: FileState | None) -> None:
        natural = source_of(found.path)
        if natural in self._memory.sources and not natural.startswith(UPLOAD_PREFIX):
            holder = self._memory.holders.get(natural)
            if holder is None and self._equals(target, found, self._memory.documents.get(natural, "")):
                self._plan.work.append(Work("reread", target.root, found, natural, old))
                return
            if holder and self._orphan(holder, target, found) and self._equals(target, found, holder.sha256):
                self._plan.moves.append(Move(holder, _moved(holder, target, found, natural)))
                self._plan.unchanged += 1
                self._taken_over[holder.root] += 1
                return
        source = self._memory.sources.claim(target.root.address, found.path)
        self._plan.work.append(Work("added", target.root, found, source, old))

    def _orphan(self, holder: FileState, target: Target, found: Found) -> bool:
        """Return whether the folder of a document's root was moved or deleted, and the document can stay as it is."""
        fits = holder.extractor == self.key(target.root, found.path) and self._memory.holds(holder)
        return fits and not holder.reason and not is_there(holder.root)

    def _equals(self, target: Target, found: Found, sha256: str) -> bool:
        try:
            return target.root.digest(found.path)[0] == sha256
        except ExtractionError:
            return False

    def _note_outside(self) -> None:
        if self._outside:
            outside = "1 file" if self._outside == 1 else f"{self._outside:,} files"
            self._plan.notes.append(f"{outside} outside --include and --exclude: left as they were")
        for root, files in self._taken_over.items():
            self._plan.notes.append(f"taken over from {root}, which no longer exists: {files:,} unchanged")


def _moved(old: FileState, target: Target, found: Found, source: str) -> FileState:
    return replace(
        old,
        root=target.name,
        path=found.path,
        source=source,
        size=found.size,
        mtime_ns=sure_mtime(found),
        ctime_ns=found.ctime_ns,
    )


def _suffix(path: bytes) -> bytes:
    return os.path.splitext(path)[1].lower()
