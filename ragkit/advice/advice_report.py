"""Advice as lines of text for people."""

from __future__ import annotations

from typing import Final

from ragkit.advice.rules import Advice, Step, Verdict

TITLES: Final[dict[Step, str]] = {
    "prompting": "a better prompt",
    "rag": "retrieval (RAG)",
    "few_shot": "few-shot examples",
    "chaining": "a chain of prompts",
    "stronger_model": "a stronger model",
    "lora": "fine-tuning with LoRA",
    "qlora": "fine-tuning with QLoRA (4-bit)",
    "full_tuning": "full fine-tuning",
}
VERDICTS: Final[dict[Verdict, str]] = {
    "do": "do it now",
    "keep": "keep it",
    "maybe": "maybe",
    "later": "not yet",
    "no": "no",
}


def advice_lines(advice: Advice) -> list[str]:
    """Return the advice: the next step first, then every step with its verdict, reasons and what would change it."""
    step = advice.next_step
    lines = [f"Next: {TITLES[step]}." if step else "Next: nothing that was not done; measure what you have."]
    if advice.stop:
        lines.append(f"Stop: {advice.stop}.")
    for item in advice.recommendations:
        lines += ["", f"{TITLES[item.step]}: {VERDICTS[item.verdict]}"]
        lines += [f"  because {reason}" for reason in item.reasons]
        lines += [f"  changed by {evidence}" for evidence in item.changed_by]
        if item.command and item.verdict != "no":
            lines.append(f"  {item.command}")
    return lines
