"""A fine-tuning job of OpenAI's API through the official client: planned first, then uploaded and followed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from ragkit.chat.endpoint import Endpoint
from ragkit.errors import ChatError, ChatTimeoutError, InputError, MissingPackageError
from ragkit.finetuning.export import read_manifest
from ragkit.finetuning.formats import openai_problems

T = TypeVar("T")
FINAL: Final = frozenset({"succeeded", "failed", "cancelled"})
_EVENTS: Final = 100


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The upload of a job: two files, never the test file. epochs: 0 leaves the choice to the service.

    cost: of `cost_epochs` epochs in `currency` at the price of the model `cost_of`, None where the export had no price.
    """

    model: str
    train: Path
    validation: Path
    examples: int
    tokens: int
    cost: float | None
    epochs: int = 0
    seed: int = 0
    suffix: str = ""
    cost_epochs: int = 0
    cost_of: str = ""
    currency: str = ""

    def as_lines(self) -> list[str]:
        """Return the plan as lines of text."""
        priced = "not known: export the data with --price-of MODEL"
        if self.cost is not None:
            amount = f"about {self.cost:,.2f} {self.currency}".strip()
            priced = f"{amount} for {self.cost_epochs} epochs of {self.cost_of}"
        shown = {
            "model": self.model,
            "train": self.train,
            "validation": self.validation,
            "examples": f"{self.examples:,}",
            "tokens": f"{self.tokens:,} an epoch",
            "epochs": self.epochs or "the service decides",
            "cost": priced,
            "seed": self.seed,
            "suffix": self.suffix or "none",
        }
        return [f"{name:<11} {value}" for name, value in shown.items()]

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        shape = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return shape | {"train": str(self.train), "validation": str(self.validation)}


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as the service reports it. model: the tuned model's name, "" until it is there."""

    id: str
    status: str
    model: str
    error: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the state as JSON."""
        return {"id": self.id, "status": self.status, "model": self.model, "error": self.error}


def plan_job(folder: Path, *, model: str, epochs: int = 0, seed: int = 0, suffix: str = "") -> JobPlan:
    """Check an exported folder by OpenAI's rules and return what would be sent, without sending it.

    Raises InputError for a folder that was not exported or was changed, and for lines that the rules forbid.
    """
    manifest = read_manifest(folder)
    train, validation = folder / "train.jsonl", folder / "validation.jsonl"
    problems = openai_problems(train)
    problems += [problem for problem in openai_problems(validation) if problem.startswith("line ")]
    if problems:
        raise InputError(f"{folder} breaks OpenAI's rules: {problems[0]}", cure="export it with --format openai")
    examples, tokens, cost = manifest["examples"]["train"], manifest["tokens"]["train"], manifest["cost"]
    counted = epochs or manifest["epochs"]
    return JobPlan(
        model,
        train,
        validation,
        examples,
        tokens,
        None if cost is None else cost * counted / manifest["epochs"],
        epochs,
        seed,
        suffix,
        counted,
        manifest["model"],
        manifest.get("currency", ""),
    )


class OpenAIJobs:
    """Fine-tuning jobs of an OpenAI-compatible service."""

    def __init__(self, *, base_url: str = "", api_key: str = "", timeout: float = 60.0) -> None:
        """Connect to nothing yet. Raises MissingPackageError without the SDK, ChatError without a key."""
        try:
            import openai
        except ImportError as error:
            raise MissingPackageError("openai", purpose="ragkit finetune openai", install="'ragkit[openai]'") from error
        try:
            self._client = openai.OpenAI(
                api_key=api_key or ("none" if base_url else None),
                base_url=base_url or None,
                timeout=timeout,
                max_retries=1,
            )
        except openai.OpenAIError:
            raise ChatError("no API key is set for OpenAI", cure="set RAGKIT_CHAT_API_KEY or OPENAI_API_KEY") from None
        self._failures: type[Exception] = openai.OpenAIError
        self._endpoint = Endpoint.of("openai fine-tuning", base_url, str(self._client.api_key or ""))

    def start(self, plan: JobPlan) -> JobState:
        """Upload both files and create the job. Raises ChatError."""
        return self._called(lambda: self._start(plan))

    def _start(self, plan: JobPlan) -> JobState:
        files = []
        for path in (plan.train, plan.validation):
            with path.open("rb") as file:
                files.append(self._client.files.create(file=file, purpose="fine-tune").id)
        options = {"hyperparameters": {"n_epochs": plan.epochs}} if plan.epochs else {}
        method: Any = {"type": "supervised", "supervised": options}
        made = self._client.fine_tuning.jobs.create(
            model=plan.model,
            training_file=files[0],
            validation_file=files[1],
            seed=plan.seed,
            method=method,
            suffix=plan.suffix or None,
        )
        return _state(made)

    def state(self, job: str) -> JobState:
        """Return the present state of a job. Raises ChatError."""
        return self._called(lambda: _state(self._client.fine_tuning.jobs.retrieve(job)))

    def follow(
        self, job: str, *, report: Callable[[str], None], every: float = 15.0, seconds: float = 86_400.0
    ) -> JobState:
        """Wait for the end of a job and pass each new event on. Raises ChatError, ChatTimeoutError after `seconds`."""
        end = time.monotonic() + seconds
        seen: set[str] = set()
        while True:
            state = self.state(job)
            for number, message in self._called(lambda: self._events(job)):
                if number not in seen:
                    seen.add(number)
                    report(message)
            if state.status in FINAL:
                return state
            if time.monotonic() + every > end:
                raise ChatTimeoutError(
                    f"the job {job} is {state.status} after {seconds:g} s",
                    cure=f"ragkit finetune openai --follow {job}",
                )
            time.sleep(every)

    def _events(self, job: str) -> list[tuple[str, str]]:
        """Return (id, message) of the newest events, oldest first."""
        page = self._client.fine_tuning.jobs.list_events(job, limit=_EVENTS)
        return [(event.id, event.message) for event in reversed(page.data)]

    def _called(self, call: Callable[[], T]) -> T:
        """Return what a call returns; an SDK's error becomes a ChatError without its secrets."""
        try:
            return call()
        except self._failures as error:
            said = self._endpoint.safe(str(getattr(error, "message", "") or error))
            raise ChatError(f"{self._endpoint.label} refused: {said}", cure="check key, model and files") from None


def _state(job: Any) -> JobState:
    error = job.error.message if job.error and job.error.message else ""
    return JobState(job.id, job.status, job.fine_tuned_model or "", error)
