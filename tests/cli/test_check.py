"""`ragkit check`: statuses, quotes, JSON, exit status and errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ragkit.cli.check import check
from ragkit.cli.context import Tools
from ragkit.errors import InputError, RagkitError
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Block, Document

POLICY = "Parcels weigh at most 31 kilograms. The depot in Lund opens at 06:30. Glass is never sent by mail."
PRICES = "Size | Price\nsmall | 4.20 EUR\nlarge | 9.80 EUR"


def read(path: Path, *, source: str) -> Document:
    return Document(source, path.read_text(encoding="utf-8"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with KnowledgeBase(tmp_path / "data", embedder=HashEmbedder()) as kb:
        table = Block(0, len(PRICES), "table", "Size | Price")
        kb.add([Document("policy.md", POLICY), Document("prices.md", PRICES, blocks=(table,))])
    return tmp_path / "data"


def call(*arguments: str | Path, text: str | None = None) -> Result:
    tools = Tools(embedder=HashEmbedder(), reader=read)
    done = CliRunner().invoke(check, [str(item) for item in arguments], obj=tools, input=text)
    if isinstance(done.exception, RagkitError):
        raise done.exception
    return done


def test_each_statement_gets_a_verdict_and_a_quote(data: Path) -> None:
    said = "Parcels weigh at most 31 kilograms. A large parcel has a price of 4.20 EUR. Does that help?"
    done = call("-", "--data", data, "--json", text=said)
    shape = json.loads(done.stdout)
    assert [item["verdict"] for item in shape["sentences"]] == ["quoted", "contradicted", ""]
    assert shape["sentences"][0]["citation"]["quote"] == "Parcels weigh at most 31 kilograms."
    assert shape["sentences"][0]["citation"]["source"] == "policy.md"
    assert shape["status"] == "partial"
    assert done.exit_code == 1


def test_all_supported_exits_0_and_says_what_was_checked(data: Path) -> None:
    done = call("-", "--data", data, text="The large size has a price of 9.80 EUR.")
    assert done.exit_code == 0, done.stdout
    assert "the meaning was not checked" in done.stdout
    assert "1 of 1 statements are supported." in done.stdout


def test_one_document_needs_no_collection(tmp_path: Path) -> None:
    document, answer = tmp_path / "policy.txt", tmp_path / "answer.txt"
    document.write_text(POLICY, encoding="utf-8")
    answer.write_text("The depot in Lund opens at 06:30. The depot in Lund opens at 09:30.", encoding="utf-8")
    done = call(answer, "--against", document, "--data", tmp_path / "none", "--json")
    assert [item["verdict"] for item in json.loads(done.stdout)["sentences"]] == ["quoted", "contradicted"]


def test_a_text_without_words_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="no text"):
        call("-", "--data", data, text=" \n")


def test_a_text_that_is_too_long_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="in parts"):
        call("-", "--data", data, text="word " * 50_000)
