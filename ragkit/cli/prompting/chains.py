"""`ragkit chain`: run chains, check them, and show their traces."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from ragkit import ChainRun, StepTrace, load_chain
from ragkit.chains.chain import list_chains
from ragkit.chains.trace import trace_lines
from ragkit.chains.trace_files import load_trace, trace_ids
from ragkit.cli.options import (
    Target,
    budget_option,
    chat_option,
    common,
    few_shot_option,
    print_json,
    print_table,
    strict_option,
    template_option,
    with_model,
)
from ragkit.cli.prompting.prompts import own_folder
from ragkit.cli.summaries import SUMMARIES
from ragkit.environment import settings_from_env
from ragkit.errors import DefinitionError
from ragkit.text.cleaning import show


@click.group(short_help=SUMMARIES["chain"])
def chain() -> None:
    """Run chains of prompts, check them, and show what they did.

    A chain is a YAML file; NAME is one of the collection (its folder `chains`) or one that comes with ragkit: `support`
    and `decompose`.
    """


@chain.command("run", short_help="Answer a question with a chain.")
@click.argument("name", metavar="NAME|FILE")
@click.argument("question")
@click.option("--no-trace", is_flag=True, help="Do not keep the trace.")
@budget_option
@chat_option
@strict_option
@template_option
@few_shot_option
@common
@click.pass_context
def run_chain(
    context: click.Context, /, name: str, question: str, target: Target, *, no_trace: bool, **model: Any
) -> None:
    """Answer QUESTION with a chain, step by step. Exit status 1 when a step fails that ends it."""
    settings = with_model(settings_from_env(os.environ), **model)
    with target.open(settings=settings) as kb:
        loaded = load_chain(name, folder=kb.folder)
        run: ChainRun | None = None
        for part in loaded.stream(kb, question, store=not no_trace):
            if isinstance(part, StepTrace):
                if not target.as_json:
                    click.echo(click.style(show(part.as_line()), dim=True))
            else:
                run = part
        kb.follow_files()
    assert run is not None  # noqa: S101 - a stream ends with its run
    if target.as_json:
        print_json(run.as_dict())
    else:
        _print_run(run)
    context.exit(1 if run.status == "failed" else 0)


def _print_run(run: ChainRun) -> None:
    click.echo()
    if run.status == "failed":
        click.echo(f"ragkit: {show(run.error)}", err=True)
    else:
        click.echo("\n".join(show(line) for line in run.text.split("\n")))
    for number, source, quote in _sources(run):
        click.echo(click.style(f"[{number}] {show(source, 200)}", bold=True) + f"  “{show(quote, 200)}”")
    tokens = run.tokens
    kept = f" · trace {run.id}" if run.id else ""
    click.echo(
        click.style(f"{run.status} · {run.seconds:.2f} s · {tokens['in']:,} + {tokens['out']:,} tokens{kept}", dim=True)
    )


def _sources(run: ChainRun) -> list[tuple[int, str, str]]:
    citations = run.answer["citations"] if run.answer else []
    return [(item["number"], item["source"], item["quote"]) for item in citations]


@chain.command("check", short_help="Check a chain without running it.")
@click.argument("name", metavar="NAME|FILE")
@common
def check_chain(name: str, target: Target) -> None:
    """Check a chain: its form, steps, references, models, schemas and queries. No model is asked."""
    loaded = load_chain(name, folder=own_folder(target))
    if target.as_json:
        print_json(loaded.as_dict())
        return
    shown = loaded.as_dict()
    click.echo(show(f"{shown['path']}: ok, {shown['name']} version {shown['version']}, {shown['digest']}"))
    for number, step in enumerate(shown["steps"], 1):
        model = f", {step['model']}" if step["model"] else ""
        click.echo(show(f"{number}. {step['name']} ({step['kind']}{model})"))


@chain.command("list", short_help="List the chains.")
@common
def list_all(target: Target) -> None:
    """List the chains of the collection and those that come with ragkit."""
    found = list_chains(own_folder(target))
    if target.as_json:
        entries = [{"error": str(item)} if isinstance(item, DefinitionError) else item.as_dict() for item in found]
        print_json({"chains": entries})
        return
    rows = []
    for item in found:
        if isinstance(item, DefinitionError):
            rows.append((Path(item.path).stem, "", "", f"wrong: {item}"))
        else:
            shown = item.as_dict()
            rows.append((shown["name"], str(shown["version"]), str(len(shown["steps"])), shown["description"]))
    print_table(rows, ("name", "version", "steps", "description"))


@chain.command("show", short_help="Show the trace of a run.")
@click.argument("trace", required=False, default="")
@common
def show_trace(trace: str, target: Target) -> None:
    """Show a stored run step by step: prompts, outputs, tokens and times. The newest without TRACE."""
    with target.open() as kb:
        run = load_trace(kb.folder, trace)
    if target.as_json:
        print_json(run)
        return
    for line in trace_lines(run):
        click.echo(show(line))


@chain.command("traces", short_help="List the stored runs.")
@common
def list_traces(target: Target) -> None:
    """List the names of the stored runs, newest first."""
    with target.open() as kb:
        names = trace_ids(kb.folder)
    if target.as_json:
        print_json({"traces": names})
        return
    for name in names or ["No chain has run yet."]:
        click.echo(show(name))
