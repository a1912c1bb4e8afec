"""`ragkit runs`: list, show, compare, repeat and log recorded runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ragkit.cli.context import tools_of
from ragkit.cli.options import Target, common, environment_settings, print_json, print_table
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import ConflictError
from ragkit.evaluation.answers.record import collection_digest, present_prompts
from ragkit.text.cleaning import show
from ragkit.tracking.catalog import compare_runs, list_runs, read_run, run_folder
from ragkit.tracking.loggers.loading import load_logger
from ragkit.tracking.repeating import changes_since, repeat_command, repeat_environment
from ragkit.tracking.types import Change, Run


@click.group("runs", short_help=SUMMARIES["runs"])
def runs() -> None:
    """Keep the runs of `ragkit eval answers` and of trainings: a folder each, in DATA/runs.

    RUN is an id, the beginning or end of one, a folder, or "last".
    """


def runs_root(target: Target) -> Path:
    """Return the folder of the runs of a data folder."""
    return target.folder / "runs"


@runs.command("list", short_help="List the runs.")
@common
def list_command(target: Target) -> None:
    """List the recorded runs, oldest first."""
    found = list_runs(runs_root(target))
    if target.as_json:
        print_json([run.as_dict() for run in found])
        return
    rows = [
        (run.id, run.kind, run.status, f"{run.seconds:,.1f}", ", ".join(run.models), f"{run.outputs:,}")
        for run in found
    ]
    print_table(rows, ("run", "kind", "status", "seconds", "models", "outputs"), right=frozenset({3, 5}))


@runs.command("show", short_help="Show a run, and what has changed since.")
@click.argument("run")
@common
def show_command(run: str, target: Target) -> None:
    """Show a run: settings, digests, metrics, and what differs now from what it had."""
    recorded = read_run(run_folder(runs_root(target), run))
    changes = _changes(recorded)
    if target.as_json:
        print_json({**recorded.as_dict(), "changes": [change.as_dict() for change in changes]})
        return
    click.echo(
        show(f"{recorded.id}: {recorded.kind}, {recorded.status}, {recorded.seconds:,.1f} s, {recorded.started_at}")
    )
    if recorded.error:
        click.echo(show(f"error: {recorded.error}", 1_000))
    if recorded.command:
        click.echo(show(f"command: ragkit {' '.join(recorded.command)}", 1_000))
    for item in recorded.inputs:
        click.echo(show(f"input {item.name}: {item.location} sha256 {item.digest[:16]}", 1_000))
    for prompt in recorded.prompts:
        click.echo(show(f"prompt {prompt.name}: sha256 {prompt.digest[:16]}", 500))
    for name, value in recorded.metrics.items():
        click.echo(show(f"{name:<36} {value:.4f}"))
    _print_changes(changes)


@runs.command("compare", short_help="Compare two runs.")
@click.argument("a")
@click.argument("b")
@common
def compare_command(a: str, b: str, target: Target) -> None:
    """Compare two runs: every metric of A and B, and what differs in inputs, prompts, settings, models and versions."""
    root = runs_root(target)
    comparison = compare_runs(read_run(run_folder(root, a)), read_run(run_folder(root, b)))
    if target.as_json:
        print_json(comparison.as_dict())
        return
    rows = [
        (name, _number(left), _number(right), _number(None if left is None or right is None else right - left))
        for name, (left, right) in comparison.metrics.items()
    ]
    print_table(rows, ("metric", comparison.a.id, comparison.b.id, "b - a"), right=frozenset({1, 2, 3}))
    for name, (left, right) in comparison.differences.items():
        click.echo(show(f"{name}: {left[:60] or 'none'} -> {right[:60] or 'none'}", 500))


@runs.command("repeat", short_help="Run a run again.")
@click.argument("run")
@click.option("--recorded", is_flag=True, help="Read the inputs as they were, from the run's folder.")
@common
@click.pass_context
def repeat_(context: click.Context, run: str, recorded: bool, target: Target) -> None:
    """Print what has changed since a run, and run its command again, from its folder and with its environment.

    Keys are not recorded: they come from the present environment.
    """
    folder = run_folder(runs_root(target), run).resolve()
    past = read_run(folder)
    words = repeat_command(past, folder, recorded=recorded)
    _print_changes(_changes(past), err=True)
    with _as_then(past):
        status = context.find_root().command.main(
            words, prog_name="ragkit", standalone_mode=False, obj=tools_of(context)
        )
    context.exit(status if isinstance(status, int) else 0)


@runs.command("log", short_help="Log a run to MLflow or Weights & Biases.")
@click.argument("run")
@click.option("--to", metavar="LOGGER", required=True, help="mlflow:ADDRESS or wandb:PROJECT.")
@common
def log_command(run: str, to: str, target: Target) -> None:
    """Log a recorded run with its files: to MLflow, or to Weights & Biases (to a folder, with WANDB_MODE=offline)."""
    folder = run_folder(runs_root(target), run)
    offline = environment_settings().model.offline
    place = load_logger(to, folder=target.folder / "wandb", offline=offline).log(read_run(folder), folder)
    if target.as_json:
        print_json({"logged": place})
    else:
        click.echo(show(f"logged as {place}"))


def _changes(run: Run) -> list[Change]:
    return changes_since(
        run, prompts=present_prompts(item.name for item in run.prompts), collection_digest=collection_digest
    )


def _print_changes(changes: list[Change], *, err: bool = False) -> None:
    if not changes:
        click.echo("nothing has changed since", err=err)
    for change in changes:
        then, now = change.then[:16] or "none", change.now[:16] or "missing"
        click.echo(show(f"changed since: {change.kind} {change.name}: {then} -> {now}", 500), err=err)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


@contextmanager
def _as_then(run: Run) -> Iterator[None]:
    """Within the block, use the folder and variables of a run; the current ones are restored at the end."""
    then = repeat_environment(run, os.environ)
    here, before = os.getcwd(), {name: os.environ.get(name) for name in then}
    try:
        os.chdir(run.folder)
    except OSError as error:
        raise ConflictError(f"the folder {run.folder} of run {run.id} is not there", cure="make it again") from error
    os.environ.update(then)
    try:
        yield
    finally:
        os.chdir(here)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
