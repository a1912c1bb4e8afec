"""The units of a long document are columns: the garbage collector, which holds the GIL, has few objects to visit."""

from __future__ import annotations

import gc
import random

from ragkit.chunking.chunker import chunk_document
from ragkit.chunking.units import Gap, Unit, Units, document_units
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document, Heading, Page


def long_document(sentences: int) -> Document:
    chance = random.Random(3)
    words = ["The", "valve", "opens", "at", "forty", "bar", "and", "closes", "again"]
    lines = [" ".join(chance.choices(words, k=9)) + ("." if n % 7 else ".\n\nNext. ") for n in range(sentences)]
    return Document.from_text("long.txt", " ".join(lines))


def tracked() -> int:
    gc.collect()
    return len(gc.get_objects())


def test_units_are_few_objects() -> None:
    document = long_document(20_000)
    document_units(long_document(50))  # loads the sentence splitter
    before = tracked()
    units = document_units(document)
    assert len(units) > 20_000
    assert tracked() - before < 1_000


def test_a_chunk_is_one_object() -> None:
    document, embedder = long_document(20_000), HashEmbedder()
    chunk_document(long_document(50), embedder=embedder)
    before = tracked()
    chunks = chunk_document(document, embedder=embedder)
    assert all(chunk.units for chunk in chunks[:100])
    assert tracked() - before < len(chunks) * 1.1 + 1_000


def test_a_unit_comes_back_as_it_was_added() -> None:
    rows = [
        Unit(0, 4, Gap.PARAGRAPH),
        Unit(5, 9, Gap.BLOCK, block=3),
        Unit(12, 2**40, Gap.SECTION, glued=True),
    ]
    units = Units()
    for row in rows:
        units.append(row)
    assert list(units) == rows
    units.set_gap(0, Gap.PAGE)
    units.mark_heading(1, glued=True)
    assert list(units) == [Unit(0, 4, Gap.PAGE), Unit(5, 9, Gap.SECTION, block=3, glued=True), rows[2]]


def test_pages_and_headings_mark_the_units_they_meet() -> None:
    text = "Intro line.\n\nPumps\nThe pump runs. It is loud.\n\nNext page text."
    pumps, following = text.index("Pumps"), text.index("Next")
    document = Document("a", text, headings=(Heading(pumps, 1, "Pumps"),), pages=(Page(0, "1"), Page(following, "2")))
    found = {document.text[unit.start : unit.end]: (unit.gap, unit.glued) for unit in document_units(document)}
    assert found == {
        "Intro line.": (Gap.PARAGRAPH, False),
        "Pumps": (Gap.SECTION, True),
        "The pump runs.": (Gap.PARAGRAPH, False),
        "It is loud.": (Gap.SENTENCE, False),
        "Next page text.": (Gap.PAGE, False),
    }
