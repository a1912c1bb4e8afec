"""What a reader with access labels sees of a collection: hidden documents are as good as not there."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit import Answer, Document, InputError, NotFoundError
from ragkit.testing import HashEmbedder

TEXTS = {
    "handbook.md": ("The refund window is thirty days after delivery.", {}),
    "salaries.md": ("The salary of the director is ninety thousand euros.", {"acl": ("hr",)}),
    "merger.md": ("The merger with Zyxolan is planned for the spring; salary talks follow.", {"acl": ("board", "hr")}),
    "odd.md": ("The salary of the janitor is listed in another file.", {"acl": 7}),
}
ALL = set(TEXTS)
SEEN: list[tuple[tuple[str, ...] | None, set[str]]] = [
    (None, ALL),
    ((), {"handbook.md"}),
    (("hr",), {"handbook.md", "salaries.md", "merger.md"}),
    (("board",), {"handbook.md", "merger.md"}),
    (("board", "sales"), {"handbook.md", "merger.md"}),
    (("HR", "h", "7", "hr,board"[:2] + "x"), {"handbook.md"}),
]


@pytest.fixture
def kb(tmp_path: Path) -> Iterator[ragkit.KnowledgeBase]:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as made:
        made.add(
            Document.from_text(source, text, title=source, metadata=metadata)
            for source, (text, metadata) in TEXTS.items()
        )
        yield made


WIDENING: list[dict[str, Any] | None] = [
    None,
    {"type": "nin", "key": "source", "value": []},
    {"type": "ne", "key": "acl", "value": "nobody"},
    {"type": "in", "key": "acl", "value": ["hr", "board", 7]},
    {"type": "eq", "key": "source", "value": "salaries.md"},
    {
        "type": "or",
        "filters": [{"type": "eq", "key": "acl", "value": "hr"}, {"type": "ne", "key": "acl", "value": "hr"}],
    },
]


@pytest.mark.parametrize(("labels", "seen"), SEEN)
def test_no_question_and_no_filter_shows_a_hidden_document(
    kb: ragkit.KnowledgeBase, labels: tuple[str, ...] | None, seen: set[str]
) -> None:
    view = kb.view(labels)
    for question, where in itertools.product(("salary of the director", "merger Zyxolan", "refund window"), WIDENING):
        found = {
            *(hit.source for hit in view.search(question, k=20, where=where)),
            *(hit.source for hit in asyncio.run(view.asearch(question, k=20, where=where))),
            *(hit.source for hit in view.prompt(question, k=20, where=where).passages),
            *(item.source for item in view.ask(question, k=20, where=where).citations),
            *(item.source for item in view.documents(where=where)),
        }
        answer = list(view.stream(question, where=where))[-1]
        assert isinstance(answer, Answer)
        checked = view.check("The salary of the director is ninety thousand euros.", where=where)
        found |= {item.source for item in answer.citations}
        found |= {item.citation.source for item in checked.sentences if item.citation}
        assert found <= seen, (question, where)
    assert {item.source for item in view.documents()} == seen
    assert view.status()["documents"] == len(seen)


@pytest.mark.parametrize(("labels", "seen"), SEEN)
def test_a_hidden_document_is_not_found(
    kb: ragkit.KnowledgeBase, labels: tuple[str, ...] | None, seen: set[str]
) -> None:
    view = kb.view(labels)
    for source in ALL:
        if source in seen:
            assert view.document(source).source == view.info(source).source == source
            continue
        told = []
        for name in (source, "nothing.md"):
            with pytest.raises(NotFoundError) as error:
                view.document(name)
            told.append(str(error.value).replace(name, "NAME"))
        assert told[0] == told[1]


def test_k_passages_come_back_whenever_k_visible_ones_match(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        hidden = [Document.from_text(f"h{n}", f"pump number {n}", metadata={"acl": ("x",)}) for n in range(200)]
        shown = [Document.from_text(f"s{n}", f"a pump, said in many more other words {n}") for n in range(5)]
        kb.add([*hidden, *shown])
        assert {hit.source for hit in kb.view(()).search("pump number", k=5)} == {item.source for item in shown}


def test_hidden_words_and_keys_are_not_told(kb: ragkit.KnowledgeBase) -> None:
    typed = "merger with Zyxolam"
    assert "zyxolan" in str(kb.view(("board",)).search(typed).corrected).lower()
    hits = kb.view(()).search(typed, where={"type": "eq", "key": "nothing", "value": 1})
    assert not hits.corrected
    assert "zyxolan" not in " ".join(hits.warnings).lower()
    assert "acl" not in " ".join(hits.warnings)
    hits = kb.view(()).search(typed)
    assert not hits.corrected
    assert "zyxolan" not in " ".join(hits.warnings).lower()


@pytest.mark.parametrize("label", ["", " hr", "hr ", "a,b", "a;b", "x" * 101, "a\nb", "é\u0301\0", "*"])
def test_what_is_no_label_is_refused(kb: ragkit.KnowledgeBase, label: str) -> None:
    with pytest.raises(InputError, match="no access label"):
        kb.view([label])
