"""A sentence that a model did not finish is supported by nothing, and a quotation that was cut on purpose still is."""

from __future__ import annotations

import pytest

from ragkit.citations.checker import check_answer
from tests.support.prompt_fakes import make_prompt

PUMP = "The pump is serviced by the night shift every four weeks, and the filter is rinsed with water before it starts."
PROMPT = make_prompt("Who services the pump?", PUMP)


@pytest.mark.parametrize(
    "said",
    [
        "The pump is",
        "The pump is serviced by the",
        "Clean water rinses the filter …",
        "The pump is serviced by the [1]",
    ],
)
def test_a_sentence_that_breaks_off_is_not_supported(said: str) -> None:
    answer = check_answer(PROMPT, said)
    assert answer.status == "unsupported"
    assert not any(citation.supported for citation in answer.citations)


def test_the_whole_sentence_before_it_counts() -> None:
    answer = check_answer(PROMPT, "The pump is serviced by the night shift.\n\nClean water rinses the filter …")
    assert answer.status == "partial"
    assert [citation.supported for citation in answer.citations] == [True]


def test_a_cut_quotation_is_supported() -> None:
    assert check_answer(PROMPT, "The pump is serviced by the night shift every four … [1]").status == "answered"


def test_a_sentence_that_ends_in_a_small_word_and_a_full_stop_is_whole() -> None:
    form = "The form names the tank that the water comes from."
    answer = check_answer(make_prompt("What does the form name?", form), "It names the tank the water comes from. [1]")
    assert answer.status == "answered"
