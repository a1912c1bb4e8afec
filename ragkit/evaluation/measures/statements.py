"""How well the check separates supported statements from others, as rates with intervals."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ragkit.citations.judges import Judge
from ragkit.errors import ExtractionError
from ragkit.evaluation.datasets.files import FileReader, read_files
from ragkit.evaluation.datasets.statements import Statement, StatementSet
from ragkit.knowledge.document_passages import DocumentPassages, check_statement
from ragkit.numeric.statistics import balanced_accuracy_interval, mean_interval
from ragkit.types.documents import Document

Judged = tuple[Statement, bool]


@dataclass(frozen=True, slots=True)
class StatementResult:
    """The results of the check on a set. judged: each statement, and if it was accepted. unreadable: files by
    reason."""

    name: str
    part: str
    judged: tuple[Judged, ...]
    unreadable: Mapping[str, str]
    ms: float

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit eval` for statement sets."""
        groups = {"all": self.judged} | {
            name: tuple(item for item in self.judged if item[0].group == name)
            for name in sorted({item[0].group for item in self.judged} - {""})
        }
        return {
            "dataset": self.name,
            "part": self.part,
            "documents": len({item[0].source for item in self.judged}),
            "statements": len(self.judged),
            "groups": {name: _figures(judged) for name, judged in groups.items()},
            "unreadable": dict(self.unreadable),
            "ms_per_statement": round(self.ms, 3),
        }

    def as_lines(self) -> list[str]:
        """Return the figures as lines for people."""
        shape = self.as_dict()
        size = f"{shape['statements']:,} statements about {shape['documents']:,} documents"
        lines = [f"{self.name}, part {self.part}: {size}, {self.ms:.1f} ms each"]
        for name, figures in shape["groups"].items():
            parts = [f"{key} {at['value']:.3f} [{at['low']:.3f}, {at['high']:.3f}]" for key, at in figures.items()]
            lines.append(f"{name:8} " + "   ".join(parts))
        lines += [f"not read: {name}: {reason}" for name, reason in self.unreadable.items()]
        return lines


def _figures(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    accepted = [float(ok) for statement, ok in judged if statement.supported]
    refused = [float(not ok) for statement, ok in judged if not statement.supported]
    found = {}
    for name, values in (("accepted", accepted), ("refused", refused)):
        if values:
            low, high = mean_interval(values)
            found[name] = {"value": sum(values) / len(values), "low": low, "high": high}
    if accepted and refused:
        low, high = balanced_accuracy_interval(accepted, refused)
        value = (found["accepted"]["value"] + found["refused"]["value"]) / 2
        found["balanced_accuracy"] = {"value": value, "low": low, "high": high}
    return found


def measure_statements(
    dataset: StatementSet,
    *,
    part: str,
    reader: FileReader,
    progress: Callable[[str, int, int], None],
    judge: Judge | None = None,
) -> StatementResult:
    """Check the statements of one part ("tune", "test" or "all") against their documents.

    judge: decides what words cannot, see `load_judge`; none by default.
    """
    chosen = [item for item in dataset.statements if part in ("all", item.part)]
    wanted = {item.source for item in chosen}
    unreadable: dict[str, str] = {}

    def failed(name: str, error: ExtractionError) -> None:
        unreadable[name] = str(error)

    by_source: dict[str, list[Statement]] = {}
    for item in chosen:
        by_source.setdefault(item.source, []).append(item)
    judged: list[Judged] = []
    spent = 0.0
    files = {name: path for name, path in dataset.files.items() if name in wanted}
    for done, document in enumerate(read_files(files, reader, failed=failed), 1):
        started = time.perf_counter()
        judged += _judge(document, by_source[document.source], judge)
        spent += time.perf_counter() - started
        progress("checking", done, len(files))
    return StatementResult(dataset.name, part, tuple(judged), unreadable, 1000 * spent / max(1, len(judged)))


def _judge(document: Document, statements: Sequence[Statement], judge: Judge | None) -> list[Judged]:
    title = next((item.title for item in statements if item.title), "")
    passages = DocumentPassages.of(replace(document, title=title) if title else document)
    return [
        (item, check_statement(item.text, passages, judge=judge).verdict in ("quoted", "supported"))
        for item in statements
    ]
