"""The ranking curves and the risk-coverage curves of a result, as a PNG or SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ragkit.errors import InputError, MissingPackageError
from ragkit.evaluation.datasets.types import RankingSet
from ragkit.evaluation.evaluate import Result
from ragkit.evaluation.measures.abstention import Abstention
from ragkit.evaluation.measures.runner import Curve
from ragkit.numeric.statistics import mean_interval

SUFFIXES: Final = (".png", ".svg")
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito: apart for every eye
_DOTS: Final = 20  # up to this many depths are marked


def check_plot(path: Path) -> None:
    """Raise InputError for a file that is neither PNG nor SVG, MissingPackageError without matplotlib."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"--plot {path} is neither PNG nor SVG", cure="name a file that ends in .png or .svg")
    try:
        import matplotlib as mpl  # noqa: F401  (only whether it is there)
    except ImportError as error:
        raise MissingPackageError("matplotlib", purpose="--plot", install="'ragkit[eval]'") from error


def draw(result: Result, path: Path) -> None:
    """Write the curves, with 95 % bootstrap bands, beside the risk-coverage curves where there are any."""
    check_plot(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    panels = 1 + bool(result.abstention)
    # A fixed salt and no date: the same figures give the same file.
    with rc_context({"svg.hashsalt": "ragkit", "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=(6.4 * panels, 4.6), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        _draw_curves(axes[0], result)
        if result.abstention:
            _draw_risks(axes[1], result.abstention)
        note = f" ({result.choice.note})" if result.choice.note else ""
        part = f", part {result.choice.part}" if result.choice.part else ""
        title = f"{result.dataset.name}{part}: {len(result.dataset.queries):,} queries{note}"
        figure.suptitle(title, fontsize=11, parse_math=False)
        metadata: dict[str, Any] = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
        figure.savefig(path, dpi=150, metadata=metadata)


def _draw_curves(axes: Any, result: Result) -> None:
    curves = result.measured.curves
    for curve, colour in zip(curves, _COLOURS, strict=False):
        low, high = _band(curve)
        middle = curve.values.mean(axis=0)
        marker = "o" if len(curve.depths) <= _DOTS else ""
        axes.fill_between(curve.depths, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(curve.depths, middle, color=colour, marker=marker, markersize=4, label=curve.name)
    depths = curves[0].depths
    axes.set_xscale("log")
    ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 50, 100) if depths[0] <= tick <= depths[-1]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlim(depths[0], depths[-1])
    axes.set_ylim(0, 1.02)
    what = "documents" if isinstance(result.dataset, RankingSet) else "passages"
    axes.set_xlabel(f"k: {what} looked at, best first")
    axes.set_ylabel("mean over the queries")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right", frameon=False)


def _band(curve: Curve) -> tuple[Sequence[float], Sequence[float]]:
    bands = [mean_interval(curve.values[:, column], samples=500) for column in range(len(curve.depths))]
    return [low for low, _ in bands], [high for _, high in bands]


def _draw_risks(axes: Any, kinds: Sequence[Abstention]) -> None:
    for item, colour in zip(kinds, _COLOURS, strict=False):
        label = f"{item.kind}: AUROC {item.auroc:.3f}, AURC {item.curve.area:.3f}"
        axes.plot(item.curve.coverage, item.curve.risk, color=colour, label=label)
        axes.axhline(float(item.curve.risk[-1]), color=colour, linestyle=":", linewidth=1)
    highest = max(float(np.max(item.curve.risk)) for item in kinds)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, min(1.02, highest * 1.15 + 0.02))
    axes.set_xlabel("coverage: share of all questions answered, most confident first")
    axes.set_ylabel("risk: share of the answers that are wrong")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right", frameon=False, title="dotted: answering at random", alignment="left")
