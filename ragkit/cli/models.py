"""`ragkit models`: list embedding models, compile one, make a static one, print its folder, check it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import click

import ragkit
from ragkit.cli.options import (
    Target,
    collection_option,
    data_option,
    environment_settings,
    json_option,
    model_option,
    print_json,
    print_table,
    show_warnings,
)
from ragkit.cli.progress import drawn_progress
from ragkit.cli.summaries import SUMMARIES
from ragkit.embedding.model_files import cache_root, find_model, weights_sha256
from ragkit.errors import ModelError, RagkitError, StorageFullError
from ragkit.files import need_new_folder
from ragkit.settings import DEFAULT_MODEL, ModelSettings, PrecisionChoice
from ragkit.text.cleaning import show

if TYPE_CHECKING:
    from ragkit.embedding.static.distillation import StaticModel

SAMPLES: Final = 128
"""Pieces of documents that int8 takes its ranges from and is compared on."""
SAMPLE_CHARACTERS: Final = 500
"""Length of a piece, about that of a chunk."""

_name = click.argument("name", default="")


@click.group(short_help=SUMMARIES["models"])
def models() -> None:
    """List, compile, distil and check embedding models. NAME is a sentence-transformers name or a folder.

    Without NAME it is the model of $RAGKIT_MODEL, or the default one.
    """
    show_warnings()


@models.command("list", short_help="List compiled models.")
@json_option
def list_models(*, as_json: bool) -> None:
    """List the compiled models in the cache, and the default model."""
    from ragkit.embedding.openvino.compiled_cache import list_compiled

    settings = environment_settings().model
    rows = [
        {
            "model": manifest.get("model", "(unreadable)"),
            "precision": manifest.get("precision", ""),
            "dimension": manifest.get("dimension", 0),
            "max_tokens": manifest.get("max_tokens", 0),
            "least_cosine": min(manifest.get("cosines", ()), default=None),
            "bytes": sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
            "folder": str(folder),
        }
        for folder, manifest in list_compiled(settings)
    ]
    if as_json:
        print_json(
            {"default": DEFAULT_MODEL, "model": settings.resolved, "cache": str(cache_root(settings)), "compiled": rows}
        )
        return
    click.echo(show(f"model: {settings.resolved} (default: {DEFAULT_MODEL})"))
    if not rows:
        click.echo(show(f"No model is compiled in {cache_root(settings)}; the first use compiles one."))
        return
    table: list[tuple[str, ...]] = [
        (
            str(row["model"]),
            str(row["precision"]),
            str(row["dimension"]),
            str(row["max_tokens"]),
            f"{row['bytes'] / (1 << 20):.0f} MiB",
            str(row["folder"]),
        )
        for row in rows
    ]
    print_table(table, ("model", "precision", "dimension", "tokens", "size", "folder"), frozenset({2, 3, 4}))


@models.command(short_help="Compile a model for this CPU.")
@_name
@click.option(
    "--precision",
    type=click.Choice(get_args(PrecisionChoice)),
    help="auto (or $RAGKIT_PRECISION): the fastest here that keeps quality. fp32: for an image that is built"
    " elsewhere. int8: faster on some CPUs, with a loss.",
)
@click.option("--data", metavar="FOLDER", help="int8: the data folder with documents of yours, to measure numbers on.")
@collection_option
@click.option("--force", is_flag=True, help="Compile again even if a compiled form exists.")
@json_option
def compile(  # noqa: A001 - the command's name
    name: str, *, precision: PrecisionChoice | None, data: str | None, collection: str, force: bool, as_json: bool
) -> None:
    """Compile a model for this CPU and compare it with the original, as its first use would.

    int8 is compiled by this command only: ranges of numbers come from texts of a collection.
    """
    from ragkit.embedding.openvino.compiled_cache import ensure_compiled

    settings = environment_settings(model=name).model
    settings = replace(settings, precision=precision or settings.precision)
    started = time.perf_counter()
    model = find_model(settings)
    if model.static:
        raise ModelError(f"model {model.name!r} is a static model, which is not compiled", cure="use it as it is")
    weights = weights_sha256(model, stamps=cache_root(settings) / "hashes")
    samples = _sample_texts(data, collection) if data and settings.precision == "int8" else []
    compiled = ensure_compiled(model, settings, weights_sha256=weights, samples=samples, force=force)
    if compiled.owner is not None:
        compiled.owner.cleanup()
        raise StorageFullError(
            f"{settings.resolved} was compiled and could not be kept: {cache_root(settings)} cannot be written",
            cure="free space, or set RAGKIT_CACHE to a folder that can be written",
        )
    report: dict[str, Any] = {
        "model": settings.resolved,
        "compiled": compiled.fresh,
        "runtime": f"openvino-{compiled.manifest['precision']}",
        "least_cosine": min(compiled.manifest["cosines"]),
        "weights_sha256": weights,
        "folder": str(compiled.folder),
        "seconds": round(time.perf_counter() - started, 2),
    }
    if as_json:
        print_json(report)
        return
    what = "compiled" if compiled.fresh else "was compiled already"
    click.echo(
        show(
            f"{settings.resolved} {what}: {report['runtime']}, {report['seconds']:.1f} s, "
            f"least cosine to the original {report['least_cosine']:.5f}, {report['folder']}"
        )
    )


@models.command(short_help="Make a fast static model of a model.")
@click.argument("out", type=click.Path(path_type=Path))
@model_option
@data_option
@click.option("--collection", metavar="NAME", default="", help="Take words from its texts, and its model.")
@click.option("--dimensions", type=click.IntRange(min=2), default=256, show_default=True, help="Numbers in a vector.")
@json_option
def distill(out: Path, *, model: str, data: str, collection: str, dimensions: int, as_json: bool) -> None:
    """Write a static model to the new folder OUT: one vector a token, whose mean is the vector of a text.

    It embeds many times as fast as the model that it is made of, and finds less. Use it as any other model: ragkit
    ingest PATH --model OUT. With --collection, words that are frequent in its texts get vectors of their own.
    """
    from ragkit.embedding.static.folder import origin_of, write_static_model

    need_new_folder(out)
    started = time.perf_counter()
    settings = environment_settings(model=model).model
    with ExitStack() as opened:
        texts: Iterable[str] = ()
        if collection:
            kb = opened.enter_context(Target(data, collection, as_json).open())
            settings = settings if model else kb.settings.model
            texts = (kb.document(info.source).text for info in kb.documents())
        made = _distilled(settings, texts, dimensions)
    base = find_model(settings)
    origin = origin_of(base, sha256=weights_sha256(base, stamps=cache_root(settings) / "hashes"))
    write_static_model(made, out, origin=origin)
    report = {
        "folder": str(out),
        "model": base.name,
        "tokens": len(made.table),
        "words": len(made.words),
        "dimensions": dimensions,
        "licence": origin.licence,
        "seconds": round(time.perf_counter() - started, 2),
    }
    if as_json:
        print_json(report)
        return
    size = f"{report['tokens']:,} tokens, {report['words']:,} of them words of the collection"
    click.echo(show(f"{out}: made of {base.name} in {report['seconds']:.1f} s: {size}"))
    click.echo(show(f"licence of the model that it is made of: {origin.licence or 'its folder does not say'}"))


def _distilled(settings: ModelSettings, texts: Iterable[str], dimensions: int) -> StaticModel:
    """Load the model that settings name and make a static one of it, with progress on stderr."""
    from ragkit.embedding.loading import load_embedder
    from ragkit.embedding.static.distillation import distill as made_of

    with drawn_progress(sys.stderr) as draw:
        return made_of(
            load_embedder(settings), texts=texts, dimensions=dimensions, progress=partial(draw, "embedding tokens")
        )


@models.command(short_help="Print the folder of a model.")
@_name
@json_option
def path(name: str, *, as_json: bool) -> None:
    """Print the folder that holds a model."""
    model = find_model(environment_settings(model=name).model)
    if as_json:
        print_json({"model": model.name, "origin": model.origin, "folder": str(model.path)})
    else:
        click.echo(show(str(model.path)))


@models.command(short_help="Check a model's files and vectors.")
@_name
@json_option
def verify(name: str, *, as_json: bool) -> int:
    """Read a model and its compiled form again, and check hashes and the probe vector.

    Exit status 1 if something is wrong.
    """
    from ragkit.embedding.openvino.compiled_cache import compiled_folder, verify_compiled

    settings = environment_settings(model=name).model
    model = find_model(settings)
    weights = weights_sha256(model)
    if model.static:
        problems, compiled = _problems_of_static(settings), None
    else:
        problems = verify_compiled(model, settings, weights_sha256=weights)
        compiled = None if problems else compiled_folder(model, settings, weights_sha256=weights)
    if as_json:
        print_json(
            {
                "model": model.name,
                "weights_sha256": weights,
                "folder": str(model.path),
                "compiled": str(compiled.folder) if compiled else None,
                "problems": problems,
            }
        )
    else:
        click.echo(show(f"{model.name}: weights sha256 {weights} in {model.path}"))
        click.echo(show(f"compiled: {compiled.folder}" if compiled else "compiled: no"))
        for problem in problems:
            click.echo(show(f"wrong: {problem}"))
    return 1 if problems else 0


def _problems_of_static(settings: ModelSettings) -> list[str]:
    """Load a static model, which embeds the probe sentence; return what is wrong with it."""
    from ragkit.embedding.loading import load_embedder

    try:
        load_embedder(settings)
    except RagkitError as error:
        return [str(error)]
    return []


@models.command(short_help="Remove compiled models of other versions.")
@json_option
def clean(*, as_json: bool) -> None:
    """Remove compiled models that were made by another version of openvino or ragkit, or that are unreadable."""
    from ragkit.embedding.openvino.compiled_cache import remove_outdated

    settings = environment_settings().model
    removed = remove_outdated(settings)
    if as_json:
        print_json({"removed": [{"folder": str(folder), "bytes": size} for folder, size in removed]})
        return
    for folder, size in removed:
        click.echo(show(f"removed {folder} ({size / (1 << 20):.0f} MiB)"))
    if not removed:
        click.echo("Nothing to remove.")


def _sample_texts(data: str, collection: str) -> list[str]:
    """Return up to SAMPLES pieces of a collection's documents, as long as chunks are, evenly spread over them."""
    with ragkit.open(data, collection=collection, create=False) as kb:
        sources = [info.source for info in kb.documents()]
        sources = sources[:: max(1, len(sources) // SAMPLES)][:SAMPLES]
        each = -(-SAMPLES // max(1, len(sources)))
        texts = [kb.document(source).text for source in sources]
    places = [(text, len(text) * part // each) for text in texts for part in range(each)]
    pieces = [text[start : start + SAMPLE_CHARACTERS] for text, start in places]
    return [piece for piece in dict.fromkeys(pieces) if piece.strip()][:SAMPLES]
