"""BM25 equals its plain definition, wherever a chunk is: in files, in memory, or in files that were added to."""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragkit.errors import StoreError
from ragkit.index.lexical.bm25 import rounded_lengths
from ragkit.index.lexical.chunk_terms import analyse_chunk
from ragkit.index.lexical.deletions import DeletedTermCounts
from ragkit.index.lexical.files import build_lexical, extend_lexical, index_files, open_lexical
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.lexical.question import TERM_LIMIT
from ragkit.index.lexical.ranking import FIELD_BOOST
from ragkit.index.lexical.rescoring import explained_score
from ragkit.index.lexical.tail import Block, join_blocks

Ids = NDArray[np.int64]
Chunk = tuple[str, str, str]
NONE = np.empty(0, dtype=np.int64)
WORDS = [f"word{chr(97 + i)}{chr(97 + j)}" for i in range(12) for j in range(8)]


def chunks(count: int, *, seed: int) -> list[Chunk]:
    """Return chunks whose words have Zipfian frequencies."""
    rng = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    return [
        ("", " ".join(rng.choices(WORDS, weights, k=2)), " ".join(rng.choices(WORDS, weights, k=rng.randint(1, 60))))
        for _ in range(count)
    ]


def ids_of(first: int, count: int) -> Ids:
    return np.arange(first, first + count, dtype=np.int64)


def built(texts: Sequence[Chunk], *, first: int = 1, folder: Path | None = None) -> LexicalIndex:
    ids = ids_of(first, len(texts))
    return LexicalIndex(build_lexical(folder, [(ids, texts)], expected=len(texts)))


def scores_of(index: LexicalIndex, query: str, ids: Ids) -> list[float]:
    """Return the scores of given chunks, in their order, 0 where a search among them does not find one."""
    found, scores = index.search(query, max(len(ids), 1), allowed=np.unique(ids))
    known = dict(zip(found.tolist(), scores.tolist(), strict=True))
    return [known.get(number, 0.0) for number in ids.tolist()]


def plain_bm25(texts: Sequence[Chunk], query: str) -> NDArray[np.float64]:
    """Score by the definition: sum over fields and terms of boost × idf × tf (k1 + 1) / (tf + k1 (1 - b + b l / m))."""
    analysed = [analyse_chunk(*text) for text in texts]
    asked = Counter(analyse_chunk("", "", query).body.split())
    scores = np.zeros(len(texts))
    for field in ("body", "context"):
        counts = [Counter(getattr(item, field).split()) for item in analysed]
        true = np.array([sum(count.values()) for count in counts])
        lengths, mean = rounded_lengths(true), max(true.mean(), 1e-9)
        for term, times in asked.items():
            containing = sum(term in count for count in counts)
            idf = math.log(1 + (len(texts) - containing + 0.5) / (containing + 0.5))
            for at, count in enumerate(counts):
                if term in count:
                    part = count[term] * 2.2 / (count[term] + 1.2 * (0.25 + 0.75 * lengths[at] / mean))
                    scores[at] += times * FIELD_BOOST[field] * idf * part
    return scores


@given(seed=st.integers(0, 10_000), count=st.integers(1, 60), memory=st.booleans(), k=st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_scores_are_those_of_the_definition(seed: int, count: int, memory: bool, k: int) -> None:
    texts = chunks(count, seed=seed)
    index = built(texts)
    if memory:
        index = LexicalIndex(blocks=[Block.of(ids_of(1, count), texts)])
    held = sorted({word for _, context, text in texts for word in f"{context} {text}".split()})
    query = " ".join(random.Random(seed + 1).choices([*held, "zz9z"], k=4))  # an unknown word is read as a known one
    expected = plain_bm25(texts, query)
    ids, scores = index.search(query, k)
    order = np.lexsort((np.arange(count), -np.round(expected, 4)))
    order = order[expected[order] > 0][:k]
    assert scores == pytest.approx(expected[order], abs=2e-4)
    assert scores == pytest.approx(expected[ids - 1], abs=2e-4)
    assert scores_of(index, query, ids_of(1, count)) == pytest.approx(expected, abs=2e-4)


def test_a_followed_index_ranks_like_one_built_anew(tmp_path: Path) -> None:
    texts = chunks(3000, seed=1)
    index = built(texts[:2600])
    gone: list[int] = []
    rng = random.Random(2)
    for start in range(2600, 3000, 50):
        removed = rng.sample([number for number in range(1, start + 1) if number not in gone], 12)
        gone += removed
        index = index.followed(
            removed=np.array(sorted(removed)), added=ids_of(start + 1, 50), texts=texts[start : start + 50]
        )
    alive = [number for number in range(1, 3001) if number not in gone]
    anew = LexicalIndex(
        build_lexical(None, [(np.array(alive), [texts[number - 1] for number in alive])], expected=3000)
    )
    assert len(index) == len(anew) == len(alive)
    assert index.ids().tolist() == alive
    assert index._stale
    assert not anew._stale
    for seed in range(40):
        query = " ".join(random.Random(seed).choices(WORDS, k=3))
        first, scores = index.search(query, 10)
        second, expected = anew.search(query, 10)
        assert scores == pytest.approx(expected, abs=2e-4)
        same = expected > expected[-1] + 2e-4  # others tie with the last, or nearly
        assert first[same].tolist() == second[same].tolist()
        assert scores_of(index, query, second) == pytest.approx(expected, abs=2e-4)


def test_stop_words_rank_the_same_whatever_has_gone() -> None:
    """How many of them chunks hold that are gone is kept nowhere, so it may not count."""
    rng = random.Random(3)
    common = ("the", "of", "our", "through", "and", "it", "has", "been")
    texts = [("", "", " ".join(rng.choices((*common * 7, *WORDS), k=rng.randint(5, 60)))) for _ in range(900)]
    memory = LexicalIndex(blocks=[Block.of(ids_of(1, 900), texts)])
    grown = built(texts[:700]).followed(removed=NONE, added=ids_of(701, 200), texts=texts[700:])
    removed = np.array(sorted(rng.sample(range(1, 901), 300)))
    alive = np.setdiff1d(ids_of(1, 900), removed)
    rows = [texts[number - 1] for number in alive.tolist()]
    anew = LexicalIndex(build_lexical(None, [(alive, rows)], expected=len(rows)))
    indexes = [index.followed(removed=removed, added=NONE, texts=()) for index in (memory, grown)]
    for query in ("through our", "the", "it has been", "of and the"):
        expected, best = anew.search(query, 20)
        assert len(expected) == 20
        for index in indexes:
            found, scores = index.search(query, 20)
            assert scores == pytest.approx(best, abs=2e-4)
            same = best > best[-1] + 2e-4
            assert found[same].tolist() == expected[same].tolist()
            assert scores_of(index, query, found) == pytest.approx(scores, abs=2e-4)


def assert_same_statistics(found: LexicalIndex, anew: LexicalIndex, ids: Ids) -> None:
    """What answers are scored by is what an index made anew of the same chunks has, to the last digit."""
    assert len(found) == len(anew) == len(ids)
    assert found.statistics() == anew.statistics()
    assert found.languages == anew.languages
    terms = set(" ".join(anew.terms(ids)).split()) | set(" ".join(found.terms(found.ids())).split()) | set(WORDS)
    assert found.idf(terms) == anew.idf(terms)


@given(seed=st.integers(0, 10_000), keep=st.floats(0, 1), steps=st.integers(1, 14))
@settings(max_examples=25, deadline=None)
def test_statistics_are_those_of_the_chunks_that_are_there(seed: int, keep: float, steps: int) -> None:
    """Whatever was added, removed, followed in memory or written in files before: removed chunks count nowhere."""
    rng = random.Random(seed)
    german = ("Handbuch", "", "Die Fristen für alle Mitarbeiter sind im Vertrag geregelt und betragen drei Monate.")
    texts = dict(enumerate(chunks(400, seed=seed), 1))
    texts |= {number: german for number in texts if number % 5 == seed % 5}
    last = rng.randint(0, 60)
    alive = list(range(1, last + 1))

    def batch(ids: Sequence[int]) -> list[tuple[Ids, list[Chunk]]]:
        return [(np.array(ids, dtype=np.int64), [texts[number] for number in ids])] if ids else []

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "0"
        folder.mkdir()
        index = LexicalIndex(build_lexical(folder, batch(alive), expected=last))
        written = list(alive)
        for step in range(1, steps):
            gone = sorted(rng.sample(alive, rng.randint(0, len(alive) // 3)))
            new = list(range(last + 1, last + 1 + rng.randint(0, 20)))
            last += len(new)
            alive = [number for number in alive if number not in gone] + new
            index = index.followed(
                removed=np.array(gone, dtype=np.int64),
                added=np.array(new, dtype=np.int64),
                texts=[texts[n] for n in new],
            )
            if rng.random() > keep and index.base:
                old, folder = folder, Path(place) / str(step)
                folder.mkdir()
                removed = np.setdiff1d(np.array(written, dtype=np.int64), alive)
                more = [number for number in alive if number not in written]
                facts = index.base.facts
                base = extend_lexical(old, folder, batch(more), removed=removed, expected=len(more), facts=facts)
                index = LexicalIndex(open_lexical(folder, base.facts))
                written = list(alive)
            anew = LexicalIndex(build_lexical(None, batch(alive), expected=last))
            assert_same_statistics(index, anew, np.array(alive, dtype=np.int64))


def test_an_extended_folder_holds_the_same_chunks(tmp_path: Path) -> None:
    texts = chunks(500, seed=3)
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    built(texts[:300], folder=folders[0])
    base = open_lexical(folders[0], built(texts[:300]).base.facts)  # type: ignore[union-attr]
    gone = NONE
    for step, old, new in zip(range(3), folders, folders[1:], strict=False):
        removed = ids_of(10 * step + 1, 5)
        gone = np.concatenate([gone, removed])
        added = ids_of(301 + 50 * step, 50)
        batch = (added, texts[300 + 50 * step : 350 + 50 * step])
        base = extend_lexical(old, new, [batch], removed=removed, expected=50, facts=base.facts)
    reopened = LexicalIndex(open_lexical(folders[3], base.facts))
    assert reopened.ids().tolist() == np.setdiff1d(ids_of(1, 450), gone).tolist()
    query = "wordaa wordbc worddd"
    expected = built(texts[:450])
    ids, _ = reopened.search(query, 450)
    assert set(ids.tolist()) == set(expected.search(query, 450)[0].tolist()) - set(gone.tolist())
    assert reopened.terms(np.array([20, 449])) == expected.terms(np.array([20, 449]))
    assert any((folders[3] / name).stat().st_nlink > 1 for name in index_files(folders[3]))


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("size", [1, 40, 700, 1900])
def test_filters_bring_k_whenever_k_match(size: int, memory: bool) -> None:
    texts = chunks(2000, seed=4)
    index = LexicalIndex(blocks=[Block.of(ids_of(1, 2000), texts)]) if memory else built(texts)
    allowed = np.sort(np.random.default_rng(size).choice(ids_of(1, 2000), size, replace=False))
    for query in ("wordaa", "wordlh wordkg", "wordcc wordaa wordbb"):
        whole, scores = index.search(query, 2000)
        kept = np.isin(whole, allowed)
        found, some = index.search(query, 15, allowed=allowed)
        assert found.tolist() == whole[kept][:15].tolist()
        assert some.tolist() == pytest.approx(scores[kept][:15].tolist(), abs=2e-4)
    assert index.search("wordaa", 5, allowed=NONE)[0].tolist() == []


def test_an_explanation_that_is_worded_otherwise_leaves_the_score_as_it_is() -> None:
    numbers = {"N": 10.0, "n": 4.0, "freq": 2.0, "dl": 5.0, "avgdl": 8.0}
    details = [{"description": f"{name}, of something", "value": value} for name, value in numbers.items()]
    known = {"description": "Boost x3 of ...", "value": 1, "details": [{"description": "TermQuery, product of...",
             "value": 1, "details": details}]}  # fmt: skip
    expected = 3 * math.log(1 + 6.5 / 4.5) * 2.2 * 2 / (2 + 1.2 * (0.25 + 0.75 * 5 / 6))
    assert explained_score(json.dumps(known), 6.0, otherwise=7.0) == pytest.approx(expected)
    details.pop(0)
    assert explained_score(json.dumps(known), 6.0, otherwise=7.0) == 7.0
    assert explained_score('{"description": "something else", "value": 1}', 6.0, otherwise=7.0) == 7.0


def test_removed_chunks_are_not_found() -> None:
    texts = chunks(400, seed=5)
    index = built(texts[:350]).followed(removed=ids_of(1, 60), added=ids_of(351, 50), texts=texts[350:])
    index = index.followed(removed=ids_of(360, 10), added=NONE, texts=[])
    found, _ = index.search("wordaa", 400)
    assert not set(found.tolist()) & (set(range(1, 61)) | set(range(360, 370)))
    assert scores_of(index, "wordaa", ids_of(1, 5)) == [0.0] * 5
    assert len(index) == 330


def test_equal_chunks_come_by_id() -> None:
    index = built([("", "", "pump pressure valve")] * 300)
    index = index.followed(removed=np.array([2]), added=ids_of(301, 3), texts=[("", "", "pump pressure valve")] * 3)
    found, scores = index.search("pressure of the pump", 5)
    assert found.tolist() == [1, 3, 4, 5, 6]
    assert len(set(scores.tolist())) == 1


def test_languages_codes_and_scripts_are_found() -> None:
    index = built(
        [
            (
                "Handbook",
                "Handbook › Leave",
                "Every employee has thirty days of leave and may carry over five of them.",
            ),
            (
                "Handbuch",
                "",
                "Die Kündigungsfristen für alle Mitarbeiter sind im Vertrag geregelt und betragen drei Monate.",
            ),
            ("", "", "The pump reported error ERR-4012 and the pressure was 1,646 bar."),
            ("会社", "", "本社は東京都にあります。"),
            ("", "", "Set maxRetries to 5 in the file"),
        ]
    )
    for question, expected in (
        ("Kündigungsfrist", 2), ("Wie lang ist die kundigungsfrist?", 2), ("ERR-4012", 3), ("err4012", 3),
        ("1646 bar", 3), ("東京", 4), ("max retries", 5), ("handbook", 1), ("employees carrying", 1),
    ):  # fmt: skip
        assert index.search(question, 1)[0].tolist() == [expected], question
    assert index.languages[0] == "en"
    assert set(index.languages) == {"en", "de"}
    assert index.search("of the and", 3)[0].tolist()
    assert index.statistics().documents == 5
    assert index.statistics().mean_length > 5
    assert set(index.idf(["pump", "nowhere"])) == {"pump"}
    assert index.terms(np.array([1, 99])) == ["handbook leav\nemploye thirti day leav may carri five", ""]


@pytest.mark.parametrize(
    "query",
    [
        "", "   ", "AND OR NOT", 'body:"x" +(y -z)^2 ~1 /re/ [a TO b] *?', "\\", "\x00\ud800", "'", "((((", "-", "🙂",
        "word" * 50_000, " ".join(f"w{number}" for number in range(2_000)), "東" * 3_000,
    ],
)  # fmt: skip
def test_user_text_is_never_syntax(query: str) -> None:
    index = built(chunks(50, seed=6)).followed(removed=NONE, added=ids_of(51, 5), texts=chunks(5, seed=7))
    ids, scores = index.search(query, 5)
    assert len(ids) == len(scores) <= 5
    assert len(index.question(query).terms) <= TERM_LIMIT


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_question_is_answered(query: str) -> None:
    index = _SHARED
    ids, scores = index.search(query, 5)
    assert scores_of(index, query, ids) == pytest.approx(scores.tolist(), abs=2e-4)


_SHARED = built(chunks(60, seed=8))


def test_blocks_stay_few_and_forget_the_removed() -> None:
    blocks: tuple[Block, ...] = ()
    texts = chunks(400, seed=9)
    for start in range(0, 400, 4):
        blocks = join_blocks([*blocks, Block.of(ids_of(start + 1, 4), texts[start : start + 4])], ids_of(1, 100))
    assert len(blocks) <= 8
    assert sum(len(block.ids) for block in blocks) < 330
    whole = LexicalIndex(blocks=[Block.of(ids_of(1, 400), texts)])
    ids, _ = LexicalIndex(blocks=blocks, removed=ids_of(1, 100)).search("wordab", 400)
    expected, _ = whole.search("wordab", 400)
    assert set(ids.tolist()) == set(expected[expected > 100].tolist())


def test_what_is_gone_is_kept_in_a_file(tmp_path: Path) -> None:
    texts = [("", "a line", "pump valv valv"), ("", "", "valv gasket"), ("", "a", "pump bolt")]
    gone = DeletedTermCounts.of({number: analyse_chunk(*text).packed for number, text in enumerate(texts, 5)})
    gone.save(tmp_path / "gone.bin")
    read = DeletedTermCounts.load(tmp_path / "gone.bin")
    for found in (gone, read):
        assert found.ids.tolist() == [5, 6, 7]
        assert [found.containing("body", term) for term in ("pump", "valv", "bolt", "line", "nut")] == [2, 2, 1, 0, 0]
        assert [found.containing("context", term) for term in ("pump", "line")] == [0, 1]
        assert DeletedTermCounts().joined(found).containing("body", "valv") == 2
        assert found.joined(DeletedTermCounts()).containing("body", "valv") == 2
    data = (tmp_path / "gone.bin").read_bytes()
    for size in (0, 8, 32, len(data) - 8, len(data) - 1):
        (tmp_path / "cut.bin").write_bytes(data[:size])
        with pytest.raises(StoreError, match="cut off"):
            DeletedTermCounts.load(tmp_path / "cut.bin")
