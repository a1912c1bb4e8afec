"""Hits for prompts cut no paragraph, list, table or code in two, and bring the files that their page shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ragkit
from ragkit.errors import NotFoundError
from ragkit.retrieval.included_files import with_included_files
from ragkit.retrieval.whole_blocks import with_whole_blocks
from ragkit.store.base import DocumentReader
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Block, BlockKind, Document, Heading, Page
from ragkit.types.hits import Hit, Hits
from tests.support.prompt_fakes import make_hit
from tests.support.store_fakes import ChunkedDocument, new_store, writing

KILN = """Firing a kiln

Read this before you light it. Never leave it alone.

You need these things:

- a pyrometer
- two cones
- gloves that reach to the elbow

Start the burner with:

kiln --start \\
  --cone 6

Ramp | Degrees
1 | 120
2 | 600

Cooling

Keep the door shut until it is below 90 degrees. The glaze cracks otherwise."""


def block(kind: BlockKind, first: str, last: str) -> Block:
    return Block(KILN.index(first), KILN.index(last) + len(last), kind)


DOCUMENT = Document(
    source="kiln.md",
    text=KILN,
    headings=(Heading(0, 1, "Firing a kiln"), Heading(KILN.index("Cooling"), 2, "Cooling")),
    blocks=(
        block("list", "- a pyrometer", "elbow"),
        block("code", "kiln --start", "--cone 6"),
        block("table", "Ramp", "2 | 600"),
    ),
    pages=(Page(0, "i"), Page(KILN.index("Start the"), "ii"), Page(KILN.index("Cooling"), "iii")),
)


@contextmanager
def stored(folder: Path, *documents: Document) -> Iterator[DocumentReader]:
    with new_store(folder) as store:
        with writing(store) as writer:
            for document in documents:
                ChunkedDocument(document, [], np.empty((0, 32), dtype=np.float32)).put(writer)
        with store.read() as reader:
            yield reader.documents


def hit_of(document: Document, first: str, last: str, **changes: object) -> Hit:
    start = document.text.index(first)
    end = document.text.index(last, start) + len(last)
    return make_hit(document.text[start:end], start=start, source=document.source, **changes)


def widened(tmp_path: Path, *hits: Hit) -> Hits:
    with stored(tmp_path, DOCUMENT) as documents:
        return with_whole_blocks(Hits(hits, confidence=0.4, generation=7), documents)


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        ("two cones", "two cones", "You need", "elbow"),  # a list, with the line that leads into it
        ("- a pyrometer", "- a pyr", "You need", "elbow"),
        ("Never leave", "it alone", "Read this", "it alone."),  # a paragraph
        ("You need", "things:", "You need", "elbow"),  # what a colon promises
        ("Start", "burner with:", "Start", "2 | 600"),  # code and table follow
        ("--cone", "--cone 6", "Start", "2 | 600"),
        ("1 | 120", "1 | 120", "kiln --start", "2 | 600"),
        ("Cooling", "90 degrees.", "Cooling", "otherwise."),
    ],
)
def test_a_passage_grows_to_whole_blocks(tmp_path: Path, first: str, last: str, start: str, end: str) -> None:
    (whole,) = widened(tmp_path, hit_of(DOCUMENT, first, last))
    assert whole.text == KILN[whole.start : whole.end]
    if first != "1 | 120":
        assert whole.text.startswith(start)
    assert whole.text.endswith(end)
    assert "Cooling" not in whole.text or first == "Cooling"


def test_pages_blocks_and_headings_are_those_of_the_whole(tmp_path: Path) -> None:
    found = widened(tmp_path, hit_of(DOCUMENT, "--cone", "--cone 6", page=9), hit_of(DOCUMENT, "Keep", "shut", rank=2))
    assert [(hit.rank, hit.page, hit.page_end, hit.page_label) for hit in found] == [(1, 2, 2, "ii"), (2, 3, 3, "iii")]
    assert [block.kind for block in found[0].blocks or ()] == ["code", "table"]
    assert found[0].headings == found[1].headings == ()
    assert (found.confidence, found.generation) == (0.4, 7)


def test_hits_that_come_to_overlap_become_one(tmp_path: Path) -> None:
    one = hit_of(DOCUMENT, "- a pyr", "ometer", units=((80, 90, 0.5),))
    other = hit_of(DOCUMENT, "gloves", "elbow", rank=2, units=((110, 120, 0.7),))
    (whole,) = widened(tmp_path, one, other)
    assert whole.text.startswith("You need")
    assert whole.text.endswith("elbow")
    assert [cosine for *_, cosine in whole.units] == [0.5, 0.7]
    assert whole.score == one.score


def test_a_block_that_is_too_long_stays_cut(tmp_path: Path) -> None:
    text = "Names:\n\n" + "\n".join(f"- name number {at}" for at in range(200))
    document = Document(source="names.md", text=text, blocks=(Block(8, len(text), "list"),))
    with stored(tmp_path, document) as documents:
        (whole,) = with_whole_blocks(Hits([hit_of(document, "- name number 100", "number 103")]), documents)
    assert whole.text == text[whole.start : whole.end]
    assert len(whole.text) < 100


@example(spans=[(KILN.index("1 | 120"), 7), (KILN.index("two"), 9), (KILN.index("need"), 30), (KILN.index("Start"), 8)])
@given(spans=st.lists(st.tuples(st.integers(0, len(KILN) - 2), st.integers(1, 60)), min_size=1, max_size=4))
def test_what_was_found_stays_and_no_text_comes_twice(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]]
) -> None:
    taken: list[Hit] = []
    for start, length in spans:
        end = min(start + length, len(KILN))
        if all(end <= hit.start or hit.end <= start for hit in taken):
            taken.append(make_hit(KILN[start:end], start=start, source="kiln.md", rank=len(taken) + 1))
    found = widened(tmp_path_factory.mktemp("kiln"), *taken)
    for hit in found:
        assert hit.text == KILN[hit.start : hit.end]
    for hit in taken:
        assert not hit.text.strip() or any(
            whole.start <= hit.start + len(hit.text) - len(hit.text.lstrip()) and hit.start < whole.end
            for whole in found
        )
    places = sorted((hit.start, hit.end) for hit in found)
    assert all(before[1] <= after[0] for before, after in pairwise(places))


CODE = Document(source="site/examples/fire.py", text="kiln.fire(cone=6)\nkiln.wait()", media_type="text/x-source")
LONG = Document(source="site/examples/all.py", text="kiln.fire()\n" * 400, media_type="text/x-source")
PAGE = Document(
    source="site/guide/fire.md", text="Fire it so:\n\n(included file: ../examples/fire.py)\n\nThen cool it."
)


def test_a_file_that_a_page_shows_is_one_more_passage(tmp_path: Path) -> None:
    with stored(tmp_path, CODE, PAGE) as documents:
        found = with_included_files(Hits([hit_of(PAGE, "Fire", "cool it.")]), documents)
    assert [(hit.rank, hit.source) for hit in found] == [(1, PAGE.source), (2, CODE.source)]
    assert (found[1].text, found[1].start, found[1].sha256) == (CODE.text, 0, CODE.sha256)


@pytest.mark.parametrize("path", ["examples/fire.py", "/examples/fire.py", "../../examples/fire.py"])
def test_a_path_is_read_from_each_folder_above(tmp_path: Path, path: str) -> None:
    page = Document(source="site/guide/deep/fire.md", text=f"(included file: {path})")
    with stored(tmp_path, CODE, page) as documents:
        found = with_included_files(Hits([hit_of(page, "(", ")")]), documents)
    assert [hit.source for hit in found] == [page.source, CODE.source]


def test_files_that_are_missing_long_or_found_already_are_not_added(tmp_path: Path) -> None:
    page = Document(
        source="site/guide/x.md",
        text="(included file: ../examples/all.py) (included file: ../no.py) (included file: ../examples/fire.py)",
    )
    with stored(tmp_path, CODE, LONG, page) as documents:
        hits = Hits([hit_of(page, "(", "fire.py)"), hit_of(CODE, "kiln", "wait()", rank=2)])
        assert [hit.source for hit in with_included_files(hits, documents)] == [page.source, CODE.source]
        with pytest.raises(NotFoundError):
            documents.structure("site/no.py")


def test_prompts_get_whole_blocks_but_no_search_and_no_filter_of_pages(tmp_path: Path) -> None:
    paged = {"type": "eq", "key": "page", "value": 2}
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add([CODE, DOCUMENT])
        found = kb.search("kiln --start --cone 6", k=5)
        prompted = kb.prompt("kiln --start --cone 6", k=5).passages
        limited = kb.prompt("kiln --start --cone 6", k=5, where=paged).passages
        kept = kb.search("kiln --start --cone 6", k=5, where=paged)
    assert all(hit.blocks is None for hit in found)
    assert any(hit.blocks for hit in prompted)
    assert [(hit.start, hit.end) for hit in limited] == [(hit.start, hit.end) for hit in kept]
    assert all(hit.text == KILN[hit.start : hit.end] for hit in prompted if hit.source == DOCUMENT.source)


def test_a_limited_prompt_names_a_file_and_an_unlimited_one_brings_it(tmp_path: Path) -> None:
    page = Document(source="site/guide/fire.md", text="Fire it so: (included file: ../examples/fire.py)")
    other = Document(source="site/guide/cool.md", text="Cool it slowly.")
    named = {"type": "eq", "key": "source", "value": page.source}
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add([CODE, page, other])
        assert [hit.source for hit in kb.prompt("Fire it so", k=1).passages] == [page.source, CODE.source]
        assert [hit.source for hit in kb.prompt("Fire it so", k=1, where=named).passages] == [page.source]
