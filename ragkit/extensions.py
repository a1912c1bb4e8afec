"""Extensions of installed packages, found by entry point; what is broken is an error that names the package."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from ragkit.errors import ConfigError, RagkitError

CHAT_MODELS: Final = "ragkit.chat_models"
"""Entry-point group: PREFIX = a callable of (NAME, ChatSettings) that returns the ChatModel of "PREFIX:NAME"."""
EMBEDDERS: Final = "ragkit.embedders"
"""Entry-point group: PREFIX = a callable of (NAME, ModelSettings) that returns the Embedder of "PREFIX:NAME"."""
EXECUTORS: Final = "ragkit.executors"
"""Entry-point group: NAME = a callable of (ADDRESS, ModelSettings) that returns a context manager of an Embedder, whose
model runs elsewhere."""


def extension_names(group: str) -> list[str]:
    """Return the names of a group's installed entry points, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def make_extension(group: str, prefix: str, name: str, settings: object, *, needs: tuple[str, ...]) -> Any | None:
    """Return what the entry point of a group and prefix makes of a name and settings; None when none is installed.

    needs: attributes that the made object must have. Raises ConfigError for an extension that does not load, fails or
    makes something else, with the package that it came with; a RagkitError of its own passes unchanged.
    """
    point = next(iter(entry_points(group=group, name=prefix)), None)
    if point is None:
        return None
    made = _made(point, name, settings)
    missing = [attribute for attribute in needs if not hasattr(made, attribute)]
    if missing:
        raise _broken(point, f"made a {type(made).__name__} without {', '.join(missing)}")
    return made


def _made(point: EntryPoint, name: str, settings: object) -> Any:
    try:
        factory: Callable[[str, object], Any] = point.load()
        return factory(name, settings)
    except RagkitError:
        raise
    except Exception as error:  # the edge to code that is not ours
        raise _broken(point, f"failed: {type(error).__name__}: {error}") from error


def _broken(point: EntryPoint, what: str) -> ConfigError:
    package = point.dist.name if point.dist is not None else point.module
    return ConfigError(
        f"the entry point {point.name} of {point.group}, from the package {package}, {what}",
        cure=f"update or reinstall {package}, or name another model",
    )
