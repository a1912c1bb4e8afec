"""`ragkit eval answers`: closed-book, few-shot, RAG and chains on the same held-out questions, recorded as a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click

from ragkit import InputError, KnowledgeBase, load_chat
from ragkit.advice.measured import counter_of
from ragkit.advice.prices import PriceTable, load_prices
from ragkit.chat.base import ChatModel
from ragkit.cli.arguments import arguments_of
from ragkit.cli.context import tools_of
from ragkit.cli.ladder.gathered import gathered
from ragkit.cli.options import Target, common, prices_option, print_json
from ragkit.cli.progress import drawn_progress
from ragkit.evaluation.answers.approaches import Approach, Means, factory_of
from ragkit.evaluation.answers.examples import load_shots
from ragkit.evaluation.answers.judge import RULES, VERSION, Judge
from ragkit.evaluation.answers.questions import AnswerQuestion, QuestionSet, load_questions
from ragkit.evaluation.answers.record import collection_location, collection_state
from ragkit.evaluation.answers.report import AnswerReport, summarise
from ragkit.evaluation.answers.runner import Bench, graded_answers
from ragkit.evaluation.datasets.types import PARTS
from ragkit.text.cleaning import show
from ragkit.tracking.loggers.loading import load_logger
from ragkit.tracking.recorder import Plan, RunRecorder


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options of the command line."""

    dataset: str
    approaches: tuple[str, ...]
    model: str
    examples: str | None
    shots: int
    part: str
    seed: int
    limit: int | None
    judge: str
    prices: str | None
    without_cost: bool
    log_to: str
    target: Target


@dataclass(frozen=True, slots=True)
class _Job:
    """A checked run: everything is loaded and every name is known, and no model was called yet."""

    questions: tuple[AnswerQuestion, ...]
    approaches: tuple[Approach, ...]
    models: tuple[str, ...]
    judge: Judge | None
    prices: PriceTable | None
    model_of: dict[str, str]


@click.command("answers", short_help="Measure answers of several approaches.")
@click.argument("dataset", metavar="QUESTIONS", type=click.Path(exists=True))
@click.option(
    "--approach",
    "approaches",
    metavar="NAME[@MODEL]",
    multiple=True,
    help="closed-book, few-shot, rag, few-shot-rag or chain:NAME|FILE; repeatable; the first is the baseline.",
)
@click.option("--model", metavar="MODEL", default="", help="Chat model of approaches without one (or $RAGKIT_CHAT).")
@click.option("--examples", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Few-shot examples.")
@click.option("--shots", type=click.IntRange(1, 50), default=5, show_default=True, help="Examples in a prompt.")
@click.option("--part", type=click.Choice([*PARTS, "all"]), default="test", show_default=True, help="Questions to ask.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the split of a file without parts.")
@click.option("--limit", type=click.IntRange(1), help="Ask only the first questions.")
@click.option("--judge", metavar="MODEL", default="", help="Let a chat model grade too.")
@prices_option
@click.option("--without-cost", is_flag=True, help="Leave the cost out, for models without a price.")
@click.option("--log-to", metavar="LOGGER", default="", help="Log the run too: mlflow:ADDRESS or wandb:PROJECT.")
@common
@click.pass_context
@gathered(_Wanted)
def answers(context: click.Context, wanted: _Wanted) -> None:
    """Let several approaches answer the same held-out QUESTIONS, and say what each step brings and costs.

    QUESTIONS is a JSON Lines file with question, answer, answer_has, document and text, or a folder of `ragkit eval
    make`. A file without parts is divided by document. Measured are exact match, token F1, required facts, citations
    against the evidence, groundedness, abstention, tokens, cost and latency. The run is kept in DATA/runs.
    """
    loaded = load_questions(Path(wanted.dataset), seed=wanted.seed)
    logger = load_logger(wanted.log_to, folder=wanted.target.folder / "wandb") if wanted.log_to else None
    with wanted.target.open() as kb:
        job = _checked(context, wanted, loaded, kb)
        plan = _plan(context, wanted, kb, job)
        with RunRecorder(wanted.target.folder / "runs", plan) as recorder:
            report = _measured(job, kb, recorder, wanted, loaded)
            run = recorder.finish(report.metrics)
    place = logger.log(run, recorder.folder) if logger else ""
    if wanted.target.as_json:
        print_json({**report.as_dict(), "run": run.id, "logged": place})
        return
    for line in report.as_lines():
        click.echo(show(line, 1_000))
    click.echo(show(f"run {run.id}{f', logged as {place}' if place else ''}"))


def _checked(
    context: click.Context,
    wanted: _Wanted,
    loaded: QuestionSet,
    kb: KnowledgeBase,
) -> _Job:
    """Load everything that the run needs; a missing part is an error before the first call of a model."""
    questions = loaded.part(wanted.part)[: wanted.limit]
    asked = [item.text for item in questions]
    examples = load_shots(Path(wanted.examples), asked) if wanted.examples else ()
    prices = None if wanted.without_cost else load_prices(Path(wanted.prices) if wanted.prices else None)
    own = tools_of(context).chat
    counter = counter_of(kb)
    approaches, model_of = [], {}
    for name in dict.fromkeys(wanted.approaches or ("closed-book", "rag")):
        factory = factory_of(name)
        chat = _chat(name.partition("@")[2] or wanted.model, kb, own)
        if prices is not None:
            prices.model(chat.name)
        model_of[name] = chat.name
        means = Means(kb, chat, counter, examples[: wanted.shots])
        approach = factory(name, means)
        if prices is not None and approach.other_models:
            raise InputError(
                f"{name} asks {approach.other_models[0]} too, and costs are those of one model",
                cure="let its steps use the collection's model, or leave the cost out with --without-cost",
            )
        approaches.append(approach)
    judge = Judge(_chat(wanted.judge, kb, own)) if wanted.judge else None
    others = [model for approach in approaches for model in approach.other_models]
    models = tuple(dict.fromkeys((*model_of.values(), *others, *([judge.chat.name] if judge else []))))
    return _Job(questions, tuple(approaches), models, judge, prices, model_of)


def _chat(model: str, kb: KnowledgeBase, own: ChatModel | None) -> ChatModel:
    """Return the chat model of a name; without one the caller's own, else that of the settings."""
    if not model:
        return own or load_chat(kb.settings.chat)
    return load_chat(replace(kb.settings.chat, model=model))


def _plan(context: click.Context, wanted: _Wanted, kb: KnowledgeBase, job: _Job) -> Plan:
    files = {"questions": Path(wanted.dataset)}
    files |= {name: Path(path) for name, path in (("examples", wanted.examples), ("prices", wanted.prices)) if path}
    prompts = {name: text for approach in job.approaches for name, text in approach.prompts.items()}
    return Plan(
        kind="eval answers",
        command=arguments_of(context),
        environment=os.environ,
        settings={
            **kb.settings.public(),
            "approaches": [approach.name for approach in job.approaches],
            "part": wanted.part,
            "seed": wanted.seed,
            "shots": wanted.shots,
            "questions": len(job.questions),
        },
        files=files,
        collection=(collection_location(kb), collection_state(kb)),
        prompts=prompts | ({f"judge v{VERSION}": RULES} if job.judge else {}),
        models=job.models,
    )


def _measured(
    job: _Job, kb: KnowledgeBase, recorder: RunRecorder, wanted: _Wanted, loaded: QuestionSet
) -> AnswerReport:
    prices = job.prices
    graded = []
    with drawn_progress(sys.stderr) as progress:
        bench = Bench(kb.check, job.judge, partial(_price, prices, job.model_of) if prices else None, progress)
        for item in graded_answers(job.approaches, job.questions, bench):
            recorder.output(item.as_dict())
            graded.append(item)
    summaries, contests = summarise(graded)
    split = "" if loaded.seed is None else f"divided by document with seed {loaded.seed}"
    return AnswerReport(
        loaded.name,
        wanted.part,
        len(job.questions),
        sum(item.answerable for item in job.questions),
        summaries,
        contests,
        prices.currency if prices else "",
        f"{split}; includes the tuning part: no evidence" if wanted.part in ("all", "tune") else split,
    )


def _price(prices: PriceTable, model_of: Mapping[str, str], approach: str, tokens_in: int, tokens_out: int) -> float:
    return prices.model(model_of[approach]).cost(tokens_in=tokens_in, tokens_out=tokens_out)
