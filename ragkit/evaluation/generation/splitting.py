"""Divide documents into tuning, validation and test parts, so that no text is in two of them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from ragkit.evaluation.datasets.types import PARTS

SHARES: Final[Mapping[str, float]] = {"tune": 0.4, "validate": 0.2, "test": 0.4}
_COMMON = 20  # a sentence in more documents than this is boilerplate, and no sign of similarity
_ALIKE = 0.5  # documents that share this part of the smaller one's sentences are kept together


def near_duplicates(sentences: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Return groups of documents that share half of the sentences of the smaller one; one alone is a group too.

    sentences: document -> keys of its sentences.
    """
    holders: dict[str, list[str]] = defaultdict(list)
    for name in sorted(sentences):
        for key in sentences[name]:
            holders[key].append(name)
    shared: Counter[tuple[str, str]] = Counter()
    for names in holders.values():
        if 1 < len(names) <= _COMMON:
            shared.update(combinations(names, 2))
    parent = {name: name for name in sentences}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    for (left, right), count in shared.items():
        if count >= _ALIKE * min(len(sentences[left]), len(sentences[right])):
            parent[root(right)] = root(left)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(sentences):
        groups[root(name)].append(name)
    return list(groups.values())


def split_documents(groups: Sequence[Sequence[str]], *, seed: int) -> dict[str, str]:
    """Return document -> part, whole groups together, about as the shares say; the seed decides which.

    Three groups or more fill every part; two fill tune and test; one is all test.
    """
    ordered = sorted(groups, key=lambda names: hashlib.sha256(f"{seed}/{min(names)}".encode()).digest())
    total = sum(len(names) for names in groups)
    parts: dict[str, list[Sequence[str]]] = {part: [] for part in PARTS}
    done = 0
    for names in ordered:
        middle = (done + len(names) / 2) / total
        tune, validate = SHARES["tune"], SHARES["tune"] + SHARES["validate"]
        parts["tune" if middle < tune else "validate" if middle < validate else "test"].append(names)
        done += len(names)
    wanted = {1: ("test",), 2: ("test", "tune")}.get(len(groups), PARTS)
    _move(parts, wanted)
    return {name: part for part, members in parts.items() for names in members for name in names}


def _move(parts: dict[str, list[Sequence[str]]], wanted: Sequence[str]) -> None:
    """Empty the unwanted parts, then give every wanted part a group."""
    for part in PARTS:
        if part not in wanted:
            parts[wanted[0]] += parts[part]
            parts[part] = []
    for part in wanted:
        if not parts[part]:
            donor = max(parts, key=lambda name: len(parts[name]))
            parts[part].append(parts[donor].pop())
