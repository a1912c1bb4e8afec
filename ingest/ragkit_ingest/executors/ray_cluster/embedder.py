"""An embedder whose model runs in a team of actors; tokens are counted here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np

from ragkit import Embedder, EmbeddingError, Fingerprint, ModelSettings, load_embedder
from ragkit_ingest.executors.ray_cluster.team import Team, WorkersDiedError
from ragkit_ingest.executors.ray_cluster.wire import Rows, load_rows

_MOST_TEXTS: Final = 64
"""The most texts of one call: some batches of a model, and under a second of work."""
_FEWEST_TEXTS: Final = 16
"""The fewest texts of one call, where there are as many: enough to fill a batch of a model."""

Spans = Sequence[tuple[int, int]]


class ClusterEmbedder:
    """Embeds documents in a cluster, by the model of the settings. Thread-safe.

    Texts of one call are sorted by length and divided among the workers. Questions are embedded here.
    """

    def __init__(self, team: Team, *, fingerprint: Fingerprint, units: bool, settings: ModelSettings) -> None:
        self._team = team
        self._fingerprint = fingerprint
        self._units = units
        self._settings = settings
        self.lanes = team.size
        self._threads = ThreadPoolExecutor(2 * self.lanes, thread_name_prefix="ragkit-ray-embed")

    @property
    def fingerprint(self) -> Fingerprint:
        """The identity of the vectors: that of every worker's model."""
        return self._fingerprint

    @property
    def max_tokens(self) -> int:
        """The model's limit for one text, special tokens and prompt included."""
        return self._fingerprint.max_tokens

    @property
    def supports_units(self) -> bool:
        """Whether `embed_units` works for this model."""
        return self._units

    def embed_documents(self, texts: Sequence[str]) -> Rows:
        """Return one unit row per text, float32 (n, d), in the order of the texts. Raises EmbeddingError."""
        return self._embed(texts, None)[0]

    def embed_units(self, texts: Sequence[str], spans: Sequence[Spans]) -> tuple[Rows, list[Rows]]:
        """Return the rows of `embed_documents`, and for each text one unit row (m, d) per code-point span of it."""
        return self._embed(texts, spans)

    def embed_queries(self, texts: Sequence[str]) -> Rows:
        """Return one unit row per query, by the model on this machine."""
        return self._here.embed_queries(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the size of each text as a document, by the tokenizer on this machine."""
        return self._here.count_tokens(texts)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the half-open code-point span of each word piece, by the tokenizer on this machine."""
        return self._here.token_offsets(text)

    def close(self) -> None:
        """Give up what has not begun. The team must be closed before, which ends the rest."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    @cached_property
    def _here(self) -> Embedder:
        return load_embedder(self._settings)

    def _embed(self, texts: Sequence[str], spans: Sequence[Spans] | None) -> tuple[Rows, list[Rows]]:
        dimension = self._fingerprint.dimension
        rows = np.empty((len(texts), dimension), dtype=np.float32)
        units = [np.empty((0, dimension), dtype=np.float32)] * len(texts)
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        size = min(max(-(-len(order) // self.lanes), _FEWEST_TEXTS), _MOST_TEXTS)
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        asked = [self._threads.submit(self._part, _request(texts, spans, part)) for part in parts]
        for part, answer in zip(parts, asked, strict=True):
            found, of_units = answer.result()
            if found.shape != (len(part), dimension):
                raise EmbeddingError(
                    f"a worker returned shape {found.shape} for {len(part)} texts", cure="check the model"
                )
            rows[part] = found
            for index, vectors in zip(part, of_units, strict=False):
                units[index] = vectors
        return rows, units

    def _part(self, request: str) -> tuple[Rows, list[Rows]]:
        """Return the rows of some texts and of their units, from one worker."""
        try:
            counts, rows, units = self._team.unpacked_call("embed", request)
        except WorkersDiedError as error:
            raise EmbeddingError(
                f"these texts could not be embedded in the cluster: {error.message}",
                cure="check the memory of its machines, or run with --executor local",
            ) from error
        dimension = self._fingerprint.dimension
        whole = load_rows(units, dimension)
        bounds = list(accumulate(counts, initial=0))
        return load_rows(rows, dimension), [whole[start:end] for start, end in pairwise(bounds)]


def _request(texts: Sequence[str], spans: Sequence[Spans] | None, part: Sequence[int]) -> str:
    """Return the request for some of the texts."""
    wanted: dict[str, Any] = {"texts": [texts[index] for index in part]}
    wanted["spans"] = None if spans is None else [list(spans[index]) for index in part]
    return json.dumps(wanted)
