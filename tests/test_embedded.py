"""What the model reads of a chunk: title, nearest heading and text."""

from __future__ import annotations

import pytest

from ragkit import Document
from ragkit.chunk import chunk_document
from ragkit.embedded import embedded_text
from ragkit.testing import HashEmbedder
from ragkit.types import Heading
from ragkit.writer import embedded_spans


@pytest.mark.parametrize(
    ("context", "wanted"),
    [
        ("", "Paid in 30 days."),
        ("Terms", "Terms\nPaid in 30 days."),
        ("Terms › Paying", "Terms\nPaying\nPaid in 30 days."),
        ("Terms › Part I › Paying late", "Terms\nPaying late\nPaid in 30 days."),
        ("Terms › Part I › Terms", "Terms\nPaid in 30 days."),
    ],
)
def test_of_a_context_line_the_first_and_the_last_part_are_read(context: str, wanted: str) -> None:
    assert embedded_text("Paid in 30 days.", context=context) == wanted


def test_a_chunk_shows_its_whole_path_and_its_units_lie_where_they_are_in_what_is_read() -> None:
    text = "Part I\nPaying\n" + "It is paid in 30 days. The rest is a gift. " * 20
    headings = (Heading(0, 1, "Part I"), Heading(7, 2, "Paying"))
    embedder = HashEmbedder()
    chunks = chunk_document(Document(source="a", title="Terms", text=text, headings=headings), embedder=embedder)
    last = chunks[-1]
    assert last.context == "Terms › Part I › Paying"
    assert last.embedded == f"Terms\nPaying\n{last.text}"
    assert [chunk.tokens for chunk in chunks] == embedder.count_tokens([chunk.embedded for chunk in chunks])
    for chunk in chunks:
        units = chunk.units or ((0, len(chunk.text)),)
        for (start, end), (left, right) in zip(units, embedded_spans(chunk), strict=True):
            assert chunk.embedded[left:right] == chunk.text[start:end]
