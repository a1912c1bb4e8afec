"""Write a folder of training data: train, validation and test files, and a manifest with digests, tokens and cost."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ragkit.advice.prices import ModelPrice
from ragkit.errors import InputError
from ragkit.files import need_new_folder, sha256_of
from ragkit.finetuning.examples import SPLITS, Collected, Prompter, Split
from ragkit.finetuning.formats import Format, chat_line, openai_problems
from ragkit.tracking.digests import package_versions

MANIFEST: Final = "manifest.json"
LEAST: Final = 20
"""Fewer examples than this are refused."""
FEW: Final = 200
"""Fewer examples than this are exported with a warning."""


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """How examples are written. count: of a text's tokens, in `encoding`. price: of the model that is tuned, if known.

    currency: of the price. epochs: how often each example is trained on. inputs: name -> digest of what the examples
    came from.
    """

    format: Format
    prompter: Prompter
    count: Callable[[str], int]
    encoding: str
    epochs: int = 3
    seed: int = 0
    price: ModelPrice | None = None
    currency: str = ""
    inputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. tokens: by split. cost: of training on the train split for all epochs, None without a price."""

    folder: Path
    counts: dict[Split, int]
    tokens: dict[Split, int]
    cost: float | None
    warnings: tuple[str, ...]
    manifest: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit export finetune --json`."""
        return {
            "folder": str(self.folder),
            "examples": self.counts,
            "tokens": self.tokens,
            "cost": self.cost,
            "warnings": list(self.warnings),
            "manifest": self.manifest,
        }


def export_examples(collected: Collected, folder: Path, plan: ExportPlan) -> Exported:
    """Write the files of the splits and the manifest to a new folder, whole or not at all.

    Raises InputError for fewer than 20 examples, an empty split, or lines that the format's rules forbid; ConflictError
    for a folder that holds something.
    """
    warnings = _checked(collected, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        exported = _write(collected, draft, folder, plan, warnings)
        draft.chmod(0o755)
        os.replace(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return exported


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an exported folder, whose train and validation files must be as they were written.

    The test file is not opened. Raises InputError for a folder without a manifest or with changed files.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        changed = [
            name
            for name in ("train.jsonl", "validation.jsonl")
            if sha256_of(folder / name) != manifest["files"][name]["sha256"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is no folder of ragkit export finetune ({error})", cure="export it again"
        ) from error
    if changed:
        raise InputError(f"{folder / changed[0]} was changed after the export", cure="export it again")
    return manifest


def _checked(collected: Collected, folder: Path) -> tuple[str, ...]:
    total = len(collected.examples)
    if total < LEAST:
        raise InputError(
            f"{total} distinct examples: under {LEAST} nothing can be learned and tested",
            cure=f"collect {FEW} or more; until then show them as few-shot examples",
        )
    empty = [split for split in SPLITS if not collected.of(split)]
    if empty:
        raise InputError(
            f"no example is in the split {empty[0]}: they come from too few documents", cure="add examples of others"
        )
    need_new_folder(folder)
    if total < FEW:
        return (f"{total} examples: under {FEW} fine-tuning seldom beats the same examples in a prompt",)
    return ()


def _write(collected: Collected, draft: Path, folder: Path, plan: ExportPlan, warnings: tuple[str, ...]) -> Exported:
    counts: dict[Split, int] = {}
    tokens: dict[Split, int] = {}
    for split in SPLITS:
        path = draft / f"{split}.jsonl"
        counts[split], tokens[split] = 0, 0
        with path.open("w", encoding="utf-8") as file:
            for example in collected.of(split):
                messages = plan.prompter(example)
                file.write(chat_line(messages, example.output) + "\n")
                counts[split] += 1
                tokens[split] += plan.count(example.output) + sum(plan.count(item.content) for item in messages)
        if plan.format == "openai" and split != "test":
            _check_rules(path, split, plan)
    trained = tokens["train"] * plan.epochs
    price = plan.price.training if plan.price else None
    cost = None if price is None else trained * price / 1_000_000
    manifest = _manifest(collected, draft, plan, {"examples": counts, "tokens": tokens, "cost": cost})
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (draft / MANIFEST).write_text(text, encoding="utf-8")
    return Exported(folder, counts, tokens, cost, warnings, manifest)


def _check_rules(path: Path, split: Split, plan: ExportPlan) -> None:
    """Raise InputError for a file that OpenAI would refuse; a small validation file is accepted."""
    problems = openai_problems(path, count=plan.count)
    if split != "train":
        problems = [problem for problem in problems if problem.startswith("line ")]
    if problems:
        raise InputError(
            f"{path.name}: {problems[0]}, and {len(problems) - 1} more problems", cure="change the examples"
        )


def _manifest(collected: Collected, draft: Path, plan: ExportPlan, totals: dict[str, Any]) -> dict[str, Any]:
    documents = {split: sorted({item.document for item in collected.of(split) if item.document}) for split in SPLITS}
    files = {f"{split}.jsonl": {"sha256": sha256_of(draft / f"{split}.jsonl")} for split in SPLITS}
    return {
        "format": plan.format,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seed": plan.seed,
        "epochs": plan.epochs,
        "encoding": plan.encoding,
        "model": plan.price.name if plan.price else "",
        "currency": plan.currency,
        "inputs": plan.inputs,
        "files": files,
        "documents": documents,
        "left_out": {"repeated": collected.repeated, "without_answer": collected.unanswered},
        "versions": package_versions(),
        **totals,
    }
