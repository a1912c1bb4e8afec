"""What the commands work with when a caller passes it as click's `obj`, instead of what the settings name."""

from __future__ import annotations

from dataclasses import dataclass

import click

from ragkit.chat.base import ChatModel
from ragkit.embedding.base import Embedder
from ragkit.evaluation.datasets.files import FileReader


@dataclass(frozen=True, slots=True)
class Tools:
    """An embedder, a reader of files and a chat model of the caller's own, passed as click's `obj`."""

    embedder: Embedder | None = None
    reader: FileReader | None = None
    chat: ChatModel | None = None


def tools_of(context: click.Context) -> Tools:
    """Return the tools that the caller passed, else none: the settings name them."""
    return context.find_object(Tools) or Tools()
