"""`ragkit ask --compare`: the answers of two models side by side, with tokens, cost and time."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import click

from ragkit import ModelAnswer
from ragkit.cli.options import print_json
from ragkit.text.cleaning import show

Price = Callable[[ModelAnswer], float | None]
"""Returns what an answer cost, None where no price is known."""


def price_of(answer: ModelAnswer) -> float | None:  # noqa: ARG001 - no price table yet
    """Return what an answer cost, None where no price is known."""
    return None


def print_comparison(question: str, found: Sequence[ModelAnswer], *, price: Price, as_json: bool) -> None:
    """Print the answers of models beside each other."""
    if as_json:
        answers: list[dict[str, Any]] = [{**item.as_dict(), "cost": price(item)} for item in found]
        print_json({"question": question, "answers": answers})
        return
    width = max(30, (min(shutil.get_terminal_size((100, 24)).columns, 200) - 3) // len(found))
    columns = [_column(item, price(item), width) for item in found]
    for number, cells in enumerate(zip_longest(*columns, fillvalue="")):
        line = " │ ".join(cell.ljust(width) for cell in cells).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def _column(item: ModelAnswer, cost: float | None, width: int) -> list[str]:
    """Return the lines of one model's column."""
    about = "about " if item.estimated else ""
    price = "price unknown" if cost is None else f"cost {cost:.6f}"
    facts = [f"{about}{item.tokens['in']:,} + {item.tokens['out']:,} tokens", price, f"{item.seconds:.2f} s"]
    if item.answer is None:
        body, facts = f"failed: {item.error}", ["failed", *facts]
    else:
        held = sum(citation.supported for citation in item.answer.citations)
        facts = [f"{item.answer.status}, {held} of {len(item.answer.citations)} citations supported", *facts]
        body = item.answer.text
    lines = [show(item.model, width), ""]
    for part in body.split("\n"):
        lines += textwrap.wrap(show(part), width) or [""]
    return [*lines, "", *(line for fact in facts for line in textwrap.wrap(fact, width))]
