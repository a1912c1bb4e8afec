"""Find, read and compare the runs of a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import CorruptError, NotFoundError
from ragkit.tracking.recorder import OUTPUTS_FILE, RUN_FILE
from ragkit.tracking.types import Run


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs beside each other.

    metrics: name -> (a, b), None where a run lacks it. differences: what else differs, as (a, b).
    """

    a: Run
    b: Run
    metrics: Mapping[str, tuple[float | None, float | None]]
    differences: Mapping[str, tuple[str, str]]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit runs compare --json`."""
        return {
            "a": self.a.id,
            "b": self.b.id,
            "metrics": {
                name: {"a": a, "b": b, "difference": None if a is None or b is None else b - a}
                for name, (a, b) in self.metrics.items()
            },
            "differences": {name: {"a": a, "b": b} for name, (a, b) in self.differences.items()},
        }


def list_runs(root: Path) -> list[Run]:
    """Return the runs of a folder, oldest first; folders without a run.json are left out. Raises CorruptError."""
    if not root.is_dir():
        return []
    return sorted(
        (read_run(item) for item in root.iterdir() if (item / RUN_FILE).is_file()),
        key=lambda run: (run.started_at, run.id),
    )


def run_folder(root: Path, name: str) -> Path:
    """Return the folder of a run by id, a unique beginning or end of it, "last", or a path. Raises NotFoundError."""
    direct = Path(name)
    if (direct / RUN_FILE).is_file():
        return direct
    ids = [run.id for run in list_runs(root)]
    if name == "last" and ids:
        return root / ids[-1]
    found = [item for item in ids if item == name] or [
        item for item in ids if item.startswith(name) or item.endswith(name)
    ]
    if not name or len(found) != 1:
        what = "is not unique" if name and found else "is not there"
        raise NotFoundError(f"run {name!r} {what} in {root}", cure="ragkit runs list names them")
    return root / found[0]


def read_run(folder: Path) -> Run:
    """Return the run of a folder. Raises CorruptError for a damaged or unknown run.json."""
    path = folder / RUN_FILE
    try:
        return Run.from_dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(
            f"{path} cannot be read: {type(error).__name__}: {error}", cure="delete the run's folder"
        ) from error


def outputs_of(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a run's outputs. Raises CorruptError."""
    path = folder / OUTPUTS_FILE
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
    except (OSError, ValueError) as error:
        raise CorruptError(f"{path} cannot be read: {error}", cure="delete the run's folder") from error


def compare_runs(a: Run, b: Run) -> Comparison:
    """Return two runs beside each other: every metric, and what differs of inputs, prompts, settings and models."""
    names = sorted({*a.metrics, *b.metrics})
    left, right = _described(a), _described(b)
    differing = {
        name: (left.get(name, ""), right.get(name, ""))
        for name in sorted({*left, *right})
        if left.get(name, "") != right.get(name, "")
    }
    return Comparison(a, b, {name: (a.metrics.get(name), b.metrics.get(name)) for name in names}, differing)


def _described(run: Run) -> dict[str, str]:
    """Return everything that a result may depend on, flat: name -> value."""
    return {
        "kind": run.kind,
        "models": ", ".join(run.models),
        **{f"input {item.name}": item.digest for item in run.inputs},
        **{f"prompt {item.name}": item.digest for item in run.prompts},
        **{f"version {name}": value for name, value in run.versions.items()},
        **{f"setting {name}": value for name, value in flat(run.settings).items()},
    }


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested settings as dotted names with JSON values."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = json.dumps(value, ensure_ascii=False)
    return found
