"""Write a made set as a BEIR folder, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ragkit.evaluation.datasets.beir import SPLITS
from ragkit.evaluation.datasets.meta import META
from ragkit.evaluation.datasets.structure import document_row
from ragkit.evaluation.generation.question_sets import MadeSet
from ragkit.files import need_new_folder


def save_set(made: MadeSet, folder: Path) -> None:
    """Write corpus, queries, unanswerable questions (.jsonl), qrels/*.tsv and meta.json to a new or empty folder.

    Raises ConflictError where the folder holds something. If writing fails, nothing is left behind.
    """
    need_new_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(made, draft)
        draft.chmod(0o755)
        os.replace(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _write(made: MadeSet, folder: Path) -> None:
    _write_lines(folder / "corpus.jsonl", (document_row(document) for document in made.documents))
    _write_lines(
        folder / "queries.jsonl",
        (
            {
                "_id": item.name,
                "text": item.candidate.text,
                "part": item.part,
                "kind": item.candidate.kind,
                "passages": [
                    {"document": item.document, "start": start, "end": end}
                    for start, end in ((item.candidate.start, item.candidate.end), *item.candidate.more)
                ],
                **({"answer": item.candidate.answer} if item.candidate.answer else {}),
            }
            for item in made.questions
        ),
    )
    if made.unanswerable:
        rows = ({"_id": item.name, "text": item.text, "part": item.part} for item in made.unanswerable)
        _write_lines(folder / "unanswerable.jsonl", rows)
    (folder / "qrels").mkdir()
    for part, name in SPLITS.items():
        lines = [f"{item.name}\t{item.document}\t1\n" for item in made.questions if item.part == part]
        if lines:
            text = "query-id\tcorpus-id\tscore\n" + "".join(lines)
            (folder / "qrels" / f"{name}.tsv").write_text(text, encoding="utf-8")
    (folder / META).write_text(json.dumps(made.meta, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
