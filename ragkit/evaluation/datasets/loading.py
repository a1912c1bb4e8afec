"""Recognise the kind of a data set and read it."""

from __future__ import annotations

from pathlib import Path

from ragkit.evaluation.datasets.beir import load_ranking_set
from ragkit.evaluation.datasets.lines import DatasetError
from ragkit.evaluation.datasets.meta import check_meta
from ragkit.evaluation.datasets.page_sets import FILES, load_page_set
from ragkit.evaluation.datasets.span_sets import FOLDER, load_span_set
from ragkit.evaluation.datasets.types import Dataset


def load_dataset(folder: Path, *, skip_unjudged: bool = False) -> Dataset:
    """Read a data set of any kind, recognised by the files in its folder. Raises DatasetError."""
    if (folder / "corpus.jsonl").exists() or (folder / "queries.jsonl").exists():
        dataset = load_ranking_set(folder, skip_unjudged=skip_unjudged)
        check_meta(folder, dataset)
        return dataset
    if (folder / FILES).is_dir():
        return load_page_set(folder, skip_unjudged=skip_unjudged)
    if (folder / FOLDER).is_dir():
        return load_span_set(folder, skip_unjudged=skip_unjudged)
    raise DatasetError(
        f"{folder} is no data set",
        cure="it needs corpus.jsonl, queries.jsonl and qrels/test.tsv, or questions.jsonl with pdfs/ or corpora/",
    )
