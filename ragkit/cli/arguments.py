"""The arguments of the whole command line, kept for the record of a run."""

from __future__ import annotations

from typing import Final

import click

ARGUMENTS: Final = "ragkit.arguments"
"""The key of click's `meta` for the arguments."""


def arguments_of(context: click.Context) -> tuple[str, ...]:
    """Return the arguments of the command line, without the program's name."""
    return tuple(context.meta.get(ARGUMENTS, ()))
