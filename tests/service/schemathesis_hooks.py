"""Loaded by schemathesis: its requests do not depend on what the answers were.

It leads Hypothesis towards requests that an operation takes; the same seed then makes other requests on a slower
machine, and Hypothesis's optimiser (6.x) fails with an IndexError when the best example so far becomes a shorter one.

SCHEMATHESIS_EVERY=8 sends a part of the requests of the coverage phase: of each kind (a missing field, a string that is
too long, ...) of each operation the first three, then every eighth. Without it all are sent.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import hypothesis
import schemathesis

_EVERY = int(os.environ.get("SCHEMATHESIS_EVERY", "1"))
_FIRST = 3
_seen: Counter[tuple[str, str]] = Counter()


def _ignored(observation: float, *, label: str = "") -> float:
    return observation


hypothesis.target = _ignored


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Return whether a request is sent."""
    scenario = getattr(getattr(getattr(case.meta, "phase", None), "data", None), "scenario", None)
    if scenario is None:  # of another phase
        return True
    kind = (str(case.operation.label), str(scenario))
    _seen[kind] += 1
    return _seen[kind] <= _FIRST or _seen[kind] % _EVERY == 0
