"""`ragkit ask --compare`: the answers of two models side by side, with tokens, cost and time."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from ragkit.cli.options import print_json
from ragkit.text.cleaning import show

if TYPE_CHECKING:  # they would load the citation checker at each search
    from ragkit import ModelAnswer
    from ragkit.advice.prices import PriceTable


def cost_of(answer: ModelAnswer, prices: PriceTable) -> float | None:
    """Return what an answer cost by its counted tokens, in the table's currency; None where no price is known."""
    price = prices.models.get(answer.model.partition("@http")[0])
    tokens = answer.tokens
    return None if price is None else price.cost(tokens_in=tokens["in"], tokens_out=tokens["out"])


def print_comparison(question: str, found: Sequence[ModelAnswer], *, prices: PriceTable, as_json: bool) -> None:
    """Print the answers of models beside each other, with tokens, cost and time."""
    if as_json:
        answers: list[dict[str, Any]] = [{**item.as_dict(), "cost": cost_of(item, prices)} for item in found]
        print_json({"question": question, "currency": prices.currency, "prices": prices.origin, "answers": answers})
        return
    width = max(30, (min(shutil.get_terminal_size((100, 24)).columns, 200) - 3) // len(found))
    columns = [_column(item, prices, width) for item in found]
    for number, cells in enumerate(zip_longest(*columns, fillvalue="")):
        line = " │ ".join(cell.ljust(width) for cell in cells).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def _column(item: ModelAnswer, prices: PriceTable, width: int) -> list[str]:
    """Return the lines of one model's column."""
    about = "about " if item.estimated else ""
    cost = cost_of(item, prices)
    price = f"price unknown in {prices.origin}" if cost is None else f"{cost:.6f} {prices.currency}"
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
