"""The calculation for people and other programs: a table, CSV, a plot in the terminal and one as SVG."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from html import escape
from typing import Final

from ragkit.advice.cost import TITLES, WAYS, CostModel, Range, Way

VOLUMES: Final = (100, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
"""Interactions a month in tables and plots, in addition to the requested volume."""
_COLOURS: Final[dict[Way, str]] = {
    "prompting": "#0072b2",
    "rag": "#009e73",
    "tuned_self_hosted": "#d55e00",
    "tuned_api": "#cc79a7",
}  # Okabe and Ito: apart for every eye
_MARKS: Final[dict[Way, str]] = {"prompting": "p", "rag": "r", "tuned_self_hosted": "s", "tuned_api": "a"}
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 760, 420, 80, 30, 250, 60
_ROWS, _COLUMNS = 16, 57


def volumes_with(volume: float) -> list[float]:
    """Return the volumes of a table, including the requested one, ascending."""
    return sorted({*map(float, VOLUMES), float(volume)})


def cost_lines(model: CostModel, volume: float) -> list[str]:
    """Return the calculation as lines of text: the monthly costs, what is paid once, the break-even, the sources."""
    usage, unit = model.usage, model.prices.currency
    passages = f" and {usage.passage_tokens:,.0f} of passages with RAG" if usage.passage_tokens else ""
    asked = f"{volume:,.0f} interactions a month, each {usage.tokens_in:,.0f} tokens in{passages}"
    lines = [f"{asked}, {usage.tokens_out:,.0f} out, {usage.price:.4g} {unit} ({usage.source})", ""]
    lines += [f"{TITLES[way]:<27}{money(model.monthly(way, volume)):>20} {unit} a month" for way in WAYS]
    lines += [
        f"{'preparation of data, once':<27}{money(model.preparation()):>20} {unit}",
        "",
        *(f"break-even with {TITLES[way]}: {_in_words(model.break_even(way))}" for way in ("prompting", "rag")),
        "",
        f"figures ({model.prices.origin}; edit them in a copy: ragkit cost --write-prices FILE):",
    ]
    for name, figure in model.prices.figures.items():
        lines.append(
            f"  {name:<24}{money(Range(figure.low, figure.high)):>18} {figure.unit}; {figure.source}, {figure.date}"
        )
    return lines


def cost_csv(model: CostModel, volumes: Sequence[float]) -> str:
    """Return a CSV text: a row for each volume, two columns for each way (low and high)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["volume", *(f"{way}_{end}_{model.prices.currency}" for way in WAYS for end in ("low", "high"))])
    for volume in volumes:
        costs = [model.monthly(way, volume) for way in WAYS]
        writer.writerow([f"{volume:g}", *(f"{value:.2f}" for cost in costs for value in (cost.low, cost.high))])
    return out.getvalue()


def terminal_plot(model: CostModel) -> list[str]:
    """Return a plot of the middle costs over the volume as lines of text, both axes logarithmic."""
    places, (least, most) = _series(model, 1.0)
    grid = [[" "] * _COLUMNS for _ in range(_ROWS + 1)]
    for way in reversed(WAYS):
        for x, low, high in places[way]:
            y = _share((low + high) / 2, least, most)
            grid[_ROWS - round(y * _ROWS)][round(x * (_COLUMNS - 1))] = _MARKS[way]
    lines = []
    for number, row in enumerate(grid):
        value = least * (most / least) ** (1 - number / _ROWS)
        label = f"{value:>11,.0f} |" if number % 4 == 0 else f"{'':>11} |"
        lines.append((label + "".join(row)).rstrip())
    lines.append(f"{'':>11} +{'-' * _COLUMNS}")
    lines.append(f"{'':>13}{VOLUMES[0]:<,}{f'interactions a month {VOLUMES[-1]:,}':>{_COLUMNS - len(str(VOLUMES[0]))}}")
    lines.append("  ".join(f"{mark} {TITLES[way]}" for way, mark in _MARKS.items()))
    return lines


def svg_plot(model: CostModel) -> str:
    """Return an SVG picture of the costs over the volume: a band from low to high a way, both axes logarithmic."""
    places, (least, most) = _series(model, 0.5)
    size = f'width="{_WIDTH}" height="{_HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *_axes(least, most, model.prices.currency),
    ]
    for number, way in enumerate(WAYS):
        above = [_point(x, _share(high, least, most)) for x, _, high in places[way]]
        below = [_point(x, _share(low, least, most)) for x, low, _ in reversed(places[way])]
        parts.append(
            f'<polygon points="{" ".join(above + below)}" fill="{_COLOURS[way]}" fill-opacity="0.3"'
            f' stroke="{_COLOURS[way]}"/>'
        )
        y = _TOP + 20 + 22 * number
        x = _WIDTH - _RIGHT + 20
        parts.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{_COLOURS[way]}"/>')
        parts.append(f'<text x="{x + 18}" y="{y}">{escape(TITLES[way])}</text>')
    return "\n".join([*parts, "</svg>\n"])


def money(cost: Range) -> str:
    """Return a range as text, one number where both ends are equal."""
    ends = [
        f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:,.2f}" for value in (cost.low, cost.high)
    ]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _in_words(found: Range | None) -> str:
    if found is None:
        return "never: each server costs more than the calls that it replaces"
    if math.isinf(found.high):
        return f"from {found.low:,.0f} interactions a month at the low cost of self-hosting, never at the high one"
    return f"from {found.low:,.0f} to {found.high:,.0f} interactions a month, by the cost of self-hosting"


_Places = dict[Way, list[tuple[float, float, float]]]


def _series(model: CostModel, floor: float) -> tuple[_Places, tuple[float, float]]:
    """Return (share of the width, low, high) of each way, no cost under a floor, and the ends of the cost axis."""
    volumes = [VOLUMES[0] * (VOLUMES[-1] / VOLUMES[0]) ** (step / 56) for step in range(57)]
    places: _Places = {way: [] for way in WAYS}
    for step, volume in enumerate(volumes):
        for way in WAYS:
            cost = model.monthly(way, volume)
            places[way].append((step / 56, max(floor, cost.low), max(floor, cost.high)))
    values = [value for found in places.values() for _, low, high in found for value in (low, high)]
    return places, (min(values), max(*values, 10 * min(values)))


def _share(value: float, least: float, most: float) -> float:
    return math.log(value / least) / math.log(most / least)


def _point(x: float, y: float) -> str:
    return f"{_LEFT + x * (_WIDTH - _LEFT - _RIGHT):.1f},{_HEIGHT - _BOTTOM - y * (_HEIGHT - _TOP - _BOTTOM):.1f}"


def _axes(least: float, most: float, currency: str) -> list[str]:
    """Return the frame with a line at each power of ten."""
    parts = []
    for power in range(math.ceil(math.log10(least)), math.floor(math.log10(most)) + 1):
        left, right = (_point(x, _share(10**power, least, most)).split(",") for x in (0.0, 1.0))
        parts.append(f'<path d="M{left[0]} {left[1]}H{right[0]}" stroke="#ccc"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{float(left[1]) + 4}" text-anchor="end">{10**power:,g}</text>')
    for volume in (100, 1_000, 10_000, 100_000, 1_000_000):
        x, bottom = _point(_share(volume, VOLUMES[0], VOLUMES[-1]), 0.0).split(",")
        parts.append(f'<path d="M{x} {bottom}V{_TOP}" stroke="#ccc"/>')
        parts.append(f'<text x="{x}" y="{float(bottom) + 18}" text-anchor="middle">{volume:,}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 14}">interactions a month</text>')
    parts.append(f'<text x="{_LEFT}" y="{_TOP - 12}">{escape(currency)} a month</text>')
    return parts
