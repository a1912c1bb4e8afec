"""The collection's examples that a prompt shows: those most similar to the question, and different from each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.embedding.base import Embedder
from ragkit.numeric.vectors import cosines
from ragkit.prompting.near_texts import NearTexts
from ragkit.retrieval.diversity import diverse
from ragkit.settings import PromptSettings
from ragkit.types.prompts import Example

DIVERSITY: Final = 0.3
"""Weight of diversity against similarity in the choice (maximal marginal relevance)."""
SAME: Final = 0.97
"""From this cosine on, an example asks the same as the question and is left out."""


class FewShot:
    """Chooses examples with a collection's embedder; the vectors of the last set of examples are kept."""

    def __init__(self) -> None:
        self._held: tuple[Embedder, tuple[str, ...], NDArray[np.float32]] | None = None

    def choose(
        self, question: str, examples: Sequence[Example], *, settings: PromptSettings, embedder: Embedder | None
    ) -> tuple[Example, ...]:
        """Return at most `settings.shots` examples, the best first.

        An example that asks the same as the question, in equal or almost equal words, is always left out: else a
        prompt would hold the answer itself, and a measurement on test questions would be worth nothing. embedder: None
        for the order of the file.
        """
        asked = NearTexts([question])
        others = tuple(example for example in examples if asked.find(example.question) is None)
        if settings.few_shot == "off" or not others:
            return ()
        if settings.few_shot == "fixed" or embedder is None:
            return others[: settings.shots]
        vectors = self._vectors(embedder, tuple(example.question for example in examples))
        kept = [number for number, example in enumerate(examples) if example in others]
        rows = vectors[kept]
        scores = cosines(rows, embedder.embed_queries([question])[0])
        order = np.array([at for at in np.argsort(-scores, kind="stable") if scores[at] < SAME], dtype=np.int64)
        if not order.size:
            return ()
        count = min(settings.shots, int(order.size))
        chosen = diverse(order, scores.astype(np.float64), rows, share=DIVERSITY, count=count)
        return tuple(examples[kept[at]] for at in chosen.tolist())

    def _vectors(self, embedder: Embedder, questions: tuple[str, ...]) -> NDArray[np.float32]:
        """Return the unit vectors (n, d) of the examples' questions."""
        held = self._held
        if held is None or held[0] is not embedder or held[1] != questions:
            held = self._held = (embedder, questions, embedder.embed_queries(questions))
        return held[2]
