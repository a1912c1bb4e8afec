"""The stages of a question (search, embed, rerank, model), for observers such as tracing; no cost without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

End = Callable[[BaseException | None], None]
"""Called when a stage has ended, with the error that ended it or None."""
Begin = Callable[[str], End]
"""Called with the name of a stage that begins, in the thread and context that asked for it."""

_OBSERVERS: Final[list[Begin]] = []


def observe_stages(begin: Begin) -> Callable[[], None]:
    """Add an observer of all stages in this process; return a function that removes it."""
    _OBSERVERS.append(begin)
    return lambda: _OBSERVERS.remove(begin)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Notify the observers of the begin of a stage and, after the block, of its end."""
    ends = [begin(name) for begin in _OBSERVERS]
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        for end in ends:
            end(error)
