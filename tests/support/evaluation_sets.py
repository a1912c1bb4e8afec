"""Small data sets of every kind, written to a folder, for the tests of evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ragkit.errors import ExtractionError
from ragkit.text.cleaning import clean_text
from ragkit.types.documents import Document, Page

TOPICS = {
    "refunds": "The refund window is thirty days from delivery. Unused goods go back to the Bergen warehouse.",
    "shipping": "Parcels leave the harbour every Monday morning. A courier carries them to the customer.",
    "probes": "The conductivity probe is calibrated with a buffer solution. Calibration lasts three months.",
    "travel": "Flights longer than eight hours may be booked in premium class. Trains are preferred.",
    "garden": "Roses are pruned in early spring. The gardener waters the greenhouse at dawn.",
}
QUESTIONS = {
    "q1": ("How long is the refund window?", "refunds"),
    "q2": ("When do parcels leave the harbour?", "shipping"),
    "q3": ("How is the conductivity probe calibrated?", "probes"),
    "q4": ("Which flights may be booked in premium class?", "travel"),
    "q5": ("When are roses pruned?", "garden"),
}
FOREIGN = {
    "f1": "Who painted the ceiling of the Sistine Chapel?",
    "f2": "What is the boiling point of tungsten?",
    "f3": "Which chess opening begins with e4 c5?",
    "f4": "How many moons does Jupiter have?",
}


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_qrels(path: Path, rows: Iterable[tuple[str, str, int]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "query-id\tcorpus-id\tscore\n" + "".join(f"{query}\t{document}\t{grade}\n" for query, document, grade in rows),
        encoding="utf-8",
    )
    return path


def write_beir(folder: Path) -> Path:
    write_jsonl(folder / "corpus.jsonl", ({"_id": name, "title": "", "text": text} for name, text in TOPICS.items()))
    write_jsonl(folder / "queries.jsonl", ({"_id": name, "text": text} for name, (text, _) in QUESTIONS.items()))
    write_qrels(folder / "qrels" / "test.tsv", ((name, document, 1) for name, (_, document) in QUESTIONS.items()))
    return folder


def write_parted_beir(folder: Path) -> Path:
    """As BEIR lays parts out: q1 and q2 in train.tsv, q3 in dev.tsv, q4 and q5 in test.tsv."""
    write_beir(folder)
    rows = [(name, document, 1) for name, (_, document) in QUESTIONS.items()]
    write_qrels(folder / "qrels" / "train.tsv", rows[:2])
    write_qrels(folder / "qrels" / "dev.tsv", rows[2:3])
    write_qrels(folder / "qrels" / "test.tsv", rows[3:])
    return folder


def write_unanswerable(path: Path) -> Path:
    return write_jsonl(path, ({"_id": name, "text": text} for name, text in FOREIGN.items()))


def write_pages(folder: Path) -> Path:
    """Two "PDFs" whose pages are their lines; the reader below reads them."""
    pdfs = folder / "pdfs"
    pdfs.mkdir(parents=True)
    (pdfs / "one.pdf").write_text("\n".join(list(TOPICS.values())[:3]), encoding="utf-8")
    (pdfs / "two.pdf").write_text("\n".join(list(TOPICS.values())[3:]), encoding="utf-8")
    places = {
        "q1": ("one.pdf", 0),
        "q2": ("one.pdf", 1),
        "q3": ("one.pdf", 2),
        "q4": ("two.pdf", 0),
        "q5": ("two.pdf", 1),
    }
    write_jsonl(
        folder / "questions.jsonl",
        (
            {
                "_id": name,
                "question": QUESTIONS[name][0],
                "evidence": [{"document": document, "page_index": page}],
            }
            for name, (document, page) in places.items()
        ),
    )
    return folder


def read_lines_as_pages(path: Path, *, source: str) -> Document:
    """Read a file whose lines are pages, as a reader of PDFs would; one that holds "broken" is damaged."""
    text = clean_text(path.read_text(encoding="utf-8"))
    if "broken" in text:
        raise ExtractionError("damaged", "no cross-reference table")
    starts = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]
    return Document(source=source, text=text, media_type="application/pdf", pages=tuple(Page(at) for at in starts))


def write_spans(folder: Path, *, newline: str = "\n\n") -> Path:
    """Two corpora, with the sentence that answers each question as its range."""
    corpora = {"office": ["refunds", "shipping", "probes"], "leisure": ["travel", "garden"]}
    rows = []
    for corpus, topics in corpora.items():
        text = newline.join(TOPICS[topic] for topic in topics)
        path = folder / "corpora" / f"{corpus}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        for question, topic in QUESTIONS.values():
            if topic in topics:
                content = TOPICS[topic].split(". ")[0] + "."
                start = text.index(content)
                reference = {"content": content, "start_index": start, "end_index": start + len(content)}
                rows.append({"corpus": corpus, "question": question, "references": [reference]})
    write_jsonl(folder / "questions.jsonl", rows)
    return folder
