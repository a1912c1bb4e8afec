"""Keeps a model's reasoning out of its answer, also in pieces of a stream."""

from __future__ import annotations

import re
from typing import Final

_OPEN: Final = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE)
_CLOSE: Final = re.compile(r"</(think|thinking|reasoning)>", re.IGNORECASE)
_NAMES: Final = ("<think>", "<thinking>", "<reasoning>")
_LONGEST_TAG: Final = len("</reasoning>")


class ReasoningFilter:
    """Lets the answer through and keeps what stands between <think>, <thinking> or <reasoning> and its end.

    A text that begins with such a tag is filtered whatever the template. asked: the template asks for reasoning; then
    tags are looked for in the whole text, and text that does not open with one is held back until it is complete,
    because models also write the closing tag alone. Reasoning that never ends leaves no answer.
    """

    def __init__(self, *, asked: bool = False) -> None:
        self.reasoning = ""
        """What was kept so far."""
        self._asked = asked
        self._held = ""
        self._state = "start"

    def feed(self, piece: str) -> str:
        """Take a piece of the model's text; return the part of the answer that is certain now."""
        self._held += piece
        if self._state == "start":
            self._begin()
        if self._state == "inside":
            self._leave()
        if self._state == "outside" and not self._asked:
            return self._give(len(self._held))
        if self._state == "outside":
            return self._outside()
        return ""

    def finish(self) -> str:
        """Return the rest of the answer."""
        if self._state == "inside":
            self._keep(self._held)
            self._held = ""
        elif self._state == "held" or (self._state == "start" and self._asked):
            closed = list(_CLOSE.finditer(self._held))
            if closed:  # a closing tag without its opening one: all before it is reasoning
                self._keep(self._held[: closed[-1].start()])
                self._held = self._held[closed[-1].end() :].lstrip()
        return self._give(len(self._held))

    def _begin(self) -> None:
        text = self._held.lstrip()
        opened = _OPEN.match(text)
        if opened:
            self._held = text[opened.end() :]
            self._state = "inside"
        elif not any(name.startswith(text.lower()) for name in _NAMES):
            self._state = "held" if self._asked else "outside"

    def _leave(self) -> None:
        closed = _CLOSE.search(self._held)
        if closed:
            self._keep(self._held[: closed.start()])
            self._held = self._held[closed.end() :].lstrip()
            self._state = "start" if not self._held else "outside"

    def _outside(self) -> str:
        """Return what is certain when more reasoning may come."""
        opened = _OPEN.search(self._held)
        if opened:
            given = self._give(opened.start())
            self._held = self._held[len(opened.group()) :]
            self._state = "inside"
            self._leave()
            return given + (self._outside() if self._state == "outside" else "")
        mark = self._held.rfind("<", max(0, len(self._held) - _LONGEST_TAG))
        return self._give(mark if mark >= 0 else len(self._held))

    def _give(self, size: int) -> str:
        given, self._held = self._held[:size], self._held[size:]
        return given

    def _keep(self, text: str) -> None:
        self.reasoning += text


def without_reasoning(text: str, *, asked: bool = False) -> str:
    """Return a whole text without its reasoning."""
    kept = ReasoningFilter(asked=asked)
    return kept.feed(text) + kept.finish()
