"""Runs the steps of a chain: conditions, deadlines, retries, and the handling of failures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ragkit.chains.reading import OK, Definition
from ragkit.chains.steps.base import ChainCollection, Step, StepOutput, Tools, shown_messages
from ragkit.chains.trace import ChainRun, StepStatus, StepTrace
from ragkit.chat.base import ChatModel
from ragkit.errors import AnswerFormatError, ChatError, ChatTimeoutError, RagkitError
from ragkit.types.answers import Answer
from ragkit.types.hits import Hits

_PAUSE: Final = 0.2  # seconds before a second attempt; twice as long before each further one


@dataclass(slots=True)
class _Tried:
    """An attempt's result. error: why it failed, "" if it did not."""

    output: StepOutput | None
    error: str
    attempts: int


@dataclass(slots=True)
class Runner:
    """One run of a chain on a collection. models: loaded already, by the names in the chain."""

    chain: Definition
    kb: ChainCollection
    question: str
    models: Mapping[str, ChatModel]
    _values: dict[str, Any] = field(default_factory=dict)
    _hits: dict[str, Hits] = field(default_factory=dict)
    _answers: dict[str, Answer] = field(default_factory=dict)

    def stream(self) -> Iterator[StepTrace | ChainRun]:
        """Yield each step when it has ended, then the whole run. No failure of a step raises."""
        started, begun = datetime.now(UTC), time.monotonic()
        end = begun + self.chain.seconds
        self._values = {"question": self.question}
        traces: list[StepTrace] = []
        error = ""
        for step in self.chain.steps:
            trace = self._step(step, end)
            traces.append(trace)
            yield trace
            if trace.status == "failed" and step.head.on_error == "stop":
                error = f"step {step.head.name!r}: {trace.error}"
                break
        text, answer = ("", None) if error else self._answer()
        if not error and not text:
            error = "no step gave an answer"
        yield ChainRun(
            chain=self.chain.name,
            version=self.chain.version,
            digest=self.chain.digest,
            question=self.question,
            status="failed" if error else "done",
            text=text,
            answer=answer.as_dict() if answer else None,
            steps=tuple(traces),
            started=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            seconds=time.monotonic() - begun,
            error=error,
        )

    def _answer(self) -> tuple[str, Answer | None]:
        """Return the text of the first answering step that ran, and its checked answer where it has one."""
        for name in self.chain.answers:
            value = self._values.get(name, {})
            if value.get(OK) and value.get("text"):
                return str(value["text"]), self._answers.get(name)
        return "", None

    def _step(self, step: Step, end: float) -> StepTrace:
        head = step.head
        begun = time.monotonic()
        empty: dict[str, Any] = dict.fromkeys(step.fields or ())
        try:
            wanted = head.when is None or bool(head.when.value(self._values))
        except RagkitError as error:
            self._values[head.name] = {**empty, OK: False}
            return StepTrace(head.name, head.kind, "failed", empty, error=str(error))
        if not wanted:
            self._values[head.name] = {**empty, OK: False}
            return StepTrace(head.name, head.kind, "skipped", {})
        tried = self._try(step, min(end, begun + head.seconds))
        return self._taken(step, tried, time.monotonic() - begun, empty)

    def _taken(self, step: Step, tried: _Tried, seconds: float, empty: Mapping[str, Any]) -> StepTrace:
        """Store a step's output, or its replacement, and return its trace."""
        head, output = step.head, tried.output
        value: Mapping[str, Any] = output.value if output else empty
        if tried.error and head.on_error == "default" and head.default is not None:
            value = {**empty, **head.default}
        self._values[head.name] = {**value, OK: not tried.error or head.on_error == "default"}
        if output is not None and output.hits is not None:
            self._hits[head.name] = output.hits
        if output is not None and output.answer is not None:
            self._answers[head.name] = output.answer
        failed: StepStatus = "default" if head.on_error == "default" else "failed"
        prompt = output.prompt if output else None
        return StepTrace(
            name=head.name,
            kind=head.kind,
            status=failed if tried.error else "done",
            output=value,
            model=output.model if output else "",
            messages=shown_messages(prompt),
            template=prompt.template if prompt else None,
            tokens=self._tokens(output) if output else {},
            attempts=tried.attempts,
            error=tried.error,
            seconds=seconds,
        )

    def _tokens(self, output: StepOutput) -> dict[str, int]:
        if output.tokens or output.prompt is None:
            return dict(output.tokens)
        counter = Tools(self.kb, self.question, self.models, self._hits, 0.0, 0.0).counter()
        return {"in": output.prompt.tokens["total"], "out": counter.count(output.text)}

    def _try(self, step: Step, end: float) -> _Tried:
        """Run a step until it succeeds, its attempts are used up or its time is over. Only calls of models are
        retried."""
        head = step.head
        tools = Tools(self.kb, self.question, self.models, self._hits, end, head.seconds)
        for attempt in range(1, head.retries + 2):
            try:
                tools.left  # noqa: B018 - raises when there is no time
                output = step.run(self._values, tools)
                tools.left  # noqa: B018
                return _Tried(output, output.failed, attempt)
            except RagkitError as error:
                again = isinstance(error, ChatError) and not isinstance(error, AnswerFormatError | ChatTimeoutError)
                pause = _PAUSE * 2 ** (attempt - 1)
                if not again or attempt > head.retries or time.monotonic() + pause > end:
                    return _Tried(None, str(error), attempt)
                time.sleep(pause)
        raise AssertionError("unreachable")  # pragma: no cover
