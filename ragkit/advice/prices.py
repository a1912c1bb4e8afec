"""The price table: a dated TOML file that users edit, in which every figure has its source and date."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Final

from ragkit.errors import ConfigError, ConflictError, NotFoundError

PACKAGED: Final = "prices.toml"
REQUIRED: Final = (
    "tokens_in", "tokens_out", "price_per_interaction", "search_machine", "data_preparation_hours", "data_preparation",
    "training_hours", "training", "hosting", "hosting_capacity", "tuned_api", "retraining_months",
    "amortisation_months",
)  # fmt: skip
"""Figures that a table must have."""
LARGEST: Final = 1e12
"""The largest price, amount or volume that is calculated with."""
_LEAST: Final = {"tokens_in": 1.0, "hosting_capacity": 1.0, "retraining_months": 0.1, "amortisation_months": 0.1}
"""The least values of figures that others are divided by."""
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A range of a quantity with its source. low == high for a single value. date: ISO 8601."""

    name: str
    low: float
    high: float
    unit: str
    source: str
    date: str

    @property
    def middle(self) -> float:
        """The middle of the range."""
        return (self.low + self.high) / 2

    def as_dict(self) -> dict[str, Any]:
        """Return the figure as JSON."""
        return {key: getattr(self, key) for key in ("low", "high", "unit", "source", "date")}


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What a model costs, per million tokens. training: per million tokens trained, None where it can't be tuned."""

    name: str
    input: float
    output: float
    training: float | None
    source: str
    date: str

    def cost(self, *, tokens_in: float, tokens_out: float) -> float:
        """Return the price of a call in the table's currency."""
        return (tokens_in * self.input + tokens_out * self.output) / _MILLION


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices of models and figures of the calculation. origin: the name of the file in messages."""

    origin: str
    currency: str
    models: Mapping[str, ModelPrice]
    figures: Mapping[str, Figure]

    def model(self, name: str) -> ModelPrice:
        """Return the price of a model. Raises NotFoundError with the cure for a model that the table lacks."""
        if name not in self.models:
            known = ", ".join(sorted(self.models))
            raise NotFoundError(
                f"{self.origin} has no price of the model {name!r} (it has {known})",
                cure=f'write the table to a file (ragkit cost --write-prices FILE), add [models."{name}"], and name'
                " it with --prices FILE",
            )
        return self.models[name]


def packaged_text() -> str:
    """Return the packaged price file as text."""
    return resources.files("ragkit.advice").joinpath(PACKAGED).read_text(encoding="utf-8")


def load_prices(path: Path | None = None) -> PriceTable:
    """Read a price file, the packaged one by default. Raises ConfigError that names the file and the entry."""
    origin = str(path) if path else f"the packaged {PACKAGED}"
    try:
        parsed = tomllib.loads(path.read_text(encoding="utf-8") if path else packaged_text())
    except OSError as error:
        raise ConfigError(f"{origin} cannot be read ({error.strerror})", cure="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{origin} is not TOML: {error}", cure="compare it with ragkit cost --write-prices"
        ) from error
    _only(origin, parsed, ("currency", "models", "figures"))
    models = {name: _model(origin, name, entry) for name, entry in _section(origin, parsed, "models").items()}
    figures = {name: _figure(origin, name, entry) for name, entry in _section(origin, parsed, "figures").items()}
    missing = [name for name in REQUIRED if name not in figures]
    if missing:
        raise ConfigError(f"{origin} lacks the figures {', '.join(missing)}", cure="copy them from the packaged file")
    currency = parsed.get("currency")
    if not isinstance(currency, str) or not currency:
        raise ConfigError(f"{origin} names no currency", cure='write currency = "USD"')
    return PriceTable(origin, currency, models, figures)


def write_prices(path: Path) -> None:
    """Write the packaged price file for editing. Raises ConflictError where the file exists, NotFoundError."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(packaged_text())
    except FileExistsError as error:
        raise ConflictError(f"{path} exists already", cure="name a new file, so that your edits are kept") from error
    except OSError as error:
        raise NotFoundError(f"{path} cannot be written ({error.strerror})", cure="name another file") from error


def _section(origin: str, parsed: Mapping[str, Any], name: str) -> Mapping[str, Mapping[str, Any]]:
    section = parsed.get(name)
    if not isinstance(section, dict) or not all(isinstance(entry, dict) for entry in section.values()):
        raise ConfigError(f"{origin} has no tables [{name}.…]", cure="compare it with ragkit cost --write-prices")
    return section


def _model(origin: str, name: str, entry: Mapping[str, Any]) -> ModelPrice:
    place = f'{origin}: [models."{name}"]'
    _only(place, entry, ("input_per_million", "output_per_million", "training_per_million", "source", "date"))
    training = _number(place, entry, "training_per_million") if "training_per_million" in entry else None
    return ModelPrice(
        name,
        _number(place, entry, "input_per_million"),
        _number(place, entry, "output_per_million"),
        training,
        *_provenance(place, entry),
    )


def _figure(origin: str, name: str, entry: Mapping[str, Any]) -> Figure:
    place = f"{origin}: [figures.{name}]"
    _only(place, entry, ("value", "low", "high", "unit", "source", "date"))
    if ("value" in entry) == ("low" in entry or "high" in entry):
        raise ConfigError(f"{place} needs `value`, or `low` and `high`", cure="give one of the two forms")
    keys = ("value", "value") if "value" in entry else ("low", "high")
    low, high = (_number(place, entry, key, least=_LEAST.get(name, 0.0)) for key in keys)
    if low > high:
        raise ConfigError(f"{place}: low {low:g} is above high {high:g}", cure="exchange them")
    unit = entry.get("unit")
    if not isinstance(unit, str):
        raise ConfigError(f"{place} has no unit", cure='write unit = "…"')
    return Figure(name, low, high, unit, *_provenance(place, entry))


def _only(place: str, entry: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuse unknown keys: a misspelt key would otherwise be ignored."""
    unknown = sorted(set(entry) - set(known))
    if unknown:
        raise ConfigError(f"{place} has the unknown key {unknown[0]!r}", cure=f"the keys are {', '.join(known)}")


def _number(place: str, entry: Mapping[str, Any], key: str, *, least: float = 0.0) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= LARGEST:
        raise ConfigError(f"{place}: {key} is {value!r}", cure=f"write a number from {least:g} to {LARGEST:,.0f}")
    return float(value)


def _provenance(place: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    source, day = entry.get("source"), entry.get("date")
    if not isinstance(source, str) or not source.strip():
        raise ConfigError(f"{place} has no source", cure='write source = "https://…" or who says so')
    if not isinstance(day, date):
        raise ConfigError(f"{place} has no date", cure="write date = 2026-11-30, the day on which it was true")
    return source, day.isoformat()
