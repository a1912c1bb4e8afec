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
        self._closed = False

    def feed(self, piece: str) -> str:
        """Take a piece of the model's text; return the part of the answer that is certain now."""
        self._held += piece
        while self._state in ("start", "inside") and self._step():
            pass
        if self._state == "outside":
            return self._outside() if self._asked else self._give(len(self._held))
        return ""

    def finish(self) -> str:
        """Return the rest of the answer."""
        if self._state == "inside":
            self._keep(self._held)
            self._held = ""
        elif self._state == "held" or (self._state == "start" and self._asked and not self._closed):
            closed = list(_CLOSE.finditer(self._held))
            if closed:  # a closing tag without its opening one: all before it is reasoning
                self._keep(self._held[: closed[-1].start()])
                self._held = self._held[closed[-1].end() :].lstrip()
        return self._give(len(self._held))

    def _step(self) -> bool:
        """Move over one tag at the start or inside of reasoning; return whether the state has changed."""
        if self._state == "inside":
            closed = _CLOSE.search(self._held)
            if closed:
                self._keep(self._held[: closed.start()])
                self._held = self._held[closed.end() :]
                self._state, self._closed = "start", True
            return closed is not None
        text = self._held.lstrip()
        opened = _OPEN.match(text)
        if opened:
            self._held, self._state = text[opened.end() :], "inside"
        elif any(name.startswith(text.lower()) for name in _NAMES):
            return False  # it may become a tag
        else:
            self._held = text if self._closed else self._held
            self._state = "held" if self._asked and not self._closed else "outside"
        return True

    def _outside(self) -> str:
        """Return what is certain when more reasoning may come."""
        opened = _OPEN.search(self._held)
        if opened:
            given = self._give(opened.start())
            self._state = "start"
            return given + self.feed("")
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
