"""From a situation to advice: each step of the ladder with a verdict, its reasons and what would change it.

Facts belong in documents and behaviour may be tuned; under
100 to 200 good examples tuning fails, hundreds to thousands may do; tuning degrades general ability; and if the strong
model with prompts, examples, retrieval and chains fails, a tuned small one will fail too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from ragkit.advice.questionnaire import Situation

Step = Literal["prompting", "stronger_model", "few_shot", "rag", "chaining", "lora", "qlora", "full_tuning"]
Verdict = Literal["do", "keep", "maybe", "later", "no"]
FEW_EXAMPLES: Final = 200
"""Below this many good examples tuning is not advised."""
MANY_EXAMPLES: Final = 1_000
FULL_EXAMPLES: Final = 5_000
"""Below this many examples all weights are not tuned: an adapter has enough room and forgets less."""
HELD_OUT: Final = 50
"""Below this many held-out questions a gain cannot be distinguished from chance (95 % interval about ±14 points at
50)."""
TUNING_VOLUME: Final = 20_000
"""Below this many interactions a month the saving of a tuned model seldom pays for its hosting."""
QLORA_GB: Final = 24
FULL_GB: Final = 80
_BEHAVIOUR: Final = ("format", "style", "domain_language", "latency", "cost")


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A step with its verdict. reasons: why. changed_by: the evidence that would change it. command: how to do it."""

    step: Step
    verdict: Verdict
    reasons: tuple[str, ...]
    changed_by: tuple[str, ...]
    command: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the recommendation as JSON."""
        return {
            "step": self.step,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "changed_by": list(self.changed_by),
            "command": self.command,
        }


@dataclass(frozen=True, slots=True)
class Advice:
    """The recommendations in the order of the ladder. stop: the stop rule, "" where it does not hold."""

    recommendations: tuple[Recommendation, ...]
    stop: str = ""

    @property
    def next_step(self) -> Step | None:
        """The first step with the verdict "do"; None when every one is done."""
        return next((item.step for item in self.recommendations if item.verdict == "do"), None)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit advise --json`."""
        return {
            "next": self.next_step,
            "stop": self.stop,
            "recommendations": [item.as_dict() for item in self.recommendations],
        }


def advise(situation: Situation) -> Advice:
    """Return the verdict on each step for a situation."""
    rules: tuple[Callable[[Situation], Recommendation], ...] = (
        _prompting, _rag, _few_shot, _chaining, _stronger_model, _lora, _qlora, _full_tuning,
    )  # fmt: skip
    stop = ""
    if situation.strong_model == "fails" and not _untried(situation):
        stop = (
            "the strong model with prompt, examples, retrieval and chain fails on these questions: a tuned small model"
            " will fail too. Change the task, the documents or the questions first"
        )
    return Advice(tuple(rule(situation) for rule in rules), stop)


def _untried(situation: Situation) -> list[str]:
    """Return the steps below tuning that this situation needs and that were not measured yet."""
    wanted = ["prompt"]
    if "facts" in situation.needs:
        wanted.append("rag")
    if {"format", "style"} & set(situation.needs):
        wanted.append("few_shot")
    if "steps" in situation.needs:
        wanted.append("chain")
    if situation.strong_model == "untested":
        wanted.append("strong_model")
    return [step for step in wanted if step not in situation.tried]


def _prompting(situation: Situation) -> Recommendation:
    done = "prompt" in situation.tried
    return Recommendation(
        "prompting",
        "keep" if done else "do",
        ("it was measured and is the base of all else",)
        if done
        else (
            "most complaints end with a clear prompt: who reads, what must be in, what must not; it costs an afternoon",
        ),
        ("a run of `ragkit eval answers` in which closed-book answers are right often enough ends the climb here",),
        "ragkit eval answers QUESTIONS --approach closed-book",
    )


def _rag(situation: Situation) -> Recommendation:
    command = "ragkit eval answers QUESTIONS --approach closed-book --approach rag"
    if "facts" not in situation.needs:
        reason = "facts are not what falls short"
        return Recommendation("rag", "no", (reason,), ("wrong facts in closed-book answers",), command)
    reasons = ["the model lacks facts: they belong in documents, where they are edited in seconds"]
    if situation.change in ("monthly", "weekly", "daily"):
        reasons.append(f"the facts change {situation.change}: weights are stale until the next training run")
    if situation.deletable:
        reasons.append("facts must be deleted or traced: weights allow neither")
    verdict: Verdict = "keep" if "rag" in situation.tried else "do"
    return Recommendation(
        "rag", verdict, tuple(reasons), ("closed-book answers that are as good on held-out questions",), command
    )


def _few_shot(situation: Situation) -> Recommendation:
    command = "ragkit eval answers QUESTIONS --examples examples.jsonl --approach rag --approach few-shot-rag"
    wanted = {"format", "style", "domain_language"} & set(situation.needs)
    if "few_shot" in situation.tried:
        return Recommendation(
            "few_shot", "keep", ("it was measured",), ("a run without examples that is as good",), command
        )
    if not wanted:
        reason = "neither format nor style falls short"
        return Recommendation("few_shot", "no", (reason,), ("answers with right facts in the wrong form",), command)
    reasons = [f"{', '.join(sorted(wanted))} falls short: 3 to 10 examples show it better than a description"]
    if not situation.examples:
        reasons.append("no example is there yet: write five, and keep them apart from the test questions")
    return Recommendation("few_shot", "do", tuple(reasons), ("no gain over the prompt without examples",), command)


def _chaining(situation: Situation) -> Recommendation:
    if "chain" in situation.tried:
        return Recommendation(
            "chaining", "keep", ("it was measured",), ("one prompt that is as good, with fewer calls",)
        )
    if "steps" not in situation.needs:
        changed = ("answers that fail in one of several steps, such as an extraction before a calculation",)
        return Recommendation("chaining", "no", ("the task is one step",), changed)
    reasons = ["the task has steps: each gets a prompt and a test of its own, and errors show where they arise"]
    if situation.latency_ms and situation.latency_ms < 2_000:
        reasons.append(f"but each step adds a call, and {situation.latency_ms:,} ms leave room for one or two")
    return Recommendation("chaining", "do", tuple(reasons), ("a single prompt that is right as often",))


def _stronger_model(situation: Situation) -> Recommendation:
    command = "ragkit eval answers QUESTIONS --approach rag --model MODEL"
    if situation.strong_model == "untested":
        reason = "a strong model with the same prompt shows whether the task can be solved at all"
        changed = ("a strong model that is not better on held-out questions",)
        return Recommendation("stronger_model", "do", (reason,), changed, command)
    if situation.strong_model == "fails":
        reason = "the strongest model was tried and fails"
        return Recommendation("stronger_model", "no", (reason,), ("a newer model",), command)
    if {"latency", "cost"} & set(situation.needs):
        reason = "it solves the task, but is too slow or too expensive: its answers can become training data"
        return Recommendation("stronger_model", "keep", (reason,), ("a cheaper model that is as good",), command)
    reason = "it solves the task: stop here unless cost or latency forbid it"
    return Recommendation("stronger_model", "keep", (reason,), ("a cost or a latency above the limit",), command)


def _obstacles(situation: Situation) -> list[str]:
    """Return the reasons against any tuning now."""
    found = []
    if situation.examples < FEW_EXAMPLES:
        found.append(f"{situation.examples:,} good examples are too few: tuning takes hundreds to thousands")
    if situation.held_out < HELD_OUT:
        found.append(f"{situation.held_out:,} held-out questions cannot show a gain; keep {HELD_OUT} or more aside")
    if not set(_BEHAVIOUR) & set(situation.needs):
        found.append("what falls short is facts or reasoning: tuning teaches behaviour, not facts")
    if situation.strong_model == "fails":
        found.append("the strong model fails: a tuned small one will too")
    if situation.strong_model == "untested":
        found.append("the strong model is untested: nobody knows yet whether the task can be solved")
    missing = _untried(situation)
    if missing:
        found.append(f"cheaper steps were not measured yet: {', '.join(missing)}")
    if situation.people == "nobody":
        found.append("nobody is there to prepare data, train and host")
    return found


def _cautions(situation: Situation) -> list[str]:
    """Return the reasons that lower the gain of tuning without ruling it out."""
    found = []
    if situation.tasks > 3:
        found.append(f"{situation.tasks} kinds of task: tuning for some degrades general ability for the others")
    if situation.volume < TUNING_VOLUME:
        found.append(f"{situation.volume:,} interactions a month seldom pay for hosting; see ragkit cost")
    if situation.change in ("weekly", "daily"):
        found.append(f"facts change {situation.change}: tune the behaviour and keep retrieval for the facts")
    if situation.examples < MANY_EXAMPLES:
        found.append("hundreds of examples may do for one narrow task; watch the validation loss")
    return found


_TUNING_CHANGED: Final = (
    f"{FEW_EXAMPLES} to {MANY_EXAMPLES:,} reviewed examples of one behaviour",
    "a strong model that succeeds but is too expensive or too slow at the measured volume",
    "a gain over RAG with examples, on a test set that nobody has seen",
)


def _lora(situation: Situation) -> Recommendation:
    obstacles = _obstacles(situation)
    verdict: Verdict = "no" if obstacles else "maybe" if _cautions(situation) else "do"
    reasons = tuple(
        obstacles or _cautions(situation) or ("enough examples of a behaviour, a solved task and a volume that pays",)
    )
    return Recommendation(
        "lora", verdict, reasons, _TUNING_CHANGED, "ragkit export finetune EXAMPLES OUT --format messages"
    )


def _qlora(situation: Situation) -> Recommendation:
    base = _lora(situation)
    if base.verdict == "no":
        return Recommendation("qlora", "no", ("as LoRA, of which it is the form for small GPUs",), _TUNING_CHANGED)
    if 0 < situation.gpu_gb <= QLORA_GB:
        reason = (
            f"{situation.gpu_gb} GB of GPU memory: 4-bit weights make room for a model of 7 to 8 billion parameters"
        )
        return Recommendation("qlora", base.verdict, (reason,), ("a GPU with more memory: plain LoRA is faster",))
    reason = (
        "no GPU is at hand"
        if not situation.gpu_gb
        else "the memory suffices for plain LoRA, which loses nothing to 4 bits"
    )
    return Recommendation("qlora", "no", (reason,), (f"a GPU of at most {QLORA_GB} GB",))


def _full_tuning(situation: Situation) -> Recommendation:
    base = _lora(situation)
    changed = (f"{FULL_EXAMPLES:,} examples or more, a team, and LoRA that falls short of them",)
    if base.verdict == "no":
        return Recommendation("full_tuning", "no", ("as LoRA, and it costs and forgets more",), changed)
    against = []
    if situation.examples < FULL_EXAMPLES:
        against.append(
            f"{situation.examples:,} examples: under {FULL_EXAMPLES:,} an adapter learns as much and forgets less"
        )
    if situation.people != "team":
        against.append("it takes a team that evaluates and hosts a model of its own")
    if situation.gpu_gb < FULL_GB:
        against.append(
            f"{situation.gpu_gb} GB of GPU memory: all weights of a 7-billion model take {FULL_GB} GB and more"
        )
    verdict: Verdict = "later" if against else "maybe"
    reasons = tuple(against or ("examples, people and memory suffice; try LoRA first and compare",))
    return Recommendation("full_tuning", verdict, reasons, changed)
