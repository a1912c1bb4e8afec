"""Retrieval: scores, ties, filters, neighbours and confidence, with the hashing embedder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ragkit
from ragkit.index.lexical.files import build_lexical
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.lexical.question import TERM_LIMIT, AnalysedQuestion, read_question
from ragkit.retrieval.features import Statistics
from ragkit.retrieval.ordering.neighbours import WEIGHT
from ragkit.retrieval.query_terms import weighted_terms
from ragkit.retrieval.retriever import Retriever
from ragkit.settings import ModelSettings, RetrievalSettings, Settings
from ragkit.testing import HashEmbedder
from ragkit.types.collection import Fingerprint
from ragkit.types.documents import Document, Page

COLOURS = ("red", "green", "blue", "amber", "violet", "white")
THINGS = ("lamp", "valve", "meter", "probe", "cable")
QUESTIONS = ("Which meter is green?", "violet probe", "How is the amber valve repaired?", "xyzzy", "???", "日本")


def sentence(colour: str, thing: str, number: int) -> str:
    return f"The {colour} {thing} has serial number {number} and stands in hall {number % 7}. It was painted by hand."


def library() -> list[Document]:
    out = []
    for at, colour in enumerate(COLOURS):
        parts = [sentence(colour, thing, 100 * at + place) for place, thing in enumerate(THINGS)]
        starts = [sum(len(part) + 2 for part in parts[:place]) for place in range(len(parts))]
        metadata: ragkit.Metadata = {"colour": colour, "shelf": at}
        pages = tuple(Page(start) for start in starts)
        out.append(Document(source=f"{colour}.txt", text="\n\n".join(parts), pages=pages, metadata=metadata))
    return out


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ragkit.KnowledgeBase]:
    chunk = ragkit.ChunkSettings(max_tokens=48, min_tokens=8)
    with ragkit.open(tmp_path_factory.mktemp("kb"), settings=Settings(chunk=chunk), embedder=HashEmbedder()) as made:
        made.add(library())
        yield made


@pytest.mark.parametrize("parallel_from", [0, 10**9])
@pytest.mark.parametrize("question", QUESTIONS)
def test_words_searched_on_a_second_thread_bring_the_same(
    kb: ragkit.KnowledgeBase, question: str, parallel_from: int
) -> None:
    retriever = Retriever(HashEmbedder, RetrievalSettings(), ModelSettings(), parallel_from=parallel_from)
    with kb._store.read() as reader:
        snapshot = kb._indexes.snapshot(reader.chunks)
        found = retriever.retrieve(question, reader=reader, snapshot=snapshot, k=5)
    assert list(found) == list(kb.search(question, k=5))


def test_another_reading_searched_ahead_brings_the_same(kb: ragkit.KnowledgeBase, tmp_path: Path) -> None:
    """The second time its meaning is known, so the search begins before anyone knows whether it is wanted."""
    file = tmp_path / "terms.txt"
    file.write_text("reimbursement => refund window days\nthe => holiday\n")
    settings = RetrievalSettings(vocabulary=(str(file),))
    here, beside = (Retriever(HashEmbedder, settings, ModelSettings(), parallel_from=size) for size in (10**9, 0))
    with kb._store.read() as reader:
        snapshot = kb._indexes.snapshot(reader.chunks)
        for question in ("Who pays reimbursement?", *QUESTIONS, "Who pays reimbursement?", *QUESTIONS):
            one, other = (
                list(retriever.retrieve(question, reader=reader, snapshot=snapshot, k=5))
                for retriever in (here, beside)
            )
            assert one == other
    assert len(beside._meanings) == len(here._meanings) > 0
    plain = Retriever(HashEmbedder, RetrievalSettings(vocabulary=()), ModelSettings())
    with kb._store.read() as reader:
        unread = plain.retrieve("Who pays reimbursement?", reader=reader, snapshot=snapshot, k=5)
        read = beside.retrieve("Who pays reimbursement?", reader=reader, snapshot=snapshot, k=5)
    assert list(unread) != list(read)


@pytest.mark.parametrize("question", QUESTIONS)
def test_scores_are_shares_in_descending_order(kb: ragkit.KnowledgeBase, question: str) -> None:
    hits = kb.search(question, k=10)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert all(0 <= part <= 1 for hit in hits for part in hit.scores.values())
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert 0 <= hits.confidence <= 1
    assert hits.generation == kb.status()["generation"]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("k", [1, 3, 40])
def test_a_hit_is_the_slice_that_it_says_and_no_text_comes_twice(
    kb: ragkit.KnowledgeBase, question: str, k: int
) -> None:
    taken: dict[str, list[tuple[int, int]]] = {}
    hits = kb.search(question, k=k)
    assert len(hits) <= k
    for hit in hits:
        document = kb.document(hit.source)
        assert document.text[hit.start : hit.end] == hit.text
        assert (hit.page, hit.page_end) == (document.page_at(hit.start), document.page_at(hit.end - 1))
        assert hit.sha256 == document.sha256
        assert all(hit.end <= start or end <= hit.start for start, end in taken.get(hit.source, []))
        taken.setdefault(hit.source, []).append((hit.start, hit.end))


def test_the_right_passage_is_first(kb: ragkit.KnowledgeBase) -> None:
    for colour in COLOURS:
        for thing in THINGS:
            hit = kb.search(f"Where does the {colour} {thing} stand?", k=1)[0]
            assert hit.source == f"{colour}.txt"
            assert f"{colour} {thing}" in hit.text


def test_the_same_question_has_the_same_answer(kb: ragkit.KnowledgeBase) -> None:
    first = [(hit.source, hit.start, hit.score) for hit in kb.search("painted by hand", k=20)]
    assert all(
        [(hit.source, hit.start, hit.score) for hit in kb.search("painted by hand", k=20)] == first for _ in "abc"
    )


def test_equal_scores_stand_in_the_order_of_their_ids(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(Document(source=f"{at}.txt", text="The very same words.", title="Same") for at in (3, 1, 4, 2, 0))
        hits = kb.search("same words", k=5)
    assert len({hit.score for hit in hits}) == 1
    assert [hit.source for hit in hits] == ["3.txt", "1.txt", "4.txt", "2.txt", "0.txt"]


@given(shelves=st.sets(st.integers(0, 5), min_size=1), k=st.integers(1, 8), question=st.sampled_from(QUESTIONS[:4]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_a_filter_brings_k_whenever_k_match(kb: ragkit.KnowledgeBase, shelves: set[int], k: int, question: str) -> None:
    where = {"type": "in", "key": "shelf", "value": sorted(shelves)}
    plain = replace(kb.settings, retrieval=RetrievalSettings(merge=False, candidates=1))
    with ragkit.open(kb.path, settings=plain, embedder=HashEmbedder()) as narrow:
        hits = narrow.search(question, k=k, where=where)
        with narrow._store.read() as reader:
            there = sum(len(reader.chunks.of_document(f"{COLOURS[at]}.txt")) for at in shelves)
    assert len(hits) == min(k, there)
    assert {hit.source for hit in hits} <= {f"{COLOURS[at]}.txt" for at in shelves}


def test_a_filter_that_lets_nothing_through_gives_nothing(kb: ragkit.KnowledgeBase) -> None:
    assert len(kb.search("green meter", where={"type": "eq", "key": "colour", "value": "none"})) == 0


def test_neighbours_merge_unless_told_not_to(kb: ragkit.KnowledgeBase) -> None:
    where = {"type": "eq", "key": "source", "value": "green.txt"}
    merged = kb.search("green things painted by hand", k=2, where=where)
    apart = replace(kb.settings, retrieval=RetrievalSettings(merge=False))
    with ragkit.open(kb.path, settings=apart, embedder=HashEmbedder()) as other:
        single = other.search("green things painted by hand", k=2, where=where)
    assert max(len(hit.text) for hit in merged) > max(len(hit.text) for hit in single)
    assert any(hit.page != hit.page_end and hit.page_starts for hit in merged)


def test_foreign_questions_have_less_confidence(kb: ragkit.KnowledgeBase) -> None:
    own = [kb.search(f"Where does the {colour} meter stand?").confidence for colour in COLOURS]
    foreign = [
        kb.search(text).confidence
        for text in ("Who painted the Mona Lisa?", "How tall is Everest?", "When did Rome fall?", "xyzzy plugh")
    ]
    assert min(own) > max(foreign)
    assert max(foreign) < 0.5


def test_who_asks_for_k_gets_the_text_of_k_chunks(kb: ragkit.KnowledgeBase) -> None:
    apart = replace(kb.settings, retrieval=RetrievalSettings(merge=False))
    with ragkit.open(kb.path, settings=apart, embedder=HashEmbedder()) as other:
        for k in (1, 3, 8):
            merged, single = (side.search("green things painted by hand", k=k) for side in (kb, other))
            assert len(merged) <= len(single) == k
            held = [(hit.source, hit.start, hit.end) for hit in merged]
            for hit in single:
                assert sum(source == hit.source and start <= hit.start < end for source, start, end in held) == 1
            assert sum(len(hit.text) for hit in merged) < sum(len(hit.text) for hit in single) + 4 * k


class _Words:
    """A lexical index of a few known terms."""

    languages = ("en", "de", "cs")
    main_languages = frozenset(("en", "de"))

    def __init__(self, *known: str) -> None:
        self._known = known

    def idf(self, terms: Iterable[str]) -> dict[str, float]:
        return {term: 1.0 for term in terms if term in self._known}

    def question(self, text: str) -> AnalysedQuestion:
        return read_question(text, languages=self.languages, idf=self.idf)


@pytest.mark.parametrize(
    ("question", "known", "terms"),
    [
        ("FY2022 margin", ("fy2022", "2022", "margin"), ("fy2022", "margin")),
        ("FY2022 margin", ("2022", "margin"), ("fy", "2022", "margin")),
        ("FY2022 margin", ("margin",), ("fy2022", "margin")),
        ("operating company", ("oper", "compani", "operating", "company"), ("oper", "compani", "operating", "company")),
        ("what is the operating company", ("oper", "compani", "compan"), ("oper", "compani")),
        ("what is the operating company", ("oper", "compan"), ("oper", "compani", "compan")),
    ],
)
def test_a_word_of_a_question_counts_once(question: str, known: tuple[str, ...], terms: tuple[str, ...]) -> None:
    index = cast("LexicalIndex", _Words(*known))
    assert weighted_terms(index.question(question), index, Statistics(10, 20.0)).terms == terms


def test_a_pasted_page_is_searched_and_scored_by_the_same_rarest_terms() -> None:
    """The telling words stand at its end, behind more terms than a question may have."""
    filler = [f"filler{chr(97 + at // 26)}{chr(97 + at % 26)}" for at in range(300)]
    rare = ["gasket", "flange", "ERR-4012"]
    chunks = [("", "", " ".join(filler))] * 20 + [("", "", "the gasket of the flange leaks: ERR-4012")]
    index = LexicalIndex(build_lexical(None, [(np.arange(1, 22), chunks)], expected=21))
    question = index.question(" ".join([*filler, *rare]))
    assert question.is_cut
    assert len(question.terms) == TERM_LIMIT
    weighted = weighted_terms(question, index, Statistics(*index.statistics()))
    assert {"gasket", "flang"} <= set(question.terms) & set(weighted.terms)
    assert set(weighted.terms) <= set(question.terms)
    assert index.search(question, 1)[0].tolist() == [21]
    short = index.question(" ".join(rare))
    assert not short.is_cut
    assert index.search(short, 5)[0].tolist() == index.search(" ".join(rare), 5)[0].tolist() == [21]


def test_dense_and_lexical_sides_can_stand_alone(kb: ragkit.KnowledgeBase) -> None:
    for weight, side in ((1.0, "dense"), (0.0, "lexical")):
        retrieval = RetrievalSettings(dense_weight=weight, feedback=0.0)
        with ragkit.open(kb.path, settings=replace(kb.settings, retrieval=retrieval), embedder=HashEmbedder()) as one:
            for hit in one.search("green meter", k=5):
                by_neighbours = hit.score - max(hit.scores[side], 0)
                assert -1e-9 <= by_neighbours <= WEIGHT


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ragkit.KnowledgeBase]:
    statement = "CONSOLIDATED STATEMENTS OF INCOME\nTotal revenue 17,606 15,785\nOperating income 6,098 5,802"
    policy = "Our policy on the operating margin is that the board sets its target in spring."
    risk = "Competitors of Acme may harm the margin of our operating units in fiscal years to come."
    with ragkit.open(tmp_path_factory.mktemp("reports"), embedder=HashEmbedder()) as made:
        made.add(Document(source=f"{name}.txt", text=text) for name, text in (("acme", statement), ("board", policy)))
        made.add(Document(source=f"risk{at}.txt", text=f"{risk} Risk {at}.") for at in range(12))
        yield made


def test_a_measure_that_is_named_nowhere_is_found_by_its_parts(reports: ragkit.KnowledgeBase) -> None:
    plain = replace(reports.settings, retrieval=RetrievalSettings(vocabulary=()))
    with ragkit.open(reports.path, settings=plain, embedder=HashEmbedder()) as as_asked:
        assert "acme.txt" not in {hit.source for hit in as_asked.search("gross operating margin of 2022", k=3)}
    hits = reports.search("gross operating margin of 2022", k=3)
    assert hits[0].source == "acme.txt"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)


def test_a_sentence_that_says_it_is_first_all_the_same(reports: ragkit.KnowledgeBase) -> None:
    assert reports.search("Who sets the target of the operating margin in spring?")[0].source == "board.txt"


def test_another_reading_keeps_to_the_filter(reports: ragkit.KnowledgeBase) -> None:
    where = {"type": "ne", "key": "source", "value": "acme.txt"}
    assert "acme.txt" not in {hit.source for hit in reports.search("gross operating margin", k=20, where=where)}


class _EnglishEmbedder(HashEmbedder):
    """A fake that goes by the name of a model of English alone."""

    @property
    def fingerprint(self) -> Fingerprint:
        return replace(super().fingerprint, model="sentence-transformers/all-MiniLM-L6-v2")


def test_vectors_of_an_english_model_count_for_less_in_chinese(tmp_path: Path) -> None:
    texts = {"a.txt": "水泵的滤芯每月更换一次。", "b.txt": "仓库晚上八点关门。", "c.txt": "花园在周末开放。"}
    scores = {}
    for name, embedder in (("other", HashEmbedder()), ("english", _EnglishEmbedder())):
        with ragkit.open(tmp_path / name, embedder=embedder) as kb:
            kb.add(Document(source=source, text=text) for source, text in texts.items())
            first = kb.search("怎么更换水泵的滤芯？", k=3)[0]
            scores[name] = first.score, first.scores["dense"], first.scores["lexical"]
            assert first.source == "a.txt"
    score, dense, lexical = scores["english"]
    share = RetrievalSettings().dense_weight
    assert score == pytest.approx(min(1.0, share / 2 * dense + (1 - share / 2) * lexical), abs=1e-6)
    assert scores["other"][0] == pytest.approx(min(1.0, share * dense + (1 - share) * lexical), abs=1e-6)


class NamedRuntime(HashEmbedder):
    """A hashing embedder that says how it runs."""

    runtime = "hash"

    @property
    def fingerprint(self) -> Fingerprint:
        return replace(super().fingerprint, runtime=self.runtime)


@pytest.mark.parametrize(("runtime", "share"), [("openvino-fp32", 0.55), ("static", 0.4015)])
def test_a_static_model_counts_less_beside_the_words(tmp_path: Path, runtime: str, share: float) -> None:
    embedder = NamedRuntime()
    embedder.runtime = runtime
    settings = Settings(retrieval=RetrievalSettings(feedback=0.0, merge=False))
    with ragkit.open(tmp_path / "kb", settings=settings, embedder=embedder) as kb:
        kb.add(library())
        hits = kb.search("Where does the amber valve stand?", k=4)
    parts = [share * hit.scores["dense"] + (1 - share) * hit.scores["lexical"] for hit in hits]
    assert [hit.score for hit in hits] == pytest.approx(parts, abs=1e-6)
