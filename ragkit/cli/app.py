"""The `ragkit` command: find the subcommands, load one, and turn errors into one line and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import click

from ragkit import __version__
from ragkit.cli.arguments import ARGUMENTS
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import (
    AdapterRefusedError,
    ChatError,
    CorruptError,
    EmbeddingError,
    ExtractionError,
    RagkitError,
    StorageFullError,
)
from ragkit.text.cleaning import show

_OWN = {
    "search": "ragkit.cli.query:search",
    "prompt": "ragkit.cli.query:prompt",
    "ask": "ragkit.cli.query:ask",
    "chat": "ragkit.cli.conversation.chat:chat",
    "check": "ragkit.cli.check:check",
    "status": "ragkit.cli.inspect:status",
    "history": "ragkit.cli.inspect:history",
    "documents": "ragkit.cli.inspect:documents",
    "collections": "ragkit.cli.inspect:collections",
    "remove": "ragkit.cli.maintain:remove",
    "verify": "ragkit.cli.maintain:verify",
    "doctor": "ragkit.cli.maintain:doctor",
    "rebuild": "ragkit.cli.maintain:rebuild",
    "backup": "ragkit.cli.maintain:backup",
    "restore": "ragkit.cli.maintain:restore",
    "adapt": "ragkit.cli.adapt:adapt",
    "eval": "ragkit.cli.evaluate:evaluate",
    "models": "ragkit.cli.models:models",
    "prompts": "ragkit.cli.prompting.prompts:prompts",
    "examples": "ragkit.cli.prompting.examples:examples",
    "chain": "ragkit.cli.prompting.chains:chain",
    "advise": "ragkit.cli.ladder.advise:advise",
    "cost": "ragkit.cli.ladder.cost:cost",
    "runs": "ragkit.cli.ladder.runs:runs",
    "export": "ragkit.cli.ladder.export:export",
    "finetune": "ragkit.cli.ladder.finetune:finetune",
    "tune": "ragkit.cli.ladder.tune:tune",
}
"""Command name -> where it lives; `--help` loads none of them, their lines are in `SUMMARIES`."""

_ORDER = ("ingest", "search", "prompt", "ask", "chat", "serve")
_FAILURES = (AdapterRefusedError, ChatError, CorruptError, EmbeddingError, ExtractionError, StorageFullError)


class _Commands(click.Group):
    """Subcommands by name: the core's from the table above, others' from the entry-point group `ragkit.commands`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = tuple(args)  # for the record of a run, which can be repeated from it
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = {*_OWN, *(point.name for point in _installed())}
        return [name for name in _ORDER if name in names] + sorted(names - set(_ORDER))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _OWN:
            module, _, attribute = _OWN[cmd_name].partition(":")
            command = getattr(import_module(module), attribute)
        else:
            point = next((point for point in _installed() if point.name == cmd_name), None)
            if point is None:
                return None
            command = point.load()
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            command = None if name in _OWN else self.get_command(ctx, name)
            rows.append((name, SUMMARIES[name] if name in _OWN else command.get_short_help_str() if command else ""))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _installed() -> Sequence[EntryPoint]:
    return tuple(entry_points(group="ragkit.commands"))


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Data lives in ./.ragkit, in --data FOLDER or in $RAGKIT_DATA. Every command takes --json.",
)
@click.version_option(__version__, prog_name="ragkit", message="%(prog)s %(version)s")
def cli() -> None:
    """Grounded answers from your documents, with citations that a program can check."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; never returns. Exit status: 0 done, 1 something failed, 2 wrong use or settings."""
    sys.exit(run(arguments, own_process=True))


def run(arguments: Sequence[str] | None = None, *, own_process: bool = False) -> int:
    """Run the command line and return its exit status; errors are one line on standard error.

    own_process: this process ends with the command, which may then change the process's priority.
    """
    try:
        result = cli.main(
            args=None if arguments is None else list(arguments),
            prog_name="ragkit",
            standalone_mode=False,
            obj={"own_process": own_process},
        )
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        click.echo("ragkit: stopped", err=True)
        return 130
    except KeyboardInterrupt:
        click.echo("ragkit: stopped; what was committed is kept", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RagkitError as error:
        click.echo(f"ragkit: {show(str(error))}", err=True)
        return 1 if isinstance(error, _FAILURES) else 2
    except BrokenPipeError:
        # The reader of our output has closed it; Python would report that again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
