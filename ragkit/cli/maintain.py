"""`ragkit remove`, `verify`, `doctor`, `rebuild`, `backup` and `restore`."""

from __future__ import annotations

import os
from dataclasses import replace

import click

from ragkit import restore_collection
from ragkit.cli.options import Target, common, executor_option, model_option, print_json, show_warnings
from ragkit.cli.summaries import SUMMARIES
from ragkit.embedding.remote import remote_embedder
from ragkit.environment import settings_from_env
from ragkit.text.cleaning import show


@click.command(short_help=SUMMARIES["remove"])
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@common
@click.pass_context
def remove(context: click.Context, sources: tuple[str, ...], target: Target) -> None:
    """Remove documents. A file that is still in an ingested folder comes back with the next ingest."""
    with target.open() as kb:
        held = {info.source for source in sources for info in kb.documents(prefix=source, limit=1)}
        missing = [source for source in sources if source not in held]
        removed = kb.remove(sources)
    if target.as_json:
        print_json({"removed": removed, "missing": missing})
    else:
        click.echo(f"removed {removed} of {len(sources)}")
    for source in missing:
        click.echo(f"ragkit: no document {show(source)!r}; see: ragkit documents", err=True)
    context.exit(1 if missing else 0)


@click.command(short_help=SUMMARIES["verify"])
@common
@click.pass_context
def verify(context: click.Context, target: Target) -> None:
    """Check every stored text, chunk, page and vector, and every source file that still exists."""
    with target.open() as kb:
        problems = kb.verify()
        counts = kb.status()
    if target.as_json:
        print_json({"ok": not problems, "problems": [problem.as_dict() for problem in problems]})
    else:
        for problem in problems:
            click.echo(show(str(problem)))
        verdict = "all in order" if not problems else f"{len(problems)} problems"
        click.echo(f"checked {counts['documents']:,} documents, {counts['chunks']:,} chunks: {verdict}")
    context.exit(1 if problems else 0)


@click.command(short_help=SUMMARIES["doctor"])
@common
@click.pass_context
def doctor(context: click.Context, target: Target) -> None:
    """Check that rows, vectors and search entries agree, the caches' hashes and SQLite's integrity."""
    with target.open() as kb:
        report = kb.doctor()
    if target.as_json:
        print_json(report)
    else:
        for name, value in report.items():
            if name not in ("ok", "problems", "caches"):
                click.echo(f"{name:<18} {show(str(value))}")
        for finding in [*report["problems"], *report["caches"]]:
            click.echo(f"problem: {show(str(finding))}")
        click.echo("healthy" if report["ok"] else "not healthy; run: ragkit rebuild")
    context.exit(0 if report["ok"] else 1)


@click.command(short_help=SUMMARIES["rebuild"])
@model_option
@executor_option
@common
def rebuild(model: str, executor: str, target: Target) -> None:
    """Chunk and embed every document again, and rebuild the caches.

    The old version answers until the new one is committed. With --model the collection moves to another embedding
    model; without it, texts that have vectors keep them.
    """
    settings = settings_from_env(os.environ)
    wanted = model or settings.model.name
    with target.open(settings=replace(settings, model=replace(settings.model, name=""))) as kb:
        wanted = wanted or kb.settings.model.name if executor != "local" else wanted
        with remote_embedder(executor, replace(kb.settings.model, name=wanted)) as embedder:
            report = kb.rebuild(model=wanted, embedder=embedder)
    if target.as_json:
        print_json(report.as_dict())
    else:
        documents = report.added + report.changed + report.unchanged
        click.echo(f"rebuilt {documents:,} documents, {report.chunks:,} chunks, {report.embedded:,} embedded")


@click.command(short_help=SUMMARIES["backup"])
@click.argument("file", type=click.Path(dir_okay=False))
@common
def backup(file: str, target: Target) -> None:
    """Write the collection to FILE, even during an ingest; the file is checked before it gets its name.

    Its prompts, examples, chains, feedback, traces and the originals of its uploaded PDFs are in it, too.
    """
    with target.open() as kb:
        report = kb.backup(file)
    if target.as_json:
        print_json(report)
    else:
        counts = f"{report['documents']:,} documents, {report['chunks']:,} chunks, {report['files']:,} files"
        click.echo(f"wrote {show(file)}: {counts}")
        for name in report["left_out"]:
            click.echo(f"ragkit: not in the backup: {show(name)}", err=True)


@click.command(short_help=SUMMARIES["restore"])
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@common
def restore(file: str, target: Target) -> None:
    """Make the collection NAME from a backup FILE, which is checked first. Nothing is overwritten."""
    show_warnings()
    restore_collection(file, target.data, target.collection)
    if target.as_json:
        print_json({"collection": target.collection, "file": file})
    else:
        click.echo(f"restored {show(target.collection)} from {show(file)}")
