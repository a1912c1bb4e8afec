"""Facts of a collection and its recorded runs, as defaults of `ragkit advise`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ragkit.advice.questionnaire import Situation, with_answers
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.prompting.examples import read_examples
from ragkit.tracking.types import Run
from ragkit.types.collection import Generation

_PERIODS: Final = ((1.5, "daily"), (10.0, "weekly"), (60.0, "monthly"), (730.0, "yearly"))
"""The largest number of days between two changes, and the name of that frequency."""
_APPROACHES: Final = {"closed-book": "prompt", "few-shot": "few_shot", "rag": "rag", "chain": "chain"}


@dataclass(frozen=True, slots=True)
class Observed:
    """A situation as far as it was observed, and the origin of each answer: key -> words."""

    situation: Situation
    evidence: dict[str, str]


def observe(kb: KnowledgeBase, *, runs: Sequence[Run], examples: Path | None) -> Observed:
    """Return the facts of a collection: how often documents change, its examples, and the measurements with their
    number of questions.

    examples: the collection's examples.jsonl; None without one. Raises DefinitionError for one that is malformed.
    """
    found: dict[str, Any] = {}
    evidence: dict[str, str] = {}
    history = kb.history()
    period = _period(history)
    if period:
        found["change"] = period[0]
        evidence["change"] = period[1]
    if examples is not None:
        found["examples"] = len(read_examples(examples))
        evidence["examples"] = f"{examples} has {found['examples']:,}"
    measured = [run for run in runs if run.kind == "eval answers" and run.status == "finished"]
    if measured:
        tried = {_step(name.rpartition("/")[0]) for run in measured for name in run.metrics}
        found["tried"] = tuple(step for step in ("prompt", "few_shot", "rag", "chain") if step in tried)
        found["held_out"] = max(int(run.settings.get("questions", 0)) for run in measured)
        evidence["tried"] = f"{len(measured):,} recorded runs of ragkit eval answers"
        evidence["held_out"] = "the largest of these runs"
    return Observed(with_answers(Situation(), found), evidence)


def _step(approach: str) -> str:
    name = approach.partition("@")[0].partition(":")[0]
    return "few_shot" if name.startswith("few-shot") else _APPROACHES.get(name, name)


def _period(history: Sequence[Generation]) -> tuple[str, str] | None:
    """Return how often documents changed, with the words for it; None where the history is too short."""
    times = [
        datetime.fromisoformat(item.finished_at) for item in history if item.finished_at and item.changed + item.removed
    ]
    if len(times) < 2:
        return None
    days = (max(times) - min(times)).total_seconds() / 86_400 / (len(times) - 1)
    name = next((name for limit, name in _PERIODS if days <= limit), "never")
    return name, f"{len(times):,} generations that changed documents, {days:.3g} days apart"
