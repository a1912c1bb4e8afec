"""Access labels: which documents a reader may see, as a filter that applies in addition to the reader's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ragkit.errors import InputError
from ragkit.store.filters import Condition, Filter, Group
from ragkit.text.cleaning import show

ACL_KEY: Final = "acl"
"""The metadata key of a document's access labels: a tuple of texts. A document without it has no restriction."""

LABELS_LIMIT: Final = 100
_LABEL: Final = re.compile(r"[\w.:@+-][\w.:@+ /-]{0,99}")


def checked_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return access labels sorted, each once.

    Raises InputError for one that is not 1 to 100 letters, digits, blanks or `.:@+-/`.
    """
    found = sorted(set(labels))
    for label in found:
        if not isinstance(label, str) or not _LABEL.fullmatch(label) or label != label.strip():
            raise InputError(
                f"{show(repr(label), 120)} is no access label",
                cure="use 1 to 100 letters, digits, blanks or .:@+-/",
            )
    if len(found) > LABELS_LIMIT:
        raise InputError(f"{len(found)} access labels are given", cure=f"use at most {LABELS_LIMIT}")
    return tuple(found)


def visible_to(labels: Sequence[str]) -> Filter:
    """Return the filter of the documents that a reader with these labels may see.

    It matches documents without labels, and those with at least one label of the reader. Labels are compared as text,
    so metadata `acl` that holds anything else is seen by nobody who has a filter.
    """
    unlabelled = Condition("missing", ACL_KEY, ())
    if not labels:
        return unlabelled
    return Group("or", (unlabelled, Condition("in", ACL_KEY, tuple(labels))))
