"""Chunks are exact spans within the embedder's limit, cut where the structure says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.chunking.chunker import chunk_document
from ragkit.settings import ChunkSettings
from ragkit.testing import HashEmbedder
from ragkit.text.cleaning import clean_text
from ragkit.types.documents import Block, Chunk, Document, Heading, Page

SMALL = ChunkSettings(max_tokens=40, min_tokens=4)


def cut(document: Document, settings: ChunkSettings = SMALL, embedder: HashEmbedder | None = None) -> list[Chunk]:
    embedder = embedder or HashEmbedder(max_tokens=256)
    chunks = chunk_document(document, embedder=embedder, settings=settings)
    counts = embedder.count_tokens([chunk.embedded for chunk in chunks])
    assert counts == [chunk.tokens for chunk in chunks]
    assert all(count <= embedder.max_tokens for count in counts)
    assert all(len(embedder.token_offsets(chunk.text)) <= settings.max_tokens for chunk in chunks)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip() == chunk.text != ""
        edges = [edge for unit in chunk.units for edge in unit]
        assert edges == sorted(edges)
        assert all(left < right for left, right in chunk.units)
        assert not edges or (edges[0], edges[-1]) == (0, len(chunk.text))
    for before, after in pairwise(chunks):
        assert before.end <= after.start
    return chunks


@given(st.text(max_size=600))
def test_any_text_is_covered_by_exact_chunks(text: str) -> None:
    document = Document.from_text("a.txt", text)
    chunks = cut(document)
    kept = "".join(chunk.text for chunk in chunks)
    assert "".join(kept.split()) == "".join(document.text.split())


@given(
    st.lists(
        st.sampled_from(["Short one.", "A longer sentence that says more.", "\n\n", "# x", "- item", " "]), max_size=60
    )
)
def test_structured_text_is_covered_by_exact_chunks(parts: list[str]) -> None:
    document = Document.from_text("a.txt", " ".join(parts))
    kept = "".join(chunk.text for chunk in cut(document))
    assert "".join(kept.split()) == "".join(document.text.split())


@pytest.mark.parametrize("text", ["", " \n\t\n ", "\u3000"])
def test_blank_documents_have_no_chunks(text: str) -> None:
    assert cut(Document.from_text("blank.txt", text)) == []


def test_sentences_are_not_cut_when_they_fit() -> None:
    sentences = [f"Sentence number {n} says that item {n} costs {n} euros today." for n in range(30)]
    chunks = cut(Document.from_text("a.txt", " ".join(sentences)))
    assert len(chunks) > 3
    for chunk in chunks:
        assert chunk.text.startswith("Sentence number")
        assert chunk.text.endswith("today.")


def test_a_sentence_longer_than_a_chunk_is_cut_at_blanks() -> None:
    document = Document.from_text("a.txt", "word " * 300)
    assert all(set(chunk.text.split()) == {"word"} for chunk in cut(document))


def test_one_endless_word_is_cut_by_length() -> None:
    chunks = cut(Document.from_text("a.txt", "x" * 50_000))
    assert len(chunks) > 10
    assert max(len(chunk.text) for chunk in chunks) < 1_000


def test_sections_do_not_share_a_chunk_and_headings_lead_them() -> None:
    text = (
        "Refunds\n\nRefunds take 30 days from the day of delivery.\n\nShipping\n\nShipping takes two days in the city."
    )
    document = Document(
        source="faq.md",
        text=text,
        title="FAQ",
        headings=(Heading(0, 1, "Refunds"), Heading(text.index("Shipping"), 1, "Shipping")),
    )
    first, second = cut(document)
    assert first.text.startswith("Refunds\n\nRefunds take")
    assert second.text.startswith("Shipping\n\nShipping takes")
    assert (first.heading, second.heading) == ("Refunds", "Shipping")
    assert first.context == "FAQ"


def test_the_heading_path_is_the_context_of_later_chunks() -> None:
    body = " ".join(f"Rule {n} is about thing {n} and nothing else." for n in range(12))
    text = f"Rules\n\n{body}"
    chunks = cut(Document(source="r.md", text=text, title="Handbook", headings=(Heading(0, 1, "Rules"),)))
    assert chunks[0].context == "Handbook"
    assert chunks[1].context == "Handbook › Rules"


def test_a_long_title_never_takes_more_than_its_share() -> None:
    document = Document(source="t.txt", text="The answer is short. " * 20, title="Title words " * 100)
    for chunk in cut(document):
        assert len(chunk.text.split()) >= 4


def test_rows_stay_whole_and_carry_their_header() -> None:
    header = "plan | price"
    rows = [f"plan{n} | {n} euros a month" for n in range(20)]
    text = "\n".join([header, *rows])
    document = Document(source="p.csv", text=text, blocks=(Block(0, len(text), "table", header),))
    chunks = cut(document)
    assert len(chunks) > 2
    for chunk in chunks:
        assert all(line in {header, *rows} for line in chunk.text.split("\n"))
    assert all(header in chunk.embedded for chunk in chunks)


def test_boilerplate_is_left_out() -> None:
    text = "Page header\nThe pump needs oil every year.\nPage footer"
    start, end = text.index("The pump"), text.index("\nPage footer")
    blocks = (Block(0, start, "boilerplate"), Block(end, len(text), "boilerplate"))
    (chunk,) = cut(Document(source="m.pdf", text=text, blocks=blocks))
    assert chunk.text == "The pump needs oil every year."


def test_pages_come_from_the_page_table() -> None:
    pages = ["First page talks about apples and pears at length.", "Second page is on plums.", "Third page is on figs."]
    text = "\n\n".join(pages)
    starts = (0, text.index("Second"), text.index("Third"))
    document = Document(
        source="f.pdf", text=text, pages=tuple(Page(start, str(n)) for n, start in enumerate(starts, 7))
    )
    chunks = cut(document, ChunkSettings(max_tokens=32, min_tokens=4))
    for chunk in chunks:
        assert chunk.page == document.page_at(chunk.start)
        assert chunk.page_end == document.page_at(chunk.end - 1)
    assert {chunk.page for chunk in chunks} == {1, 2, 3}


def test_the_models_limit_wins_over_the_setting() -> None:
    embedder = HashEmbedder(max_tokens=34)
    chunks = cut(Document.from_text("a.txt", "Some words here. " * 60), ChunkSettings(max_tokens=200), embedder)
    assert max(chunk.tokens for chunk in chunks) <= 34


def test_text_is_clean_before_it_is_cut() -> None:
    document = Document.from_text("a.txt", "cafe\u0301\r\nnul\x00 tag\U000e0041 bidi\u202e")
    assert document.text == clean_text(document.text) == "café\nnul tag bidi"
