"""Measure retrieval on the evaluation data and write the figures of docs/evaluation.md.

    python -m tests.bench.evaluation                   # every set, into docs/evaluation.md
    python -m tests.bench.evaluation --only cranfield  # one set, printed and not written

The data are ../shared/data, beside the repository. What was used for tuning is told by one rule a set (`PARTS`), as the
README of the data says: every figure stands in three columns, on the tuning part, on the rest, and on all questions.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.embedding.base import Embedder
from ragkit.embedding.loading import load_embedder
from ragkit.evaluation.datasets.loading import load_dataset
from ragkit.evaluation.datasets.types import Choice, Dataset, PageSet, RankingSet, SpanSet
from ragkit.evaluation.evaluate import Options, Result, measure_dataset
from ragkit.evaluation.measures.abstention import FOREIGN, NEAR, Abstention, Unanswerable, read_unanswerable
from ragkit.evaluation.measures.metrics import PerQuery
from ragkit.evaluation.measures.runner import Workbench
from ragkit.evaluation.reports.plot import draw
from ragkit.numeric.statistics import mean_interval, paired, paired_test
from ragkit.settings import ChunkSettings, ModelSettings, RetrievalSettings, Settings
from ragkit.types.documents import Document
from ragkit_ingest import extract_file
from tests.bench.evaluation_cutters import CUTTERS, cutting
from tests.bench.evaluation_naive import naive_metrics

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "evaluation.md"
FOREIGN_LIMIT = 300

METRICS = {
    "squad": ("hit@1", "hit@5", "mrr@10"),
    "cranfield": ("ndcg@10", "recall@100", "hit@1"),
    "financebench": ("page_hit@5", "page_hit@10", "document_hit@5"),
    "financebench, six filings": ("page_hit@5", "page_hit@10", "document_hit@5"),
    "chunking": ("recall@5", "precision@5", "iou@5"),
}
FIRST = {name: metrics[0] for name, metrics in METRICS.items()} | {"squad": "mrr@10"}
RANKERS = {
    "cosine of sentences and chunks only": RetrievalSettings(dense_weight=1.0, feedback=0.0),
    "words only": RetrievalSettings(dense_weight=0.0, feedback=0.0),
    "both, without feedback": RetrievalSettings(feedback=0.0),
    "**default**": RetrievalSettings(),
    "default, neighbours not merged": RetrievalSettings(merge=False),
    "default, with MMR 0.3": RetrievalSettings(mmr=0.3),
}
CHUNKERS = {
    "100 tokens": ChunkSettings(max_tokens=100),
    "**140 tokens (default)**": ChunkSettings(),
    "190 tokens": ChunkSettings(max_tokens=190),
    "140 tokens, no context line": ChunkSettings(context_tokens=0),
}
CHUNKED = ("chunking", "financebench")
CUT = ("chunking", "financebench, six filings")
OURS = "**structure first (default)**"


def squad_parts(dataset: Dataset) -> Mapping[str, bool]:
    """Tuned: the articles whose title sorts in the first half."""
    assert isinstance(dataset, RankingSet)
    article = {name: next(iter(dataset.qrels[name])).rsplit("-", 1)[0] for name in dataset.queries}
    titles = sorted(set(article.values()))
    first = set(titles[: len(titles) // 2])
    return {name: title in first for name, title in article.items()}


def chunking_parts(dataset: Dataset) -> Mapping[str, bool]:
    """Tuned: state_of_the_union and chatlogs."""
    assert isinstance(dataset, SpanSet)
    return {name: dataset.corpus_of[name] != "wikitexts" for name in dataset.queries}


PARTS: Mapping[str, Callable[[Dataset], Mapping[str, bool]]] = {
    "squad": squad_parts,
    "cranfield": lambda dataset: {name: int(name) < 100 for name in dataset.queries},
    "financebench": lambda dataset: {name: at < 15 for at, name in enumerate(dataset.queries)},
    "chunking": chunking_parts,
}


@cache
def read_once(path: Path, *, source: str) -> Document:
    """Read a file, once in a run: its text is the same for every variant."""
    return extract_file(path, source=source)


def load(name: str) -> Dataset:
    """Read a set, each query in its part."""
    whole, _, part = name.partition(", ")
    dataset = load_dataset(DATA / whole)
    tuned = PARTS[whole](dataset)
    queries = {key: replace(query, part="tune" if tuned[key] else "test") for key, query in dataset.queries.items()}
    dataset = replace(dataset, queries=queries)
    return six_filings(dataset) if part else dataset


def six_filings(dataset: Dataset) -> Dataset:
    """Return the six files that most questions are about as a set of their own, with those questions."""
    assert isinstance(dataset, PageSet)
    files = {key: next(iter(dataset.evidence[key]))[0] for key in dataset.queries}
    counts = Counter(files.values())
    kept = set(sorted(counts, key=lambda file: (-counts[file], file))[:6])
    queries = {key: query for key, query in dataset.queries.items() if files[key] in kept}
    return replace(
        dataset,
        name=f"{dataset.name}-six",
        queries=queries,
        files={file: path for file, path in dataset.files.items() if file in kept},
        evidence={key: dataset.evidence[key] for key in queries},
    )


@dataclass(frozen=True)
class Bench:
    """Where indexes are kept, and the one model."""

    folder: Path
    embedder: Embedder

    def measure(
        self,
        dataset: Dataset,
        *,
        retrieval: RetrievalSettings | None = None,
        chunk: ChunkSettings | None = None,
        cutter: str | None = None,
        curves: bool = False,
    ) -> Result:
        """Measure all queries of a set; indexes are kept by their chunking. cutter: another way to cut than ours."""
        chunk = chunk or ChunkSettings()
        settings = Settings(chunk=chunk, retrieval=retrieval or RetrievalSettings())
        kind = "" if cutter is None else f"-cutter{list(CUTTERS).index(cutter)}"
        folder = self.folder / f"chunks-{chunk.max_tokens}-{chunk.context_tokens}{kind}"
        with cutting(cutter), Workbench(str(folder), settings=settings, embedder=self.embedder) as bench:
            return measure_dataset(
                dataset, dataset, Choice("all"), bench=bench, options=Options(curves=curves, reader=read_once)
            )

    def abstention(self, name: str, dataset: Dataset, sets: Mapping[str, Dataset]) -> tuple[Abstention, ...]:
        """Tell the test part's questions from those of other sets and, for SQuAD, from unanswerable ones."""
        questions = [*foreign_questions(dataset, sets)]
        if name == "squad":
            questions += read_unanswerable(DATA / "squad" / "unanswerable.jsonl", NEAR)
        tested = {key: query for key, query in dataset.queries.items() if query.part == "test"}
        folder = self.folder / f"chunks-{ChunkSettings().max_tokens}-{ChunkSettings().context_tokens}"
        options = Options(unanswerable=tuple(questions), reader=read_once)
        with Workbench(str(folder), settings=Settings(), embedder=self.embedder) as bench:
            reported = replace(dataset, queries=tested)
            return measure_dataset(dataset, reported, Choice("test"), bench=bench, options=options).abstention


def foreign_questions(dataset: Dataset, sets: Mapping[str, Dataset]) -> Iterator[Unanswerable]:
    """Yield questions of the other sets, of the same parts; at most 300 of a set, evenly drawn."""
    for name, other in sets.items():
        if other.name.removesuffix("-six") != dataset.name.removesuffix("-six") and "," not in name:
            items = list(other.queries.items())
            step = max(1, len(items) // FOREIGN_LIMIT)
            for key, query in items[::step][:FOREIGN_LIMIT]:
                yield Unanswerable(f"{name}/{key}", query.text, FOREIGN, query.part)


# ------------------------------------------------------------------ tables


def columns(values: Mapping[str, float], dataset: Dataset) -> list[str]:
    """Return the cells of a metric: tuning part, reported part, all."""
    rows = {
        "tune": [values[name] for name, query in dataset.queries.items() if query.part == "tune"],
        "test": [values[name] for name, query in dataset.queries.items() if query.part == "test"],
        "all": list(values.values()),
    }
    return [cell(part) for part in rows.values()]


def cell(values: Sequence[float]) -> str:
    low, high = mean_interval(values)
    return f"{np.mean(values):.3f} [{low:.3f}, {high:.3f}]"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def main_table(results: Mapping[str, Result], naive: Mapping[str, PerQuery]) -> str:
    rows = []
    for name, result in results.items():
        for metric in METRICS[name]:
            for label, values in (("naive", naive[name][metric]), ("**ragkit**", result.measured.metrics[metric])):
                rows.append([name, metric, label, *columns(values, result.dataset)])
    header = ["set", "metric", "", "tuning part (seen)", "**reported part**", "all"]
    return table(header, rows)


def variant_table(found: Mapping[str, Mapping[str, Result]], label: str, base: str) -> str:
    """Compare variants on all questions by each set's first metric; p against the default, paired."""
    names = list(found[base])
    rows = []
    for variant, by_set in found.items():
        cells = [variant]
        for name in names:
            values, ours = (side[name].measured.metrics for side in (by_set, found[base]))
            shown = [f"{np.mean(list(values[metric].values())):.3f}" for metric in shown_metrics(name)]
            p = paired_test(paired(values[FIRST[name]], ours[FIRST[name]]))
            told = "" if variant == base else " (p < 0.001)" if p < 0.001 else f" (p {p:.3f})"
            cells.append(" / ".join(shown) + told)
        rows.append(cells)
    return table([label, *(f"{name} {' / '.join(shown_metrics(name))}" for name in names)], rows)


def strategy_table(found: Mapping[str, Mapping[str, Result]], base: str) -> str:
    """Compare ways to cut by every part of the sets, with p against ours over all questions."""
    rows = []
    for label, by_set in found.items():
        for name, result in by_set.items():
            for metric in shown_metrics(name):
                values = result.measured.metrics[metric]
                p = paired_test(paired(values, found[base][name].measured.metrics[metric]))
                told = "" if label == base else "< 0.001" if p < 0.001 else f"{p:.3f}"
                chunks = f"{result.measured.settings['chunks']:,}"
                rows.append([label, f"{name} {metric}", chunks, *columns(values, result.dataset), told])
    rows.sort(key=lambda row: row[1])
    return table(["cut by", "set", "chunks", "tuning part (seen)", "**reported part**", "all", "p"], rows)


def shown_metrics(name: str) -> tuple[str, ...]:
    return {"squad": ("mrr@10",), "chunking": ("recall@5", "iou@5")}.get(name, METRICS[name][:1])


def abstention_table(found: Mapping[str, tuple[Abstention, ...]]) -> str:
    rows = []
    for name, kinds in found.items():
        for item in kinds:
            low, high = item.interval
            told = item.threshold
            rows.append(
                [
                    name,
                    item.kind,
                    f"{item.answerable:,} / {item.unanswerable:,}",
                    f"{item.auroc:.3f} [{low:.3f}, {high:.3f}]",
                    f"{item.curve.area:.3f} ({item.least:.3f})",
                    f"{told.value:.3f}" if told else "",
                    f"{told.keeps:.1%}" if told else "",
                    f"{told.refuses:.1%}" if told else "",
                ]
            )
    header = ["set", "kind", "answerable / not", "AUROC", "AURC (least)", "threshold", "keeps", "refuses"]
    return table(header, rows)


def settings_text(results: Mapping[str, Result]) -> str:
    any_result = next(iter(results.values()))
    shared = {key: value for key, value in any_result.measured.settings.items() if key not in ("chunks", "depth")}
    lines = [f"Settings: `{json.dumps(shared)}`", ""]
    for name, result in results.items():
        counts = f"{result.measured.documents:,} documents, {result.measured.settings['chunks']:,} chunks"
        latency = f"{result.latency['p50']:.1f} ms a question (95 %: {result.latency['p95']:.1f})"
        lines.append(
            f"- {name}: {counts}, {len(result.dataset.queries):,} questions, {latency};"
            f" sha256 of the set {result.dataset.digest[:16]}"
        )
    return "\n".join(lines)


def filled(text: str, parts: Mapping[str, str]) -> str:
    """Put each part between its marks, `<!-- NAME -->` and `<!-- end of NAME -->`."""
    for name, part in parts.items():
        if f"<!-- {name} -->\n" not in text or f"<!-- end of {name} -->" not in text:
            raise SystemExit(f"{PAGE} has no mark {name!r}")
        before, after = text.split(f"<!-- {name} -->\n", 1)
        text = f"{before}<!-- {name} -->\n{part}\n{after[after.index(f'<!-- end of {name} -->') :]}"
    return text


# ------------------------------------------------------------------ the run


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(bench: Bench, sets: Mapping[str, Dataset], *, variants: bool) -> dict[str, Any]:
    """Run everything and return the parts of the page by mark."""
    results, naive, silent = {}, {}, {}
    for name, dataset in sets.items():
        say(f"{name}: default")
        results[name] = bench.measure(dataset, curves=True)
        say(f"{name}: naive")
        naive[name] = naive_metrics(dataset, embedder=bench.embedder, reader=read_once)
        if "," not in name:
            say(f"{name}: abstention")
            silent[name] = bench.abstention(name, dataset, sets)
    parts = {
        "settings": settings_text(results),
        "figures": main_table(results, naive),
        "abstention": abstention_table(silent),
    }
    if variants:
        parts |= variant_tables(bench, sets, results)
    return parts | {"results": results, "silent": silent}


def variant_tables(bench: Bench, sets: Mapping[str, Dataset], results: Mapping[str, Result]) -> dict[str, str]:
    """Measure what each part is worth, and other ways to cut. results: those of the defaults."""
    parts: dict[str, str] = {}
    wanted = {name: dataset for name, dataset in sets.items() if name in CUT}
    if wanted:
        ways: dict[str, dict[str, Result]] = {OURS: {name: results[name] for name in wanted}}
        for label in CUTTERS:
            say(label)
            ways[label] = {name: bench.measure(dataset, cutter=label) for name, dataset in wanted.items()}
        parts["strategies"] = strategy_table(ways, OURS)
    sets = {name: dataset for name, dataset in sets.items() if "," not in name}
    if sets:
        ranked: dict[str, dict[str, Result]] = {}
        for label, retrieval in RANKERS.items():
            say(label)
            if retrieval == RetrievalSettings():
                ranked[label] = {name: results[name] for name in sets}
            else:
                ranked[label] = {name: bench.measure(dataset, retrieval=retrieval) for name, dataset in sets.items()}
        parts["ranking"] = variant_table(ranked, "ranking", "**default**")
    sets = {name: dataset for name, dataset in sets.items() if name in CHUNKED}
    if sets:
        cut: dict[str, dict[str, Result]] = {}
        for label, chunk in CHUNKERS.items():
            say(label)
            cut[label] = {name: bench.measure(dataset, chunk=chunk) for name, dataset in sets.items()}
        parts["chunks"] = variant_table(cut, "chunks", "**140 tokens (default)**")
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=list(METRICS), action="append", help="this set only; nothing is written")
    parser.add_argument("--no-variants", action="store_true", help="leave out the tables of variants")
    parser.add_argument("--keep", type=Path, default=ROOT / ".bench" / "evaluation", help="where indexes are kept")
    wanted = parser.parse_args()
    if not DATA.exists():
        say(f"the evaluation data are not at {DATA}: nothing was measured, docs/evaluation.md stays as it is")
        return
    sets = {name: load(name) for name in wanted.only or METRICS}
    bench = Bench(wanted.keep, load_embedder(ModelSettings()))
    parts = measure(bench, sets, variants=not wanted.no_variants)
    results, silent = parts.pop("results"), parts.pop("silent")
    for name, part in parts.items():
        print(f"\n{name}\n{part}")
    if wanted.only or wanted.no_variants:
        return
    (PAGE.parent / "images").mkdir(exist_ok=True)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), parts), encoding="utf-8")
    for name, told in silent.items():
        draw(replace(results[name], choice=Choice(""), abstention=told), PAGE.parent / "images" / f"{name}.svg")


if __name__ == "__main__":
    main()
