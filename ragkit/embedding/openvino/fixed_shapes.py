"""Copies of the compiled model with a fixed input length, so OpenVINO does not re-plan for every new length."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

Form = TypeVar("Form")
Begin = Callable[[Callable[[], None]], object]

_log = logging.getLogger("ragkit")

WIDTHS: Final = (8, 16, 20, 24, 28, 32, 40, 48, 64)
"""Input lengths in tokens. A question is padded to the next length; a longer question has no copy."""
WORTH_IT: Final = 3
"""Compiling a copy takes 0.3 s, which some hundred questions save: it starts at the third question of a length."""


class FixedWidths(Generic[Form]):
    """Compiles the copy for a width in the background once the width was used several times. Thread-safe.

    make: returns the copy for a width; after a RuntimeError none is made any more. begin: starts work in the
    background; None: on a thread of its own, one copy at a time.
    """

    def __init__(self, make: Callable[[int], Form], *, begin: Begin | None = None) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._asked: Counter[int] = Counter()
        self._forms: dict[int, Form] = {}
        self._failed = False
        self._begin = begin

    def form(self, tokens: int) -> tuple[int, Form] | None:
        """Return the width and the copy for a text of `tokens` tokens; None when there is none, or none yet."""
        width = next((width for width in WIDTHS if width >= tokens), None)
        if width is None or self._failed:
            return None
        found = self._forms.get(width)
        if found is None:
            self._ask_for(width)
            return None
        return width, found

    def _ask_for(self, width: int) -> None:
        with self._lock:
            self._asked[width] += 1
            if self._asked[width] != WORTH_IT:
                return
            if self._begin is None:
                self._begin = ThreadPoolExecutor(1, thread_name_prefix="ragkit-widths").submit
        try:
            self._begin(lambda: self._add(width))
        except RuntimeError:  # the interpreter is shutting down
            self._failed = True

    def _add(self, width: int) -> None:
        if self._failed:
            return
        try:
            self._forms[width] = self._make(width)
        except RuntimeError as error:
            self._failed = True
            _log.info("the model has no copies of a fixed width (%s): questions take a little longer", error)
