"""The trace of a chain: every step's prompt, output, tokens and time, as values, JSON and text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ragkit.text.cleaning import show
from ragkit.types.prompts import Message, TemplateId

StepStatus = Literal["done", "skipped", "failed", "default"]
RunStatus = Literal["done", "failed"]
_SHOWN: Final = 160  # characters of an output on one line


@dataclass(frozen=True, slots=True)
class StepTrace:
    """One step of a run.

    status: `skipped` by its condition, `failed`, or `default` where its default output took the place of a failure.
    output: JSON by the step's kind. messages: what a model was sent, empty without one. tokens: "in" and "out", of
    the last attempt. attempts: how often it was tried. error: why it failed, "" if it did not. seconds: wall clock.
    """

    name: str
    kind: str
    status: StepStatus
    output: Mapping[str, Any]
    model: str = ""
    messages: tuple[Message, ...] = ()
    template: TemplateId | None = None
    tokens: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 1
    error: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of a step."""
        return {
            "name": self.name,
            "kind": self.kind,
            "status": self.status,
            "output": dict(self.output),
            "model": self.model,
            "messages": [message.as_dict() for message in self.messages],
            "template": self.template.as_dict() if self.template else None,
            "tokens": dict(self.tokens),
            "attempts": self.attempts,
            "error": self.error,
            "seconds": round(self.seconds, 6),
        }

    def as_line(self) -> str:
        """Return the step in one line, for a terminal."""
        said = self.error if self.status == "failed" else _brief(self.output) if self.status != "skipped" else ""
        cost = f", {self.tokens['in']:,} + {self.tokens['out']:,} tokens" if self.tokens else ""
        model = f", {self.model}" if self.model else ""
        return f"{self.name} ({self.kind}{model}): {self.status}, {self.seconds * 1000:.0f} ms{cost}  {show(said, 300)}"


@dataclass(frozen=True, slots=True)
class ChainRun:
    """A finished run of a chain. id: its name among the stored traces, "" if it is not stored.

    text: the answer, "" if a step failed and the chain ended. answer: the JSON of a checked answer (see
    `Answer.as_dict`), None for a text that no model made from sources. digest: SHA-256 (hex) of the chain's file.
    started: UTC, ISO 8601 with milliseconds. error: why the run failed.
    """

    chain: str
    version: int
    digest: str
    question: str
    status: RunStatus
    text: str
    answer: Mapping[str, Any] | None
    steps: tuple[StepTrace, ...]
    started: str
    seconds: float
    error: str = ""
    id: str = ""

    @property
    def tokens(self) -> dict[str, int]:
        """The tokens of all steps, "in" and "out"."""
        return {way: sum(step.tokens.get(way, 0) for step in self.steps) for way in ("in", "out")}

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit chain run --json`, which a page can show step by step."""
        return {
            "id": self.id,
            "chain": self.chain,
            "version": self.version,
            "digest": self.digest,
            "question": self.question,
            "status": self.status,
            "text": self.text,
            "answer": self.answer,
            "steps": [step.as_dict() for step in self.steps],
            "tokens": self.tokens,
            "started": self.started,
            "seconds": round(self.seconds, 6),
            "error": self.error,
        }


def trace_lines(run: Mapping[str, Any]) -> list[str]:
    """Return the JSON of a run as text for a terminal: each step with its prompt, output, tokens and time."""
    of = f"{run['chain']} v{run['version']} ({run['digest'][:12]})"
    lines = [f"{of}, {run['started']}: {run['status']}, {run['seconds']:.2f} s", f"question: {run['question']}"]
    for number, step in enumerate(run["steps"], 1):
        model = f", {step['model']}" if step["model"] else ""
        tokens = step["tokens"]
        cost = f", {tokens['in']:,} + {tokens['out']:,} tokens" if tokens else ""
        tried = f", {step['attempts']} attempts" if step["attempts"] > 1 else ""
        lines.append("")
        lines.append(
            f"{number}. {step['name']} ({step['kind']}{model}): {step['status']},"
            f" {step['seconds'] * 1000:.0f} ms{cost}{tried}"
        )
        for message in step["messages"]:
            lines.append(f"   {message['role']}:")
            lines += [f"     {line}" for line in message["content"].split("\n")]
        if step["error"]:
            lines.append(f"   error: {step['error']}")
        if step["status"] != "skipped":
            lines += [f"   {line}" for line in _shown(step["output"])]
    return [*lines, "", *(run["text"] or f"failed: {run['error']}").split("\n")]


def _shown(output: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in output.items()]


def _brief(output: Mapping[str, Any]) -> str:
    """Return an output in one short line."""
    parts = []
    for name, value in output.items():
        if name in ("passages", "citations", "rows", "answer"):
            continue
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(f"{name}={shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + '…'}")
    return ", ".join(parts)
