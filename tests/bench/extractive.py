"""Measure the extractive answers on SQuAD: the gold answer within what is quoted, refusals, support, length and time.

Each question is asked of all paragraphs, and again without its own article, where it should be refused. The five
articles that come first in the alphabet are those that weights were fitted on.

    python -m tests.bench.extractive SQUAD_FOLDER DATA [--every N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ragkit

FITTED = 5


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the lines of one of the set's files."""
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]


def article(paragraph: str) -> str:
    """Return the article that a paragraph belongs to."""
    return paragraph.rsplit("-", 1)[0]


def ask_all(
    kb: ragkit.KnowledgeBase, asked: Sequence[Mapping[str, Any]], questions: Mapping[str, str], sources: Sequence[str]
) -> dict[str, list[float]]:
    """Return a number for each question, by measure."""
    found: dict[str, list[float]] = {
        name: [] for name in ("right", "abstained", "refused", "length", "seconds", "held")
    }
    for row in asked:
        question = questions[row["_id"]]
        started = time.perf_counter()
        answer = kb.ask(question, k=5)
        found["seconds"].append(time.perf_counter() - started)
        said = answer.status != "abstained"
        found["right"].append(said and any(gold.lower() in answer.text.lower() for gold in row["answers"]))
        found["abstained"].append(not said)
        found["held"] += [citation.supported for citation in answer.citations]
        if said:
            found["length"].append(len(answer.text))
        own = [source for source in sources if article(source) == article(row["paragraph"])]
        without = kb.ask(question, k=5, where={"type": "nin", "key": "source", "value": own})
        found["refused"].append(without.status == "abstained")
    return found


def main() -> None:
    """Ask and print a line for the fitted articles and one for the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("squad", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--every", type=int, default=5, help="ask only each N-th question")
    args = parser.parse_args()
    texts = {row["_id"]: row["text"] for row in read(args.squad, "corpus")}
    questions = {row["_id"]: row["text"] for row in read(args.squad, "queries")}
    articles = sorted({article(row["paragraph"]) for row in read(args.squad, "answers")})
    with ragkit.open(args.data) as kb:
        held = {info.source for info in kb.documents()}
        kb.add([ragkit.Document.from_text(name, text) for name, text in texts.items() if name not in held])
        for label, chosen in (("fitted", articles[:FITTED]), ("others", articles[FITTED:])):
            asked = [row for row in read(args.squad, "answers") if article(row["paragraph"]) in chosen][:: args.every]
            found = ask_all(kb, asked, questions, list(texts))
            means = {name: statistics.mean(values) for name, values in found.items()}
            print(
                f"{label}: {len(asked)} questions; right {means['right']:.3f}, abstained {means['abstained']:.3f};"
                f" refused without its article {means['refused']:.2f}; citations supported {means['held']:.4f};"
                f" {means['length']:.0f} characters; median {1000 * statistics.median(found['seconds']):.0f} ms"
            )


if __name__ == "__main__":
    main()
