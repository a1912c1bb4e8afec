"""Extractive answers by kind of question: versions, comparisons, fields, announced things, and what is missing."""

from __future__ import annotations

import pytest

from ragkit.chat.extractive.intent import Question
from ragkit.chat.extractive.layout import read_layout
from ragkit.chat.extractive.quotes import quoted
from ragkit.text.asking import wants_address
from tests.support.extractive_fakes import ask, page
from tests.support.prompt_fakes import make_hit

KILN = page(
    """Firing

A firing heats the clay slowly and lets it cool over night.

Bisque firing

Bisque firing hardens raw clay so that it takes the glaze. It ends at 950 degrees.

Glaze firing

Glaze firing melts the coat of glass on the ware. It ends at 1,220 degrees.""",
    headings=("Firing", "Bisque firing", "Glaze firing"),
)


@pytest.mark.parametrize(
    "question",
    [
        "what is the difference between bisque firing and glaze firing",
        "bisque vs glaze",
        "Was ist der Unterschied zwischen bisque und glaze?",
    ],
)
def test_a_comparison_gets_both_sides(question: str) -> None:
    text = ask(question, KILN).text
    assert "hardens raw clay" in text
    assert "melts the coat of glass" in text


def test_sides_of_a_comparison_are_what_they_do_not_share() -> None:
    assert Question.of("quick freeze vs slow freeze").sides == (frozenset({"quick"}), frozenset({"slow"}))
    assert len(Question.of("鲜奶和酸奶有什么区别").sides) == 2
    assert Question.of("should I use a kiln").sides == ()


@pytest.mark.parametrize("question", ["from which version on is the dry run there", "Welche Version hat den dry run?"])
def test_a_question_for_a_version_gets_one(question: str) -> None:
    notes = page("The dry run shows what a run would do. The dry run is there since 7.4 and costs nothing.")
    assert "since 7.4" in ask(question, notes).text


def test_the_default_of_a_setting_is_its_field() -> None:
    settings = page(
        """pump_delay

How long the pump waits before it starts, which spares the mains.

Default: 45

pump_noise

How loud the pump may be in the night.

Default: 12""",
        headings=("pump_delay", "pump_noise"),
    )
    assert "Default: 45" in ask("pump_delay default value", settings).text
    assert "Default: 45" not in ask("pump_noise default", settings).text


def test_announced_entries_come_with_the_sentence_that_announces_them() -> None:
    grades = page(
        """Grades of hay

The grades matter to horses more than to cows.

The following grades of hay are sold.

first: Cut before the bloom, green and soft.

second: Cut in full bloom. It is coarse.

third: Cut late, for bedding.""",
        headings=("Grades of hay",),
    )
    text = ask("which grades of hay are there", grades).text
    assert "- first: Cut before the bloom" in text
    assert "- third: Cut late, for bedding." in text


def test_an_announced_table_is_the_answer() -> None:
    rows = "Sail | Wind\nJib | from 2\nGenoa | up to 4\nStorm jib | from 7"
    text = f"Sails\n\nSails wear out in the sun.\n\nThe following sails are on board:\n\n{rows}"
    answer = ask("which sails are on board?", page(text, headings=("Sails",), table=rows))
    assert "Genoa" in answer.text
    assert "Storm jib" in answer.text


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What is the default of the wind-back option?", "The wind option is on by default. Its default is 3."),
        ("how are .ogg recordings kept", "Recordings are kept as .wav in the folder of the month."),
        ("How much does it cost to moor a boat?", "12: Boats moor at pier 3. [4] Boats need 2 ropes to moor."),
        ("How many days does the harbour master take?", "The harbour master takes 3 pictures. No-one takes a day off."),
        ("How much does mooring cost?", "Mooring takes 15 minutes at pier 3, mooring at pier 4 takes 20."),
    ],
)
def test_what_is_asked_for_must_be_there(question: str, text: str) -> None:
    found = ask(question, page(text))
    assert found.status == "abstained" or "day off" in found.text


@pytest.mark.parametrize(
    ("question", "text", "said"),
    [
        ("how are .ogg recordings kept", "Recordings as .ogg are kept for a month.", "for a month"),
        ("How much does it cost to moor a boat?", "To moor a boat costs 12.50 a night.", "12.50"),
        ("How many days does the clearing take?", "Clearing takes two working days.", "two working days"),
    ],
)
def test_what_is_there_is_told(question: str, text: str, said: str) -> None:
    assert said in ask(question, page(text)).text


def test_a_question_in_another_language_is_answered_where_all_that_is_shared_stands_together() -> None:
    hit = make_hit(
        "Set hopper.lock in grinder.toml to keep the lid shut. The miller sings.",
        start=0,
        units=((0, 53, 0.25), (54, 71, 0.1)),
    )
    answer = ask(
        "Wofür ist die Angabe hopper.lock in der Datei grinder.toml und wie wird sie gesetzt?", hit, confidence=0.05
    )
    assert "keep the lid shut" in answer.text
    assert ask("Wozu dient der Deckel und wie wird er gesetzt?", hit, confidence=0.05).status == "abstained"


def test_dotted_names_do_not_end_a_sentence() -> None:
    hit = make_hit("Rules are kept in press.Press.rule_map. Ink dries.", start=0)
    layout = read_layout(hit, language="en")
    assert [hit.text[part.start : part.end] for part in layout.parts] == [
        "Rules are kept in press.Press.rule_map.",
        "Ink dries.",
    ]


def test_a_directive_of_a_site_generator_and_its_options_are_no_parts() -> None:
    options = "    options:\n        members:\n            - ink\n            - press"
    hit = page(f"The press prints cards.\n\n::: workshop.Press\n\n{options}\n\nIt stands in the hall.", code=options)
    layout = read_layout(hit, language="en")
    assert [hit.text[part.start : part.end] for part in layout.parts] == [
        "The press prints cards.",
        "It stands in the hall.",
    ]


def test_code_in_a_container_of_a_site_generator_is_a_part() -> None:
    hit = page("The press prints cards.\n\n::: tip\n\npress --ink red", code="press --ink red")
    assert [part.kind for part in read_layout(hit, language="en").parts] == ["sentence", "code"]


def test_pairs_of_letters_across_chinese_words_are_left_out() -> None:
    question = Question.of("茶叶罐子怎么封口")
    assert "叶罐" in question.said.terms
    seen = question.without_joints("茶叶放在罐子里，封口要紧。")
    assert "叶罐" not in seen.said.terms
    assert {"茶叶", "罐子", "封口"} <= seen.said.terms
    assert Question.of("tea caddy").without_joints("tea") == Question.of("tea caddy")


def test_a_noun_before_another_is_no_address() -> None:
    assert not wants_address("which url converters are there?")
    assert wants_address("what is the url of the harbour office")
    assert wants_address("url for the tide tables")


def test_a_name_with_a_part_to_fill_in_stays_whole() -> None:
    text = ask(
        "what is the lid file of a jar called", page("The lid file of a jar is called lid.<JAR>.toml here.")
    ).text
    assert "`lid." in text
    assert "lid. " not in text


def test_a_part_of_a_row_is_quoted_without_the_names_of_columns() -> None:
    hit = make_hit("Tide | Height | Hour\nSpring | 4.1 | 6:20", start=0)
    begin = hit.text.index("4.1")
    assert quoted(hit, (begin, len(hit.text)), wanted=frozenset()) == "4.1, 6:20."
