"""Chunks of documents whose metadata name a person or a date: author, reviewer, owner, and when."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragkit.prompting.fencing import FACT_KEYS
from ragkit.retrieval.metadata_names import Names
from ragkit.store.base import Reader
from ragkit.store.filters import parse_filter


def chunks_with_metadata(names: Names, reader: Reader) -> NDArray[np.int64]:
    """Return the ids of the chunks, ascending, of documents that have any of the names in their metadata.

    Looked at are the keys that also stand in a prompt's source line, upper and lower case alike at the beginning of a
    word.
    """
    keys = [key for key in reader.documents.metadata_keys() if key.lower() in FACT_KEYS]
    texts = names() if keys else ()
    if not texts:
        return np.empty(0, dtype=np.int64)
    values = list(dict.fromkeys(form for text in texts for form in (text, text.title())))
    conditions = [{"type": "contains", "key": key, "value": values} for key in keys]
    where = parse_filter(conditions[0] if len(conditions) == 1 else {"type": "or", "filters": conditions})
    return reader.chunks.select(where) if where is not None else np.empty(0, dtype=np.int64)
