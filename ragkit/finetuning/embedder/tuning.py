"""From a question set to a tuned embedding model: train on one part, choose on the second, measure on the third."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from ragkit.embedding.loading import load_embedder
from ragkit.embedding.model_files import find_model, weights_sha256
from ragkit.errors import AdapterRefusedError, InputError
from ragkit.evaluation.datasets.beir import load_ranking_set
from ragkit.evaluation.datasets.meta import check_meta
from ragkit.evaluation.datasets.types import Choice, RankingSet, part_of
from ragkit.evaluation.evaluate import Options, measure_dataset
from ragkit.evaluation.measures.runner import Workbench, fill
from ragkit.files import need_new_folder
from ragkit.finetuning.embedder.pairs import make_pairs, with_negatives
from ragkit.finetuning.embedder.training import EmbedderConfig, Progress, tune_model
from ragkit.numeric.statistics import mean_interval, paired_test
from ragkit.settings import Settings

METRIC: Final = "ndcg@10"
EVIDENCE: Final = "ragkit-tuning.json"
_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """How an embedder is tuned and judged. settings: chunking, retrieval and the model to start from."""

    settings: Settings
    config: EmbedderConfig
    progress: Progress


def tune_embedder(folder: Path, out: Path, *, options: TuneOptions) -> dict[str, Any]:
    """Tune the model of the settings on the tuning part of a set, and write it to `out`; return the evidence.

    The validation part chooses the epoch. The test part, seen once, decides: AdapterRefusedError unless nDCG@10 of the
    whole search rises (95 % interval above 0 and p below 0.05), and then nothing is written. Raises InputError for a
    set without the three parts, ConflictError for an `out` that holds something.
    """
    need_new_folder(out)
    dataset = load_ranking_set(folder, skip_unjudged=True)
    check_meta(folder, dataset)
    parts = {query.part for query in dataset.queries.values()}
    if not {"tune", "validate", "test"} <= parts:
        raise InputError(f"{folder} has no tuning, validation and test part", cure="make it with ragkit eval make")
    base = find_model(options.settings.model)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as place:
        draft = Path(place) / "model"
        before, training = _trained(dataset, base.path, draft, options)
        after = _scores(dataset, Path(place) / "tuned", _with_model(options.settings, draft), options.progress)
        evidence = _evidence(dataset, before, after)
        evidence |= {
            "base": base.name,
            "base_weights_sha256": weights_sha256(base),
            "config": asdict(options.config),
            "training": training,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        if not (evidence["interval"][0] > 0 and evidence["p"] < _LEVEL):
            raise AdapterRefusedError(
                f"the tuned model does not help on held-out questions: {describe_gain(evidence)}",
                cure="nothing was written; give more questions, or keep the model",
                evidence=evidence,
            )
        (draft / EVIDENCE).write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
        if out.exists():
            out.rmdir()
        shutil.move(str(draft), out)
    evidence["fingerprint"] = load_embedder(_with_model(options.settings, out).model).fingerprint.id
    return evidence


def describe_gain(evidence: dict[str, Any]) -> str:
    """Return the figures in one line."""
    low, high = evidence["interval"]
    return (
        f"nDCG@10 {evidence['before']:.4f} before and {evidence['after']:.4f} after, difference"
        f" {evidence['difference']:+.4f} [{low:+.4f}, {high:+.4f}], p {evidence['p']:.4f}, on {evidence['questions']:,}"
        f" test questions"
    )


def _with_model(settings: Settings, folder: Path) -> Settings:
    return replace(settings, model=replace(settings.model, name=str(folder.resolve())))


def _trained(
    dataset: RankingSet, base: Path, draft: Path, options: TuneOptions
) -> tuple[dict[str, float], dict[str, Any]]:
    """Measure the base model on the test part, train, and write the tuned model; return both results."""
    settings = options.settings
    with Workbench(str(draft.parent / "base"), settings=settings) as bench:
        kb = bench.open(dataset.name)
        fill(kb, dataset.documents, len(dataset.documents), options.progress)
        embedder = load_embedder(settings.model)
        pairs = {
            part: make_pairs(dataset, part=part, embedder=embedder, settings=settings.chunk)
            for part in ("tune", "validate")
        }
        train, held = with_negatives(pairs["tune"], kb), with_negatives(pairs["validate"], kb)
    before = _scores(dataset, draft.parent / "base", settings, options.progress)
    result = tune_model(base, draft, train=train, held=held, config=options.config, progress=options.progress)
    training = asdict(result) | {"pairs": len(train), "validation_pairs": len(held)}
    return before, training


def _scores(dataset: RankingSet, folder: Path, settings: Settings, progress: Progress) -> dict[str, float]:
    """Return nDCG@10 of the whole search for each question of the test part."""
    folder.mkdir(exist_ok=True)
    with Workbench(str(folder), settings=settings) as bench:
        reported = part_of(dataset, "test")
        result = measure_dataset(dataset, reported, Choice("test"), bench=bench, options=Options(progress=progress))
    return dict(result.measured.metrics[METRIC])


def _evidence(dataset: RankingSet, before: dict[str, float], after: dict[str, float]) -> dict[str, Any]:
    differences = [after[name] - before[name] for name in before]
    return {
        "dataset": dataset.name,
        "dataset_sha256": dataset.digest,
        "questions": len(differences),
        "before": fmean(before.values()),
        "after": fmean(after.values()),
        "difference": fmean(differences),
        "interval": list(mean_interval(differences)),
        "p": paired_test(differences),
    }
