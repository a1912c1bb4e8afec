"""The usual height of a document's letters, and the heights of its headings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit_ingest.readers.pdf.text import Line

_LARGER = 1.12  # a heading's letters are at least so much larger than the body's, or bold
_PROSE_LENGTH = 50  # running text is what goes on beyond this column
_RARE, _RARE_BOLD = 0.12, 0.2  # a size, or bold type, that takes more of the text than this makes no headings


@dataclass(frozen=True, slots=True)
class Body:
    """The typography of a document: height of running text, heights of headings (largest first), and whether bold type
    is rare enough to mark headings."""

    height: float
    sizes: tuple[float, ...]
    bold: bool


def usual_height(pages: Sequence[list[Line] | None]) -> float:
    """Return the height of the letters that fill long lines; of those that fill most lines where none is long."""
    for length in (_PROSE_LENGTH, 0):
        weights: Counter[float] = Counter()
        for page in pages:
            for line in page or ():
                if len(line.text) > length and line.height > 0:
                    weights[line.height] += len(line.text) - length
        if weights:
            return _rounded(weights).most_common(1)[0][0]
    return 0.0


def body_of(pages: Sequence[list[Line] | None], running: Sequence[set[int]]) -> Body:
    """Return the height of running text, which fills long lines, and the heights that few lines have.

    running: for each page, the indexes of lines to leave out.
    """
    kept = [
        [line for index, line in enumerate(page) if index not in skip] if skip else page
        for page, skip in zip(pages, running, strict=True)
        if page
    ]
    height = usual_height(kept)
    counted: Counter[float] = Counter()
    lines = bold = 0
    for page in kept:
        for line in page:
            if line.height > 0:
                counted[line.height] += len(line.text)
                lines, bold = lines + 1, bold + line.bold
    weights = _rounded(counted)
    rare = weights.total() * _RARE
    sizes: list[float] = []
    for size in sorted(
        (size for size, weight in weights.items() if size > height * _LARGER and weight < rare), reverse=True
    ):
        if not sizes or size < sizes[-1] * 0.93:
            sizes.append(size)
    return Body(height, tuple(sizes[:8]), bold=bold < lines * _RARE_BOLD)


def _rounded(weights: Counter[float]) -> Counter[float]:
    """Return the weights of heights to a tenth of a point."""
    found: Counter[float] = Counter()
    for height, weight in weights.items():
        found[round(height, 1)] += weight
    return found
