"""The monthly cost of prompting, RAG and fine-tuning as functions of volume, and the volume at which they are equal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from ragkit.advice.prices import LARGEST, Figure, PriceTable
from ragkit.errors import InputError

Way = Literal["prompting", "rag", "tuned_self_hosted", "tuned_api"]
WAYS: Final[tuple[Way, ...]] = ("prompting", "rag", "tuned_self_hosted", "tuned_api")
TITLES: Final[dict[Way, str]] = {
    "prompting": "prompting through an API",
    "rag": "RAG through an API",
    "tuned_self_hosted": "fine-tuned, self-hosted",
    "tuned_api": "fine-tuned, behind an API",
}
_MOST_SERVERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Usage:
    """One interaction: its tokens, and its price.

    tokens_in: without retrieved passages. passage_tokens: what the passages of a RAG prompt add. price: of an
    interaction without passages; passage_price: what the passages add. source: where tokens and price come from.
    """

    tokens_in: float
    tokens_out: float
    passage_tokens: float
    price: float
    passage_price: float
    source: str


@dataclass(frozen=True, slots=True)
class Range:
    """A cost between two ends."""

    low: float
    high: float

    def plus(self, other: Range) -> Range:
        """Return the sum of two ranges."""
        return Range(self.low + other.low, self.high + other.high)

    def as_dict(self) -> dict[str, float]:
        """Return the range as JSON, rounded to cents."""
        return {"low": round(self.low, 2), "high": round(self.high, 2)}


@dataclass(frozen=True, slots=True)
class CostModel:
    """The cost functions of one usage and one price table."""

    usage: Usage
    prices: PriceTable

    def monthly(self, way: Way, volume: float) -> Range:
        """Return the monthly cost of a way at a volume (interactions a month), without the first preparation of data.

        Raises InputError for a volume that is negative, infinite or above 10^12.
        """
        _check_amount("volume", volume)
        if way == "prompting":
            return Range(self.usage.price * volume, self.usage.price * volume)
        if way == "rag":
            calls = (self.usage.price + self.usage.passage_price) * volume
            return Range(calls, calls).plus(_range(self._figure("search_machine")))
        if way == "tuned_api":
            return _range(self._figure("tuned_api")).plus(self.retraining())
        hosting, servers = self._figure("hosting"), self.servers(volume)
        return Range(hosting.low * servers, hosting.high * servers).plus(self.retraining())

    def servers(self, volume: float) -> int:
        """Return how many servers a self-hosted model needs at a volume; one at least."""
        return max(1, math.ceil(volume / self._figure("hosting_capacity").low))

    def retraining(self) -> Range:
        """Return the monthly cost of training runs: from cheap and rare to expensive and frequent."""
        training, months = self._figure("training"), self._figure("retraining_months")
        return Range(training.low / months.high, training.high / months.low)

    def preparation(self) -> Range:
        """Return the one-time cost of the first preparation of data."""
        return _range(self._figure("data_preparation"))

    def break_even(self, way: Literal["prompting", "rag"]) -> Range | None:
        """Return the monthly volumes from which a self-hosted tuned model is cheaper: by its low and its high cost.

        The preparation of data is spread over `amortisation_months`. None when it never is, however many servers.
        """
        ends = [self._first_cheaper(way, cheap=cheap) for cheap in (True, False)]
        return None if ends[0] is None else Range(ends[0], math.inf if ends[1] is None else ends[1])

    def _first_cheaper(self, way: Literal["prompting", "rag"], *, cheap: bool) -> float | None:
        """Return the least volume at which self-hosting costs no more. cheap: at the low end of its range."""
        months = self._figure("amortisation_months").low
        hosting, capacity = self._figure("hosting"), self._figure("hosting_capacity").low
        once, again = self.preparation(), self.retraining()
        fixed = once.low / months + again.low if cheap else once.high / months + again.high
        server = hosting.low if cheap else hosting.high
        machine = self._figure("search_machine").middle if way == "rag" else 0.0
        price = self.usage.price + (self.usage.passage_price if way == "rag" else 0.0)
        if price <= 0:
            return None
        for servers in range(1, _MOST_SERVERS + 1):
            volume = max((servers * server + fixed - machine) / price, (servers - 1) * capacity, 0.0)
            if volume <= servers * capacity:
                return math.ceil(volume)
        return None

    def _figure(self, name: str) -> Figure:
        return self.prices.figures[name]

    def as_dict(self, volume: float) -> dict[str, Any]:
        """Return the JSON shape of `ragkit cost --json`."""
        return {
            "currency": self.prices.currency,
            "volume": volume,
            "usage": {name: getattr(self.usage, name) for name in Usage.__slots__},
            "monthly": {way: self.monthly(way, volume).as_dict() for way in WAYS},
            "once": {"data_preparation": self.preparation().as_dict()},
            "retraining_a_month": self.retraining().as_dict(),
            "servers": self.servers(volume),
            "break_even_volume": {way: _volumes(self.break_even(way)) for way in ("prompting", "rag")},
            "figures": {name: figure.as_dict() for name, figure in self.prices.figures.items()},
            "prices": self.prices.origin,
        }


def usage_of(
    prices: PriceTable,
    *,
    tokens: tuple[float, float, float],
    model: str = "",
    price_per_interaction: float | None = None,
    source: str,
) -> Usage:
    """Return the usage of an interaction of (tokens in, tokens out, tokens of passages).

    The price is the model's by the table; or what an interaction without passages is said to cost; or else the
    reference price, in proportion to the tokens. Without a model, a passage token costs what a token of the interaction
    costs on average. Raises NotFoundError for a model without a price, InputError for numbers outside of 0 to 10^12.
    """
    tokens_in, tokens_out, passages = tokens
    for name, amount in zip(("tokens in", "tokens out", "tokens of passages"), tokens, strict=True):
        _check_amount(name, amount)
    if tokens_in + tokens_out <= 0:
        raise InputError("an interaction of 0 tokens in and 0 out", cure="give numbers above 0")
    if model:
        found = prices.model(model)
        price = found.cost(tokens_in=tokens_in, tokens_out=tokens_out)
        added = found.cost(tokens_in=passages, tokens_out=0)
        return Usage(tokens_in, tokens_out, passages, price, added, f"{source}; {found.source}, {found.date}")
    figure = prices.figures["price_per_interaction"]
    reference = prices.figures["tokens_in"].middle + prices.figures["tokens_out"].middle
    given = price_per_interaction
    if given is None:
        given = figure.middle * (tokens_in + tokens_out) / reference
    _check_amount("price", given)
    price_source = f"{figure.source}, {figure.date}" if price_per_interaction is None else "price given by the caller"
    added = given * passages / (tokens_in + tokens_out)
    return Usage(tokens_in, tokens_out, passages, given, added, f"{source}; {price_source}")


def _check_amount(name: str, amount: float) -> None:
    """Raise InputError unless an amount is a number from 0 to 10^12, with which every figure can be calculated."""
    if not 0 <= amount <= LARGEST:
        raise InputError(f"{name}: {amount:g}", cure=f"give a number from 0 to {LARGEST:,.0f}")


def _range(figure: Figure) -> Range:
    return Range(figure.low, figure.high)


def _volumes(found: Range | None) -> dict[str, float | None] | None:
    """Return break-even volumes as JSON, which has no infinity: None for a volume that does not exist."""
    if found is None:
        return None
    return {"low": found.low, "high": None if math.isinf(found.high) else found.high}
