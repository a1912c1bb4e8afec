"""Bad vectors, empty documents and odd questions: an error by name, nothing half written, and all works afterwards."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

import ragkit
from ragkit import Document, EmbeddingError, KnowledgeBase, QueryError, Settings
from ragkit.testing import BrokenEmbedder, Fault, HashEmbedder
from ragkit_service import ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from tests.support.service_fakes import LOCAL

REFUNDS = "The refund window is thirty days after delivery. Opened goods are exchanged."
PRICES = "The Starter plan costs 19 EUR a month, the Team plan 49 EUR; a JOIN of tables is not in it."
WISHES = "返品は到着後三十日以内に限ります。 ระยะเวลาคืนสินค้าสามสิบวัน. فترة الاسترداد ثلاثون يوما."
JSON = {"content-type": "application/json"}
FAULTS: list[Fault] = ["nan", "infinite", "zero", "few_rows", "many_rows", "dimension", "not_unit", "raises"]


class Bare(BrokenEmbedder):
    """The same without vectors of units: what has them is asked in another way."""

    supports_units = False


class Tiny(HashEmbedder):
    """Its vectors are so small that their squares are zero in float32, or even subnormal numbers."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = 1.0
        self.later = size

    def _embed(self, texts: Sequence[str], *, queries: bool) -> NDArray[np.float32]:
        return super()._embed(texts, queries=queries) * np.float32(self.size)


def documents(*texts: str) -> list[Document]:
    return [Document.from_text(f"d{number}", text) for number, text in enumerate(texts)]


def held(kb: KnowledgeBase) -> dict[str, str]:
    return {info.source: kb.document(info.source).text for info in kb.documents()}


# --------------------------------------------------------------------- vectors


@pytest.mark.parametrize("kind", [BrokenEmbedder, Bare])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_vector_is_an_error_that_names_the_document_and_nothing_is_written(
    fault: Fault, kind: type[BrokenEmbedder], tmp_path: Path
) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(documents(REFUNDS))
        before, generation = held(kb), kb.status()["generation"]
    broken = kind(fault, times=1)
    with ragkit.open(tmp_path, embedder=broken) as kb:
        with pytest.raises(EmbeddingError, match="d0"):
            kb.add(documents("Another text for the same source.", PRICES))
        assert (held(kb), kb.status()["generation"], kb.status()["vectors"]) == (before, generation, 1)
        assert (kb.verify(), kb.doctor()["ok"]) == ([], True)
        # The fault is over: the same object works.
        assert kb.add(documents(REFUNDS, PRICES)).added == 1
        assert kb.search("refund window")[0].source == "d0"
        assert (kb.verify(), kb.doctor()["ok"]) == ([], True)


@pytest.mark.parametrize("kind", [BrokenEmbedder, Bare])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_rebuild_with_bad_vectors_leaves_the_old_ones(
    fault: Fault, kind: type[BrokenEmbedder], tmp_path: Path
) -> None:
    broken = kind(fault, dimension=32)
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(documents(REFUNDS, PRICES))
        fingerprint = kb.status()["fingerprint"]
        with pytest.raises(EmbeddingError):
            kb.rebuild(embedder=broken)
        assert kb.status()["fingerprint"] == fingerprint
        assert (kb.verify(), kb.doctor()["ok"]) == ([], True)
        assert kb.search("refund window")[0].source == "d0"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_vector_of_a_question_is_an_error_by_name(fault: Fault, tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(documents(REFUNDS))
    with ragkit.open(tmp_path, embedder=BrokenEmbedder(fault, times=1)) as kb:
        with pytest.raises(EmbeddingError):
            kb.search("refund window")
        assert kb.search("refund window")[0].source == "d0"


@pytest.mark.parametrize("size", [1e-20, 1e-40, 0.5, 1e30])
def test_vectors_of_another_size_than_one_are_refused(size: float, tmp_path: Path) -> None:
    embedder = Tiny(size)
    with ragkit.open(tmp_path, embedder=embedder) as kb:
        kb.add(documents(REFUNDS))
        embedder.size = embedder.later
        with pytest.raises(EmbeddingError, match="d0"):
            kb.add(documents(PRICES))
        embedder.size = 1.0
        assert held(kb) == {"d0": REFUNDS}
        assert kb.add(documents(PRICES)).changed == 1


# --------------------------------------------------------------------- documents


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n\n", "\t \u00a0\u2003\u3000", "\u200b\ufeff\u2060", ".", "\n#\n", "0", "\u0301"]
)
def test_a_document_of_nothing_is_held_and_harms_no_search(text: str, tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        empty = Document.from_text("empty", text)
        kb.add([empty, *documents(REFUNDS)])
        assert kb.document("empty") == empty
        assert kb.search("refund window")[0].source == "d0"
        assert kb.prompt("refund window").passages[0].source == "d0"
        assert kb.add(empty).unchanged == 1
        assert kb.rebuild().truncated == 0
        assert (kb.verify(), kb.doctor()["ok"]) == ([], True)
        assert kb.remove("empty") == 1


def test_a_collection_of_nothing_but_empty_documents_answers(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(documents("", "  \n"))
        assert list(kb.search("anything")) == []
        assert kb.prompt("anything").passages == ()
        assert kb.ask("anything").status == "abstained"
        assert kb.doctor()["ok"]


# --------------------------------------------------------------------- questions

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz ",
    "refund window thirty days 19 EUR",
    "äöüßéèñçøåğıİŁ ",
    "абвгдежзийклмнопрстуфхцчшщ ",
    "αβγδεζηθικλμνξοπρστυφχψω ",
    "אבגדהוזחטיכלמנסעפצקרשת ",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي ",
    "अआइईउऊऋएऐओऔकखगघङ्ािी ",
    "กขฃคฅฆงจฉชซฌญฎ่้ะาิี ",
    "日本語返品到着後三十日以内に限りますカタカナ。、",
    "한국어환불기간은삼십일 ",
    "😀👩‍👩‍👧🇩🇪✊🏽🏳️‍🌈",
    "\"'*^~:()[]{}+-!?\\/|&<>=;,.#@$%`_",
    "0123456789.,eE+-xX",
    "\x00\x01\x02\x07\x08\x0b\x0c\x1b\x7f\x85\x9f\t\n\r ",
    "\ud800\udbff\udc00\udfff a",
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2069\u200b\u200e\u200f\ufeff\u00ad x",
    "\u0300\u0301\u0302\u0345\u20dd\u0489 a",
    "\U000e0041\U000e0049\U000e007f\U0010ffff\ufffe\uffff\ufdd0 ",
]
SYNTAX = [
    *(
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "NEAR/3",
        "title:",
        "text:refund",
        "_id:1",
        "*",
        "?",
        "^2",
        "~1",
        "[a TO z]",
        "{a",
        ")",
    ),
    *('"', '""', "'", "''", "\\", "\\u0000", "--", "/*", "*/", ";", "'; DROP TABLE chunks; --", "MATCH", "id IN (1)"),
    *(".*", "(a+)+$", "(?=", "[", "\\d{9999}", "a{1,999}", "(?P<x>", "|", "$(id)", "`id`", "%s%n", "{0}", "${jndi:x}"),
    *(
        '{"query": 1}',
        "[1, 2",
        "null",
        "NaN",
        "1e999",
        "\\ud800",
        "</source>",
        "<|im_end|>",
        "[1]",
        "[[1]]",
        "![](http://x)",
    ),
    *(
        "\u0000",
        "\n\n",
        "\r\n",
        "\t",
        "---",
        "```",
        "# x",
        "| a | b |",
        "http://a.b/?c=d&e",
        "../../etc/passwd",
        "CON",
        "refund",
    ),
]


def question(chance: random.Random) -> str:
    """Return a string of any alphabet or of any syntax, of any length up to the limit and now and then beyond."""
    kind = chance.random()
    if kind < 0.35:
        return " ".join(chance.choices(SYNTAX, k=chance.randrange(1, 9)))
    if kind < 0.45:
        return "".join(chr(chance.randrange(0x110000)) for _ in range(chance.randrange(1, 40)))
    alphabet = chance.choice(ALPHABETS)
    if kind > 0.995:
        return "".join(chance.choices(alphabet, k=chance.choice([7_999, 8_000, 8_001, 9_000])))
    return "".join(chance.choices(alphabet, k=chance.choice([0, 1, 1, 2, 3, 8, 20, 60])))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(documents(REFUNDS, PRICES, WISHES))
        yield kb


def ask_everything(kb: KnowledgeBase, count: int, *, seed: int, prompts: int) -> None:
    """Search by `count` strings; every `prompts`-th becomes a prompt too."""
    chance = random.Random(seed)
    refused = 0
    for number in range(count):
        text = question(chance)
        blank = not ragkit.clean_text(text).strip()
        too_long = len(ragkit.clean_text(text).strip()) > ragkit.QUESTION_LIMIT
        try:
            hits = kb.search(text)
            if number % prompts == 0:
                made = kb.prompt(text)
                assert made.tokens["total"] <= made.budget
        except QueryError as error:
            refused += 1
            too_many = "the limit is 2,000" in error.message
            assert blank or too_long or too_many, repr(text)
        except ragkit.BudgetError:
            assert len(text) > 1_000, repr(text)
        else:
            assert not blank, repr(text)
            assert not too_long
            assert all(0.0 <= hit.score <= 1.0 for hit in hits), repr(text)
            assert 0.0 <= hits.confidence <= 1.0
    assert 0 < refused < count / 5


def test_no_string_is_more_than_a_question(library: KnowledgeBase) -> None:
    ask_everything(library, 4_000, seed=0, prompts=10)
    assert library.doctor()["ok"]


@pytest.mark.slow
def test_no_string_of_very_many_is_more_than_a_question(library: KnowledgeBase) -> None:
    ask_everything(library, 100_000, seed=1, prompts=1)
    assert library.doctor()["ok"]


@pytest.mark.parametrize("seed", [2])
def test_no_question_by_http_is_an_error_of_the_server(library: KnowledgeBase, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    folder = DataFolder(tmp_path, settings=Settings(), embedder=HashEmbedder())
    with TestClient(create_app(ServiceSettings(data=tmp_path), library=folder), base_url=LOCAL) as http:
        seen = set()
        for number in range(300):
            text = question(chance)
            verb = ("search", "prompt", "ask")[number % 3]
            body = json.dumps({"query": text})  # escapes carry what UTF-8 cannot
            reply = http.post(f"/v1/collections/default/{verb}", content=body, headers=JSON)
            assert reply.status_code in {200, 422}, (reply.status_code, repr(text))
            seen.add(reply.status_code)
            path = "/v1/collections/default/documents"
            with suppress(UnicodeEncodeError):
                assert http.get(path, params={"prefix": text, "limit": 1}).status_code in {200, 422}
                assert http.get(path, params={"source": text}).status_code in {404, 422} or not text
        assert seen == {200, 422}
