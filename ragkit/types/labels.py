"""Access labels of documents and readers, as values; which documents a reader sees is in `ragkit.knowledge.access`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ragkit.errors import InputError
from ragkit.text.cleaning import show

ACL_KEY: Final = "acl"
"""The metadata key of a document's access labels: a tuple of texts. A document without it has no restriction."""

LABELS_LIMIT: Final = 100
"""The largest number of access labels of a document or a reader."""

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
