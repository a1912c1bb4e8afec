"""`ragkit tune embedder`: an embedding model that knows your field, kept only if it helps on held-out questions."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from ragkit.cli.arguments import arguments_of
from ragkit.cli.ladder.gathered import gathered
from ragkit.cli.options import Target, common, environment_settings, model_option, print_json, show_warnings
from ragkit.cli.progress import drawn_progress
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import AdapterRefusedError
from ragkit.finetuning.embedder.training import EmbedderConfig
from ragkit.finetuning.embedder.tuning import TuneOptions, describe_gain, tune_embedder
from ragkit.text.cleaning import show
from ragkit.tracking.recorder import Plan, RunRecorder


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options of the command line."""

    pairs: str
    out: str
    epochs: int
    rank: int
    learning_rate: float
    seed: int
    model: str
    target: Target


@click.group("tune", short_help=SUMMARIES["tune"])
def tune() -> None:
    """Tune a model of the search on your own documents."""


@tune.command("embedder", short_help="Tune the embedding model with LoRA.")
@click.argument("pairs", type=click.Path(exists=True, file_okay=False))
@click.argument("out", type=click.Path(file_okay=False))
@click.option("--epochs", type=click.IntRange(1, 100), default=5, show_default=True, help="At most.")
@click.option("--rank", type=click.IntRange(1, 256), default=16, show_default=True, help="Of the LoRA matrices.")
@click.option("--learning-rate", type=click.FloatRange(1e-7, 0.1), default=2e-4, show_default=True, help="Of AdamW.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the training.")
@model_option
@common
@click.pass_context
@gathered(_Wanted)
def embedder(context: click.Context, wanted: _Wanted) -> None:
    """Train LoRA adapters on the tuning part of PAIRS (of `ragkit eval make`), and write the merged model to OUT.

    The validation part chooses the epoch. On the test part, nDCG@10 of the whole search must rise, with its 95 %
    interval above 0: otherwise nothing is written (exit status 1). Use it with `ragkit rebuild --model OUT`.
    """
    show_warnings()
    settings = environment_settings(model=wanted.model)
    config = EmbedderConfig(
        seed=wanted.seed,
        epochs=wanted.epochs,
        rank=wanted.rank,
        alpha=2 * wanted.rank,
        learning_rate=wanted.learning_rate,
    )
    plan = Plan(
        kind="tune embedder",
        command=arguments_of(context),
        environment=os.environ,
        settings={
            **settings.public(),
            "epochs": wanted.epochs,
            "rank": wanted.rank,
            "learning_rate": wanted.learning_rate,
            "seed": wanted.seed,
        },
        files={"pairs": Path(wanted.pairs)},
        models=(settings.model.resolved,),
    )
    try:
        with RunRecorder(wanted.target.folder / "runs", plan) as recorder, drawn_progress(sys.stderr) as progress:
            options = TuneOptions(settings, config, progress)
            evidence = tune_embedder(Path(wanted.pairs), Path(wanted.out), options=options)
            recorder.finish({name: evidence[name] for name in ("before", "after", "difference", "p")})
    except AdapterRefusedError as error:
        if wanted.target.as_json and error.evidence:
            print_json({"kept": False, **error.evidence})
        raise
    if wanted.target.as_json:
        print_json({"kept": True, "model": wanted.out, **evidence})
        return
    click.echo(f"kept: {describe_gain(evidence)}")
    click.echo(show(f"wrote {wanted.out}; next: ragkit rebuild --model {wanted.out}"))
