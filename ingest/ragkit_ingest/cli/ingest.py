"""`ragkit ingest`: bring a collection up to date with folders of files."""

from __future__ import annotations

import functools
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, cast

import click

import ragkit
from ragkit import FileState, NotFoundError, RagkitError, settings_from_env, show
from ragkit_ingest.cli.progress import drawn_progress
from ragkit_ingest.cli.read_options import with_read_limits
from ragkit_ingest.cli.report import print_report
from ragkit_ingest.executors.loading import EXECUTOR_FORMS, load_executor
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.options import IngestOptions
from ragkit_ingest.report import IngestProgress, IngestReport, ProgressCallback
from ragkit_ingest.scan.losses import RemovalsError
from ragkit_ingest.scan.targets import find_targets
from ragkit_ingest.sync import ingest_folder

if TYPE_CHECKING:
    from ragkit import KnowledgeBase


_NICE: Final = 5
"""The niceness that is added: beside one busy thread of a server, an ingest gets a quarter of a shared processor."""

_PRECISIONS: Final = ("auto", "fp32", "int8")


@dataclass(frozen=True, slots=True)
class _Place:
    """The collection that a command works on, and whether it prints JSON."""

    data: str
    collection: str
    model: str
    precision: str | None
    as_json: bool


def _place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --data, --collection, --model, --precision and --json to a command, which receives them as one `place`."""

    @functools.wraps(command)
    def wrapped(**rest: Any) -> Any:
        place = {name: rest.pop(name) for name in ("data", "collection", "model", "precision", "as_json")}
        return command(place=_Place(**place), **rest)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--collection", metavar="NAME", default="default", show_default=True, help="Collection."),
        click.option(
            "--data",
            metavar="FOLDER|ADDRESS",
            envvar="RAGKIT_DATA",
            default=".ragkit",
            show_default=True,
            help="Data folder, or postgresql://USER@HOST/DATABASE (or $RAGKIT_DATA).",
        ),
        click.option(
            "--precision",
            type=click.Choice(_PRECISIONS),
            help="Numbers that the model multiplies (or $RAGKIT_PRECISION); int8 needs `ragkit models compile`.",
        ),
        click.option("--model", default="", metavar="NAME", help="Embedding model of a new collection."),
    ):
        wrapped = option(wrapped)
    return wrapped


def _ingest_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the limits and globs of a run to a command, which receives them as one `options`."""

    @functools.wraps(command)
    def wrapped(*, limits: ReadLimits, include: tuple[str, ...], exclude: tuple[str, ...], **rest: Any) -> Any:
        flags = {name: rest.pop(name) for name in ("allow_removals", "force", "internal_addresses")}
        executor = load_executor(rest.pop("executor"))
        options = IngestOptions(limits, rest.pop("workers"), include, exclude, **flags, executor=executor)
        return command(options=options, **rest)

    decorated: Callable[..., Any] = wrapped
    for option in (
        click.option(
            "--allow-removals", is_flag=True, help="Remove documents even if most files of a folder are missing."
        ),
        click.option("--force", is_flag=True, help="Read every file again, also unchanged ones."),
        click.option(
            "--allow-internal",
            "internal_addresses",
            is_flag=True,
            help="Lists of web addresses may name http:// and hosts of private networks.",
        ),
        with_read_limits,
        click.option(
            "--executor",
            envvar="RAGKIT_EXECUTOR",
            default="local",
            show_default=True,
            metavar="NAME",
            help=f"Where to read and embed: {EXECUTOR_FORMS} (or $RAGKIT_EXECUTOR).",
        ),
        click.option("--workers", type=click.IntRange(0, 256), default=0, metavar="N", help="Reading processes."),
        click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these files as they are."),
        click.option(
            "--include", multiple=True, metavar="GLOB", help="Sync these files only; leave others as they are."
        ),
    ):
        decorated = option(decorated)
    return decorated


@click.command(short_help="Bring a collection up to date with folders of files.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.UNPROCESSED)
@click.option("--dry-run", is_flag=True, help="Show what would be done, without doing it.")
@_ingest_options
@_place_options
@click.pass_context
def ingest(
    context: click.Context, /, paths: tuple[str, ...], *, dry_run: bool, options: IngestOptions, place: _Place
) -> None:
    """Bring a collection up to date with folders of files.

    New and changed files are read, the documents of deleted files are removed, renamed files keep their vectors, and
    the rest stays as it is. A file that cannot be read keeps its earlier version and is reported. A .ragkitignore file
    leaves files out, like a .gitignore. Ctrl-C commits what is ready and stops within seconds; a second one stops at
    once. What was committed stays.

    A folder that is suddenly empty, or has lost more than half of its files and more than ten, stops the run with a
    question before anything is removed: its share may not be mounted. Without a terminal it needs --allow-removals.

    PATH is a folder, a file, a URL (s3://bucket/prefix, gs://, az://), or a list of web addresses, one a line
    (https://host/list.txt, or urls:FILE for a list in a file).

    A document's source is its path below PATH. Where another folder's document has that source, the folder's name is
    put in front. A folder inside one that was ingested before is synced as a part of it.

    Exit status: 0 done, 1 some files failed or the disk is full, 2 used or set up wrongly or another process writes,
    130 stopped.
    """
    find_targets(paths, known=(), options=options)  # a path that is not there must not make a data folder
    if context.obj and context.obj["own_process"]:
        os.nice(_NICE)
    with _warnings_shown(), _stopped_by_signals(quiet=place.as_json) as stop, _opened(place, dry_run=dry_run) as kb:

        def run(progress: ProgressCallback) -> IngestReport:
            return ingest_folder(kb, paths, dry_run=dry_run, options=options, progress=progress, stop=stop)

        try:
            report = _run(run, quiet=place.as_json)
        except RemovalsError as error:
            if not _consents(error):
                raise
            options = replace(options, allow_removals=True)
            report = _run(run, quiet=place.as_json)
        if place.as_json:
            shape = {"collection": place.collection, **report.as_dict()}
            click.echo(json.dumps(shape, indent=2, ensure_ascii=True))
        else:
            print_report(report, collection=place.collection, status=None if dry_run else kb.status())
    context.exit(report.exit_code)


def _consents(error: RemovalsError) -> bool:
    """Ask on a terminal whether the documents may be removed; False without one."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for loss in error.losses:
        click.echo(f"ragkit: {loss}", err=True)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # nothing is running: Ctrl-C means no
    try:
        return click.confirm("Were these files deleted on purpose? Remove their documents?", default=False, err=True)
    finally:
        signal.signal(signal.SIGINT, before)


def _run(run: Callable[[ProgressCallback], IngestReport], *, quiet: bool) -> IngestReport:
    """Run with progress drawn; an error reports how many documents were committed before it."""
    committed = 0
    with drawn_progress(sys.stderr, quiet=quiet) as draw:

        def noted(progress: IngestProgress) -> None:
            nonlocal committed
            committed = progress.documents
            draw(progress)

        try:
            return run(noted)
        except RagkitError as error:
            if committed:
                documents = "1 document" if committed == 1 else f"{committed:,} documents"
                error.args = (f"{error} ({documents} committed before)",)
            raise


class _NothingYet:
    """The state that a dry run sees if there is no collection yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def roots(self) -> list[str]:
        return []

    def files(self, root: str) -> dict[bytes, FileState]:  # noqa: ARG002
        return {}

    def digests(self) -> dict[str, str]:
        return {}


@contextmanager
def _opened(place: _Place, *, dry_run: bool) -> Iterator[KnowledgeBase]:
    settings = settings_from_env(os.environ)
    if place.model:
        settings = replace(settings, model=replace(settings.model, name=place.model))
    if place.precision:
        chosen = replace(settings.model, precision=cast("Any", place.precision))
        settings = replace(settings, model=chosen)
    try:
        kb = ragkit.open(place.data, collection=place.collection, settings=settings, create=not dry_run)
    except NotFoundError:
        if not dry_run:
            raise
        yield cast("KnowledgeBase", _NothingYet(ragkit.data_folder(place.data)))
        return
    with kb:
        yield kb


@contextmanager
def _stopped_by_signals(*, quiet: bool) -> Iterator[threading.Event]:
    """Treat the first Ctrl-C (or SIGTERM) as a request to stop; the second one ends the process at once.

    It does not unwind then: threads that embed would be waited for, and a collection survives the death of its writer
    at any moment.
    """
    stop = threading.Event()

    def handler(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            cursor = b"\x1b[?25h" if os.isatty(2) else b""  # the progress bar has hidden it
            os.write(2, cursor + b"\nragkit: stopped at once; what was committed stays\n")
            os._exit(130)
        stop.set()
        if not quiet:
            os.write(2, b"\nragkit: committing what is ready, then stopping; once more to stop at once\n")

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before: dict[signal.Signals, Callable[..., Any] | int | None] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, handler)
    try:
        yield stop
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """Write ragkit's warnings to standard error, one line each."""
    logger = logging.getLogger("ragkit")
    handler = _Lines(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Lines(logging.Handler):
    """Writes to the current standard error, because a progress bar prints such lines above itself."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"ragkit: {show(record.getMessage())}", err=True)
