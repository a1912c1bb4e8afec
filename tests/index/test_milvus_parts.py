"""What the index in Milvus is made of, without a Milvus: addresses, the lexicon, weights of terms, errors."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest

from ragkit import ConfigError, MissingPackageError, Settings
from ragkit.environment import settings_from_env
from ragkit.errors import CorruptError, StoreError
from ragkit.index.lexical.chunk_terms import FIELDS, Terms, analyse_chunk
from ragkit.index.lexical.rescoring import content_scores
from ragkit.index.lexical.term_codes import join_codes
from ragkit.index.milvus.address import Address, parse_address
from ragkit.index.milvus.indexes import MilvusIndexes
from ragkit.index.milvus.lexicon import Lexicon, LexiconCounter
from ragkit.index.milvus.rows import _as_text, _from_text, _weights, question_vector
from ragkit.types.documents import ChunkText
from tests.support.index_source import FakeSource

CHUNKS = [
    ("Fees", "Fees › Refunds", "A refund is paid within nine days. Fees of the bank are refunded too."),
    ("", "", "Öffnungszeiten der Bücherei: montags geschlossen, sonst bis 18 Uhr geöffnet."),
    ("", "Tables", "12.5 | 13.75 | total | 26.25"),
    ("", "", "§§§"),
]


@pytest.mark.parametrize(
    ("setting", "uri"),
    [
        ("milvus:index.db", "index.db"),
        ("milvus:/data/a b/index.db", "/data/a b/index.db"),
        ("milvus:http://milvus:19530", "http://milvus:19530"),
        ("milvus:https://in.example.org/", "https://in.example.org"),
    ],
)
def test_an_address_is_a_server_or_a_file(setting: str, uri: str) -> None:
    assert parse_address(Settings(index=setting).index).uri == uri
    assert parse_address(setting).is_lite == ("://" not in uri)


@pytest.mark.parametrize(
    "setting",
    [
        "milvus:",
        "milvus:.db",
        "milvus:index",
        "milvus:http://",
        "milvus:ftp://host:19530",
        "milvus:http://host:notaport",
        "milvus:http://root:hunter2@host:19530",
        "milvus:https://host:19530?token=hunter2",
        "milvus:https://host/hunter2",
        "http://root:hunter2@host:19530",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_shown(setting: str) -> None:
    for name, use in (
        ("a setting", lambda: parse_address(Settings(index=setting).index)),
        ("a variable", lambda: parse_address(settings_from_env({"RAGKIT_INDEX": setting}).index)),
    ):
        with pytest.raises(ConfigError) as raised:
            use()
        assert "hunter2" not in str(raised.value), name
        assert "milvus" in str(raised.value).lower(), name


def test_the_token_is_read_from_the_environment_and_shown_nowhere() -> None:
    settings = settings_from_env({"RAGKIT_INDEX": "milvus:http://host:19530", "RAGKIT_MILVUS_TOKEN": "root:hunter2"})
    address = parse_address(settings.index, token=settings.milvus_token)
    assert address.token == "root:hunter2"
    assert "hunter2" not in f"{settings} {settings.public()} {settings.pinned()} {address} {address!r}"


def test_a_missing_client_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'ragkit\[milvus\]'"):
        MilvusIndexes(Address("http://127.0.0.1:1")).snapshot(FakeSource().next(add=1))


def test_a_collection_without_a_model_needs_no_milvus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    empty = FakeSource()
    empty.fingerprint = None
    indexes = MilvusIndexes(Address("http://127.0.0.1:1"))
    snapshot = indexes.snapshot(empty)
    assert (len(snapshot.dense), len(snapshot.lexical)) == (0, 0)
    indexes.persist(empty)
    indexes.renew(empty)
    assert indexes.check(empty) == []


def lexicon_of(*texts: str, sign: int = 1) -> Lexicon:
    counter = LexiconCounter()
    for text in texts:
        counter.count(Terms("en", text, "intro pump", ""), sign=sign)
    return counter.lexicon()


def test_a_lexicon_counts_chunks_by_field_and_is_a_sum_of_parts() -> None:
    whole = Lexicon.joined([lexicon_of("pump pump valve", "pumps leak"), lexicon_of("valve", sign=-1)])
    assert whole.containing("body", "pump") == 1
    assert whole.containing("context", "pump") == 1
    assert whole.containing("body", "valve") == 0
    assert whole.containing("body", "xyzzy") == whole.containing("body", "zzz") == 0
    assert "valve" not in whole.terms
    assert whole.beginning("body", "pump") == {"pump": 1, "pumps": 1}
    assert whole.beginning("context", "pumps") == {}
    assert not Lexicon.joined([]).terms
    assert Lexicon().containing("body", "pump") == 0


def test_a_lexicon_is_kept_in_pieces() -> None:
    rng = np.random.default_rng(4)
    held = lexicon_of(*(" ".join(f"ü{n}" for n in rng.integers(0, 10**9, 40)) for _ in range(400)))
    pieces = held.pieces()
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 65_535
    again = Lexicon.of_pieces(pieces)
    assert again.terms == held.terms
    assert again.counts.tolist() == held.counts.tolist()
    assert Lexicon.of_pieces(Lexicon().pieces()).terms == []
    for damaged in (pieces[:-1], pieces[::-1], ["§"], ["AAAA"]):
        with pytest.raises(CorruptError, match="damaged; run: ragkit rebuild"):
            Lexicon.of_pieces(damaged)


def test_the_product_of_weights_is_the_bm25_of_a_chunk() -> None:
    means = {"body": 6.0, "context": 2.0, FIELDS[2]: 4.0}
    analysed = [analyse_chunk(*ChunkText(*chunk)) for chunk in CHUNKS]
    words = Counter(f"{terms.body} {terms.context}" for terms in analysed)
    asked = {term: 0.5 + at for at, term in enumerate(" ".join(words).split()[::3])}
    weights = {"body": asked, "context": {term: 0.4 * weight for term, weight in asked.items()}, FIELDS[2]: {}}
    expected = content_scores(*join_codes([terms.packed for terms in analysed]), weights, means)
    question = question_vector(weights)
    found = [
        sum(question.get(code, 0.0) * value for code, value in _weights(terms, means).items()) for terms in analysed
    ]
    assert found == pytest.approx(expected.tolist())
    assert found[0] > 0
    assert all(values and min(values.values()) > 0 for values in (_weights(terms, means) for terms in analysed))


def test_terms_come_back_from_the_text_of_a_row() -> None:
    for chunk in CHUNKS:
        terms = analyse_chunk(*ChunkText(*chunk))
        assert _from_text(_as_text(terms, 1)) == terms.packed
    long = Terms("de", "\n".join("größe " * 40 for _ in range(400)).strip(), "kopf", "")
    assert len(_as_text(long, 1)) < 65_535
    assert _from_text(_as_text(long, 1)) == long.packed
    rng = np.random.default_rng(1)
    with pytest.raises(StoreError, match=r"chunk 17 has more terms.*make chunks smaller"):
        _as_text(Terms("en", " ".join(map(str, rng.integers(0, 10**9, 20_000))), "", ""), 17)
