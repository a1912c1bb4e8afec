"""Notice that a run would delete a great part of a root, as when its share is not mounted, before it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ragkit import FileState, RagkitError, show
from ragkit_ingest.scan.names import source_of
from ragkit_ingest.scan.plan import Plan
from ragkit_ingest.scan.targets import Target

FEW = 10
"""So many documents of a root may always be removed, unless the root is empty."""
SHARE = 0.5
"""More than this share of a root's documents is never removed without consent."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The documents that a run would remove from a root.

    held: documents of the part of the root that is synced. removed: those of them that would go. empty: no file was
    found there at all.
    """

    root: str
    held: int
    removed: int
    empty: bool

    def __str__(self) -> str:
        documents = "document" if self.held == 1 else "documents"
        found = "no files were found in" if self.empty else "most of the files are missing from"
        return f"{found} {show(self.root)}: {self.removed:,} of {self.held:,} {documents} would be removed"


class RemovalsError(RagkitError):
    """A run would remove most of a root's documents, without permission; nothing was changed.

    losses: one entry for each root.
    """

    def __init__(self, losses: Sequence[Loss]) -> None:
        self.losses = tuple(losses)
        super().__init__(
            "; ".join(map(str, self.losses)),
            cure="check that the folder is mounted and complete; if the files were deleted on purpose, pass"
            " --allow-removals (allow_removals=True in the library)",
        )


def great_losses(
    plan: Plan, held: Mapping[str, Mapping[bytes, FileState]], targets: Sequence[Target]
) -> tuple[Loss, ...]:
    """Return the roots that a plan would empty, or from which it would remove over half of more than ten documents.

    held: the recorded files by root and path. A root counts as empty when all that is recorded of the synced part is
    missing, and no other file was found there. A file that is now ignored, or became a link, is not missing.
    """
    left_out = {(item.root, item.path) for item in plan.problems}
    documents: Counter[str] = Counter()
    states: Counter[str] = Counter()
    for state in plan.remove:
        states[state.root] += not _stands(state, left_out)
        documents[state.root] += bool(state.source)
    arriving = {work.root.name for work in plan.work} | {move.new.root for move in plan.moves}
    losses = []
    for root, removed in documents.items():
        synced = [state for path, state in held.get(root, {}).items() if _synced(root, path, targets)]
        before = sum(bool(state.source) for state in synced)
        empty = states[root] == len(synced) and root not in arriving
        if removed and (empty or (removed > FEW and removed > SHARE * before)):
            losses.append(Loss(root, before, removed, empty))
    return tuple(losses)


def _stands(state: FileState, left_out: AbstractSet[tuple[str, str]]) -> bool:
    """Return whether a file was seen and left out, itself or with a folder that it is in."""
    path = source_of(state.path)
    folders = [path[: index + 1] for index, letter in enumerate(path) if letter == "/"]
    return any((state.root, name) in left_out for name in (path, *folders))


def _synced(root: str, path: bytes, targets: Sequence[Target]) -> bool:
    """Return whether a recorded file is part of a target; a root that was moved is, as a whole."""
    own = [target for target in targets if target.name == root]
    return not own or any(target.covers(path) for target in own)
