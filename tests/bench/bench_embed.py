"""Measure embedding: texts a second against the CPU's own matrix rate, query latency, start, and torch in the same run.

python tests/bench/bench_embed.py [--json] [--torch] [--texts N] [--tokens LOW HIGH] [--threads N]

The matrix rate is the best of several square bf16 (or fp32) products through OpenVINO on the same threads. The share is
(operations of the tokens that were asked for, padding not counted) / time / that rate. Rates are the best of several
repetitions in wall time, and in CPU time of this process where other processes share the CPUs (the "per core" figures).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.embedding.loading import load_embedder
from ragkit.embedding.model_files import find_model
from ragkit.embedding.openvino.runtime import Precision, import_openvino, inference_hint, usable_cpus
from ragkit.settings import ModelSettings

REPEATS = 5
QUESTION = "What was the operating margin of the company in fiscal 2022?"
PROSE = (
    "revenue increased compared with the prior year because subscription services grew while operating expenses "
    "including research and development remained stable net income per share on a diluted basis was reported under "
    "generally accepted accounting principles cash flows from financing activities reflect repurchases of common stock"
)
WORDS = PROSE.split()


def best(work: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Return the least wall time and the least CPU time (of all threads) of a piece of work, in seconds."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def matrix_rate(precision: Precision, threads: int) -> tuple[float, float]:
    """Return the best rate of matrix products in GFLOP/s: of all threads by wall time, of one core by CPU time."""
    openvino = import_openvino()
    from openvino import opset13

    core = openvino.Core()
    random = np.random.default_rng(0)
    rates = []
    for size in (1024, 1536, 2048):
        left = opset13.parameter([size, size], np.float32)
        chain = left
        for _ in range(4):
            weights = opset13.constant(random.standard_normal((size, size)).astype(np.float32) / size)
            chain = opset13.matmul(chain, weights, False, True)
        model = openvino.Model([opset13.result(chain)], [left])
        config = {
            "INFERENCE_PRECISION_HINT": inference_hint(core, precision),
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads,
        }
        request = core.compile_model(model, "CPU", config).create_infer_request()
        request.set_input_tensor(openvino.Tensor(random.standard_normal((size, size)).astype(np.float32)))
        request.infer()
        wall, cpu = best(request.infer, 2 * REPEATS)
        work = 4 * 2 * size**3 / 1e9
        rates.append((work / wall, work / cpu))
    return max(rate for rate, _ in rates), max(rate for _, rate in rates)


def make_texts(embedder: Any, count: int, low: int, high: int) -> list[str]:
    """Return texts whose token counts are spread evenly from low to high."""
    random = np.random.default_rng(0)
    texts = []
    for target in random.integers(low, high + 1, count):
        words = [WORDS[index] for index in random.integers(0, len(WORDS), int(target))]
        while embedder.count_tokens([" ".join(words)])[0] > target:
            words.pop()
        texts.append(" ".join(words))
    return texts


def operations(settings: ModelSettings, lengths: list[int]) -> float:
    """Return the multiply-adds of a BERT-like encoder for texts of these lengths, as GFLOP (two a multiply-add)."""
    config = json.loads((find_model(settings).path / "config.json").read_text())
    width, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    total: float = sum(layers * (2 * n * (4 * width**2 + 2 * width * inner) + 4 * n * n * width) for n in lengths) / 1e9
    return total


def latency(embedder: Any, question: str) -> dict[str, float]:
    """Return the milliseconds of one query at a time."""
    embedder.embed_queries([question])
    times = []
    for _ in range(200):
        started = time.perf_counter()
        embedder.embed_queries([question])
        times.append((time.perf_counter() - started) * 1e3)
    times.sort()
    return {"p50_ms": round(statistics.median(times), 2), "p99_ms": round(times[197], 2)}


def start_seconds(settings: ModelSettings) -> float:
    """Return the least time from the start of a process to its first query vector, in seconds."""
    code = (
        "from ragkit.embedding.loading import load_embedder; from ragkit.settings import ModelSettings;"
        f"load_embedder({settings!r}).embed_queries([{QUESTION!r}])"
    )
    wall, _ = best(lambda: subprocess.run([sys.executable, "-c", code], check=True))
    return wall


def measure(settings: ModelSettings, options: argparse.Namespace) -> dict[str, Any]:
    """Return every figure of one embedder."""
    embedder = load_embedder(settings)
    threads = settings.threads or usable_cpus()
    texts = make_texts(embedder, options.texts, *options.tokens)
    lengths = embedder.count_tokens(texts)
    embedder.embed_documents(texts[: len(texts) // 4])
    wall, cpu = best(lambda: embedder.embed_documents(texts))
    work = operations(settings, lengths)
    rate, core_rate = matrix_rate("bf16" if embedder.fingerprint.runtime.endswith("bf16") else "fp32", threads)
    return {
        "runtime": embedder.fingerprint.runtime,
        "threads": threads,
        "texts": len(texts),
        "mean_tokens": round(statistics.mean(lengths), 1),
        "texts_per_second": round(len(texts) / wall, 1),
        "gflops": round(work / wall, 1),
        "matrix_gflops": round(rate, 1),
        "share": round(work / wall / rate, 3),
        "gflops_per_core": round(work / cpu, 1),
        "matrix_gflops_per_core": round(core_rate, 1),
        "share_per_core": round(work / cpu / core_rate, 3),
        "query": latency(embedder, QUESTION),
        "start_seconds": round(start_seconds(settings), 3),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--torch", action="store_true", help="measure sentence-transformers too")
    parser.add_argument("--texts", type=int, default=384)
    parser.add_argument("--tokens", type=int, nargs=2, default=(100, 160), metavar=("LOW", "HIGH"))
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    settings = ModelSettings(device="cpu", offline=True, threads=options.threads)
    report: dict[str, Any] = {"compiled": measure(settings, options)}
    if options.torch:
        options.texts //= 4
        report["torch"] = measure(
            ModelSettings(device="cpu", offline=True, runtime="torch", threads=options.threads), options
        )
        report["ratio"] = report["compiled"]["texts_per_second"] / report["torch"]["texts_per_second"]
    if options.json:
        print(json.dumps(report, indent=2))
        return
    for name, figures in report.items():
        print(name, figures if isinstance(figures, float) else "")
        for key, value in figures.items() if isinstance(figures, dict) else ():
            print(f"  {key:<24} {value}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
