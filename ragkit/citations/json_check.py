"""JSON answer -> clean data and a checked answer: each value is a statement about its field."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

from ragkit.citations.checker import check_answer
from ragkit.citations.sanitizer import Rules, Sanitizer
from ragkit.text.cleaning import show
from ragkit.text.token_counter import Counter
from ragkit.types.answers import Answer
from ragkit.types.prompts import Prompt

_MARKERS: Final = re.compile(r"\s*(?:\[\d{1,3}\])+")
_CASES: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-]+")


@dataclass(frozen=True, slots=True)
class JsonCheck:
    """Checks JSON answers to a prompt. hosts, strict: as link_hosts and strict of `check_answer`."""

    prompt: Prompt
    hosts: Collection[str] = ()
    strict: bool = False

    def clean(self, value: Any) -> Any:
        """Return a value with its strings sanitized and citation markers removed."""
        if isinstance(value, dict):
            return {show(self._safe(key)): self.clean(child) for key, child in value.items()}
        if isinstance(value, list):
            return [self.clean(child) for child in value]
        return _MARKERS.sub("", self._safe(value)).strip() if isinstance(value, str) else value

    def answer(self, value: Any, *, model: str, counter: Counter | None = None) -> Answer:
        """Return the checked answer: its text has a line for each value, its data is the clean value.

        The line of a string keeps the markers; a line without any is matched to the source that supports it.
        """
        text = "\n\n".join(f"{label}: {shown}" if label else shown for label, shown in _statements(value, ""))
        checked = check_answer(
            self.prompt, text, model=model, counter=counter, link_hosts=self.hosts, strict=self.strict
        )
        withheld = self.strict and checked.status == "abstained"
        return replace(checked, data=None if withheld else self.clean(value))

    def _safe(self, text: str) -> str:
        texts = [f"{hit.text}\n{hit.context}\n{hit.source}" for hit in self.prompt.passages]
        sanitizer = Sanitizer(Rules(len(texts), texts, tuple(host.lower() for host in self.hosts)))
        return sanitizer.feed(text) + sanitizer.finish()


def _statements(value: Any, label: str) -> list[tuple[str, str]]:
    """Return (name of the field in words, its text) for each value that makes a statement."""
    if isinstance(value, dict):
        return [pair for key, child in value.items() for pair in _statements(child, _CASES.sub(" ", str(key)).lower())]
    if isinstance(value, list):
        return [pair for child in value for pair in _statements(child, label)]
    if isinstance(value, bool) or value is None:
        return []
    shown = str(value).strip()
    return [(label, shown)] if shown else []
