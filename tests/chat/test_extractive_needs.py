"""Extractive answers by need: definitions, operators, instructions, lists, addresses, and what is never an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ragkit.types.documents import Block, Heading
from tests.support.extractive_fakes import ask, page
from tests.support.prompt_fakes import make_hit

OPTIONS = page(
    """frost-guard

- Default: off
- Type: Boolean

If on, the pump runs for a minute each hour so that no pipe freezes. Costs little power.

drain-now

- Default: off

Opens every valve, also with frost-guard on.""",
    headings=("frost-guard", "drain-now"),
)


def test_the_definition_stands_first_below_its_heading_after_the_fields_of_the_entry() -> None:
    answer = ask("What does frost-guard do?", OPTIONS)
    assert answer.text.startswith("If on, the pump runs for a minute each hour so that no pipe freezes.")
    assert "Default" not in answer.text


def test_an_entry_of_a_list_defines_its_name_and_no_similar_one() -> None:
    held = (
        "- PUMP_HOME_DIR: Folder of the old pumps, beside PUMP_HOME.\n"
        "- PUMP_HOME: Folder where the settings of all pumps are kept.\n"
        "- PUMP_LOG: File of the log."
    )
    answer = ask("What is PUMP_HOME?", page(f"Variables\n\n{held}", headings=("Variables",), list=held))
    assert "settings of all pumps" in answer.text


def test_the_meaning_of_an_operator_comes_before_the_list_that_names_it() -> None:
    operators = "- ->: Flow clause\n- =>: Pressure clause\n- <>: Balance clause"
    overview = page(
        f"Rules\n\nAn operator sets the kind of a rule clause:\n\n{operators}", headings=("Rules",), list=operators
    )
    meaning = page(
        "Pressure clause\n\nA clause with the operator => holds while the pressure rises. It ends at the peak.",
        rank=2,
        headings=("Pressure clause",),
    )
    answer = ask("what does the operator => mean in a rule", overview, meaning)
    assert "holds while the pressure rises" in answer.text
    assert "Balance clause" not in answer.text


COMMAND = "pumpctl prime --slow"
GUIDE = page(
    f"""Priming

In this chapter you learn how to prime a pump, and we'll look at its parts.

To prime a pump, run the tool while the valve is shut.

{COMMAND}

The lamp turns green. You can also prime a pump by hand.""",
    headings=("Priming",),
    code=COMMAND,
)


def test_a_how_question_gets_the_instruction_and_its_code_once() -> None:
    answer = ask("How do I prime a pump?", GUIDE)
    assert answer.text.count("To prime a pump, run the tool while the valve is shut.") == 1
    assert f"```\n{COMMAND}\n```" in answer.text
    assert "In this chapter" not in answer.text
    assert answer.status == "answered"


def test_code_before_the_sentence_that_explains_it_comes_with_it() -> None:
    text = f"Quiet mode\n\n{COMMAND}\n\nThis primes the pump slowly and quietly at night."
    answer = ask("How can I prime the pump quietly at night?", page(text, headings=("Quiet mode",), code=COMMAND))
    assert COMMAND in answer.text
    assert "quietly at night" in answer.text


def test_a_list_of_what_to_read_elsewhere_is_no_answer() -> None:
    rights = "- Open the outer gate\n- Read the meters"
    text = f"Wardens\n\nWardens may do this:\n\n{rights}\n\nSee also:\n\n- List of wardens\n- A guide for wardens"
    answer = ask("What may wardens do?", page(text, headings=("Wardens",), list=rights))
    assert "- Open the outer gate\n- Read the meters" in answer.text
    assert "guide for wardens" not in answer.text


def test_who_wants_to_report_gets_the_address() -> None:
    text = (
        "Leaks\n\nEvery report of a leak is looked into by two wardens, who report to the mayor. If you want to report"
        " one, write to leaks@pumps.example at once."
    )
    answer = ask("How do I report a leak?", page(text, headings=("Leaks",)))
    assert "leaks@pumps.example" in answer.text


@pytest.mark.parametrize(
    ("question", "text", "address"),
    [
        ("What is the URL of the parking map?", "Parking map (https://maps.firm.example/p)", "maps.firm.example/p"),
        (
            "What is the link to the canteen menu?",
            "The canteen menu (https://food.firm.example/m)",
            "food.firm.example/m",
        ),
        ("Wo finde ich das Reiseformular?", "Reiseformular (https://forms.firm.example/R-1)", "forms.firm.example/R-1"),
    ],
)
def test_a_line_that_is_only_a_link_answers_the_question_for_its_address(
    question: str, text: str, address: str
) -> None:
    assert address in ask(question, page(text)).text


def test_a_line_that_is_only_a_link_answers_no_other_question() -> None:
    answer = ask("How long is the parking map valid?", page("Parking map (https://maps.firm.example/p)"))
    assert "maps.firm.example" not in answer.text


def test_rows_follow_the_sentence_that_names_their_table() -> None:
    rows = "Pump | Litres\nP1 | 300\nP2 | 900"
    text = f"Sizes\n\nTable 4 shows the pump sizes that are made.\n\n{rows}"
    answer = ask("Which pump sizes are there?", page(text, headings=("Sizes",), table=rows))
    assert "Pump: P1, Litres: 300" in answer.text
    assert "Pump: P2, Litres: 900" in answer.text


@pytest.mark.parametrize(
    ("question", "own", "answer"),
    [
        ("ລາພັກໄດ້ຈັກວັນ", "ລະບຽບການ\n\nພະນັກງານສາມາດລາພັກໄດ້ສິບຫ້າວັນຕໍ່ປີ\n\nຫ້ອງອາຫານຢູ່ຊັ້ນສອງ", "ສິບຫ້າວັນ"),
        ("ឈប់សម្រាកបានប៉ុន្មានថ្ងៃ", "សៀវភៅ\n\nបុគ្គលិកអាចឈប់សម្រាកបានដប់ប្រាំថ្ងៃក្នុងមួយឆ្នាំ\n\nអាហារដ្ឋាននៅជាន់ទីពីរ", "ដប់ប្រាំថ្ងៃ"),
        ("ဆိုင်ဘယ်အချိန်ဖွင့်သလဲ", "ဆိုင်\n\nဆိုင်ကို မနက်ကိုးနာရီတွင် ဖွင့်သည်", "ကိုးနာရီ"),
    ],
)
def test_an_unpunctuated_sentence_in_the_language_of_the_question_is_an_answer(
    question: str, own: str, answer: str
) -> None:
    given = ask(question, page("手册\n\n年假每年十五天。", rank=1), page(own, rank=2))
    assert answer in given.text
    assert "年假" not in given.text
    assert not given.text.removesuffix(" [2]").endswith(".")


def test_an_included_file_is_the_code_of_the_page_that_shows_it() -> None:
    shown = make_hit("pump.start(slow=True)\npump.wait()", rank=2, source="src/prime.py", start=0, blocks=None)
    text = "Priming\n\nYou can prime the pump from a program.\n\n(included file: ../src/prime.py)"
    answer = ask("How do I prime the pump from a program?", page(text, headings=("Priming",)), shown)
    assert "```\npump.start(slow=True)\npump.wait()\n```" in answer.text
    assert "included file" not in answer.text
    assert [citation.number for citation in answer.citations] == [1, 2]


def test_one_item_of_a_long_list_answers_a_question_about_one() -> None:
    held = "\n".join(f"- valve-{name}: Opens when the {name} tank is full, and {'so on ' * 12}" for name in "abcdefgh")
    answer = ask("What does valve-c do?", page(f"Valves\n\n{held}", headings=("Valves",), list=held))
    assert "the c tank" in answer.text
    assert "the d tank" not in answer.text


def test_code_that_goes_on_outside_the_passage_is_not_told() -> None:
    text = "Priming\n\nTo prime the pump, write a file like this:\n\npumps:\n  - name: P1\n    prime: slow"
    start = text.index("pumps:\n")
    cut = make_hit(text, start=0, blocks=(Block(start, len(text) + 500, "code"),))
    answer = ask("How do I prime the pump with a file?", cut)
    assert "```" not in answer.text
    assert "```" in ask("How do I prime the pump with a file?", page(text, code=text[start:])).text


def test_an_example_does_more_than_import() -> None:
    use = "with Pump('P1') as pump:\n    pump.prime()"
    text = (
        "Pumps\n\nA pump is primed by a class. Import the class:\n\nfrom pumps import Pump\n\n"
        f"Then prime the pump:\n\n{use}"
    )
    first = text.index("from pumps")
    hit = make_hit(
        text,
        start=0,
        blocks=(Block(first, first + len("from pumps import Pump"), "code"), Block(text.index(use), len(text), "code")),
        headings=(Heading(0, 2, "Pumps"),),
    )
    assert use in ask("Show me an example of how to prime a pump", hit).text
    assert "from pumps import Pump" in ask("How do I import the class of pumps?", hit).text


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What does a pump pass cost?", "For the pump pass see the pass page (https://pumps.example/p%2017?id=44)."),
        ("In which year was the pump removed?", "The main pump was removed by the wardens after a long discussion."),
    ],
)
def test_digits_of_an_address_are_no_price_and_parts_of_words_no_date(question: str, text: str) -> None:
    assert ask(question, page(text)).status == "abstained"


def test_advice_against_it_is_not_how_it_is_done() -> None:
    text = (
        "Muting\n\nMuting the siren should not be the way to a quiet night. It warns the neighbours.\n\n"
        "You can mute the siren by turning its key twice to the left."
    )
    answer = ask("How do I mute the siren?", page(text, headings=("Muting",)))
    assert answer.text.startswith("You can mute the siren by turning its key")


HOSE = page(
    """Clearing the hose

Let the pressure drop first. Water in the hose can freeze.

Then flush it like this:

hosectl flush --zone 3

The valve closes by itself.""",
    headings=("Clearing the hose",),
    code="hosectl flush --zone 3",
)


@pytest.mark.parametrize("question", ["flush the hose of zone 3", "please flush the hose", "How do I flush the hose?"])
def test_a_question_that_opens_with_an_action_wants_the_command(question: str) -> None:
    answer = ask(question, HOSE)
    assert "```\nhosectl flush --zone 3\n```" in answer.text


def test_an_example_right_after_what_a_keyword_question_finds_is_told_with_it() -> None:
    rules = page(
        """Several zones are named by a comma after the number.
For example:

zones = 1,3,4

Anything else is ignored.""",
        code="zones = 1,3,4",
    )
    assert "zones = 1,3,4" in ask("several zones number", rules).text


def test_code_that_only_imports_is_no_example() -> None:
    text = """Sprinklers

Use a Sprinkler to water a lawn at night.

from garden import Sprinkler

Further below:

lawn = Sprinkler(zone=2)
lawn.water(minutes=5)
"""
    made = page(text, headings=("Sprinklers",), code="lawn = Sprinkler(zone=2)\nlawn.water(minutes=5)")
    start = text.index("from garden")
    extra = Block(start, start + len("from garden import Sprinkler"), "code")
    hit = replace(made, blocks=tuple(sorted((*(made.blocks or ()), extra), key=lambda block: block.start)))
    assert "lawn.water(minutes=5)" in ask("How do I water a lawn with a Sprinkler?", hit).text


def test_the_list_below_the_name_that_is_asked_about_is_its_definition() -> None:
    hooks = page(
        """Hooks of the pump

- beforeStart, onStart, afterStop

onStart

- Runs while the motor turns up, ONLY with a full tank.

afterStop

- Runs after onStart has ended and the valve is shut.""",
        headings=("Hooks of the pump", "onStart", "afterStop"),
    )
    assert ask("what is onStart", hooks).text.startswith("Runs while the motor turns up, ONLY with a full tank.")


def test_a_field_that_is_asked_for_by_its_key_is_the_answer() -> None:
    sheet = page("Valve: RX-7\nStatus: Retired\nSpare-Seal: Viton 12 mm\n\nThe valve RX-7 was built in Kiel.")
    assert ask("Spare-Seal of RX-7", sheet).text.startswith("Spare-Seal: Viton 12 mm")


def test_code_answers_no_question_for_an_amount() -> None:
    sample = page(
        """A sample of the log follows.

pumps = {"zone": 3, "pumps": 14, "week": 9}
""",
        code='pumps = {"zone": 3, "pumps": 14, "week": 9}',
    )
    assert "```" not in ask("how many pumps run per week", sample).text


def test_free_software_is_no_price() -> None:
    club = page("The gardeners of the club are paid nothing; they like free software and open days.")
    assert ask("How much are the gardeners paid per month?", club).status == "abstained"
