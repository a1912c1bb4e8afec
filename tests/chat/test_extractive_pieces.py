"""An extractive answer is a whole piece of the documents: a list, code, rows, a paragraph; or none at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ragkit.chat.extractive.code_blocks import code_blocks
from ragkit.chat.extractive.constraints import Constraints
from ragkit.chat.extractive.dates import date_of
from ragkit.chat.extractive.intent import Question
from ragkit.chat.extractive.model import ExtractiveChat
from ragkit.citations.checker import check_answer
from ragkit.types.answers import Answer
from ragkit.types.documents import Block
from ragkit.types.hits import Hit, Hits
from tests.support.prompt_fakes import make_hit, make_prompt

HIVE = """Feeding the colony

In a cold spring you may need to feed the bees. Mix the syrup as follows:

1. Boil one litre of water
2. Stir in two kilograms of sugar
   until the syrup is clear
3. Let it cool to 20 degrees

Never feed honey from a shop."""

TOOL = """Renaming many files

To rename all pictures by their date, run the tool with a pattern:

picren --by date "<year>-<month>" \\
    --dry-run shots/*.jpg

for name in sorted(names):
    if "<raw>" in name:

        move(name)

The tool asks before it overwrites a file. Pictures without a date stay as they are."""

TARIFFS = """Bridge | Class | Toll EUR
North Bridge | Car | 4.50
North Bridge | Lorry | 18.00
South Bridge | Car | 3.20"""


def ask(question: str, *hits: Hit | str, confidence: float = 0.9) -> Answer:
    found = [hit if isinstance(hit, Hit) else make_hit(hit, rank=rank) for rank, hit in enumerate(hits, 1)]
    prompt = make_prompt(question, hits=Hits(found, confidence=confidence))
    return check_answer(prompt, "".join(ExtractiveChat().stream(prompt)), model="extractive")


def assert_checked(answer: Answer) -> None:
    assert answer.status == "answered"
    assert answer.citations
    assert {citation.verdict for citation in answer.citations} <= {"quoted", "supported"}


# ---------------------------------------------------------------------- whole pieces


def test_a_list_comes_with_its_lead_and_all_its_items_and_their_continuation_lines() -> None:
    answer = ask("How do I mix syrup to feed the bees?", HIVE)
    assert (
        "Mix the syrup as follows:\n1. Boil one litre of water\n2. Stir in two kilograms of sugar until the syrup is"
        " clear\n3. Let it cool to 20 degrees [1]"
    ) in answer.text
    assert_checked(answer)


def test_a_block_of_code_can_be_pasted() -> None:
    answer = ask("How do I rename all pictures by their date?", TOOL)
    code = answer.text.split("```")[1].strip("\n")
    assert code.startswith('picren --by date "<year>-<month>" \\\n    --dry-run shots/*.jpg')
    assert 'for name in sorted(names):\n    if "<raw>" in name:\n\n        move(name)' in code
    assert code in TOOL
    assert_checked(answer)


def test_code_has_a_citation_of_its_own() -> None:
    answer = ask("How do I rename all pictures by their date?", TOOL)
    quotes = [citation.quote for citation in answer.citations]
    assert any(quote.startswith("picren") and quote.endswith("move(name)") for quote in quotes)
    offset = make_hit(TOOL).start
    for citation in answer.citations:
        assert TOOL[citation.start - offset : citation.end - offset] == citation.quote


def test_addresses_stand_in_code_as_it_can_be_pasted_and_in_prose_where_they_are_asked_for() -> None:
    text = (
        "Fetching the sources\n\nTo fetch the sources of Fennel, clone its repository:\n\n"
        "git clone --depth 1 https://code.fennel.example/fennel.git\n\nThe tutorial of Fennel (https://fennel.example/learn)"
        " has twelve lessons."
    )
    how = ask("How do I fetch the sources of Fennel?", text)
    assert "```\ngit clone --depth 1 https://code.fennel.example/fennel.git\n```" in how.text
    where = ask("Where can I find the tutorial of Fennel?", text)
    assert "https://fennel.example/learn" in where.text
    what = ask("How many lessons does the tutorial of Fennel have?", text)
    assert "twelve lessons" in what.text
    assert "https://" not in what.text
    assert {how.status, where.status, what.status} == {"answered"}


def test_a_chat_model_gets_no_such_leave() -> None:
    prompt = make_prompt("Where is the page?", "See https://fennel.example/learn for more.")
    said = "```\ncurl https://fennel.example/learn <b>\n```\nSee https://fennel.example/learn. [1]"
    shown = check_answer(prompt, said, model="openai:some").text
    assert "https://" not in shown
    assert "<b>" not in shown


def test_code_of_a_source_cannot_close_its_fence() -> None:
    text = "To log in, run this with care:\n\ncurl --form key=1 \\\n```\n<img src=x onerror=alert(1)>\n    --end"
    answer = ask("How do I log in with care?", text)
    for start in [match.start() for match in re.finditer("<img", answer.text)]:
        fences = re.findall(r"(?m)^`{4,}$", answer.text[:start])
        assert len(fences) % 2 == 1


def test_rows_are_told_with_their_columns_one_for_one_value_all_for_several() -> None:
    one = ask("What is the toll for a lorry on the North Bridge?", TARIFFS)
    assert one.text == "Bridge: North Bridge, Class: Lorry, Toll EUR: 18.00. [1]"
    every = ask("Which bridges have a toll, and for which classes?", TARIFFS)
    assert every.text == (
        "- Bridge: North Bridge, Class: Car, Toll EUR: 4.50\n- Bridge: North Bridge, Class: Lorry, Toll EUR: 18.00\n"
        "- Bridge: South Bridge, Class: Car, Toll EUR: 3.20 [1]"
    )
    assert_checked(one)
    assert_checked(every)


def test_what_a_paragraph_goes_on_to_say_is_told_but_not_for_a_single_fact() -> None:
    text = "The outer valve closes first. The inner valve then opens and lets the steam out. It takes 12 seconds."
    assert "lets the steam out" in ask("What does the outer valve do?", text).text
    assert ask("How many seconds does it take?", text).text.count("[1]") <= 2


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("Plain words only. They go on and on.", []),
        (
            "Call it:\n\nresult = fetch(url)\nprint(result)\n\nThat is all there is.",
            ["result = fetch(url)\nprint(result)"],
        ),
        ("Install it with\n\npip install --upgrade sprocket\n\nand restart.", ["pip install --upgrade sprocket"]),
        ("- first item\n- second item\n- third item", []),
        ("Name | Value\na | 1\nb | 2", []),
        ("例如：\n\nconst n = 1\n\n这样就可以了。", ["const n = 1"]),
        ("/// warning\n\nMind the gap between the doors, please.\n\n///", []),
    ],
)
def test_code_is_told_by_its_form(text: str, blocks: Sequence[str]) -> None:
    assert [text[start:end] for start, end in code_blocks(text)] == blocks


# ---------------------------------------------------------------------- what a question names


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What was the mooring fee in 2019?", "The mooring fee in 2021 was 14 euros a night."),
        ("What does the error K2051 mean?", "The error K-2015 means that the lid is open."),
        ("What changed in release 4.10?", "Release 4.1 changed the colour of the lamp."),
        ("What is the dress code at Harborline?", "The dress code at Millgate is smart casual in the office."),
        ("When was the lighthouse of Norholm built?", "The lighthouse of Norholm stands on a rock and is red."),
        ("How much does a berth at Norholm cost?", "A berth at Norholm has water and power, and a view of the sea."),
        ("What does soft_close=True do in a hinge?", "The hinge has the parameter hard_close, which is False."),
    ],
)
def test_a_piece_about_something_else_is_no_answer(question: str, text: str) -> None:
    answer = ask(question, make_hit(text))
    assert answer.status == "abstained"
    assert answer.citations == ()


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What does the error K2051 mean?", "The error K-2051 means that the lid is open."),
        ("What changed in release 4.1?", "Release 4.1.3 changed the colour of the lamp."),
        ("What was the mooring fee in 2019?", "In 2019 the mooring fee was 11 euros a night."),
        ("What is the dress code at Harborlin?", "The dress code at Harborline is smart casual."),
    ],
)
def test_one_form_of_codes_and_a_slip_of_the_pen_do_not_count(question: str, text: str) -> None:
    assert ask(question, make_hit(text)).status == "answered"


def test_a_year_may_stand_in_heading_title_source_or_metadata() -> None:
    text = "The mooring fee was 11 euros a night."
    for hit in (
        make_hit(text, heading="Fees 2019"),
        replace(make_hit(text), title="Prices of 2019"),
        replace(make_hit(text), source="fees-2019.md"),
        replace(make_hit(text), metadata={"year": 2019}),
    ):
        assert ask("What was the mooring fee in 2019?", hit).status == "answered"


def test_constraints_are_read_from_a_question() -> None:
    read = Constraints.of(Question.of("Does the Vega 7 of 2018 support ~= and auto_trim, as E-1047 says?"))
    assert read.codes == {"2018", "e1047"}
    assert read.operators == {"~="}
    assert {"vega", "auto_trim"} <= read.names
    assert read.numbered == (("Vega", "7"),)


# ---------------------------------------------------------------------- abstaining, twins, dates, scripts


def test_abstaining_names_the_three_nearest_passages() -> None:
    hits = [make_hit(f"Bees of kind {n} like clover.", rank=n, heading=f"Bees › Kind {n}") for n in range(1, 6)]
    answer = ask("Who won the chess championship in Reykjavik?", *hits, confidence=0.05)
    first, blank, opening, *nearest = answer.text.split("\n")
    assert (first, blank, opening) == ("The documents do not answer this question.", "", "The nearest passages:")
    assert len(nearest) == 3
    assert all(f"Kind {n}" in line for n, line in enumerate(nearest, 1))
    assert (answer.status, answer.citations) == ("abstained", ())


def test_twins_become_one_piece_that_names_both_places() -> None:
    text = "Wash the filter of the pump every two weeks in warm water."
    other = make_hit(f"Care\n\n{text} Use no soap for this.", rank=2)
    answer = ask("How often must I wash the filter of the pump?", make_hit(text), other)
    assert answer.text == f"{text} [1][2]"
    assert [citation.number for citation in answer.citations] == [1, 2]
    assert_checked(answer)


def test_of_two_passages_that_differ_the_newer_comes_first_with_both_dates() -> None:
    old = replace(make_hit("The library lends a book for 21 days."), metadata={"date": "2022-03-01"}, source="a.md")
    new = replace(make_hit("The library lends a book for 28 days.", rank=2), source="rules-2025-06.md")
    answer = ask("How long does the library lend a book?", old, new)
    assert answer.text.index("2025-06") < answer.text.index("28 days") < answer.text.index("2022-03-01")
    assert "21 days" in answer.text
    assert_checked(answer)
    assert (
        ask("How long does the library lend a book at present, what is current?", old, new).text.count("28 days") == 1
    )


@pytest.mark.parametrize(
    ("hit", "date"),
    [
        (make_hit("As of 5 March 2026 the rate is 3 %."), "2026-03-05"),
        (replace(make_hit("x"), metadata={"updated": "2024/11/30"}), "2024-11-30"),
        (replace(make_hit("x"), source="minutes/2023-02-31.txt"), "2023-02"),
        (make_hit("The war began in 1914."), ""),
    ],
)
def test_a_passage_has_a_date(hit: Hit, date: str) -> None:
    assert date_of(hit) == date


def test_a_text_in_the_script_of_the_question_is_told_before_another() -> None:
    thai = "ห้องสมุดเปิดเวลา 9 นาฬิกาทุกวันทำการ"
    english = "The library ห้องสมุด opens at 9 o'clock on each working day."
    assert ask(
        "When does the library open?", make_hit("ห้องสมุด library เปิด 9"), make_hit(english, rank=2)
    ).text.startswith("The")
    assert thai in ask("ห้องสมุดเปิดเวลาใด", make_hit("The library opens at 9."), make_hit(thai, rank=2)).text


def test_tags_of_site_generators_are_no_part_of_an_answer() -> None:
    text = "{% alert %}\nThe [gate code]({% page 'gate' %}) changes each month. {#gate}\n{% endalert %}"
    answer = ask("How often does the gate code change?", text)
    assert answer.text == "The gate code changes each month. [1]"
    assert_checked(answer)


def test_the_paragraph_of_an_item_is_no_list_and_leads_into_its_code() -> None:
    text = "  Set the interval of the probe in seconds:\n\nprobe(interval=20)\n"
    lead = Block(0, text.index("\n"), "list")
    code = Block(text.index("probe("), len(text) - 1, "code")
    hit = make_hit(text, rank=1, start=0, blocks=(lead, code))
    answer = ask("How do I set the interval of the probe?", hit)
    assert answer.text.startswith("Set the interval of the probe in seconds: [1]")
    assert "```\nprobe(interval=20)\n```" in answer.text
