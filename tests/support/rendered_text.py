"""Draws known text as pictures of pages, clean, skewed or noisy, and counts the words that a reading gets wrong."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_SENTENCES = (
    "harbour crane winch inspection every spring before the first ferry leaves pilot boats carry two spare lines and "
    "a lamp invoices above 4,310 euro need a second signature within 14 days the slew ring takes 3.5 kilograms of "
    "grease at 80 degrees visitors sign the green book near gate B and return their badge by evening customs forms "
    "are kept for eleven years in cabinet C unless the owner asks for copies in writing"
)


def known_text(seed: int, *, words: int = 200) -> str:
    """Return words in an order that depends on the seed alone."""
    chance = random.Random(seed)
    words_known = _SENTENCES.split()
    return " ".join(chance.choice(words_known) for _ in range(words))


def drawn(text: str, *, dpi: int, skew: float = 0.0, noise: float = 0.0, seed: int = 0) -> Image:
    """Return an A4 page in 11 point letters. skew: in degrees. noise: standard deviation of grey, of 255."""
    from PIL import Image, ImageDraw, ImageFont

    size = (round(8.27 * dpi), round(11.69 * dpi))
    page = Image.new("L", size, 255)
    pen = ImageDraw.Draw(page)
    letters = ImageFont.load_default(size=11 * dpi / 72)
    y = round(dpi * 0.9)
    for line in textwrap.wrap(text, 78):
        pen.text((round(dpi * 0.9), y), line, fill=0, font=letters)
        y += round(dpi * 16 / 72)
    if skew:
        page = page.rotate(skew, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    return _noisy(page, noise, seed) if noise else page


def _noisy(page: Image, noise: float, seed: int) -> Image:
    import numpy as np
    from PIL import Image

    grey = np.asarray(page, dtype=np.float32) + np.random.default_rng(seed).normal(0, noise, (page.height, page.width))
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def word_error_rate(wanted: str, found: str) -> float:
    """Return the edits between two texts, word by word, as a share of the wanted words (Levenshtein)."""
    left, right = wanted.split(), found.split()
    row = list(range(len(right) + 1))
    for at, word in enumerate(left, 1):
        row = _next_row(row, at, word, right)
    return row[-1] / max(len(left), 1)


def _next_row(row: Sequence[int], at: int, word: str, right: Sequence[str]) -> list[int]:
    following = [at]
    for other, (diagonal, above) in zip(right, pairwise(row), strict=True):
        following.append(min(above + 1, following[-1] + 1, diagonal + (word != other)))
    return following
