"""The embedder, reader and chat model that a caller passes to the commands as click's `obj`."""

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
    """Return the tools that the caller passed; empty ones if none, so that the settings decide."""
    return context.find_object(Tools) or Tools()
