"""The number of typing errors between two words."""

from __future__ import annotations


def edit_distance(left: str, right: str, *, limit: int) -> int:
    """Return the Damerau-Levenshtein distance of two texts (optimal string alignment), limit + 1 if it is larger."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for at, letter in enumerate(left, 1):
        older, before, row = before, row, [at]
        for there, other in enumerate(right, 1):
            cost = min(before[there] + 1, row[-1] + 1, before[there - 1] + (letter != other))
            if at > 1 and there > 1 and letter == right[there - 2] and left[at - 2] == other:
                cost = min(cost, older[there - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)
