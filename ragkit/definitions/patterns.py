"""Regular expressions of users' files and schemas: in the syntax of Python's `re`, compiled and searched within bounds.

A pattern such as `^(a|aa)+$` takes longer than the age of the universe on a text that someone chose for it, and `re`
cannot be stopped. The package `regex` searches with a time limit and lets other threads run meanwhile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final, Protocol

from ragkit.errors import InputError

LONGEST_SECONDS: Final = 1.0
"""How long one search may take."""
_LONGEST: Final = 1_000  # characters of a pattern
_MOST_REPEATS: Final = 100_000  # product of all counts such as {3}: `regex` writes counted repeats out
_COUNT: Final = re.compile(r"\{(\d*),?(\d*)\}")


class Match(Protocol):
    """What a pattern found, as `re.Match` has it."""

    def group(self) -> str:
        """Return the text that the whole pattern found."""

    def groups(self) -> tuple[str | None, ...]:
        """Return the text of each group, None for one that found nothing."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that compiles. source: as it was written."""

    source: str
    _compiled: Any = field(repr=False, compare=False)

    def search(self, text: str, *, seconds: float = LONGEST_SECONDS) -> Match | None:
        """Return the first place where a text matches, None without one. Raises InputError past the time limit."""
        try:
            found: Match | None = self._compiled.search(text, timeout=seconds, concurrent=True)
        except TimeoutError as error:
            raise InputError(
                f"the pattern {self.source!r} took longer than {seconds:.2g} s", cure="write it without nested repeats"
            ) from error
        return found


def compile_pattern(source: str) -> Pattern:
    """Return a pattern. Raises ValueError, with the reason in one line, for one that is wrong or too large."""
    import regex

    if len(source) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST:,} characters")
    try:
        re.compile(source)  # what `regex` alone understands would mean something else to other tools
        counts = (int(most or least or 1) for least, most in _COUNT.findall(source))
        if prod(max(1, count) for count in counts) > _MOST_REPEATS:
            raise ValueError(f"its counts multiply to more than {_MOST_REPEATS:,}")
        return Pattern(source, regex.compile(source))
    except (re.error, regex.error, OverflowError) as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
