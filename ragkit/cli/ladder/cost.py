"""`ragkit cost`: the monthly cost of prompting, RAG and fine-tuning, and the volume from which tuning pays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from ragkit import KnowledgeBase, load_chat
from ragkit.advice.cost import CostModel, Usage, usage_of
from ragkit.advice.cost_report import cost_csv, cost_lines, svg_plot, terminal_plot, volumes_with
from ragkit.advice.fact_change import FactChange, measure_fact_change
from ragkit.advice.measured import MeasuredTokens, measure_tokens, questions_of
from ragkit.advice.prices import PriceTable, load_prices, write_prices
from ragkit.cli.context import tools_of
from ragkit.cli.ladder.gathered import gathered
from ragkit.cli.options import Target, common, prices_option, print_json
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import InputError
from ragkit.evaluation.answers.questions import load_questions
from ragkit.text.cleaning import show
from ragkit.tracking.catalog import list_runs


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options of the command line."""

    volume: float
    tokens_in: float | None
    tokens_out: float | None
    passage_tokens: float | None
    price_per_interaction: float | None
    price_of: str
    prices: str | None
    write_prices: str | None
    measured: bool
    questions: str | None
    csv: str | None
    plot: str | None
    change_fact: bool
    target: Target


_AMOUNT = click.FloatRange(0)
_OUT = click.Path(dir_okay=False, writable=True)


@click.command(short_help=SUMMARIES["cost"])
@click.option("--volume", type=_AMOUNT, default=10_000, show_default=True, help="Interactions a month.")
@click.option("--tokens-in", type=_AMOUNT, help="Tokens in, an interaction, without passages.")
@click.option("--tokens-out", type=_AMOUNT, help="Tokens out, an interaction.")
@click.option("--passage-tokens", type=_AMOUNT, help="Tokens that the passages of a RAG prompt add.")
@click.option("--price-per-interaction", type=_AMOUNT, help="Price of an interaction, instead of a model's.")
@click.option("--price-of", metavar="MODEL", default="", help="Take the prices of this model.")
@prices_option
@click.option(
    "--write-prices", metavar="FILE", type=_OUT, help="Write the price file for editing, and do nothing else."
)
@click.option("--measured", is_flag=True, help="Measure the tokens of the collection's prompts.")
@click.option(
    "--questions", metavar="FILE", type=click.Path(exists=True), help="Questions to measure with (default: made ones)."
)
@click.option("--csv", metavar="FILE", type=_OUT, help="Write the costs over the volume as CSV.")
@click.option("--plot", metavar="FILE", type=_OUT, help="Draw them as an SVG file; without it, on the terminal.")
@click.option("--change-fact", is_flag=True, help="Measure what it takes to change one fact of the collection.")
@common
@click.pass_context
@gathered(_Wanted)
def cost(context: click.Context, wanted: _Wanted) -> None:
    """Calculate what prompting, RAG and a fine-tuned model cost a month, as functions of the volume.

    Every price and assumption is in a dated file with its source: --write-prices gives you a copy to edit. Tokens and
    price of an interaction are given, measured from the collection's prompts (--measured), or those of the reference
    case. The preparation of data is paid once; the break-even volume spreads it over a year.
    """
    if wanted.write_prices:
        write_prices(Path(wanted.write_prices))
        if wanted.target.as_json:
            print_json({"written": wanted.write_prices})
        else:
            click.echo(f"wrote {show(wanted.write_prices)}")
        return
    _check(wanted)
    prices = load_prices(Path(wanted.prices) if wanted.prices else None)
    if wanted.price_of:
        prices.model(wanted.price_of)  # a missing price is an error before anything is measured
    measured, change = _measured(context, wanted, prices)
    model = CostModel(_usage(wanted, prices, measured), prices)
    _write(wanted, model)
    if wanted.target.as_json:
        shape = model.as_dict(wanted.volume)
        shape["measured"] = measured.as_dict() if measured else None
        shape["change_fact"] = change.as_dict() if change else None
        print_json(shape)
        return
    for line in (*cost_lines(model, wanted.volume), "", *(() if wanted.plot else terminal_plot(model))):
        click.echo(show(line, 2_000))
    for line in change.as_lines() if change else ():
        click.echo(show(line, 2_000))


def _check(wanted: _Wanted) -> None:
    """Refuse options that contradict each other, before anything is measured or written."""
    if wanted.price_of and wanted.price_per_interaction is not None:
        raise InputError("--price-of and --price-per-interaction both name a price", cure="leave one out")
    if wanted.questions and not wanted.measured:
        raise InputError("--questions is for --measured", cure="add --measured")
    if wanted.plot and Path(wanted.plot).suffix.lower() != ".svg":
        raise InputError(f"--plot {wanted.plot} is no SVG file", cure="name a file that ends in .svg")


def _measured(
    context: click.Context, wanted: _Wanted, prices: PriceTable
) -> tuple[MeasuredTokens | None, FactChange | None]:
    if not (wanted.measured or wanted.change_fact):
        return None, None
    with wanted.target.open() as kb:
        tokens = change = None
        if wanted.measured:
            texts = [item.text for item in load_questions(Path(wanted.questions)).questions] if wanted.questions else []
            chat = tools_of(context).chat or (load_chat(kb.settings.chat) if _answers_for_free(kb) else None)
            tokens = measure_tokens(kb, texts or questions_of(kb), chat=chat)
        if wanted.change_fact:
            runs = list_runs(wanted.target.folder / "runs")
            trained = [run.seconds for run in runs if run.kind == "train" and run.status == "finished"]
            change = measure_fact_change(
                kb,
                training=(prices.figures["training_hours"], prices.figures["training"]),
                trained_seconds=trained[-1] if trained else None,
                embedder=tools_of(context).embedder,
            )
        return tokens, change


def _answers_for_free(kb: KnowledgeBase) -> bool:
    """Return whether answers are free of charge: a calculation never calls a paid model."""
    return kb.settings.chat.model == "extractive"


def _usage(wanted: _Wanted, prices: PriceTable, measured: MeasuredTokens | None) -> Usage:
    figures = prices.figures
    tokens_in, tokens_out, passages, source = wanted.tokens_in, wanted.tokens_out, wanted.passage_tokens or 0.0, ""
    if measured:
        tokens_in = measured.tokens_in if tokens_in is None else tokens_in
        passages = measured.passages if wanted.passage_tokens is None else passages
        tokens_out = measured.tokens_out if tokens_out is None else tokens_out
        counted = "an estimate by" if measured.estimated else "counted by"
        source = f"measured on {measured.questions:,} questions, {counted} {measured.encoding}"
    source = source or ("given" if wanted.tokens_in is not None else figures["tokens_in"].source)
    return usage_of(
        prices,
        tokens=(
            figures["tokens_in"].middle if tokens_in is None else tokens_in,
            figures["tokens_out"].middle if tokens_out is None else tokens_out,
            passages,
        ),
        model=wanted.price_of,
        price_per_interaction=wanted.price_per_interaction,
        source=source,
    )


def _write(wanted: _Wanted, model: CostModel) -> None:
    texts = ((wanted.csv, cost_csv(model, volumes_with(wanted.volume))), (wanted.plot, svg_plot(model)))
    for path, text in texts:
        if path:
            try:
                Path(path).write_text(text, encoding="utf-8")
            except OSError as error:
                raise InputError(f"{path} cannot be written ({error.strerror})", cure="name another file") from error
