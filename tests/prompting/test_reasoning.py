"""Reasoning never reaches an answer, however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.prompting.reasoning import ReasoningFilter, without_reasoning

CASES = [
    ("<think>Source 2 says May.</think>\n\nIn May [2].", "In May [2]."),
    ("  <THINKING>a</THINKING>b", "b"),
    ("<reasoning>a<b</reasoning>x <y> z", "x <y> z"),
    ("No tags here, 3 < 4.", "No tags here, 3 < 4."),
    ("<thin ice> is cold", "<thin ice> is cold"),
    ("<think>never closed and no answer", ""),
    ("<think></think>answer", "answer"),
    ("<think>a</think><think>b</think>c", "c"),
    ("", ""),
    ("<", "<"),
]


@pytest.mark.parametrize(("text", "answer"), CASES)
def test_the_answer_alone_is_left(text: str, answer: str) -> None:
    assert without_reasoning(text) == answer
    assert without_reasoning(text, asked=True) == answer


@pytest.mark.parametrize("asked", [False, True])
@given(case=st.sampled_from(CASES), cuts=st.lists(st.integers(0, 60)))
def test_pieces_make_no_difference(asked: bool, case: tuple[str, str], cuts: list[int]) -> None:
    text = case[0]
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    kept = ReasoningFilter(asked=asked)
    given_out = "".join(kept.feed(text[a:b]) for a, b in pairwise(edges)) + kept.finish()
    assert given_out == without_reasoning(text, asked=asked)


def test_a_closing_tag_alone_ends_the_reasoning_where_it_was_asked_for() -> None:
    text = "Source 1 says so.\n</reasoning>\nThirty days [1]."
    assert without_reasoning(text, asked=True) == "Thirty days [1]."
    assert without_reasoning(text) == text


def test_reasoning_in_the_middle_is_kept_out_where_it_was_asked_for() -> None:
    assert without_reasoning("<reasoning>a</reasoning>One. <reasoning>b</reasoning>Two.", asked=True) == "One. Two."


def test_an_answer_without_reasoning_streams_at_once() -> None:
    kept = ReasoningFilter()
    assert [kept.feed(piece) for piece in ("Thirty ", "days.")] == ["Thirty ", "days."]
