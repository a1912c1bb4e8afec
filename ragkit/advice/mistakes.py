"""Checks of the user's data for common mistakes of fine-tuning: too little data, leaks, overfitting, no versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from ragkit.errors import InputError
from ragkit.evaluation.datasets.lines import Line, read_jsonl
from ragkit.prompting.near_texts import NearTexts

Severity = Literal["error", "warning"]
TRAIN: Final = ("train.jsonl",)
HELD_OUT: Final = ("validation.jsonl", "test.jsonl")
HISTORY: Final = "history.jsonl"
MANIFEST: Final = "manifest.json"
LEAST: Final = 20
FEW: Final = 200
_RISE: Final = 0.02  # a validation loss this much above its least, relative, while the training loss falls


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake that was found.

    kind: too_little_data, no_held_out_set, leak, duplicates, overfitting or no_versions.
    """

    kind: str
    severity: Severity
    detail: str
    cure: str

    def as_dict(self) -> dict[str, str]:
        """Return the mistake as JSON."""
        return {"kind": self.kind, "severity": self.severity, "detail": self.detail, "cure": self.cure}


def find_mistakes(path: Path) -> list[Mistake]:
    """Look at examples.jsonl, or at a folder with train.jsonl and the files beside it.

    Raises InputError for a path that is neither, DatasetError for a malformed line.
    """
    if path.is_file():
        texts = _texts(path)
        return [
            *_amount(texts, path.name),
            *_repeated(texts, path.name),
            _no_held_out(path.name),
            _no_versions(path.name),
        ]
    train = path / TRAIN[0]
    if not train.is_file():
        raise InputError(f"{path} has no {TRAIN[0]}", cure="name examples.jsonl, or a folder of ragkit export finetune")
    texts = _texts(train)
    found = [*_amount(texts, train.name), *_repeated(texts, train.name), *_leaks(path, texts)]
    if not (path / "test.jsonl").is_file():
        found.append(_no_held_out(path.name))
    if not (path / MANIFEST).is_file():
        found.append(_no_versions(path.name))
    if (path / HISTORY).is_file():
        found += _overfitting(list(read_jsonl(path / HISTORY)))
    return found


def _amount(texts: Sequence[str], name: str) -> Iterable[Mistake]:
    if len(texts) < LEAST:
        yield Mistake("too_little_data", "error", f"{name} has {len(texts)} examples", f"collect {FEW} at least")
    elif len(texts) < FEW:
        detail = f"{name} has {len(texts)} examples, under {FEW}: tuning seldom helps"
        yield Mistake("too_little_data", "warning", detail, "collect more, or show them as few-shot examples")


def _repeated(texts: Sequence[str], name: str) -> Iterable[Mistake]:
    held = NearTexts()
    count = 0
    for text in texts:
        count += held.find(text) is not None
        held.add(text)
    if count:
        detail = f"{count:,} of the {len(texts):,} examples of {name} repeat another one"
        yield Mistake("duplicates", "warning", detail, "ragkit export finetune takes them out")


def _leaks(folder: Path, train: Sequence[str]) -> Iterable[Mistake]:
    held = NearTexts(train)
    for name in HELD_OUT:
        if (folder / name).is_file():
            texts = _texts(folder / name)
            count = sum(held.find(text) is not None for text in texts)
            if count:
                detail = f"{count:,} of the {len(texts):,} examples of {name} are in {TRAIN[0]}, or nearly"
                yield Mistake("leak", "error", detail, "split by document: ragkit export finetune does")


def _no_held_out(name: str) -> Mistake:
    detail = f"{name} has no held-out test set: the gain of tuning cannot be measured"
    return Mistake("no_held_out_set", "error", detail, "ragkit export finetune splits train, validation and test")


def _no_versions(name: str) -> Mistake:
    detail = f"{name} has no manifest: later, nobody knows which data a model has seen"
    return Mistake("no_versions", "warning", detail, "ragkit export finetune writes one with digests")


def _overfitting(history: Sequence[Line]) -> Iterable[Mistake]:
    """Compare the last validation loss with the least one, and the training loss over the same steps."""
    losses = [(line.row.get("eval_loss"), line.row.get("loss")) for line in history]
    held = [float(value) for value, _ in losses if isinstance(value, int | float)]
    seen = [float(value) for _, value in losses if isinstance(value, int | float)]
    if len(held) < 2 or held[-1] <= min(held) * (1 + _RISE):
        return
    falling = len(seen) >= 2 and seen[-1] < seen[0]
    detail = f"the validation loss rose from {min(held):.4g} to {held[-1]:.4g}"
    detail += f" while the training loss fell from {seen[0]:.4g} to {seen[-1]:.4g}" if falling else ""
    yield Mistake("overfitting", "error", detail, "stop early at the least validation loss, or add data and dropout")


def _texts(path: Path) -> list[str]:
    """Return the question of each example: `input`, or the user's messages of a chat format."""
    return [_asked(line) for line in read_jsonl(path)]


def _asked(line: Line) -> str:
    messages = line.row.get("messages")
    if messages is None:
        return line.text("input")
    if not isinstance(messages, list) or not all(isinstance(item, Mapping) for item in messages):
        raise line.error("'messages' is not a list of objects")
    return "\n".join(_content(item) for item in messages if item.get("role") == "user")


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
