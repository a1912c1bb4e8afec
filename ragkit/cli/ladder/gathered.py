"""Pass the parameters of a command on as one value, where they are many."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

T = TypeVar("T")


def gathered(kind: Callable[..., T]) -> Callable[[Callable[[click.Context, T], None]], Callable[..., None]]:
    """Return a decorator that makes one value of all parameters; the command takes click's context and that value."""

    def decorate(command: Callable[[click.Context, T], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapped(context: click.Context, **given: Any) -> None:
            command(context, kind(**given))

        return wrapped

    return decorate
