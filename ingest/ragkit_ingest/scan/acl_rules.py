"""Access labels by folder: the rules of a `.ragkitacl` file in the root of an ingested folder."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ragkit import ExtractionError, InputError, checked_labels, show
from ragkit_ingest.scan.ignore_rules import Patterns, names_of
from ragkit_ingest.scan.roots.base import Root

ACL_FILE = b".ragkitacl"
_LIMIT = 1 << 20
_ARROW = "->"


@dataclass(frozen=True, slots=True)
class AclRules:
    """Rules in their order; the last one that covers a path decides, as in a .gitignore."""

    rules: tuple[tuple[Patterns, tuple[str, ...]], ...] = ()

    def labels(self, path: bytes) -> tuple[str, ...] | None:
        """Return the labels of a path below the root, () for everyone; None where no rule covers it."""
        names = names_of(path)
        return next((labels for patterns, labels in reversed(self.rules) if patterns.covers(names)), None)


def load_acl_rules(root: Root) -> AclRules:
    """Return the rules of a root, none where it has no such file.

    A line is a glob as in a .gitignore, an arrow and labels: `hr/ -> hr, board`; no label means everyone. Raises
    InputError for a line that is none and for a file that cannot be read: labels must not be lost in silence.
    """
    try:
        descriptor = root.open(ACL_FILE).descriptor
    except ExtractionError as error:
        if error.reason == "missing":
            return AclRules()
        raise InputError(f"{_name(root)} cannot be read ({error})", cure="mend it or remove it") from error
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        raise InputError(f"{_name(root)} is over {_LIMIT:,} bytes", cure="use fewer rules")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{_name(root)} is not UTF-8", cure="save it as UTF-8") from error
    numbered = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return AclRules(tuple(_rule(root, number, line) for number, line in numbered if line and not line.startswith("#")))


def _rule(root: Root, number: int, line: str) -> tuple[Patterns, tuple[str, ...]]:
    glob, arrow, labels = line.rpartition(_ARROW)
    patterns = Patterns([glob.strip()])
    if not arrow or not patterns or glob.strip().startswith("!"):
        raise InputError(f"line {number} of {_name(root)} is no rule", cure="write: GLOB -> LABEL, LABEL")
    try:
        return patterns, checked_labels(label.strip() for label in labels.split(",") if label.strip())
    except InputError as error:
        raise InputError(f"line {number} of {_name(root)}: {error.message}", cure=error.cure) from error


def _name(root: Root) -> str:
    return show(os.fsdecode(os.path.join(root.address, ACL_FILE)), 200)
