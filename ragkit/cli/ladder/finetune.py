"""`ragkit finetune`: a provider's fine-tuning through its API, or a training of your own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click

from ragkit.cli.arguments import arguments_of
from ragkit.cli.ladder.gathered import gathered
from ragkit.cli.options import Target, common, environment_settings, json_option, print_json
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import ChatError, InputError
from ragkit.finetuning.openai_job import JobPlan, JobState, OpenAIJobs, plan_job
from ragkit.finetuning.training.config import TEMPLATE, read_config
from ragkit.text.cleaning import show
from ragkit.tracking.recorder import Plan, RunRecorder


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options of `ragkit finetune openai`."""

    folder: str | None
    model: str
    start: bool
    follow: str
    epochs: int
    seed: int
    suffix: str
    every: float
    target: Target


@click.group("finetune", short_help=SUMMARIES["finetune"])
def finetune() -> None:
    """Fine-tune a model on data of `ragkit export finetune`: at a provider, or with a training script of your own."""


@finetune.command("openai", short_help="Fine-tune through OpenAI's API.")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False))
@click.option("--model", metavar="NAME", default="", help="Model to tune, such as gpt-4.1-mini-2025-04-14.")
@click.option("--start", is_flag=True, help="Upload and start; without it, only check and show what would be sent.")
@click.option("--follow", metavar="JOB", default="", help="Follow a job that runs.")
@click.option("--epochs", type=click.IntRange(0, 50), default=0, help="Epochs (0: the service decides).")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the training.")
@click.option("--suffix", metavar="TEXT", default="", help="Added to the name of the tuned model.")
@click.option("--every", type=click.FloatRange(0.01), default=15.0, show_default=True, help="Seconds between looks.")
@common
@click.pass_context
@gathered(_Wanted)
def openai(_context: click.Context, wanted: _Wanted) -> None:
    """Check FOLDER by OpenAI's rules, and show what would be sent; with --start, upload, start and follow the job.

    The test file never leaves this machine. Address and key are those of the chat model (RAGKIT_CHAT_BASE_URL,
    RAGKIT_CHAT_API_KEY, or OPENAI_API_KEY).
    """
    if wanted.follow:
        _follow(wanted.follow, wanted.every, wanted.target)
        return
    if not wanted.folder or not wanted.model:
        raise InputError("a folder and a model are needed", cure="ragkit finetune openai FOLDER --model NAME")
    plan = plan_job(
        Path(wanted.folder), model=wanted.model, epochs=wanted.epochs, seed=wanted.seed, suffix=wanted.suffix
    )
    if not wanted.start:
        _print_plan(plan, wanted.target)
        return
    job = _jobs().start(plan)
    click.echo(show(f"started {job.id}"), err=True)
    _follow(job.id, wanted.every, wanted.target)


def _print_plan(plan: JobPlan, target: Target) -> None:
    if target.as_json:
        print_json({"sent": False, **plan.as_dict()})
        return
    for line in plan.as_lines():
        click.echo(show(line, 500))
    click.echo("nothing was sent: --start uploads the two files and starts the job")


def _jobs() -> OpenAIJobs:
    settings = environment_settings()
    if settings.model.offline and not settings.chat.base_url:
        raise InputError("RAGKIT_OFFLINE=1 forbids to send anything", cure="unset it for this command")
    return OpenAIJobs(base_url=settings.chat.base_url, api_key=settings.chat.api_key, timeout=settings.chat.deadline)


def _follow(job: str, every: float, target: Target) -> None:
    state = _jobs().follow(job, report=lambda message: click.echo(show(message, 500), err=True), every=every)
    _print_state(state, target)
    if state.status != "succeeded":
        raise ChatError(f"the job {state.id} {state.status}: {state.error or 'no reason given'}")


def _print_state(state: JobState, target: Target) -> None:
    if target.as_json:
        print_json(state.as_dict())
    elif state.model:
        click.echo(
            show(f"tuned model: {state.model}; next: ragkit eval answers … --approach rag@openai:{state.model}", 500)
        )


@finetune.command("config", short_help="Print a training configuration to start with.")
@json_option
def config(as_json: bool) -> None:
    """Print a configuration for `ragkit finetune train`, with every key and its meaning."""
    if as_json:
        print_json({"configuration": TEMPLATE})
    else:
        click.echo(TEMPLATE, nl=False)


@finetune.command("train", short_help="Train LoRA, QLoRA or all weights.")
@click.argument("configuration", metavar="CONFIG", type=click.Path(exists=True, dir_okay=False))
@click.option("--ray", "on_ray", is_flag=True, help="Train in a Ray cluster (RAY_ADDRESS, or a local one).")
@click.option("--workers", type=click.IntRange(1, 1_000), default=1, show_default=True, help="Workers on Ray.")
@click.option("--gpu", is_flag=True, help="A GPU for each worker on Ray.")
@common
@click.pass_context
def train_command(
    context: click.Context, configuration: str, on_ray: bool, workers: int, gpu: bool, target: Target
) -> None:
    """Train as CONFIG says (see `ragkit finetune config`), with early stopping on the validation loss.

    The test file is not opened. The run is kept in DATA/runs. `python -m ragkit.finetuning.training CONFIG` is the same
    without a record.
    """
    settings = read_config(Path(configuration))
    plan = Plan(
        kind="train",
        command=arguments_of(context),
        environment=os.environ,
        settings=settings.as_dict(),
        files={"configuration": Path(configuration), "data": settings.data},
        models=(str(settings.model),),
    )
    with RunRecorder(target.folder / "runs", plan) as recorder:
        if on_ray:
            from ragkit.finetuning.training.ray_train import train_on_ray

            trained = train_on_ray(settings, workers=workers, use_gpu=gpu)
        else:
            from ragkit.finetuning.training.train import train

            trained = train(settings, report=recorder.output)
        run = recorder.finish(
            {"eval_loss": trained.eval_loss, "first_eval_loss": trained.first_eval_loss, "steps": trained.steps}
        )
    if target.as_json:
        print_json({**trained.as_dict(), "run": run.id})
        return
    stopped = ", stopped early" if trained.stopped_early else ""
    click.echo(
        f"validation loss {trained.first_eval_loss:.4f} -> {trained.eval_loss:.4f} in {trained.steps:,} steps{stopped}"
    )
    click.echo(f"{trained.trainable:,} of {trained.parameters:,} weights were trained")
    click.echo(show(f"wrote {trained.model}; run {run.id}"))
