"""`ragkit export finetune`: training data from examples, approved answers and question sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ragkit import KnowledgeBase
from ragkit.advice.prices import load_prices
from ragkit.cli.ladder.gathered import gathered
from ragkit.cli.options import Target, common, prices_option, print_json
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import InputError
from ragkit.evaluation.answers.approaches import CLOSED_BOOK_RULES
from ragkit.finetuning.examples import (
    SPLITS,
    Collected,
    Prompter,
    TrainingExample,
    collect,
    context_prompter,
    plain_prompter,
)
from ragkit.finetuning.export import Exported, ExportPlan, export_examples
from ragkit.finetuning.formats import FORMATS, Format
from ragkit.text.cleaning import show
from ragkit.text.token_counter import load_counter
from ragkit.tracking.digests import path_digest
from ragkit.types.prompts import Message


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options of the command line."""

    sources: tuple[str, ...]
    out: str
    form: Format
    passages: str
    system: str | None
    price_of: str
    prices: str | None
    epochs: int
    seed: int
    target: Target


@click.group("export", short_help=SUMMARIES["export"])
def export() -> None:
    """Write data for other tools."""


@export.command("finetune", short_help="Write training data.")
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True))
@click.argument("out", type=click.Path(file_okay=False))
@click.option("--format", "form", type=click.Choice(FORMATS), default="openai", show_default=True, help="Of the lines.")
@click.option(
    "--passages",
    type=click.Choice(["none", "context", "search"]),
    default="none",
    show_default=True,
    help="Put no passages into the prompts, the context of each example, or what the collection finds.",
)
@click.option(
    "--system", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Instructions for prompts."
)
@click.option("--price-of", metavar="MODEL", default="", help="Estimate the cost of tuning this model.")
@prices_option
@click.option("--epochs", type=click.IntRange(1, 50), default=3, show_default=True, help="For the estimate.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the split.")
@common
@click.pass_context
@gathered(_Wanted)
def finetune(_context: click.Context, wanted: _Wanted) -> None:
    """Write train.jsonl, validation.jsonl, test.jsonl and manifest.json to the new folder OUT.

    SOURCES are examples.jsonl files (input and output), approved answers of the same form, question files with answers,
    and folders of `ragkit eval make`. Near duplicates are taken out, and the examples of one document are in one split.
    Fewer than 20 examples are refused; under 200 there is a warning. The lines hold to the rules of OpenAI's
    fine-tuning API (--format openai), or are `messages` for Hugging Face.
    """
    table = load_prices(Path(wanted.prices) if wanted.prices else None)
    price = table.model(wanted.price_of) if wanted.price_of else None
    if price is not None and price.training is None:
        raise InputError(
            f"the price table has no training_per_million of {wanted.price_of!r}", cure="add it, with its source"
        )
    collected = collect([Path(source) for source in wanted.sources], seed=wanted.seed)
    counter = load_counter(wanted.price_of or "o200k_base", offline=True)
    inputs = {source: path_digest(Path(source)) for source in wanted.sources}

    def write(prompter: Prompter) -> Exported:
        plan = ExportPlan(
            wanted.form, prompter, counter.count, counter.encoding, wanted.epochs, wanted.seed, price,
            table.currency if price else "", inputs,
        )  # fmt: skip
        return export_examples(collected, Path(wanted.out), plan)

    if wanted.passages == "search":
        with wanted.target.open() as kb:
            written = write(_searching(kb))
    else:
        text = Path(wanted.system).read_text(encoding="utf-8").strip() if wanted.system else CLOSED_BOOK_RULES
        written = write((plain_prompter if wanted.passages == "none" else context_prompter)(text))
    _print(written, collected, wanted.target)


def _searching(kb: KnowledgeBase) -> Prompter:
    """Return a prompter that makes the prompts of `ragkit ask`: the model learns to answer from passages."""

    def made(example: TrainingExample) -> Sequence[Message]:
        return kb.prompt(example.input).messages

    return made


def _print(written: Exported, collected: Collected, target: Target) -> None:
    for warning in written.warnings:
        click.echo(f"ragkit: {show(warning, 500)}", err=True)
    if target.as_json:
        print_json(written.as_dict())
        return
    for split in SPLITS:
        click.echo(f"{split:<11}{written.counts[split]:>7,} examples {written.tokens[split]:>11,} tokens")
    click.echo(
        f"left out: {collected.repeated:,} near duplicates, {collected.unanswered:,} questions without an answer"
    )
    if written.cost is not None:
        currency, epochs = written.manifest["currency"], written.manifest["epochs"]
        click.echo(f"{epochs} epochs cost about {written.cost:,.2f} {show(currency)} by the price table")
    click.echo(f"wrote {show(str(written.folder))}")
