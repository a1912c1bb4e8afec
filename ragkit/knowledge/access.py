"""Access labels: which documents a reader may see, as a filter that applies in addition to the reader's own."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.store.filters import Condition, Filter, Group
from ragkit.types.labels import ACL_KEY


def visible_to(labels: Sequence[str]) -> Filter:
    """Return the filter of the documents that a reader with these labels may see.

    It matches documents without labels, and those with at least one label of the reader. Labels are compared as text,
    so metadata `acl` that holds anything else is seen by nobody who has a filter.
    """
    unlabelled = Condition("missing", ACL_KEY, ())
    if not labels:
        return unlabelled
    return Group("or", (unlabelled, Condition("in", ACL_KEY, tuple(labels))))
