"""Heading lines of plain text are recognised by their marks, so that their sections have a heading path."""

from __future__ import annotations

import pytest

from ragkit.chunking.chunker import chunk_document
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document, Heading

WIKI = (
    "= Little Rock Arsenal =\nThe arsenal was built in 1840.\n\n == History == \nIt was used by both sides.\n"
    " = = = Today = = =\nA museum.\n"
)
MARKDOWN = "# Refunds #\nThirty days.\n```\n# no heading\n```\n~~~\n## nor this\n~~~\n## How long?\nA month.\n"


def test_wiki_headings_are_marked_in_any_text() -> None:
    document = Document.from_text("a", WIKI)
    assert document.headings == (
        Heading(0, 1, "Little Rock Arsenal"),
        Heading(WIKI.index("== History"), 2, "History"),
        Heading(WIKI.index("= = ="), 3, "Today"),
    )


def test_number_signs_are_headings_of_markdown_only_and_not_in_code() -> None:
    assert Document.from_text("a", MARKDOWN).headings == ()
    found = Document.from_text("a", MARKDOWN, media_type="text/markdown").headings
    assert [(heading.level, heading.text) for heading in found] == [(1, "Refunds"), (2, "How long?")]
    assert all(MARKDOWN[heading.offset] == "#" for heading in found)


@pytest.mark.parametrize(
    "text",
    ["x = y = z", "=====", "= =", "== a ===", "=a=", "= b", "total = 5 =", "= " + "x" * 300 + " =", "#tag #other"],
)
def test_what_is_no_heading_is_none(text: str) -> None:
    for media_type in ("text/plain", "text/markdown"):
        assert Document.from_text("a", text, media_type=media_type).headings == ()


def test_long_lines_of_marks_take_no_time() -> None:
    for text in ("= " + "a = " * 100_000, "=" * 400_000, "= a" + " " * 400_000, "# " + "# " * 200_000):
        assert Document.from_text("a", text, media_type="text/markdown").headings == ()


def test_chunks_know_the_headings_above_them_and_a_heading_stays_with_its_text() -> None:
    text = WIKI.replace("both sides.", "both sides. " + "Then the years went by without any event of note. " * 40)
    chunks = chunk_document(Document.from_text("a", text, title="Wiki"), embedder=HashEmbedder())
    assert len(chunks) > 2
    assert all("Little Rock Arsenal" in chunk.embedded for chunk in chunks)
    assert not any(chunk.text.rstrip().endswith("=") for chunk in chunks)
