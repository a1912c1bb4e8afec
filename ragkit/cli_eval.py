"""`ragkit eval`: measure retrieval on a data set, offline, in one command."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import click

from ragkit.cli_options import json_option, print_json, show_warnings
from ragkit.environment import settings_from_env
from ragkit.evaluation.datasets import load_ranking_set
from ragkit.evaluation.metrics import RANKING
from ragkit.evaluation.ranking import RankingResult, evaluate_ranking
from ragkit.knowledge import KnowledgeBase


@click.command(short_help="Measure retrieval on a data set.")
@click.argument("dataset", type=click.Path(exists=True, file_okay=False))
@click.option("--skip-unjudged", is_flag=True, help="Leave out queries without a relevant document.")
@json_option
def evaluate(dataset: str, skip_unjudged: bool, as_json: bool) -> None:
    """Index DATASET (a BEIR folder) in a temporary collection, ask every query, and print the metrics."""
    show_warnings()
    loaded = load_ranking_set(Path(dataset), skip_unjudged=skip_unjudged)
    with (
        tempfile.TemporaryDirectory(prefix="ragkit-eval-") as folder,
        KnowledgeBase(folder, settings=settings_from_env(os.environ)) as kb,
    ):
        result = evaluate_ranking(kb, loaded)
    if as_json:
        print_json(result.as_dict())
    else:
        _print(result, result.as_dict())


def _print(result: RankingResult, found: dict[str, Any]) -> None:
    click.echo(f"{found['dataset']}: {found['documents']:,} documents, {found['queries']:,} queries")
    for name in RANKING:
        low, high = found["confidence"][name]
        click.echo(f"{name:<11} {found[name]:.3f}  [{low:.3f}, {high:.3f}]")
    click.echo(f"{result.query_ms:.1f} ms a query; settings: {found['settings']}")
