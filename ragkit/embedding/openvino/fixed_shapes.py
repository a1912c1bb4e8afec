"""Forms of a compiled model for one text of a fixed width: openvino plans each new shape anew, these have one each."""

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
"""Tokens of a form. A question is padded to the next one; a longer question has none."""
WORTH_IT: Final = 3
"""A form takes as long to make as some hundred questions save (0.3 s), so the first questions do not ask for one."""


class FixedWidths(Generic[Form]):
    """Makes the form for a width in the background once that width has been asked for several times. Thread-safe.

    make: returns the form for a width; raises RuntimeError where it can't be made, and then none is made any more.
    begin: how work is begun beside the caller's; None: on a thread of its own, one form at a time.
    """

    def __init__(self, make: Callable[[int], Form], *, begin: Begin | None = None) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._asked: Counter[int] = Counter()
        self._forms: dict[int, Form] = {}
        self._failed = False
        self._begin = begin

    def form(self, tokens: int) -> tuple[int, Form] | None:
        """Return the width and the form for a text of so many tokens; None when there is none, or none yet."""
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
            _log.info("the model has no forms of a fixed width (%s): questions take a little longer", error)
