"""Marks of reviewers and templates in Markdown: suggested changes, comments, text that is shown as it is."""

from __future__ import annotations

from tests.support.ingest_files import extract


def test_suggested_changes_read_as_if_they_were_accepted() -> None:
    found = extract(
        b"The due is {~~14~>16~~} euro{++ a day++}{-- at night--}. {==Ask twice==}{>>Bo: really?<<}\n", "a.md"
    )
    assert found.text == "The due is 16 euro a day. Ask twice (Comment: Bo: really?)"
    assert any("struck-out" in words for words in found.warnings)


def test_comments_of_go_templates_are_left_out_and_counted() -> None:
    found = extract(b"Tie up at ring 4. {{/* ask Bo before May */}}\n", "a.md")
    assert found.text == "Tie up at ring 4."
    assert "comments left out: 1" in found.warnings


def test_verbatim_text_keeps_its_braces() -> None:
    assert extract(b"Write {% raw %}{{ berth }}{% endraw %} in the form.\n", "a.md").text == (
        "Write {{ berth }} in the form."
    )


def test_tags_for_verbatim_text_that_do_not_pair_end_nothing() -> None:
    assert extract(b"{% endraw %}Ring 4 {% raw %}and endraw ring 5.\n", "a.md").text == "Ring 4 and endraw ring 5."


def test_identifiers_of_a_shortcode_are_not_read() -> None:
    text = extract(b'Ask the {{< glossary_tooltip text="pilot" term_id="plt" >}} first.\n', "a.md").text
    assert text == "Ask the pilot first."


def test_a_list_right_below_a_term_is_a_list() -> None:
    text = extract(b"= Quay\n\nRings:: where boats tie up\n* iron\n* rope\n", "a.adoc").text
    assert text.endswith("Rings: where boats tie up\n\n- iron\n- rope")


def test_a_component_for_a_parameter_shows_its_name_type_and_default() -> None:
    page = (
        b'# API\n\n<ParamField query="berth" type="integer" default="4" required>\n  Where to tie up.\n</ParamField>\n'
    )
    text = extract(page, "a.mdx").text
    assert text == "API\n\nberth (integer, default 4)\n\nWhere to tie up."


def test_literals_in_braces_are_text_of_mdx_only() -> None:
    assert extract(b"Call {'ring 4'}{' '}or `{'x'}`.\n", "a.mdx").text == "Call ring 4 or {'x'}."
    assert extract(b"The set {'ring 4'} is JSON.\n", "a.md").text == "The set {'ring 4'} is JSON."


def test_a_note_in_its_place_stands_in_brackets() -> None:
    assert (
        extract(b"The due^[Since May.] is 14^2^ euro^[1]^.\n", "a.md").text == "The due [Since May.] is 14² euro^([1])."
    )


def test_substitutions_and_menus_of_sphinx_read_as_on_the_page() -> None:
    text = extract(
        b".. |br| raw:: html\n\n   <br>\n\n"
        b"Press :guilabel:`&Send`, |br| then in :menuselection:`File --> Print && Fold`.\n",
        "a.rst",
    ).text
    assert " ".join(text.split()) == "Press Send, then in File > Print & Fold."


def test_verbatim_text_of_asciidoc_loses_its_plus_signs_only() -> None:
    page = b"= Quay\n:ring: 4\n\nWrite `+tie_up_at{ring}+` or +a*b*c+ in C++ and D++, 1+2+3, and *ring {ring}*.\n"
    assert extract(page, "a.adoc").text.endswith("Write tie_up_at{ring} or a*b*c in C++ and D++, 1+2+3, and ring 4.")
