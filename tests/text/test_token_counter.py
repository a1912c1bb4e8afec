"""Token counts are exact without a network, never hang, and say when they are estimates."""

from __future__ import annotations

import base64
import hashlib
import lzma
from importlib import resources

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import ConfigError
from ragkit.text.token_counter import encoding_for, load_counter

# Counted by another implementation (js-tiktoken 1.0.21) with o200k_base, cl100k_base and p50k_base.
SAMPLES = {
    "The refund window is 30 days; opened software can't be returned.": (14, 15, 14),
    "Die Rückgabefrist beträgt dreißig Tage ab Lieferung, außer für geöffnete Software.": (20, 27, 37),
    "返品は商品到着後30日以内に限ります。開封済みのソフトウェアは返品できません。": (27, 42, 63),
    "def total(items):\n    return sum(i.price * i.count for i in items)\n": (17, 17, 23),
    "| Year | Revenue | Margin |\n|---|---:|---:|\n| 2022 | 17,606 | 36.1% |\n| 2021 | 15,785 | 36.8% |\n": (
        48,
        48,
        45,
    ),
    "<|endoftext|> is text here, and 🙂 too": (14, 14, 14),
    "": (0, 0, 0),
}
PUBLISHED = {  # the SHA-256 that tiktoken expects of its downloads
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "p50k_base": "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
}


@pytest.mark.parametrize("text", SAMPLES)
def test_counts_are_those_of_the_published_tables(text: str) -> None:
    counts = tuple(load_counter(name, offline=True).count(text) for name in PUBLISHED)
    assert counts == SAMPLES[text]


@pytest.mark.parametrize(("name", "size"), [("o200k_base", 199_998), ("cl100k_base", 100_256), ("p50k_base", 50_281)])
def test_packaged_tables_are_the_published_ones(name: str, size: int) -> None:
    data = lzma.decompress(resources.files("ragkit.text").joinpath("encodings", f"{name}.xz").read_bytes())
    digest = hashlib.sha256()
    position = size
    for rank in range(size):
        token = data[position : position + data[rank]]
        position += data[rank]
        if token:
            digest.update(base64.b64encode(token) + b" %d\n" % rank)
    assert digest.hexdigest() == PUBLISHED[name]


def test_every_encoding_of_tiktoken_is_exact_offline() -> None:
    for name in ("gpt2", "r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base", "o200k_harmony"):
        assert name in tiktoken.list_encoding_names()
        counter = load_counter(name, offline=True)
        assert (counter.encoding, counter.estimated) == (name, False)


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o", "o200k_base"),
        ("openai:gpt-4o-mini", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("davinci", "r50k_base"),
    ],
)
def test_model_names_find_their_encoding(model: str, encoding: str) -> None:
    counter = load_counter(model)
    assert (counter.encoding, counter.estimated) == (encoding, False)


def test_unknown_models_are_estimated_and_never_below_the_exact_count() -> None:
    guess, exact = load_counter("some-private-model"), load_counter("o200k_base")
    assert guess.estimated
    for text in SAMPLES:
        assert guess.count(text) >= exact.count(text)


@pytest.mark.parametrize(
    ("chat", "encoding", "estimated"),
    [
        ("extractive", "o200k_base", False),
        ("openai:gpt-4", "cl100k_base", False),
        ("openai:qwen3:8b", "cl100k_base", True),
        ("anthropic:claude-sonnet", "cl100k_base", True),
    ],
)
def test_a_chat_model_is_counted_by_its_own_encoding_or_an_estimate(chat: str, encoding: str, estimated: bool) -> None:
    counter = load_counter(encoding_for(chat))
    assert (counter.encoding, counter.estimated) == (encoding, estimated)


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="no encoding"):
        load_counter(" ")


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, " " * 1_000_000 + "x", "\n" * 300_000, "日" * 200_000, "![" * 200_000]
)
def test_hostile_input_counts_in_linear_time(text: str) -> None:
    counter = load_counter("o200k_base")
    assert 0 < counter.count(text) <= len(text.encode())
    assert counter.count(counter.cut(text, 100)) <= 100


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.integers(-2, 60), st.sampled_from(["o200k_base", "cl100k_base", "private"]))
def test_cutting_gives_a_start_of_the_text_within_the_limit(text: str, limit: int, name: str) -> None:
    counter = load_counter(name, offline=True)
    kept = counter.cut(text, limit)
    assert text.startswith(kept)
    assert counter.count(kept) <= max(0, limit)
    if counter.count(text) <= limit:
        assert kept == text
