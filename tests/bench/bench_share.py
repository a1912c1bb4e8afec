"""Measure what share of the spent processor time the model's own arithmetic needs, for ingest and for questions.

    python -m tests.bench.bench_share [--filings 10] [--pages N] [--precision auto fp32]

The arithmetic is counted from the model's shapes and the tokens of each text, padding left out, and divided by the rate
of square matrix products through the same runtime, on the same cores and in the same run: those are the processor
seconds that nothing could save at this precision. They are compared with the processor seconds (of all threads and
processes) of the command `ragkit ingest`, of `embed_units` and `embed_documents` alone, of `search` and of
`embed_queries`. The rate is the best of several products, embedding the best of several rounds; ingest runs once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import ragkit
from ragkit.embedding.openvino.runtime import Precision, usable_cpus
from ragkit.knowledge.writer import SLICE
from ragkit.settings import ModelSettings, PrecisionChoice, Settings
from ragkit.store.sqlite.catalog import collection_folder
from ragkit.store.sqlite.store import Store
from ragkit.types.documents import Chunk
from tests.bench.bench_embed import matrix_rate, operations
from tests.bench.bench_ingest import PDFS, run, shortened
from tests.bench.bench_query import RAGKIT, ROOT, WARM, questions

ROUNDS: Final = 3
"""Rounds of embedding, of which the best counts."""
EMBEDDED: Final = 256
"""Chunks, evenly spread over the collection, that are embedded again in each round."""
ASKED: Final = 5
"""Rounds of all questions."""


class Recorded:
    """An embedder that notes the texts of its queries and the processor time that they took."""

    def __init__(self, embedder: Any) -> None:
        self.embedder = embedder
        self.texts: list[str] = []
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.embedder, name)

    def embed_queries(self, texts: Sequence[str]) -> Any:
        """Embed, and note texts and processor seconds."""
        self.texts += texts
        started = time.process_time()
        rows = self.embedder.embed_queries(texts)
        self.seconds += time.process_time() - started
        return rows


def spent(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the least processor seconds, of all threads of this process, that a piece of work took."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def stored_chunks(data: Path) -> list[Chunk]:
    """Return all chunks of a collection, in the order of their ids."""
    with Store(collection_folder(data, "default")) as store, store.read() as reader:
        ids = reader.chunks.all_chunk_ids()
        rows = reader.chunks.rows(ids)
        return [rows[int(item)].chunk for item in ids]


def embedding_shares(embedder: Any, settings: ModelSettings, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Return GFLOP and the processor seconds of some chunks, as ingest embeds them and without their units."""
    slices = [chunks[start : start + SLICE] for start in range(0, len(chunks), SLICE)]
    parts = [([chunk.embedded for chunk in part], [chunk.embedded_spans for chunk in part]) for part in slices]
    lengths = [length for texts, _ in parts for length in embedder.count_tokens(texts)]
    embedder.embed_units(*parts[0])
    return {
        "gflop": operations(settings, lengths),
        "units_s": spent(lambda: [embedder.embed_units(texts, spans) for texts, spans in parts], ROUNDS),
        "documents_s": spent(lambda: [embedder.embed_documents(texts) for texts, _ in parts], ROUNDS),
    }


def question_shares(embedder: Any, settings: Settings, data: Path) -> dict[str, float]:
    """Return GFLOP, processor milliseconds and wall milliseconds of a question, embedded and searched one at a time."""
    recorded = Recorded(embedder)
    asked = questions()
    with ragkit.open(data, embedder=recorded, create=False, settings=settings) as kb:
        for question in asked * WARM:
            kb.search(question)
        recorded.texts.clear()
        recorded.seconds, walls = 0.0, []
        before = time.process_time()
        for question in asked * ASKED:
            started = time.perf_counter()
            kb.search(question)
            walls.append((time.perf_counter() - started) * 1e3)
        cpu = time.process_time() - before
    count = len(asked) * ASKED
    walls.sort()
    return {
        "gflop": operations(settings.model, embedder.count_tokens(recorded.texts)) / count,
        "search_ms": cpu / count * 1e3,
        "embed_ms": recorded.seconds / count * 1e3,
        "p50_ms": walls[count // 2],
        "p95_ms": walls[count * 95 // 100],
    }


def in_process(choice: PrecisionChoice, data: Path) -> dict[str, Any]:
    """Measure everything but the ingest, in this process."""
    settings = Settings(model=ModelSettings(device="cpu", offline=True, precision=choice))
    embedder = ragkit.load_embedder(settings.model)
    precision = cast("Precision", embedder.fingerprint.runtime.rpartition("-")[2])
    rates = [matrix_rate(precision, usable_cpus())[1]]
    chunks = stored_chunks(data)
    sample = chunks[:: max(1, len(chunks) // EMBEDDED)][:EMBEDDED]
    embedding = embedding_shares(embedder, settings.model, sample)
    rates.append(matrix_rate(precision, usable_cpus())[1])
    question = question_shares(embedder, settings, data)
    rates.append(matrix_rate(precision, usable_cpus())[1])
    lengths = embedder.count_tokens(list(dict.fromkeys(chunk.embedded for chunk in chunks)))  # each is embedded once
    return {
        "runtime": embedder.fingerprint.runtime,
        "rates": [round(rate, 1) for rate in rates],
        "chunks": len(chunks),
        "tokens": sum(lengths),
        "gflop": operations(settings.model, lengths),
        "embedding": embedding,
        "question": question,
    }


def shares(measured: dict[str, Any], ingest_s: float) -> dict[str, Any]:
    """Return a row of the table: for each kind of work the processor time that arithmetic needs, was spent, and their
    ratio; in seconds for ingest and embedding, in milliseconds for a question."""
    rate = max(measured["rates"])
    embedding, question = measured["embedding"], measured["question"]

    def row(needed: float, taken: float) -> dict[str, float]:
        return {"needed": round(needed, 2), "spent": round(taken, 2), "share": round(needed / taken, 3)}

    return {
        **{name: measured[name] for name in ("runtime", "rates", "chunks", "tokens")},
        "ingest": row(measured["gflop"] / rate, ingest_s),
        "embedding with units": row(embedding["gflop"] / rate, embedding["units_s"]),
        "embedding": row(embedding["gflop"] / rate, embedding["documents_s"]),
        "question": row(question["gflop"] / rate * 1e3, question["search_ms"]),
        "question's embedding": row(question["gflop"] / rate * 1e3, question["embed_ms"]),
        "question_p50_ms": round(question["p50_ms"], 2),
        "question_p95_ms": round(question["p95_ms"], 2),
    }


def measure(*, filings: int, pages: int | None, precisions: Sequence[str] = ("auto", "fp32")) -> dict[str, Any]:
    """Ingest the filings at each precision in a process of its own, and measure in another one.

    fp32 is left out where it is what "auto" means.
    """
    pdfs = sorted(PDFS.glob("*.pdf"))[:filings] or sorted((ROOT / "sample_docs").glob("*"))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if pages:
            pdfs = shortened(pdfs, pages, place / "pdfs")
        for choice in precisions:
            data = place / choice
            os.environ["RAGKIT_PRECISION"] = choice
            subprocess.run([*RAGKIT, "models", "compile"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            _, ingest = run([*RAGKIT, "ingest", *map(str, pdfs), "--data", str(data), "--json"])
            command = [sys.executable, "-m", "tests.bench.bench_share", "--here", str(data), "--precision", choice]
            done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            rows.append(shares(json.loads(done.stdout), ingest["cpu_s"]))
            if rows[-1]["runtime"].endswith("fp32"):
                break
    return {"files": len(pdfs), "pages_limit": pages, "rows": rows}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--filings", type=int, default=10)
    parser.add_argument("--pages", type=int, help="only the first pages of each")
    parser.add_argument("--precision", nargs="+", default=["auto", "fp32"], choices=["auto", "fp32"])
    parser.add_argument("--here", type=Path, help="measure with this collection, in this process, without an ingest")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(in_process(options.precision[0], options.here)))
        return
    found = measure(filings=options.filings, pages=options.pages, precisions=options.precision)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
