"""Readings of a question: terms that documents seldom name, and what is looked for instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import ConfigError
from ragkit.retrieval.synonyms import ACCOUNTING, Vocabulary, load_vocabulary


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "terms.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def read(vocabulary: Vocabulary, question: str) -> str:
    reading = vocabulary.rewrite(question)
    assert reading is not None
    assert reading.text.endswith(reading.meaning)
    return reading.text


def test_a_measure_is_read_as_what_it_is_made_of() -> None:
    reading = read(load_vocabulary([ACCOUNTING]), "What was Adobe's operating margin in fiscal 2022?")
    assert reading.startswith("What was Adobe's in fiscal 2022 ")
    assert "operating income" in reading
    assert "statements of income" in reading
    assert "margin" not in reading


@pytest.mark.parametrize(
    "spelled", ["free cash flow", "Free Cashflow", "free-cash-flow", "free cash flows", "FREE CASH FLOW", "FCF"]
)
def test_spellings_of_a_term(spelled: str) -> None:
    assert "purchases of property" in read(load_vocabulary([ACCOUNTING]), f"Did {spelled} improve?")


@pytest.mark.parametrize(
    "question",
    [
        "How long is the warranty?",
        "What is fish roe?",  # ROE only in capitals
        "Which margins does the page have?",
        "What is a carefree cash flowchart?",
        "",
    ],
)
def test_a_question_without_a_term_has_no_other_reading(question: str) -> None:
    assert load_vocabulary([ACCOUNTING]).rewrite(question) is None


def test_no_vocabulary_reads_nothing() -> None:
    assert load_vocabulary([]).rewrite("What was the operating margin?") is None


def test_the_longest_term_is_read_and_each_meaning_once(tmp_path: Path) -> None:
    vocabulary = load_vocabulary([written(tmp_path, "margin => low\noperating margin, EBIT margin => high\n")])
    assert read(vocabulary, "Is the operating margin, the EBIT margin, good?") == "Is the , the , good high"


def test_only_the_asking_sentence_is_kept_and_all_terms_are_read(tmp_path: Path) -> None:
    vocabulary = load_vocabulary([written(tmp_path, "DPO => payables\nCOGS => cost of sales\n")])
    question = "I look at Acme. What is its DPO (DPO)? It is 365 * payables / COGS. Round to two places."
    assert read(vocabulary, question) == "I look at Acme. What is its payables cost of sales"


def test_terms_without_an_arrow_stand_for_one_another(tmp_path: Path) -> None:
    vocabulary = load_vocabulary([written(tmp_path, "# ours\nholiday, annual leave, PTO\n")])
    assert read(vocabulary, "How much PTO is there?") == "How much is there holiday annual leave"
    assert read(vocabulary, "Annual leave for interns?") == "for interns holiday PTO"


def test_several_sources_and_a_byte_order_mark(tmp_path: Path) -> None:
    vocabulary = load_vocabulary([ACCOUNTING, written(tmp_path, b"\xef\xbb\xbfUrlaub => annual leave\r\n")])
    assert read(vocabulary, "Wie viel Urlaub?") == "Wie viel annual leave"
    assert read(vocabulary, "What is the quick ratio?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a => b\n=> b\n", "line 2"),
        ("\n\nalone\n", "line 3"),
        ("term =>\n", "line 1"),
        ("*** => b\n", "line 1"),
        (b"t\xe9rm => b\n", "not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_vocabulary([path])
    assert path in str(caught.value)


def test_a_file_that_is_missing_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"terms\.txt can't be read"):
        load_vocabulary([str(tmp_path / "terms.txt")])
    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        load_vocabulary([written(tmp_path, "#" * (4 * 2**20 + 1))])


def test_every_rule_that_comes_along_is_found_by_its_own_terms() -> None:
    vocabulary = load_vocabulary([ACCOUNTING])
    lines = (
        (Path(__file__).parents[2] / "ragkit" / "retrieval" / "vocabulary" / "accounting.txt").read_text().splitlines()
    )
    rules = [line.partition(" => ") for line in lines if " => " in line and not line.startswith("#")]
    assert len(rules) > 20
    for terms, _, meaning in rules:
        for term in terms.split(", "):
            assert meaning.replace(",", "") in read(vocabulary, f"What is the {term} of Acme?"), term
