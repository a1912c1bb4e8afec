"""The figures of approaches side by side: means with intervals, cost, latency, and whether one beats another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Final

from ragkit.evaluation.answers.measures import MEASURES
from ragkit.evaluation.answers.runner import Graded
from ragkit.numeric.statistics import mean_interval, paired_test

_MAIN: Final = ("judge", "facts", "token_f1", "citation_recall")
"""The deciding measure: the first of these that every approach has."""
_ORDER: Final = (*MEASURES, "judge")
_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95 % bootstrap interval over `count` questions."""

    value: float
    low: float
    high: float
    count: int

    def as_dict(self) -> dict[str, float]:
        """Return the figure as JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "questions": self.count}


@dataclass(frozen=True, slots=True)
class Summary:
    """An approach: its figures by measure, mean tokens, cost of all questions, latency in seconds, failed calls."""

    name: str
    figures: dict[str, Figure]
    tokens_in: float
    tokens_out: float
    cost: float | None
    median_seconds: float
    failed: int


@dataclass(frozen=True, slots=True)
class Contest:
    """One approach against another on the same questions: difference of the deciding measure, interval and p."""

    name: str
    against: str
    measure: str
    difference: float
    low: float
    high: float
    p: float
    cost_factor: float | None

    @property
    def verdict(self) -> str:
        """The comparison in words: "better", "worse" or "no difference shown"."""
        if self.low > 0 and self.p < _LEVEL:
            return "better"
        if self.high < 0 and self.p < _LEVEL:
            return "worse"
        return "no difference shown"


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """The result of `ragkit eval answers`."""

    name: str
    part: str
    questions: int
    answerable: int
    summaries: tuple[Summary, ...]
    contests: tuple[Contest, ...]
    currency: str = ""
    note: str = ""

    @property
    def metrics(self) -> dict[str, float]:
        """Every figure by "approach/measure", for the record of the run."""
        found: dict[str, float] = {}
        for summary in self.summaries:
            found |= {f"{summary.name}/{name}": figure.value for name, figure in summary.figures.items()}
            found[f"{summary.name}/median_seconds"] = summary.median_seconds
            if summary.cost is not None:
                found[f"{summary.name}/cost"] = summary.cost
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit eval answers --json`."""
        return {
            "dataset": self.name,
            "part": self.part,
            "note": self.note,
            "questions": self.questions,
            "answerable": self.answerable,
            "currency": self.currency,
            "approaches": {summary.name: _shape(summary) for summary in self.summaries},
            "comparisons": [
                {**{name: getattr(item, name) for name in Contest.__slots__}, "verdict": item.verdict}
                for item in self.contests
            ],
        }

    def as_lines(self) -> list[str]:
        """Return the figures as a table, a column an approach, and the comparisons below it."""
        lines = [f"{self.name}, part {self.part}: {self.questions:,} questions, {self.answerable:,} with an answer"]
        if self.note:
            lines.append(self.note)
        width = max(18, *(len(summary.name) + 2 for summary in self.summaries))
        lines += ["", f"{'':<20}" + "".join(f"{summary.name:>{width}}" for summary in self.summaries)]
        for name in _ORDER:
            if any(name in summary.figures for summary in self.summaries):
                cells = [_cell(summary.figures.get(name)) for summary in self.summaries]
                lines.append(f"{name:<20}" + "".join(f"{cell:>{width}}" for cell in cells))
        for title, cell_of in _COLUMNS:
            lines.append(f"{title:<20}" + "".join(f"{cell_of(summary):>{width}}" for summary in self.summaries))
        lines.append("")
        for item in self.contests:
            cost = "" if item.cost_factor is None else f", at {item.cost_factor:.2g} times the cost"
            lines.append(
                f"{item.name} against {item.against}: {item.verdict} ({item.measure} {item.difference:+.3f}"
                f" [{item.low:+.3f}, {item.high:+.3f}], p {item.p:.3f}){cost}"
            )
        return lines


def summarise(graded: Sequence[Graded]) -> tuple[tuple[Summary, ...], tuple[Contest, ...]]:
    """Return the figures of each approach, and each later approach against the first one."""
    names = list(dict.fromkeys(item.approach for item in graded))
    by_name = {name: [item for item in graded if item.approach == name] for name in names}
    summaries = tuple(_summary(name, items) for name, items in by_name.items())
    measure = next((name for name in _MAIN if all(name in summary.figures for summary in summaries)), "")
    contests = [_contest(by_name[name], by_name[names[0]], measure) for name in names[1:] if measure]
    return summaries, tuple(item for item in contests if item is not None)


def _summary(name: str, items: Sequence[Graded]) -> Summary:
    figures = {}
    for measure in _ORDER:
        values = [item.grades[measure] for item in items if measure in item.grades]
        if values:
            low, high = mean_interval(values)
            figures[measure] = Figure(fmean(values), low, high, len(values))
    costs = [item.cost for item in items if item.cost is not None]
    return Summary(
        name,
        figures,
        fmean(item.tokens_in for item in items),
        fmean(item.tokens_out for item in items),
        sum(costs) if costs else None,
        median(item.seconds for item in items),
        sum(bool(item.error) for item in items),
    )


def _contest(items: Sequence[Graded], base: Sequence[Graded], measure: str) -> Contest | None:
    left = {item.question: item.grades[measure] for item in items if measure in item.grades}
    right = {item.question: item.grades[measure] for item in base if measure in item.grades}
    differences = [left[name] - right[name] for name in left if name in right]
    if not differences:
        return None
    low, high = mean_interval(differences)
    costs = [sum(item.cost or 0.0 for item in group) for group in (items, base)]
    factor = costs[0] / costs[1] if costs[1] > 0 else None
    return Contest(
        items[0].approach, base[0].approach, measure, fmean(differences), low, high, paired_test(differences), factor
    )


def _shape(summary: Summary) -> dict[str, Any]:
    return {
        "measures": {name: figure.as_dict() for name, figure in summary.figures.items()},
        "tokens_in": summary.tokens_in,
        "tokens_out": summary.tokens_out,
        "cost": summary.cost,
        "median_seconds": summary.median_seconds,
        "failed": summary.failed,
    }


def _cell(figure: Figure | None) -> str:
    return "-" if figure is None else f"{figure.value:.3f} ±{(figure.high - figure.low) / 2:.2f}"


_COLUMNS: Final[tuple[tuple[str, Callable[[Summary], str]], ...]] = (
    ("tokens in", lambda summary: f"{summary.tokens_in:,.0f}"),
    ("tokens out", lambda summary: f"{summary.tokens_out:,.0f}"),
    ("cost, all", lambda summary: "-" if summary.cost is None else f"{summary.cost:.4f}"),
    ("median seconds", lambda summary: f"{summary.median_seconds:.2f}"),
    ("failed", lambda summary: f"{summary.failed:,}"),
)
