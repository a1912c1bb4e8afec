"""`ragkit status`, `history`, `documents` and `collections`."""

from __future__ import annotations

from itertools import chain

import click

from ragkit import create_collection, delete_collection, list_collections
from ragkit.cli.options import Target, common, data_option, json_option, print_json, print_json_list, print_table
from ragkit.cli.summaries import SUMMARIES
from ragkit.text.cleaning import show


@click.command(short_help=SUMMARIES["status"])
@common
def status(target: Target) -> None:
    """Show counts, the model, the last generation and sizes on disk."""
    with target.open() as kb:
        found = kb.status()
    if target.as_json:
        print_json(found)
        return
    sizes = found["bytes"]
    model = f"{found['model']} ({found['dimension']} dimensions)" if found["model"] else "none yet"
    rows = [
        ("collection", f"{found['collection']} in {found['data']}"),
        ("documents", f"{found['documents']:,} ({found['pages']:,} pages, {found['characters']:,} characters)"),
        ("chunks", f"{found['chunks']:,} ({found['vectors']:,} vectors)"),
        ("model", model),
        ("generation", f"{found['generation']:,}"),
        ("on disk", f"{_size(sizes['database'])} database, {_size(sizes['caches'])} caches"),
    ]
    for name, value in rows:
        click.echo(f"{name:<11} {show(value)}")


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


@click.command(short_help=SUMMARIES["history"])
@common
def history(target: Target) -> None:
    """List the committed runs that changed the collection, oldest first."""
    with target.open() as kb:
        generations = kb.history()
    if target.as_json:
        print_json([generation.as_dict() for generation in generations])
        return
    if not generations:
        click.echo("Nothing was ingested yet.")
        return
    rows = [
        (
            str(item.number),
            item.started_at[:19].replace("T", " "),
            item.kind,
            str(item.added),
            str(item.changed),
            str(item.removed),
            item.model,
            "" if item.finished_at else "cut off",
        )
        for item in generations
    ]
    header = ("generation", "started (UTC)", "kind", "added", "changed", "removed", "model", "")
    print_table(rows, header, frozenset({0, 3, 4, 5}))


@click.command(short_help=SUMMARIES["documents"])
@click.option("--prefix", default="", help="Only sources that begin so.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@common
def documents(prefix: str, limit: int | None, target: Target) -> None:
    """List the documents with their sizes, by source."""
    with target.open() as kb:
        found = kb.iter_documents(prefix=prefix, limit=limit)
        if target.as_json:
            print_json_list(item.as_dict() for item in found)
            return
        rows = (
            (item.source, item.media_type, f"{item.pages:,}" if item.pages else "", f"{item.chunks:,}", item.title)
            for item in found
        )
        first = next(rows, None)
        if first is None:
            click.echo("No documents.")
            return
        print_table(chain([first], rows), ("source", "type", "pages", "chunks", "title"), frozenset({2, 3}))


@click.group(short_help=SUMMARIES["collections"], invoke_without_command=True)
@data_option
@json_option
@click.pass_context
def collections(context: click.Context, data: str, as_json: bool) -> None:
    """List the collections of the data folder; or create or delete one."""
    context.obj = data
    if context.invoked_subcommand:
        return
    names = list_collections(data)
    if as_json:
        print_json(names)
        return
    click.echo("\n".join(names) if names else "No collections.")


@collections.command("create")
@click.argument("name")
@click.pass_obj
def create(data: str, name: str) -> None:
    """Create an empty collection."""
    create_collection(data, name)
    click.echo(f"created {name}")


@collections.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(data: str, name: str, yes: bool) -> None:
    """Delete a collection and everything in it."""
    if not yes:
        click.confirm(f"Delete the collection {show(name)} and all its documents?", abort=True)
    delete_collection(data, name)
    click.echo(f"deleted {name}")
