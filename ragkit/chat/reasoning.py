"""Reasoning that a model writes into its text is taken out, also while it streams: it is never part of an answer.

Models that reason put it between marks, each family its own (`<think>` of DeepSeek and Qwen, `[THINK]` of Mistral,
channels of gpt-oss …). Some chat templates write the opening mark themselves, so that only the closing one is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ragkit.chat.base import ChatModel
from ragkit.errors import ChatError
from ragkit.types.prompts import Prompt

_FINAL: Final = "<|channel|>final<|message|>"
_CLOSES: Final = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|channel|>analysis": _FINAL,
    "<|channel|>commentary": _FINAL,
    "<|channel>thought": "<channel|>",
}
"""Opening mark -> closing mark, in lower case; models write them in any case."""

_MARKS: Final = tuple({*_CLOSES, *_CLOSES.values(), "<|return|>", "<|start|>assistant", "<|end|>"})
"""All marks: the last three are parts of a channel's frame."""

_MARK: Final = re.compile("|".join(sorted(map(re.escape, _MARKS), key=len, reverse=True)), re.IGNORECASE)
_LONGEST: Final = max(map(len, _MARKS))


class ReasoningFilter:
    """Takes reasoning out of a text that comes in pieces. What `feed` and `finish` return adds up to the answer.

    hold: return nothing before the end of some reasoning or of the text, so that reasoning without an opening mark is
    taken out too. A mark right after a backtick is a quotation and stays.
    """

    def __init__(self, *, hold: bool = False) -> None:
        self.found = False
        self.leaked = False
        self._reasoning: list[str] = []
        self._hold = hold
        self._buffer = ""
        self._last = ""
        self._given: list[str] = []
        self._close = ""

    @property
    def reasoning(self) -> str:
        """The reasoning that was removed so far."""
        return "".join(self._reasoning)

    def feed(self, piece: str) -> str:
        """Take a piece; return the part of the answer that is now certain.

        `found` is true once there was reasoning; `leaked` once a closing mark showed that returned text was reasoning.
        """
        self._buffer += piece
        self._read()
        tail = _open_end(self._buffer)
        kept, self._buffer = self._buffer[: len(self._buffer) - tail], self._buffer[len(self._buffer) - tail :]
        self._take(kept)
        return self._release()

    def finish(self) -> str:
        """Return the rest. Reasoning that never ended gives nothing."""
        self._take(self._buffer)
        self._buffer = ""
        self._hold = False
        return self._release()

    def _read(self) -> None:
        """Read the buffer up to its last whole mark."""
        while found := _MARK.search(self._buffer):
            before, mark = self._buffer[: found.start()], found[0].lower()
            self._take(before)
            self._buffer = self._buffer[found.end() :]
            if self._close:
                if mark == self._close:
                    self._close = ""
                    self._hold = False
            elif self._last == "`":
                self._take(found[0])
            else:
                self._meet(mark)

    def _meet(self, mark: str) -> None:
        """Begin or end reasoning, or drop a part of a channel's frame."""
        if mark in _CLOSES:
            self._close, self.found = _CLOSES[mark], True
        elif mark in _CLOSES.values() and mark != _FINAL:
            self.found = True
            self.leaked = self.leaked or not self._hold
            self._reasoning += self._given
            self._given.clear()
            self._last = ""
            self._hold = False

    def _take(self, text: str) -> None:
        if self._close:
            self._reasoning.append(text)
        elif text:
            text = text if self._last else text.lstrip()  # blanks between reasoning and answer
            self._given.append(text)
            self._last = text[-1:] or self._last

    def _release(self) -> str:
        if self._hold:
            return ""
        text = "".join(self._given)
        self._given.clear()
        return text


def _open_end(text: str) -> int:
    """Return how many code points at the end of a text may be the beginning of a mark."""
    for size in range(min(len(text), _LONGEST - 1), 0, -1):
        end = text[-size:].lower()
        if any(mark.startswith(end) for mark in _MARKS):
            return size
    return 0


class ReasoningGuard:
    """Streams answers of one model without its reasoning; it remembers that a model leaves out the opening mark."""

    def __init__(self) -> None:
        self._hold = False

    def filter(self, *, hold: bool = False) -> ReasoningFilter:
        """Return the filter of one answer. hold: it is wanted whole, or reasoning was asked for."""
        return ReasoningFilter(hold=hold or self._hold)

    def stream(self, model: ChatModel, prompt: Prompt, seen: ReasoningFilter) -> Iterator[str]:
        """Yield the answer in pieces, through a filter of its own.

        Raises ChatError when reasoning has been yielded because it had no opening mark (answers of this model are held
        back until the closing mark from then on), and when all that the model wrote was reasoning.
        """
        if model.name == "extractive":  # its words are those of documents
            yield from model.stream(prompt)
            return
        said = False
        for piece in model.stream(prompt):
            seen.leaked = False
            text = seen.feed(piece)
            if seen.leaked and said:
                self._hold = True  # an unmarked beginning is this model's way
                raise ChatError(
                    f"{model.name} wrote its reasoning into the answer without a mark at its beginning",
                    cure="send the request again: its answers are shown whole from now on",
                )
            if text:
                said = True
                yield text
        rest = seen.finish()
        if rest:
            yield rest
        elif seen.found and not said:
            raise _only_reasoning(model)


def without_reasoning(text: str) -> str:
    """Return a whole text without its reasoning."""
    seen = ReasoningFilter(hold=True)
    kept = [seen.feed(text)]
    return "".join([*kept, seen.finish()])


def reasoned_text(model: ChatModel, prompt: Prompt) -> str:
    """Return the whole answer of a model without its reasoning. Raises ChatError when it wrote nothing else."""
    written = "".join(model.stream(prompt))
    if model.name == "extractive":
        return written
    text = without_reasoning(written)
    if written.strip() and not text.strip():
        raise _only_reasoning(model)
    return text


def _only_reasoning(model: ChatModel) -> ChatError:
    return ChatError(
        f"{model.name} wrote reasoning and no answer", cure="raise the limit of tokens, or switch its reasoning off"
    )
