"""The calculation: the reference case to the cent, break-even by the definition, every figure with source and date."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ragkit import ConfigError, ConflictError, InputError, NotFoundError
from ragkit.advice.cost import WAYS, CostModel, Way, usage_of
from ragkit.advice.cost_report import cost_csv, svg_plot, terminal_plot
from ragkit.advice.prices import REQUIRED, load_prices, packaged_text, write_prices
from ragkit.cli.app import cli


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["cost", *words])


def shape(*words: str) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def reference(**given: Any) -> CostModel:
    prices = load_prices()
    return CostModel(usage_of(prices, tokens=(1_000, 500, 0), source="test", **given), prices)


REFERENCE = ("--tokens-in", "1000", "--tokens-out", "500", "--price-per-interaction", "0.03")


def test_the_reference_case_is_reproduced() -> None:
    small = shape("--volume", "10000", *REFERENCE)
    assert small["monthly"]["prompting"] == {"low": 300.0, "high": 300.0}
    figures = small["figures"]
    wanted = {
        "data_preparation_hours": (40, 80),
        "data_preparation": (2_000, 4_000),
        "training_hours": (10, 20),
        "training": (100, 300),
        "hosting": (200, 500),
        "tuned_api": (300, 800),
        "retraining_months": (3, 6),
    }
    assert {name: (figures[name]["low"], figures[name]["high"]) for name in wanted} == wanted
    large = shape("--volume", "1000000", *REFERENCE)
    assert large["monthly"]["prompting"]["low"] == 30_000
    assert large["servers"] == 4
    self_hosted = large["monthly"]["tuned_self_hosted"]["high"]
    assert self_hosted - large["retraining_a_month"]["high"] == 2_000


def test_every_figure_has_a_source_and_a_date() -> None:
    for figure in shape()["figures"].values():
        assert figure["source"].strip()
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", figure["date"])
    shown = run().output
    assert all(name in shown for name in REQUIRED)


@pytest.mark.parametrize("way", ["prompting", "rag"])
@pytest.mark.parametrize("price", [0.0021, 0.03, 0.4])
def test_break_even_is_the_first_volume_at_which_self_hosting_costs_no_more(way: Any, price: float) -> None:
    model = reference(price_per_interaction=price)
    found = model.break_even(way)
    assert found is not None
    months = model.prices.figures["amortisation_months"].low

    def saved(volume: float) -> float:
        hosted = model.monthly("tuned_self_hosted", volume)
        api = model.monthly(way, volume)
        middle = (api.low + api.high) / 2
        return middle - hosted.low - model.preparation().low / months

    assert saved(found.low) >= 0
    assert saved(found.low - 1) < 0
    assert found.high > found.low


def test_calls_that_cost_less_than_a_server_never_break_even() -> None:
    assert reference(price_per_interaction=0.0001).break_even("prompting") is None
    assert shape("--price-per-interaction", "0")["break_even_volume"]["prompting"] is None
    assert "never" in run("--price-per-interaction", "0.0001").output


@pytest.mark.parametrize("way", WAYS)
def test_costs_never_fall_with_the_volume(way: Way) -> None:
    model = reference()
    costs = [model.monthly(way, volume).high for volume in (0, 10, 9_999, 250_000, 250_001, 3_000_000)]
    assert costs == sorted(costs)


def test_a_models_price_is_per_million_tokens_and_passages_cost_input() -> None:
    prices = load_prices()
    usage = usage_of(prices, tokens=(2_000, 100, 700), model="openai:gpt-4o-mini", source="test")
    assert usage.price == pytest.approx(2_000 * 0.15e-6 + 100 * 0.60e-6)
    assert usage.passage_price == pytest.approx(700 * 0.15e-6)
    assert "check before use" in usage.source


def test_the_reference_price_is_in_proportion_to_other_tokens() -> None:
    prices = load_prices()
    assert usage_of(prices, tokens=(200, 100, 300), source="t").price == pytest.approx(0.006)
    assert usage_of(prices, tokens=(200, 100, 300), source="t").passage_price == pytest.approx(0.006)


@pytest.mark.parametrize("option", ["volume", "tokens-in", "tokens-out", "passage-tokens", "price-per-interaction"])
@pytest.mark.parametrize("value", ["nan", "inf", "2e12"])
def test_numbers_that_cannot_be_calculated_with_are_refused(option: str, value: str) -> None:
    found = run(f"--{option}", value).exception
    assert isinstance(found, InputError)
    assert value.replace("e", "e+") in str(found)


def test_no_volume_costs_the_machines_alone() -> None:
    costs = shape("--volume", "0")["monthly"]
    assert costs["prompting"] == {"low": 0, "high": 0}
    assert costs["rag"] == {"low": 10, "high": 50}


def test_a_model_without_a_price_is_an_error_that_names_table_and_cure() -> None:
    result = run("--price-of", "openai:no-such")
    assert isinstance(result.exception, NotFoundError)
    assert "no-such" in str(result.exception)
    assert "--write-prices" in str(result.exception)


def test_an_edited_price_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    assert run("--write-prices", str(path)).exit_code == 0
    text = path.read_text().replace("value = 0.03", "value = 0.05")
    path.write_text(
        text + '\n[models."openai:own"]\ninput_per_million=1\noutput_per_million=2\nsource="me"\ndate=2026-01-02\n'
    )
    assert shape("--volume", "100", "--prices", str(path))["monthly"]["prompting"]["low"] == 5.0
    priced = shape(
        "--volume",
        "1000000",
        "--price-of",
        "openai:own",
        "--prices",
        str(path),
        "--tokens-in",
        "1",
        "--tokens-out",
        "1",
    )
    assert priced["monthly"]["prompting"]["low"] == 3.0
    assert "me, 2026-01-02" in priced["usage"]["source"]
    with pytest.raises(ConflictError):
        write_prices(path)
    assert "value = 0.05" in path.read_text()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("low = 2000", "low = 9000", "figures.data_preparation"),
        ('source = "second-hand, check', '#source = "', "gpt-4o"),
        ("date = 2026-03-01", 'date = "yesterday"', "no date"),
        ("input_per_million = 2.50", "input_per_million = -1", "input_per_million"),
        ("output_per_million = 10.00", "output_per_milion = 10.00", "output_per_milion"),
        ("[figures.hosting]", "[figures.hostin]", "hosting"),
        ('currency = "USD"', "currency = ", "not TOML"),
        ('currency = "USD"', 'currency = "USD"\nvat = 0.2', "'vat'"),
        ("value = 250000", "value = 0", "figures.hosting_capacity"),
        ("low = 3\n", "low = 0\n", "figures.retraining_months"),
        ("value = 12\n", "value = 1e-320\n", "figures.amortisation_months"),
        ("high = 500\n", "high = 1e300\n", "figures.hosting"),
    ],
)
def test_a_faulty_price_file_is_refused_by_entry(tmp_path: Path, old: str, new: str, named: str) -> None:
    path = tmp_path / "prices.toml"
    assert old in packaged_text()
    path.write_text(packaged_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=re.escape(named)) as caught:
        load_prices(path)
    assert "prices.toml" in str(caught.value)


def test_csv_and_plots_show_the_same_functions(tmp_path: Path) -> None:
    out = tmp_path / "cost.csv"
    picture = tmp_path / "cost.svg"
    assert run("--volume", "4321", "--csv", str(out), "--plot", str(picture)).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    own = next(row for row in rows if row["volume"] == "4321")
    assert float(own["prompting_low_USD"]) == pytest.approx(129.63)
    model = reference()
    assert cost_csv(model, [10.0]).splitlines()[1].startswith("10,0.30,0.30,")
    assert picture.read_text().count("<polygon") == len(WAYS)
    assert svg_plot(model) == svg_plot(model)
    plot = "\n".join(terminal_plot(model))
    assert all(f"\n{mark} " in f"\n{plot}" or f" {mark}" in plot for mark in "prsa")
    assert "1,000,000" in plot


@pytest.mark.parametrize(
    "words",
    [
        ("--price-of", "extractive", "--price-per-interaction", "1"),
        ("--plot", "picture.png"),
        ("--tokens-in", "0", "--tokens-out", "0"),
    ],
)
def test_contradictions_are_errors(words: tuple[str, ...]) -> None:
    assert isinstance(run(*words).exception, InputError)
