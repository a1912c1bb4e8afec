"""Plans batches of texts: few shapes, little padding, and all streams busy until the end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

_BATCH_TOKENS: Final = 1_024  # a batch's padded size: its activations stay near the second-level cache
_BATCH_TEXTS: Final = 64
_SAME_SHAPE_TOKENS: Final = 24  # of padding to reuse the last shape, as OpenVINO plans a new one: cheapest over a run
_RUN_TOKENS: Final = 80  # a run reads all weights, however few its texts: with AMX that costs as much as some 80 tokens
_LANES: Final = 16  # numbers in a vector register: attention is slow over the rest of a width beyond whole registers
_BEYOND: Final = (0.011, 0.005)  # cost of a rest, relative to a token: fixed, and per column


class Batch(NamedTuple):
    """Texts that run together. texts: their indices. width: tokens that each is padded to."""

    width: int
    texts: list[int]

    @property
    def shape(self) -> tuple[int, int]:
        """Texts and width."""
        return len(self.texts), self.width


def plan_batches(
    lengths: Sequence[int], *, streams: int, padded: bool = True, most_tokens: int | None = None
) -> list[Batch]:
    """Group texts of similar length, longest first, each batch at most 1,024 padded tokens or one text.

    A new batch starts where the padding it saves costs more than another batch; it reuses the previous shape where that
    is cheaper. Widths are rounded up where that speeds attention up, never above `most_tokens`, the model's limit. A
    small set is split into at least as many batches as there are streams, so that every CPU has work. Without `padded`
    a batch has texts of one length only, unpadded.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    budget = _BATCH_TOKENS if streams == 1 else min(_BATCH_TOKENS, max(1, -(-sum(lengths) // streams)))
    batches: list[Batch] = []
    place = 0
    while place < len(order):
        longest = lengths[order[place]]
        width = _best_width(longest, most_tokens) if padded else longest
        room = min(_BATCH_TEXTS, max(1, budget // max(1, width)), len(order) - place)
        fresh = _alike(lengths, order[place : place + room], width, padded=padded)
        if padded and batches and _fits_again(batches[-1], len(order) - place, longest, fresh=len(fresh)):
            size, width = batches[-1].shape
            batches.append(Batch(width, order[place : place + size]))
        else:
            batches.append(Batch(width, fresh))
        place += len(batches[-1].texts)
    return batches


def _fits_again(last: Batch, left: int, longest: int, *, fresh: int) -> bool:
    """Return whether the last shape is cheaper than a new one, which would take `fresh` texts at once."""
    size, width = last.shape
    more_runs = _RUN_TOKENS * max(0.0, 1 - size / fresh)
    return size <= left and (_cost(width) - _cost(longest)) * size + more_runs <= _SAME_SHAPE_TOKENS


def _alike(lengths: Sequence[int], texts: list[int], width: int, *, padded: bool) -> list[int]:
    """Return the first of some texts, longest first, up to where padding costs more than another batch."""
    for count, index in enumerate(texts):
        saved = (_cost(width) - _cost(lengths[index])) * (len(texts) - count)
        if saved > _RUN_TOKENS or (lengths[index] != width and not padded):
            return texts[:count]
    return texts


def _cost(width: int) -> float:
    """Return the cost of a text of this width, in tokens at full registers; measured with MiniLM in bf16."""
    rest = width % _LANES
    return width * (1 + _BEYOND[0] + _BEYOND[1] * rest) if rest else float(width)


def _best_width(longest: int, most: int | None) -> int:
    """Return the cheapest width for texts of up to `longest` tokens: that, or the next multiple of a register."""
    whole = -(-longest // _LANES) * _LANES
    return whole if (most is None or whole <= most) and _cost(whole) < _cost(longest) else longest


class BatchQueue:
    """Gives batches to several workers, each worker keeps its own shape while others are left. Thread-safe."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._lock = threading.Lock()
        self._fresh = deque(deque(group) for _, group in groupby(batches, key=lambda batch: batch.shape))
        self._begun: list[deque[Batch]] = []

    def take(self, mine: deque[Batch] | None) -> tuple[deque[Batch], Batch] | None:
        """Return the next batch and its group; None when there is no more. mine: the worker's last group."""
        with self._lock:
            if not mine:
                mine = self._fresh.popleft() if self._fresh else next(filter(None, self._begun), None)
                if mine is None:
                    return None
                self._begun.append(mine)
            return mine, mine.popleft()

    def clear(self) -> None:
        """Drop all batches that were not taken."""
        with self._lock:
            self._fresh.clear()
            for group in self._begun:
                group.clear()
