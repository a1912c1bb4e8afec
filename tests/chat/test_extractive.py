"""The model without an LLM quotes the sentence that answers, cites it, and abstains when there is none."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.chat.extractive.evidence import candidates
from ragkit.chat.extractive.intent import Question
from ragkit.chat.extractive.model import ExtractiveChat
from ragkit.citations.checker import check_answer
from ragkit.text.content_terms import normal_number
from ragkit.types.answers import Answer
from ragkit.types.hits import Hit, Hits
from ragkit.types.prompts import Message
from tests.support.prompt_fakes import POLICY, SHIPPING, make_hit, make_hits, make_prompt

SHARED = Path(__file__).parents[2].parent / "shared"
PRICES = "Plan | Price per month | Users\nStarter | 19 EUR | 3\nPro | 49 EUR | 10\nEnterprise | on request | unlimited"


def ask(question: str, *hits: Hit | str, history: tuple[Message, ...] = (), confidence: float = 0.9) -> Answer:
    found = [
        hit if isinstance(hit, Hit) else make_hit(hit, rank=rank)
        for rank, hit in enumerate(hits or (POLICY, SHIPPING), 1)
    ]
    prompt = make_prompt(question, hits=Hits(found, confidence=confidence), history=history)
    return check_answer(prompt, "".join(ExtractiveChat(min_confidence=0.2).stream(prompt)))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "How many days do customers have to return items?",
            "Customers may return items within 30 days of delivery. [1]",
        ),
        ("Who heads the returns desk?", "Ms. Alvarez heads the returns desk. [1]"),
        ("What does standard shipping cost?", "Standard shipping costs 4.90 EUR. [2]"),
        ("Can opened software be returned?", "Opened software cannot be returned. [1]"),
    ],
)
def test_it_quotes_the_sentence_that_answers(question: str, answer: str) -> None:
    found = ask(question)
    assert found.text == answer
    assert found.status == "answered"
    assert all(citation.supported for citation in found.citations)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What does the Pro plan cost per month?", "Plan: Pro, Price per month: 49 EUR, Users: 10. [1]"),
        ("How many users does the Starter plan have?", "Plan: Starter, Price per month: 19 EUR, Users: 3. [1]"),
    ],
)
def test_a_table_row_is_told_with_its_columns(question: str, answer: str) -> None:
    found = ask(question, PRICES)
    assert (found.text, found.status) == (answer, "answered")


def test_columns_come_from_the_context_line_where_the_header_is_in_another_chunk() -> None:
    rows = PRICES.split("\n", 2)[2]
    hit = make_hit(rows, context="Price list › Plan | Price per month | Users")
    assert ask("What does the Pro plan cost?", hit).text == "Plan: Pro, Price per month: 49 EUR, Users: 10. [1]"


def test_a_price_is_asked_for_and_a_price_is_told() -> None:
    manual = make_hit("The slope of a new pH probe is between 95 % and 102 %. Calibrate the pH probe every two weeks.")
    prices = make_hit("Product | Net price EUR\npH probe with gel | 189.00\nTurbidity probe | 410.00", rank=2)
    answer = ask("How much does the pH probe cost?", manual, prices)
    assert answer.text == "Product: pH probe with gel, Net price EUR: 189.00. [2]"


def test_the_rule_is_told_before_its_exception_where_its_heading_is_asked_about() -> None:
    policy = make_hit(
        "Refund window\n\nA customer may return a product within 30 days of delivery. The refund window for calibrated"
        " probes is 14 days.\n\nReturns\n\nReturn shipping is free within the Union.",
        heading="Refund policy › Refund window",
    )
    answer = ask("How long is the refund window, and who pays for the return shipping?", policy)
    assert answer.text == (
        "A customer may return a product within 30 days of delivery. [1] The refund window for calibrated probes is 14"
        " days. [1] Return shipping is free within the Union. [1]"
    )


def test_a_heading_is_no_answer() -> None:
    hit = make_hit("5 Error codes\n\nE-1003 battery under 5 % charge it", heading="5 Error codes")
    found = ask("Which error code says that the battery is low?", hit)
    assert "5 Error codes" not in [citation.sentence.rstrip(".") for citation in found.citations]


def test_a_list_is_told_with_its_lead() -> None:
    text = "The Pro plan includes:\n- Unlimited projects\n- Email support\n- 20 GB storage\n\nThe Starter plan is free."
    found = ask("What does the Pro plan include?", text)
    assert found.text == "The Pro plan includes:\n- Unlimited projects\n- Email support\n- 20 GB storage [1]"
    assert found.status == "answered"


def test_rows_of_figures_from_a_pdf_are_quoted_as_they_are() -> None:
    text = "Statements\nNet revenue $ 17,606 $ 15,785\nCost of revenue 2,165 1,865\nGross profit 15,441 13,920"
    assert ask("What was the gross profit?", text).text == "Gross profit 15,441 13,920. [1]"


def test_footnote_numbers_of_a_source_are_no_citations() -> None:
    found = ask("Where was the treaty signed?", "The treaty was signed in Utrecht [7] in April [2].", POLICY)
    assert found.text == "The treaty was signed in Utrecht (7) in April (2). [1]"
    assert [citation.number for citation in found.citations] == [1]
    assert found.removed == ()


def test_a_sentence_that_leans_on_the_one_before_brings_it() -> None:
    text = "The Aquila W2 is a water pump for gardens. It weighs 14 kilograms with its hose. The box is grey."
    assert ask("How many kilograms does the W2 weigh?", text).text == (
        "The Aquila W2 is a water pump for gardens. [1] It weighs 14 kilograms with its hose. [1]"
    )


def test_a_long_sentence_is_shown_around_the_words_asked_for() -> None:
    rooms, end = "The hall has many rooms, " * 30, "which is long, " * 30
    text = f"{rooms}and the warranty of the boiler lasts eleven years, {end}."
    found = ask("How long does the warranty of the boiler last?", text)
    assert "the warranty of the boiler lasts eleven years" in found.text
    assert len(found.text) < 460
    assert found.status == "answered"


def test_a_question_that_leans_on_the_history_is_read_with_it() -> None:
    history = (Message("user", "What does the Starter plan cost?"), Message("assistant", "19 EUR."))
    assert "Pro" in ask("And Pro?", PRICES, history=history).text


@pytest.mark.parametrize(
    ("question", "passage", "answer"),
    [
        (
            "Wie lange ist die Rückgabefrist?",
            "Die Rückgabefrist beträgt 30 Tage.",
            "Die Rückgabefrist beträgt 30 Tage. [1]",
        ),
        (
            "返品期間はどのくらいですか？",
            "返品期間は商品到着後30日以内です。送料は無料です。",
            "返品期間は商品到着後30日以内です。 [1]",
        ),
    ],
)
def test_other_languages_answer_too(question: str, passage: str, answer: str) -> None:
    found = ask(question, passage)
    assert (found.text, found.status) == (answer, "answered")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which telescope discovered the moons of Jupiter?", "The documents do not answer this question."),
        ("Wie hoch ist der Eiffelturm in Paris?", "Die Dokumente beantworten diese Frage nicht."),
        ("???", "The documents do not answer this question."),
    ],
)
def test_it_abstains_where_nothing_matches(question: str, answer: str) -> None:
    found = ask(question)
    assert (found.text.split("\n")[0], found.status, found.citations) == (answer, "abstained", ())


def test_it_abstains_without_passages_and_below_the_confidence_wanted() -> None:
    assert ask("Who heads the returns desk?", confidence=0.1).status == "abstained"
    prompt = make_prompt("Who heads the returns desk?", hits=Hits())
    assert check_answer(prompt, "".join(ExtractiveChat().stream(prompt))).status == "abstained"


def test_the_same_prompt_gives_the_same_answer() -> None:
    assert ask("Who heads the returns desk?") == ask("Who heads the returns desk?")


def test_features_are_shares() -> None:
    for item in candidates(Question.of("When did 30 customers return opened software?"), make_hits(POLICY, SHIPPING)):
        assert 0 <= item.coverage <= 1
        values = [getattr(item.features, name) for name in item.features.__dataclass_fields__]
        assert all(0 <= value <= 1 for value in values)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1,234.50", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1,234", "1234"),
        ("1.234", "1234"),
        ("0.125", "0.125"),
        ("007", "7"),
        ("3.0", "3"),
        ("0", "0"),
        ("1’000", "1000"),
    ],
)
def test_numbers_have_one_form(written: str, number: str) -> None:
    assert normal_number(written) == number


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs the evaluation data in ../shared")
def test_squad_answers_stand_in_what_is_quoted() -> None:
    """With the right paragraph and four others of its article, on the articles that nothing was fitted on."""
    folder = SHARED / "data" / "squad"
    rows = {
        name: [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]
        for name in ("corpus", "queries", "answers")
    }
    texts = {row["_id"]: row["text"] for row in rows["corpus"]}
    questions = {row["_id"]: row["text"] for row in rows["queries"]}
    articles: dict[str, list[str]] = defaultdict(list)
    for name in texts:
        articles[name.rsplit("-", 1)[0]].append(name)
    asked = [row for row in rows["answers"] if row["paragraph"] > "I"][::7]
    right = 0
    unsupported: list[str] = []
    for row in asked:
        own = row["paragraph"]
        others = [name for name in articles[own.rsplit("-", 1)[0]] if name != own]
        names = [*others[:2], own, *others[2:4]]
        hits = [replace(make_hit(texts[name], rank=rank), score=0.5) for rank, name in enumerate(names, 1)]
        answer = ask(questions[row["_id"]], *hits)
        right += any(gold.lower() in answer.text.lower() for gold in row["answers"])
        unsupported += [citation.sentence for citation in answer.citations if not citation.supported]
    assert right / len(asked) >= 0.8
    assert len(unsupported) <= 1, unsupported
