"""Ask a collection that has grown, rebuild it from its database alone, and ask again: the same answers.

    python -m tests.faults.rebuild --chunks 100000
    python -m tests.faults.rebuild --data FOLDER

FOLDER is copied, not touched. Its caches are brought to where they stand after documents came, changed and went: dense
files with rows marked as gone and rows in memory, words in several segments. Then `collection.sqlite`, and nothing
else, goes into a new data folder. Questions of seven kinds are asked of both, under each kind of dense index.

Held to be equal, bit by bit: ids, word statistics, the weight of terms, the terms of chunks, their vectors and cosines.
Then every answer for which both have the same candidates: passages in order, and scores to `TOLERANCE`; ties may change
places. Candidates themselves may differ at their end, see `Report`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

import ragkit
from ragkit import Hits
from ragkit.embedding.base import Embedder
from ragkit.embedding.loading import load_embedder
from ragkit.index.cache import Snapshot
from ragkit.index.dense import quantizer
from ragkit.retrieval.fusion import CONFIDENCE_SLOPE
from ragkit.retrieval.retriever import Retriever
from ragkit.settings import ModelSettings, RetrievalSettings
from ragkit.store.base import Reader
from ragkit.store.filters import parse_filter
from ragkit.store.sqlite.catalog import collection_folder
from ragkit.testing import HashEmbedder
from tests.bench.made import Base, make, read_base
from tests.faults.grown import CONTROLS, Question, alone, base_of_pages, grow, questions_about, settings_of

TOLERANCE: Final = 1e-6
"""Of scores, each 0 to 1. Both sides are computed from the same float16 vectors and the same counts by the same code;
what may differ is the order in which float32 and float64 numbers are added, for candidates stand in other places: 2e-7
for a cosine of 384 products. Scores are shown with six decimals."""
K: Final = 10
CANDIDATES: Final = RetrievalSettings().candidates
FACT: Final = " differ between the indexes"
CONFIDENCE: Final = CONFIDENCE_SLOPE / 4
"""The logistic curve of the confidence is at most so steep."""

Ids = NDArray[np.int64]
Passages = list[tuple[tuple[str, int], tuple[float, float, float]]]
"""(source, start) of a chunk, and its score, dense side and lexical side."""


@dataclass(frozen=True, slots=True)
class Answer:
    """hits: best first. near, words: the candidates' ids. recall: how many of `near` are truly the nearest, 0 to 1."""

    hits: Passages
    confidence: float
    near: frozenset[int] = frozenset()
    words: frozenset[int] = frozenset()
    recall: float = 1.0

    @property
    def candidates(self) -> frozenset[int]:
        """The chunks that were scored."""
        return self.near | self.words

    def overlap(self, other: Answer) -> float:
        """Return which share of the passages is in both."""
        mine, theirs = ({key for key, _ in hits} for hits in (self.hits, other.hits))
        return len(mine & theirs) / max(len(mine), len(theirs), 1) if mine or theirs else 1.0


@dataclass(slots=True)
class Report:
    """What was found. equal: questions answered alike, in order and within the tolerance.

    near_differ, words_differ: questions whose dense or lexical candidates were not the same: codes without a quantizer
    in the store, of a forced kind say, are relative to one that was trained on other rows; tantivy's mean length counts
    chunks that are gone. different: of these, what was answered otherwise; again: their numbers.
    They are asked again among the candidates of both, and must be equal then. largest: difference of scores of equal
    answers. same_first: questions with the same best passage; overlap: the share of passages that both have.
    """

    dense: str = ""
    chunks: int = 0
    tail: int = 0
    gone: int = 0
    questions: int = 0
    hits: int = 0
    equal: int = 0
    ties: int = 0
    same_first: int = 0
    overlap: float = 0.0
    near_differ: int = 0
    words_differ: int = 0
    largest: float = 0.0
    recall_before: float = 0.0
    recall_after: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    equal_kinds: Counter[str] = field(default_factory=Counter)
    again: list[int] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


class Remembering:
    """A model that embeds a question once: a model itself may say something else the next time, in the fifth decimal
    (once a form for short questions is made, openvino computes in another order, in bfloat16)."""

    def __init__(self, model: Embedder) -> None:
        self._model = model
        self._known: dict[str, NDArray[np.float32]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows (n, d)."""
        for text in texts:
            if text not in self._known:
                self._known[text] = self._model.embed_queries([text])[0]
        return np.stack([self._known[text] for text in texts])


# --------------------------------------------------------------------- asking


@dataclass(frozen=True, slots=True)
class State:
    """What a collection says: the indexes' own facts, and an answer to each question."""

    facts: dict[str, Any]
    answers: list[Answer]
    tail: int
    gone: int


def ask_all(data: Path, questions: Sequence[Question], embedder: Embedder, *, kind: str) -> State:
    """Open a collection as a user does, and ask it everything."""
    settings = settings_of(kind, embedder.fingerprint.model)
    with ragkit.open(data, embedder=embedder, settings=settings, create=False) as kb:
        answers = []
        kb.search("warm")
        with kb._store.read() as reader:
            snapshot = kb._indexes.snapshot(reader.chunks)
            ids = reader.chunks.all_chunk_ids()
            matrix = reader.chunks.vectors(ids).astype(np.float16).astype(np.float32)
            for question in questions:
                hits = kb.search(question.text, k=K, where=question.where)
                query = embedder.embed_queries([question.text])[0]
                answers.append(_with_candidates(question, query, hits, reader, snapshot, (ids, matrix)))
            facts = _facts(reader, snapshot, questions, embedder)
        return State(facts, answers, snapshot.dense.added, snapshot.dense.removed)


def ask_among(data: Path, questions: Sequence[tuple[Question, Ids]], embedder: Embedder, *, kind: str) -> list[Answer]:
    """Ask questions among given chunks, all of which are candidates."""
    settings = settings_of(kind, embedder.fingerprint.model)
    retriever = Retriever(lambda: embedder, replace(settings.retrieval, candidates=1_000), settings.model)
    with ragkit.open(data, embedder=embedder, settings=settings, create=False) as kb, kb._store.read() as reader:
        snapshot = kb._indexes.snapshot(reader.chunks)
        found = [
            retriever.retrieve(question.text, reader=reader, snapshot=snapshot, k=K, allowed=among)
            for question, among in questions
        ]
        return [Answer(passages_of(hits), hits.confidence) for hits in found]


def passages_of(hits: Hits) -> Passages:
    """Return what is compared of an answer."""
    return [((hit.source, hit.start), (hit.score, hit.scores["dense"], hit.scores["lexical"])) for hit in hits]


def _with_candidates(
    question: Question,
    query: NDArray[np.float32],
    hits: Hits,
    reader: Reader,
    snapshot: Snapshot,
    everything: tuple[Ids, NDArray[np.float32]],
) -> Answer:
    """Return an answer with the candidates that it was chosen from, as retrieval asks for them."""
    condition = parse_filter(question.where)
    allowed = None if condition is None else reader.chunks.select(condition)
    near, _ = snapshot.dense.search(query, CANDIDATES, allowed=allowed)
    words, _ = snapshot.lexical.search(question.text, CANDIDATES, allowed=allowed)
    ids, matrix = everything
    rough = matrix @ query
    if allowed is not None:
        rough[~np.isin(ids, allowed)] = -2
    least = np.partition(rough, len(rough) - len(near))[len(rough) - len(near)] if len(near) else 0.0
    true = rough[np.searchsorted(ids, near)] >= least - TOLERANCE
    recall = float(true.mean()) if len(near) else 1.0
    return Answer(passages_of(hits), hits.confidence, frozenset(near.tolist()), frozenset(words.tolist()), recall)


def _facts(reader: Reader, snapshot: Snapshot, questions: Sequence[Question], embedder: Embedder) -> dict[str, Any]:
    """Return what both must say exactly, whatever their files are like."""
    ids = reader.chunks.all_chunk_ids()
    some = ids[:: max(len(ids) // 2_000, 1)]
    lexical = snapshot.lexical
    terms = sorted({term for text in lexical.terms(some) for term in text.split()})
    queries = embedder.embed_queries([question.text for question in questions[:20]])
    return {
        "dense ids": snapshot.dense.ids().tolist(),
        "lexical ids": lexical.ids().tolist(),
        "statistics": lexical.statistics(),
        "languages": (lexical.languages, lexical.main_languages),
        "weights of terms": lexical.idf(terms),
        "terms of chunks": lexical.terms(some),
        "vectors": snapshot.dense.vectors(some).tobytes(),
        "cosines": [snapshot.dense.scores(query, some).tolist() for query in queries],
    }


# --------------------------------------------------------------------- judging


def compare(questions: Sequence[Question], before: State, after: State, *, kind: str) -> Report:
    """Return how two collections differ; nothing may be in `wrong`."""
    report = Report(kind, len(before.facts["dense ids"]), before.tail, before.gone, len(questions))
    report.wrong += [f"{name}{FACT}" for name in before.facts if before.facts[name] != after.facts[name]]
    for number, (question, one, other) in enumerate(zip(questions, before.answers, after.answers, strict=True)):
        report.kinds[question.kind] += 1
        report.hits += len(one.hits)
        report.near_differ += one.near != other.near
        report.words_differ += one.words != other.words
        report.recall_before += one.recall / len(questions)
        report.recall_after += other.recall / len(questions)
        what = difference(report, one, other)
        report.same_first += [key for key, _ in one.hits[:1]] == [key for key, _ in other.hits[:1]]
        report.overlap += one.overlap(other) / len(questions)
        if not what:
            report.equal += 1
            report.equal_kinds[question.kind] += 1
            continue
        if one.candidates == other.candidates:
            report.wrong.append(f"{question.kind} {question.text[:60]!r}: {what}")
        else:
            report.again.append(number)
            report.different.append(f"{question.kind} {question.text[:60]!r}: {what}")
    return report


def difference(report: Report, one: Answer, other: Answer) -> str:
    """Return in what two answers differ, "" in nothing but ties."""
    if len(one.hits) != len(other.hits):
        return f"{len(one.hits)} and {len(other.hits)} passages"
    mine, theirs = dict(one.hits), dict(other.hits)
    pairs = [(first[0], second[0]) for (_, first), (_, second) in zip(one.hits, other.hits, strict=True)]
    pairs += [pair for key in mine.keys() & theirs.keys() for pair in zip(mine[key], theirs[key], strict=True)]
    apart = max((abs(first - second) for first, second in pairs), default=0.0)
    if apart > TOLERANCE:
        return f"scores differ by up to {apart:.2g}"
    last = min((scores[0] for scores in mine.values()), default=0.0)
    if any(abs((mine.get(key) or theirs[key])[0] - last) > TOLERANCE for key in mine.keys() ^ theirs.keys()):
        return "other passages"  # those that tie at the very end are either's
    if abs(one.confidence - other.confidence) > CONFIDENCE * TOLERANCE:
        return f"confidence {one.confidence} and {other.confidence}"
    report.largest = max(report.largest, apart)
    report.ties += [key for key, _ in one.hits] != [key for key, _ in other.hits]
    return ""


def settle(
    report: Report, questions: Sequence[Question], states: Sequence[State], places: Sequence[Path], embedder: Embedder
) -> None:
    """Ask the questions of `report.again` once more, among the candidates of both: now the answers must be equal."""
    among = [
        (
            questions[number],
            np.array(sorted(frozenset().union(*(state.answers[number].candidates for state in states)))),
        )
        for number in report.again
    ]
    found = [ask_among(place, among, embedder, kind=report.dense) for place in places]
    for (question, _), one, other in zip(among, *found, strict=True):
        what = difference(report, one, other)
        if what:
            report.wrong.append(f"{question.kind} {question.text[:60]!r}, among the same candidates: {what}")


# --------------------------------------------------------------------- the run


@dataclass(frozen=True, slots=True)
class Run:
    """Where, with which model, and what to ask."""

    folder: Path
    embedder: Embedder
    base: Base
    each: int
    seed: int

    def compared(self, kind: str, *, controls: bool) -> tuple[Report, dict[str, Report]]:
        """Compare before and after with one kind of dense index, and with each control in place of after."""
        grown = self.folder / f"grown-{kind}"
        shutil.copytree(self.folder / "made", grown)
        if kind != "auto":
            shutil.rmtree(collection_folder(grown, "default") / "cache")
        told = grow(grown, self.base, kind=kind, seed=self.seed)
        questions = questions_about(grown, told, each=self.each, seed=self.seed)
        before = ask_all(grown, questions, self.embedder, kind=kind)

        def judged(other: Path) -> Report:
            after = ask_all(other, questions, self.embedder, kind=kind)
            report = compare(questions, before, after, kind=kind)
            settle(report, questions, (before, after), (grown, other), self.embedder)
            return report

        anew = alone(grown, self.folder / f"anew-{kind}")
        spoiled: dict[str, Report] = {}
        for name, spoil in CONTROLS.items() if controls else ():
            place = alone(grown, self.folder / f"control-{name}")
            spoil(place, _first_source(before))
            spoiled[name] = judged(place)
            shutil.rmtree(place)
        report = judged(anew)
        shutil.rmtree(grown)
        shutil.rmtree(anew)
        return report, spoiled


def run(folder: Path, *, data: Path | None, chunks: int, each: int, kinds: Sequence[str], seed: int) -> dict[str, Any]:
    """Compare with each kind of dense index; the controls with the first. Returns the reports, and what was caught."""
    embedder: Embedder
    if data is None:
        embedder = HashEmbedder(384)
        base = base_of_pages(folder / "base", embedder)
        make(base, folder / "made", chunks)
    else:
        shutil.copytree(data, folder / "made")
        base = read_base(folder / "made", limit=3_000)
        embedder = cast(Embedder, Remembering(load_embedder(ModelSettings(name=base.fingerprint.model))))
    this = Run(folder, embedder, base, each, seed)
    reports: list[dict[str, Any]] = []
    caught: dict[str, int] = {}
    for kind in kinds:
        report, spoiled = this.compared(kind, controls=kind == kinds[0])
        reports.append(report.as_dict())
        caught |= {name: sum(not line.endswith(FACT) for line in item.wrong) for name, item in spoiled.items()}
    return {"reports": reports, "controls": caught}


def _first_source(state: State) -> str:
    """Return the document of a first chunk that answers a question: that is what controls spoil."""
    hits = [key for answer in state.answers for key, _ in answer.hits]
    return next(source for source, start in hits if start == 0)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a data folder to copy; default: one is made")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--each", type=int, default=60, help="questions of each kind")
    parser.add_argument("--dense", default="auto,exact", help="kinds of the dense index, in turn")
    parser.add_argument(
        "--grouped-from", type=int, help="chunks from which on a collection is grouped; default: as usual"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    if options.grouped_from:
        quantizer.RABITQ_FROM = quantizer.IVF_FROM = options.grouped_from  # type: ignore[misc]
    folder = Path(tempfile.mkdtemp(prefix="ragkit-rebuild-", dir=os.environ.get("TMPDIR")))
    try:
        found = run(
            folder,
            data=options.data,
            chunks=options.chunks,
            each=options.each,
            kinds=options.dense.split(","),
            seed=options.seed,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    if options.report:
        options.report.write_text(text)
    print(text)
    return 1 if any(report["wrong"] for report in found["reports"]) or not all(found["controls"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
