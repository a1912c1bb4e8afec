"""Addresses of links: in the text, not in what is embedded; spans stay on their words."""

from __future__ import annotations

import hashlib

import pytest

from ragkit import Chunk, Document
from ragkit.chunking.chunker import chunk_document
from ragkit.citations.support import Passage
from ragkit.store.rows import embedded_hash, embedded_hashes
from ragkit.testing import HashEmbedder
from ragkit.text.addresses import spans_without_addresses, without_addresses


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Use the mooring form (https://quay.example/form?a=1) today.", "Use the mooring form today."),
        ("Ask the desk (mailto:desk@quay.example).", "Ask the desk."),
        ("See https://quay.example/plan for it (not http).", "See https://quay.example/plan for it (not http)."),
        ("(https://quay.example)", "(https://quay.example)"),
        ("a (http://x.example) b (http://y.example) c", "a b c"),
        ("f(https://x.example) stays", "f(https://x.example) stays"),
    ],
)
def test_only_addresses_in_parentheses_are_left_out(text: str, bare: str) -> None:
    assert without_addresses(text) == bare


def test_spans_stay_on_their_words() -> None:
    text = "One form (https://a.example/1). Two (mailto:b@c.example) lines. (https://only.example) Three."
    units = [(text.index(word), text.index(word) + len(word)) for word in ("One form", "Two", "lines.", "Three.")]
    bare = without_addresses(text)
    assert [bare[a:b] for a, b in spans_without_addresses(text, units)] == ["One form", "Two", "lines.", "Three."]
    whole = [(0, text.index("Two") - 1), (text.index("Two"), len(text))]
    assert [bare[a:b] for a, b in spans_without_addresses(text, whole)] == ["One form.", "Two lines. Three."]
    address = (text.index("(https://only"), text.index(" Three"))
    start, end = spans_without_addresses(text, [address])[0]
    assert start == end


def test_a_chunk_is_embedded_without_addresses_and_keeps_them() -> None:
    text = "The leave calculator (https://hr.example/leave) counts days.\n\nWrite to payroll (mailto:pay@hr.example)."
    embedder = HashEmbedder()
    chunks = chunk_document(Document(source="leave.md", text=text, title="Leave"), embedder=embedder)
    assert "https://hr.example/leave" in "".join(chunk.text for chunk in chunks)
    for chunk in chunks:
        assert "example" not in chunk.embedded
        assert chunk.tokens == embedder.count_tokens([chunk.embedded])[0]
        for (start, end), (left, right) in zip(chunk.units, chunk.embedded_spans, strict=False):
            assert chunk.embedded[left:right] == without_addresses(chunk.text[start:end])


def test_a_vector_of_before_keeps_its_key() -> None:
    chunk = Chunk(0, 0, 29, "Form (https://a.example/form)", "Title", 5)
    assert chunk.embedded == "Title\nForm"
    old = hashlib.sha256(b"Title\nForm (https://a.example/form)").digest()
    assert embedded_hashes(chunk) == (embedded_hash(chunk), old)


@pytest.mark.parametrize("said", ["(link in source 1)", "((link in source 1))", "(https://hr.example/days?y=2031)"])
def test_what_stands_for_a_link_in_an_answer_is_no_claim(said: str) -> None:
    passage = Passage("Days are counted by the calculator (https://hr.example/days?y=2031). Ask first.")
    assert passage.support(f"Days are counted by the calculator {said}.").verdict == "quoted"
    assert not passage.support(f"Days are counted by 7 calculators {said}.").supported
