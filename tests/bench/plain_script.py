"""The baseline: what a plain script does with PDF files. Run by bench_ingest in a process of its own.

    python -m tests.bench.plain_script PDF… [--pages N] [--out FOLDER]

pypdf reads the pages, each file is cut into windows of 1,000 characters that overlap by 200 (as tutorials do, and the
naive baseline of docs/evaluation.md does), sentence-transformers (torch, fp32, its default threads and batches) embeds
them, and faiss IndexFlatIP holds them. One process, one step after the other. Prints JSON.

--cut pieces: windows of 254 word pieces instead (256 with the special ones, the model's limit), without overlap: the
fewest texts that a script can embed without dropping any.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

SIZE, STEP = 1_000, 800
PIECES = 254
QUESTIONS = 20


def by_characters(text: str, tokenizer: Any) -> list[str]:
    """Cut a text every 800 characters."""
    return [text[at : at + SIZE] for at in range(0, max(1, len(text) - (SIZE - STEP)), STEP)]


def by_pieces(text: str, tokenizer: Any) -> list[str]:
    """Cut a text every 254 word pieces."""
    offsets = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False, verbose=False)["offset_mapping"]
    return [
        text[offsets[at][0] : offsets[min(at + PIECES, len(offsets)) - 1][1]] for at in range(0, len(offsets), PIECES)
    ]


def main() -> None:
    """Read, cut, embed, index, ask; print the seconds of each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pdfs", type=Path, nargs="+")
    parser.add_argument("--pages", type=int, help="only the first pages of each file")
    parser.add_argument("--cut", choices=["characters", "pieces"], default="characters")
    parser.add_argument("--model", required=True, help="folder of the model")
    parser.add_argument("--out", type=Path, help="write the index here")
    options = parser.parse_args()
    seconds: dict[str, float] = {}
    begun = started = time.perf_counter()
    import faiss
    import pypdf
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(options.model, device="cpu")
    seconds["import"] = time.perf_counter() - started

    started = time.perf_counter()
    texts, pages = [], 0
    for path in options.pdfs:
        read = [page.extract_text() for page in pypdf.PdfReader(path).pages[: options.pages]]
        pages += len(read)
        texts.append("\n".join(read))
    seconds["parse"] = time.perf_counter() - started

    started = time.perf_counter()
    cut = by_pieces if options.cut == "pieces" else by_characters
    chunks = [chunk for text in texts for chunk in cut(text, model.tokenizer)]
    seconds["chunk"] = time.perf_counter() - started

    started = time.perf_counter()
    vectors = model.encode(chunks, normalize_embeddings=True)
    seconds["embed"] = time.perf_counter() - started

    started = time.perf_counter()
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    if options.out:
        faiss.write_index(index, str(options.out / "plain.index"))
        (options.out / "plain.json").write_text(json.dumps(chunks), encoding="utf-8")
    seconds["write"] = time.perf_counter() - started
    total = time.perf_counter() - begun
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])

    started = time.perf_counter()
    for chunk in chunks[:QUESTIONS]:
        index.search(model.encode([chunk[:80]], normalize_embeddings=True), 10)
    query = (time.perf_counter() - started) / min(QUESTIONS, len(chunks))
    report: dict[str, Any] = {
        "pages": pages,
        "characters": sum(map(len, texts)),
        "chunks": len(chunks),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "total_s": round(total, 2),
        "cpu_s": round(spent, 2),
        "query_ms": round(query * 1e3, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
