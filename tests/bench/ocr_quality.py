"""`python -m tests.bench.ocr_quality`: word error rate of OCR on pages drawn from known text."""

from __future__ import annotations

import time

from ragkit_ingest.readers.ocr.engine import read_page
from ragkit_ingest.readers.ocr.reading_order import ordered_lines
from tests.support.rendered_text import drawn, known_text, word_error_rate

CASES = (
    ("clean, 150 dpi", 150, 0.0, 0.0),
    ("clean, 300 dpi", 300, 0.0, 0.0),
    ("skewed by 1.5°, 300 dpi", 300, 1.5, 0.0),
    ("skewed by -3°, 300 dpi", 300, -3.0, 0.0),
    ("noisy (25 of 255), 300 dpi", 300, 0.0, 25.0),
)


def error_rate(dpi: int, skew: float, noise: float, *, pages: int, words: int = 200) -> tuple[float, float]:
    """Return the mean word error rate of some pages, and the seconds that a page took."""
    rates: list[float] = []
    started = time.perf_counter()
    for seed in range(pages):
        text = known_text(seed, words=words)
        page = read_page(drawn(text, dpi=dpi, skew=skew, noise=noise, seed=seed))
        rates.append(word_error_rate(text, " ".join(line.text for line in ordered_lines(page))))
    return sum(rates) / pages, (time.perf_counter() - started) / pages


def main() -> None:
    """Print a line for each case."""
    for name, dpi, skew, noise in CASES:
        rate, seconds = error_rate(dpi, skew, noise, pages=3)
        print(f"{name:<28} word error rate {rate:7.2%}   {seconds:5.1f} s a page")


if __name__ == "__main__":
    main()
