"""`ragkit eval DATASET` measures retrieval on a data set, offline; with the subcommands answers, make and compare."""

from __future__ import annotations

import functools
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ragkit import KnowledgeBase
from ragkit.cli.context import Tools, tools_of
from ragkit.cli.evaluate_make import make
from ragkit.cli.evaluate_statements import evaluate_statements
from ragkit.cli.ladder.answers import answers
from ragkit.cli.options import (
    data_option,
    environment_settings,
    executor_option,
    json_option,
    model_option,
    print_json,
    show_warnings,
)
from ragkit.cli.progress import drawn_progress
from ragkit.cli.summaries import SUMMARIES
from ragkit.embedding.remote import remote_embedder
from ragkit.errors import InputError
from ragkit.evaluation.datasets.loading import load_dataset
from ragkit.evaluation.datasets.meta import changed_documents, read_meta
from ragkit.evaluation.datasets.question_files import load_question_file
from ragkit.evaluation.datasets.statements import is_statement_set
from ragkit.evaluation.datasets.types import (
    PARTS,
    Choice,
    Dataset,
    RankingSet,
    SpanSet,
    choose_part,
    part_of,
    read_ids,
    with_queries,
)
from ragkit.evaluation.evaluate import Options, Result, measure_collection, measure_dataset
from ragkit.evaluation.measures.abstention import FOREIGN, NEAR, Unanswerable, read_unanswerable
from ragkit.evaluation.measures.question_files import measure_question_file, question_metrics
from ragkit.evaluation.measures.runner import Workbench
from ragkit.evaluation.reports.compare import compare_runs, read_run_file
from ragkit.evaluation.reports.plot import check_plot, draw
from ragkit.evaluation.reports.report import (
    Floor,
    as_dict,
    as_lines,
    check_floors,
    failed_floors,
    metric_names,
    parse_floor,
    write_per_query,
    write_qrels,
    write_run,
)
from ragkit.text.cleaning import show


class _EvalGroup(click.Group):
    """A group whose first argument is a data set unless it names one of its commands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in self.get_help_option_names(ctx):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in super().list_commands(ctx) if name != _DEFAULT]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] DATASET")
        formatter.write_usage(ctx.command_path, "answers | make | compare ...", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.commands[_DEFAULT].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


class _SameContext(click.Context):
    """The context of the default command, which messages call by the group's name."""

    @property
    def command_path(self) -> str:
        """The group's path: the default command has no name of its own."""
        return self.parent.command_path if self.parent else super().command_path


class _DefaultCommand(click.Command):
    context_class = _SameContext


_DEFAULT = "DATASET"


@click.group("eval", cls=_EvalGroup, short_help=SUMMARIES["eval"])
def evaluate() -> None:
    """Measure retrieval on DATASET: index it in a collection of its own, ask every question, print the metrics.

    DATASET is a folder: BEIR's corpus.jsonl, queries.jsonl and qrels/test.tsv; or pdfs/ and questions.jsonl with
    evidence pages; or corpora/ and questions.jsonl with character ranges; or tables/ or documents/ and
    statements.jsonl, to measure the check of statements. Of a set with parts the test part is reported.
    Or it is a file FILE.jsonl of questions with document, text and answer_has, asked of a collection of --data.
    `ragkit eval make` makes a set from your own documents, `ragkit eval compare` compares two runs. `ragkit eval
    answers` compares answers: of the model alone, with examples, with retrieval.
    """


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options of the command line."""

    dataset: str
    part: str | None
    queries: str | None
    skip_unjudged: bool
    unanswerable: str | None
    foreign: tuple[str, ...]
    per_query: str | None
    run: str | None
    qrels: str | None
    plot: str | None
    fail_under: tuple[str, ...]
    keep: str | None
    answers: bool
    collection: str | None
    executor: str
    data: str
    model: str
    as_json: bool


_FILE = click.Path(exists=True, dir_okay=False)
_OUT = click.Path(dir_okay=False, writable=True)
_OPTIONS = (
    click.argument("dataset", type=click.Path(exists=True)),
    click.option("--part", type=click.Choice([*PARTS, "all"]), help="Part to report, of a set that has parts."),
    click.option("--queries", metavar="FILE", type=_FILE, help="Ask only these queries: one id per line."),
    click.option("--skip-unjudged", is_flag=True, help="Leave out queries without a relevant document."),
    click.option(
        "--unanswerable",
        metavar="FILE",
        type=_FILE,
        help="Questions without an answer (or DATASET/unanswerable.jsonl).",
    ),
    click.option(
        "--foreign", metavar="FILE", type=_FILE, multiple=True, help="Questions on another corpus; repeatable."
    ),
    click.option("--per-query", metavar="FILE", type=_OUT, help="Write one line of JSON per query, for compare."),
    click.option("--run", metavar="FILE", type=_OUT, help="Write the ranking in TREC's format."),
    click.option("--qrels", metavar="FILE", type=_OUT, help="Write the judgements in TREC's format."),
    click.option("--plot", metavar="FILE", type=_OUT, help="Draw the curves, as .png or .svg."),
    click.option("--fail-under", metavar="METRIC=VALUE", multiple=True, help="Exit 1 below this floor; repeatable."),
    click.option(
        "--keep", metavar="FOLDER", type=click.Path(file_okay=False), help="Keep the index here for the next run."
    ),
    click.option("--answers", is_flag=True, help="Of a question file: let the chat model answer, and grade that."),
    click.option("--collection", metavar="NAME", help="Ask this collection of --data as it is, not a new one."),
    executor_option,
    data_option,
    model_option,
    json_option,
)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _as_wanted(command: Callable[[click.Context, _Wanted], None]) -> Callable[..., None]:
    """Pass click's parameters on as one value."""

    @functools.wraps(command)
    def wrapped(context: click.Context, **given: Any) -> None:
        command(context, _Wanted(**given))

    return wrapped


@evaluate.command(_DEFAULT, cls=_DefaultCommand, hidden=True)
@_options
@click.pass_context
@_as_wanted
def _evaluate(context: click.Context, wanted: _Wanted) -> None:
    show_warnings()
    floors = [parse_floor(text) for text in wanted.fail_under]
    _check_outputs(wanted)
    _check_executor(context, wanted)
    if Path(wanted.dataset).is_file():
        _evaluate_file(context, wanted, floors)
        return
    if is_statement_set(Path(wanted.dataset)):
        evaluate_statements(Path(wanted.dataset), wanted.part, as_json=wanted.as_json, reader=tools_of(context).reader)
        return
    whole = load_dataset(Path(wanted.dataset), skip_unjudged=wanted.skip_unjudged)
    reported, choice = _chosen(whole, wanted)
    questions = _unanswerable(whole, wanted)
    check_floors(floors, metric_names(whole, (item.kind for item in questions)))
    if isinstance(whole, SpanSet) and (wanted.run or wanted.qrels):
        raise InputError(f"{whole.name} ranks spans, not documents", cure="leave --run and --qrels out")
    tools = tools_of(context)
    with drawn_progress(sys.stderr) as progress:
        options = Options(bool(wanted.plot), questions, tools.reader, progress)
        result = _measured(whole, reported, choice, wanted=wanted, tools=tools, options=options)
    _write(result, wanted)
    _finish(context, result, floors, as_json=wanted.as_json)


def _evaluate_file(context: click.Context, wanted: _Wanted, floors: list[Floor]) -> None:
    """Ask the questions of a file of a collection as it is, and print the figures."""
    for name in ("part", "queries", "unanswerable", "foreign", "per_query", "run", "qrels", "plot", "keep"):
        if getattr(wanted, name):
            option = name.replace("_", "-")
            raise InputError(f"--{option} is for folders, not for a question file", cure=f"leave --{option} out")
    questions = load_question_file(Path(wanted.dataset))
    check_floors(floors, question_metrics(questions, answers=wanted.answers))
    with (
        KnowledgeBase(
            wanted.data,
            collection=wanted.collection or "default",
            settings=environment_settings(model=wanted.model),
            embedder=tools_of(context).embedder,
            chat=tools_of(context).chat,
            create=False,
        ) as kb,
        drawn_progress(sys.stderr) as progress,
    ):
        name = Path(wanted.dataset).name
        result = measure_question_file(kb, name, questions, answers=wanted.answers, progress=progress)
    failed = [
        f"{floor.metric} is {result.values[floor.metric]:.4f}, under {floor.value:g}"
        for floor in floors
        if not result.values[floor.metric] >= floor.value
    ]
    _print(context, result.as_dict(), result.as_lines(), failed if floors else None, as_json=wanted.as_json)


def _check_executor(context: click.Context, wanted: _Wanted) -> None:
    """Refuse an executor on the command line where nothing is embedded that it could embed."""
    path = Path(wanted.dataset)
    as_it_is = wanted.collection is not None or path.is_file() or is_statement_set(path)
    if as_it_is and context.get_parameter_source("executor") == ParameterSource.COMMANDLINE:
        raise InputError(
            "--executor embeds the documents of an evaluation, and this one asks what is there",
            cure="leave --executor out",
        )


def _check_outputs(wanted: _Wanted) -> None:
    """Check before the run that every output file can be written."""
    for path in (wanted.per_query, wanted.run, wanted.qrels, wanted.plot):
        if path and not Path(path).absolute().parent.is_dir():
            raise InputError(f"{path} cannot be written: its folder is not there", cure="make the folder first")
    if wanted.plot:
        check_plot(Path(wanted.plot))


def _chosen(whole: Dataset, wanted: _Wanted) -> tuple[Dataset, Choice]:
    if wanted.queries is None:
        choice = choose_part(whole, wanted.part)
        return part_of(whole, choice.part), choice
    listed = with_queries(whole, read_ids(Path(wanted.queries), whole))
    choice = choose_part(listed, wanted.part or "all")
    return part_of(listed, choice.part), choice


def _unanswerable(whole: Dataset, wanted: _Wanted) -> tuple[Unanswerable, ...]:
    own = {query.text for query in whole.queries.values()}
    found: list[Unanswerable] = []
    beside = Path(wanted.dataset) / "unanswerable.jsonl"
    near = Path(wanted.unanswerable) if wanted.unanswerable else beside if beside.exists() else None
    if near:
        found.extend(read_unanswerable(near, NEAR, own=own))
    for number, path in enumerate(wanted.foreign):
        found.extend(read_unanswerable(Path(path), FOREIGN, own=own, prefix=f"{number}/" if number else ""))
    return tuple(found)


def _measured(
    whole: Dataset, reported: Dataset, choice: Choice, *, wanted: _Wanted, tools: Tools, options: Options
) -> Result:
    settings = environment_settings(model=wanted.model)
    if wanted.collection is not None:
        if not isinstance(whole, RankingSet) or not isinstance(reported, RankingSet) or wanted.keep:
            raise InputError("--collection takes a BEIR folder, and no --keep", cure="leave --collection out")
        with KnowledgeBase(
            wanted.data, collection=wanted.collection, settings=settings, embedder=tools.embedder, create=False
        ) as kb:
            _report_changes(kb, Path(wanted.dataset))
            return measure_collection(kb, whole, reported, choice, options=options)
    with (
        _folder(wanted.keep) as folder,
        remote_embedder(wanted.executor, settings.model) as remote,
        Workbench(folder, settings=settings, embedder=remote or tools.embedder) as bench,
    ):
        return measure_dataset(whole, reported, choice, bench=bench, options=options)


def _report_changes(kb: KnowledgeBase, folder: Path) -> None:
    meta = read_meta(folder)
    changed = changed_documents(kb, meta) if meta else []
    if changed:
        click.echo(
            f"ragkit: {len(changed):,} documents of the collection changed since the questions were made, such as"
            f" {show(changed[0])!r}",
            err=True,
        )


@contextmanager
def _folder(keep: str | None) -> Iterator[str]:
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="ragkit-eval-") as folder:
        yield folder


def _write(result: Result, wanted: _Wanted) -> None:
    writers = (
        (wanted.per_query, write_per_query),
        (wanted.run, write_run),
        (wanted.qrels, write_qrels),
        (wanted.plot, draw),
    )
    for path, write in writers:
        if path:
            try:
                write(result, Path(path))
            except OSError as error:
                raise InputError(f"{path} cannot be written ({error.strerror})", cure="name another file") from error


def _finish(context: click.Context, result: Result, floors: list[Floor], *, as_json: bool) -> None:
    failed = failed_floors(result, floors)
    _print(context, as_dict(result), as_lines(result), failed if floors else None, as_json=as_json)


def _print(
    context: click.Context, shape: dict[str, Any], lines: Iterable[str], failed: list[str] | None, *, as_json: bool
) -> None:
    """Print the figures and exit, with 1 if one is under its floor; failed: a line for each, None without floors."""
    if as_json:
        print_json(shape | ({} if failed is None else {"failed": failed}))
    else:
        for line in lines:
            click.echo(show(line))
    for line in failed or ():
        click.echo(f"ragkit: {line}", err=True)
    context.exit(1 if failed else 0)


@evaluate.command(short_help="Compare two runs query by query.")
@click.argument("a", type=_FILE)
@click.argument("b", type=_FILE)
@json_option
def compare(a: str, b: str, as_json: bool) -> None:
    """Compare two files of `ragkit eval DATASET --per-query FILE`: B minus A, with interval and significance."""
    comparison = compare_runs(read_run_file(Path(a)), read_run_file(Path(b)))
    for warning in comparison.warnings:
        click.echo(f"ragkit: {warning}", err=True)
    if as_json:
        print_json(comparison.as_dict())
    else:
        for line in comparison.as_lines():
            click.echo(show(line))


evaluate.add_command(make)
evaluate.add_command(answers)
