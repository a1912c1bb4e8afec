"""Loaded by schemathesis: its requests do not depend on what the answers were.

It leads Hypothesis towards requests that an operation takes; the same seed then makes other requests on a slower
machine, and Hypothesis's optimiser (6.x) fails with an IndexError when the best example so far becomes a shorter one.
"""

from __future__ import annotations

import hypothesis


def _ignored(observation: float, *, label: str = "") -> float:
    return observation


hypothesis.target = _ignored
