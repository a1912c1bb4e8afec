"""`ragkit extract`: the text of a file, or of every file of a folder, as ingest would read it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import IO, Any

import click

from ragkit import Document, ExtractionError, show
from ragkit_ingest.cli.read_options import with_read_limits
from ragkit_ingest.extract import path_job
from ragkit_ingest.jobs import Job, Place
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.scan.names import source_of
from ragkit_ingest.scan.opening import check_folders
from ragkit_ingest.scan.walk import Found, LeftOut, open_file, reason_of, walk
from ragkit_ingest.workers.pool import WorkerPool

FAILED, SKIPPED = 3, 4


@click.command()
@click.argument("path", type=click.Path(readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON; for a folder one line for each file.")
@with_read_limits
@click.pass_context
def extract(ctx: click.Context, /, path: str, *, as_json: bool, limits: ReadLimits) -> None:
    """Print the text of a file, or of all files of a folder.

    Exit status: 0 for text, 3 when the file is bad, 4 when it was left out on purpose; the reason is on standard error.
    """
    out = sys.stdout.buffer
    folder = os.path.isdir(path) and not os.path.islink(path)
    try:
        status = _folder(os.fsencode(path), limits, out, as_json) if folder else _file(path, limits, out, as_json)
    except ExtractionError as error:
        status = _complain(path, error)
    ctx.exit(status)


def _file(path: str, limits: ReadLimits, out: IO[bytes], as_json: bool) -> int:
    job = path_job(path, limits=limits, includes=True)
    with WorkerPool(limits, size=1) as pool:
        document = pool.read(job)
    _write(out, document, as_json=as_json, indent=2)
    for words in document.warnings:
        click.echo(f"ragkit: {show(path, 200)}: {show(words)}", err=True)
    return 0


def _folder(path: bytes, limits: ReadLimits, out: IO[bytes], as_json: bool) -> int:
    """Print all files below a folder; 0 when one gave text, else 3 when one failed, else 4."""
    check_folders(os.path.join(path, b"x"))
    root = os.path.realpath(path)
    worst: list[int] = []
    found = False
    with WorkerPool(limits, size=min(2, len(os.sched_getaffinity(0)))) as pool:
        for job, result in pool.map(_jobs(root, limits, worst)):
            if isinstance(result, ExtractionError):
                worst.append(_complain(job.source, result))
                continue
            found = True
            _write(out, result, as_json=as_json, indent=None)
            for words in result.warnings:
                click.echo(f"ragkit: {show(job.source, 200)}: {show(words)}", err=True)
    return 0 if found else FAILED if FAILED in worst else SKIPPED


def _jobs(root: bytes, limits: ReadLimits, worst: list[int]) -> Iterator[Job]:
    try:
        for item in walk(root):
            source = source_of(item.path)
            if isinstance(item, LeftOut):
                worst.append(_complain(source, ExtractionError(item.reason, item.detail)))
            else:
                opened = partial(_open_found, root, item, limits.max_size)
                yield Job(source, os.fsdecode(item.path), opened, Place(root, item.path))
    except OSError as error:
        raise ExtractionError(reason_of(error), error.strerror or "") from error


def _open_found(root: bytes, item: Found, max_size: int) -> int:
    if item.size > max_size:
        raise ExtractionError("too_big", f"{item.size:,} bytes, the limit is {max_size:,}", cure="raise --max-size")
    return open_file(root, item.path)


def _write(out: IO[bytes], document: Document, *, as_json: bool, indent: int | None) -> None:
    text = json.dumps(as_dict(document), indent=indent, ensure_ascii=True) if as_json else document.text
    out.write(text.encode("utf-8") + b"\n")
    out.flush()


def as_dict(document: Document) -> dict[str, Any]:
    """Return the JSON shape of a document."""
    return {
        "source": document.source,
        "title": document.title,
        "sha256": document.sha256,
        "media_type": document.media_type,
        "metadata": dict(document.metadata),
        "warnings": list(document.warnings),
        "pages": [{"start": page.start, "label": page.label} for page in document.pages],
        "headings": [{"offset": item.offset, "level": item.level, "text": item.text} for item in document.headings],
        "blocks": [
            {"start": block.start, "end": block.end, "kind": block.kind, "header": block.header}
            for block in document.blocks
        ],
        "text": document.text,
    }


def _complain(path: str, error: ExtractionError) -> int:
    click.echo(f"ragkit: {show(path, 200)}: {show(str(error))}", err=True)
    return SKIPPED if error.skipped else FAILED
