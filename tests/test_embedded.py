"""What the model reads of a chunk and of a question: title, nearest heading and text, without brackets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import ragkit
from ragkit import Document
from ragkit.chunk import chunk_document
from ragkit.embedded import embedded_text
from ragkit.testing import HashEmbedder
from ragkit.types import Heading
from ragkit.writer import embedded_spans


@pytest.mark.parametrize(
    ("context", "wanted"),
    [
        ("", "Paid  net  in 30 days."),
        ("Terms", "Terms\nPaid  net  in 30 days."),
        ("Terms › Paying", "Terms\nPaying\nPaid  net  in 30 days."),
        ("Terms › Part I › Paying (late)", "Terms\nPaying  late \nPaid  net  in 30 days."),
        ("Terms › Part I › Terms", "Terms\nPaid  net  in 30 days."),
    ],
)
def test_of_a_context_line_the_first_and_the_last_part_are_read(context: str, wanted: str) -> None:
    assert embedded_text("Paid (net) in 30 days.", context=context) == wanted


def test_a_text_of_marks_alone_is_read_as_it_is() -> None:
    assert embedded_text("()") == "()"
    assert embedded_text("|||", context="(a)") == " a \n|||"
    assert embedded_text("") == ""


def test_units_lie_where_they_are_in_the_text() -> None:
    text = "Prices (net)\n\n• One [1] is paid. The second_part | is _not_.\n\n" * 3
    document = Document(source="a", title="A (b)", text=text, headings=(Heading(0, 1, "Prices (net)"),))
    chunks = chunk_document(document, embedder=HashEmbedder())
    assert any(len(chunk.units) > 1 for chunk in chunks)
    for chunk in chunks:
        assert len(embedded_text(chunk.text)) == len(chunk.text)
        units = chunk.units or ((0, len(chunk.text)),)
        for (start, end), (left, right) in zip(units, embedded_spans(chunk), strict=True):
            assert chunk.embedded[left:right] == embedded_text(chunk.text[start:end])


def test_a_question_is_read_like_a_text(tmp_path: Path) -> None:
    class Listening(HashEmbedder):
        def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
            asked.extend(texts)
            return super().embed_queries(texts)

    asked: list[str] = []
    with ragkit.open(tmp_path, embedder=Listening()) as kb:
        kb.add(Document.from_text("a", "Goods (all of them) may be returned."))
        assert kb.search("May goods [any] be returned?")
    assert asked == ["May goods  any  be returned?"]
