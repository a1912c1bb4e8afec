"""`python -m tests.bench.ocr_quality`: word error rate of OCR on pages drawn from known text."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from ragkit_ingest.readers.ocr.engine import read_page
from ragkit_ingest.readers.ocr.reading_order import ordered_lines
from tests.support.rendered_text import drawn, known_text, word_error_rate

SAMPLES = Path(__file__).parents[2] / "sample_docs"
PROSE = ("employee-handbook.md", "refund-policy.md", "garantie.de.md")
CASES = (
    ("clean, 150 dpi", 150, 0.0, 0.0),
    ("clean, 300 dpi", 300, 0.0, 0.0),
    ("skewed by 1.5°, 300 dpi", 300, 1.5, 0.0),
    ("skewed by -3°, 300 dpi", 300, -3.0, 0.0),
    ("noisy (25 of 255), 300 dpi", 300, 0.0, 25.0),
)


def prose(words: int = 200) -> list[str]:
    """Return the first words of sample documents, with their figures and punctuation, without marks of Markdown."""
    texts = [(SAMPLES / name).read_text(encoding="utf-8") for name in PROSE]
    return [" ".join(re.sub(r"[*_`#|>-]{2,}|[*_`#|>]", " ", text).split()[:words]) for text in texts]


def error_rate(texts: Sequence[str], dpi: int, skew: float, noise: float) -> tuple[float, float]:
    """Return the mean word error rate of pages, and the seconds that a page took."""
    rates: list[float] = []
    started = time.perf_counter()
    for seed, text in enumerate(texts):
        page = read_page(drawn(text, dpi=dpi, skew=skew, noise=noise, seed=seed))
        rates.append(word_error_rate(text, " ".join(line.text for line in ordered_lines(page))))
    return sum(rates) / len(texts), (time.perf_counter() - started) / len(texts)


def main() -> None:
    """Print a line for each case of made sentences and of real prose."""
    made = [known_text(seed, words=200) for seed in range(3)]
    for kind, texts in (("made sentences", made), ("sample documents", prose())):
        for name, dpi, skew, noise in CASES:
            rate, seconds = error_rate(texts, dpi, skew, noise)
            print(f"{kind:<17} {name:<27} word error rate {rate:7.2%}   {seconds:5.1f} s a page", flush=True)


if __name__ == "__main__":
    main()
