"""Writes many small made documents as files in nested folders: the same files for a seed on every machine.

A document is about one thing with a name of its own (two made words and a number), from one of 400 subjects. Two
fifths of its words come from its subject, the others from the whole vocabulary by Zipf's law; the vocabulary is the
words of the packaged model's tokenizer, which lists them from frequent to rare, and made words, as every real
collection has. One sentence of each document states a fact that no other document has, so that a question has one
right answer.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragkit.embedding.model_files import find_model
from ragkit.settings import ModelSettings

SUBJECTS = 400
PER_FOLDER = 1_000
_SUBJECT_WORDS = 150
_MADE_WORDS = 20_000
_OWN = 0.4
"""The share of words that come from the subject of a document."""
_LETTERS = (list("bcdfglmnprstvz"), list("aeiou"))
_SENTENCES = (3, 9)
_WORDS = (7, 19)


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    words: list[str]
    chances: np.ndarray[tuple[int], np.dtype[np.float64]]
    """Cumulative, by Zipf's law."""
    subjects: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    """Numbers of the words of each subject."""


@functools.cache
def _vocabulary() -> _Vocabulary:
    folder = find_model(ModelSettings(offline=True)).path
    pieces = json.loads((folder / "tokenizer.json").read_bytes())["model"]["vocab"]
    known = [word for word in sorted(pieces, key=pieces.__getitem__) if word.isascii() and word.isalpha()]
    words = [word for word in known if len(word) > 1]
    random = np.random.default_rng(1)
    words += _made_words(random, _MADE_WORDS)
    chances = np.cumsum(1 / np.arange(10, len(words) + 10))
    subjects = random.integers(500, len(words), (SUBJECTS, _SUBJECT_WORDS))
    return _Vocabulary(words, chances / chances[-1], subjects)


def _made_words(random: np.random.Generator, count: int) -> list[str]:
    """Return words of five to nine letters, consonants and vowels in turn."""
    consonants, vowels = _LETTERS
    ends = random.integers(5, 10, count).tolist()
    odd = random.integers(0, len(consonants), (count, 5)).tolist()
    even = random.integers(0, len(vowels), (count, 5)).tolist()
    return [
        "".join(consonants[first] + vowels[second] for first, second in zip(*pair, strict=True))[:end]
        for *pair, end in zip(odd, even, ends, strict=True)
    ]


def name_of(number: int) -> str:
    """Return the name of the thing that a document is about."""
    return _title(np.random.default_rng([2, number]), number)


def _title(random: np.random.Generator, number: int) -> str:
    return " ".join([*(word.title() for word in _made_words(random, 2)), str(number)])


def fact_of(number: int) -> tuple[str, str]:
    """Return a question about one document, and the words that answer it there."""
    return f"How heavy is the frame of {name_of(number)}?", f"weighs {_grams(number):,} grams"


def _grams(number: int) -> int:
    return 100 + number * 7_919 % 99_991


def text_of(number: int) -> str:
    """Return the text of a document: a title, and paragraphs of some 300 to 900 characters in all."""
    vocabulary = _vocabulary()
    random = np.random.default_rng([2, number])
    name = _title(random, number)  # drawn first, so that `name_of` needs no more
    subject = vocabulary.subjects[int(random.integers(SUBJECTS))]
    sizes = random.integers(*_WORDS, int(random.integers(*_SENTENCES))).tolist()
    total = sum(sizes)
    common = np.searchsorted(vocabulary.chances, random.random(total))
    own = subject[random.integers(0, len(subject), total)]
    words = [vocabulary.words[item] for item in np.where(random.random(total) < _OWN, own, common).tolist()]
    sentences, start = [], 0
    for size in sizes:
        sentences.append(" ".join(words[start : start + size]).capitalize() + ".")
        start += size
    sentences.insert(len(sentences) // 2, f"The frame of {name} weighs {_grams(number):,} grams.")
    paragraphs = [" ".join(sentences[start : start + 4]) for start in range(0, len(sentences), 4)]
    return "\n\n".join([f"# {name}", *paragraphs]) + "\n"


def path_of(number: int) -> Path:
    """Return where a document lies below the folder: a thousand files a folder, a thousand folders a folder."""
    return Path(f"{number // 1_000_000:03}", f"{number // PER_FOLDER % 1_000:03}", f"{number:08}.md")


def write_files(folder: Path, documents: int) -> None:
    """Write the files of the first `documents` documents that are not there yet."""
    for number in range(documents):
        path = folder / path_of(number)
        if number % PER_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(text_of(number), encoding="utf-8")
