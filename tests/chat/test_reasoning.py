"""Reasoning in a model's text is never part of an answer: whole, streamed in any pieces, cut, and unmarked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragkit
from ragkit import Answer, ChatError, Document
from ragkit.chat.reasoning import ReasoningFilter, ReasoningGuard, reasoned_text, without_reasoning
from ragkit.testing import FakeChat, HashEmbedder
from ragkit.types.prompts import Prompt

PROMPT = Prompt("q", (), (), {}, 1_000, "o200k_base", False, "nonce")
ANSWER = "Thirty days [1]."
MARKED = [
    "<think>The user wants days.</think>\n\nThirty days [1].",
    "  <THINK>\nLet me see <b>.\n</Think>Thirty days [1].",
    "<thinking>a</thinking>Thirty days [1].",
    "[THINK]maybe forty[/THINK]Thirty days [1].",
    "◁think▷hm◁/think▷Thirty days [1].",
    "<|begin_of_thought|>forty?<|end_of_thought|> Thirty days [1].",
    "<|channel|>analysis<|message|>forty?<|end|><|start|>assistant<|channel|>final<|message|>Thirty days [1].",
    "<|channel|>final<|message|>Thirty days [1].<|return|>",
    "<think>one</think>Thirty <think>two</think>days [1].",
    "Thirty days [1].<think>cut in the middle of",
    "<think>I must not write <thinking> here</think>Thirty days [1].",
    "<think></think>Thirty days [1].",
]
UNMARKED = "First I look for days.\nForty? No.\n</think>\n\nThirty days [1]."


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in itertools.pairwise(places)]


@given(st.sampled_from(MARKED), st.lists(st.integers(0, 200), max_size=30))
def test_marked_reasoning_is_taken_out_however_the_stream_is_cut(text: str, cuts: list[int]) -> None:
    seen = ReasoningFilter()
    said = [seen.feed(piece) for piece in pieces(text, cuts)]
    assert "".join(said) + seen.finish() == ANSWER


@given(st.text("<>thinkTHINK/[]|` aé◁▷\n", max_size=60), st.lists(st.integers(0, 80), max_size=20))
def test_pieces_never_change_what_is_said(text: str, cuts: list[int]) -> None:
    whole, cut = ReasoningFilter(hold=True), ReasoningFilter(hold=True)
    whole.feed(text)
    for piece in pieces(text, cuts):
        assert cut.feed(piece) == ""
    assert cut.finish() == whole.finish()


@pytest.mark.parametrize("text", ["a < b and <thin> air", "use `<think>` and `</think>` marks", "x [think", "1 <", "`"])
def test_other_text_stays_as_it_is(text: str) -> None:
    seen = ReasoningFilter()
    assert "".join(seen.feed(letter) for letter in text) + seen.finish() == text
    assert not seen.found


def test_text_is_passed_on_as_it_comes() -> None:
    seen = ReasoningFilter()
    assert seen.feed("<think>long ") == ""
    assert seen.feed("thought</think>Thirty ") == "Thirty "
    assert seen.feed("days <") == "days "
    assert seen.feed(" 31") == "< 31"


def test_reasoning_without_an_opening_mark_is_cut_from_a_whole_answer() -> None:
    assert reasoned_text(FakeChat(UNMARKED), PROMPT) == ANSWER


def test_a_stream_without_an_opening_mark_fails_once_and_is_held_back_from_then_on() -> None:
    chat, guard = FakeChat(UNMARKED), ReasoningGuard()
    with pytest.raises(ChatError, match="reasoning"):
        list(guard.stream(chat, PROMPT, guard.filter()))

    assert "".join(guard.stream(chat, PROMPT, guard.filter())) == ANSWER
    plain = FakeChat(ANSWER)
    assert "".join(guard.stream(plain, PROMPT, guard.filter())) == ANSWER


@pytest.mark.parametrize("text", ["<think>only that", "<think>only that</think>", "only that</think>  "])
def test_reasoning_alone_is_an_error_and_no_abstention(text: str) -> None:
    with pytest.raises(ChatError, match="reasoning"):
        reasoned_text(FakeChat(text), PROMPT)
    with pytest.raises(ChatError, match="reasoning"):
        list(ReasoningGuard().stream(FakeChat(text), PROMPT, ReasoningFilter()))


def test_words_of_documents_are_not_reasoning() -> None:
    class Quoting:
        name = "extractive"

        def stream(self, prompt: Prompt) -> Iterator[str]:
            yield "The mark <think> opens it, </think> ends it."

    assert "".join(ReasoningGuard().stream(Quoting(), PROMPT, ReasoningFilter())) == reasoned_text(Quoting(), PROMPT)
    assert "<think>" in reasoned_text(Quoting(), PROMPT)


@pytest.mark.parametrize("text", MARKED)
def test_answers_of_a_knowledge_base_hold_none(tmp_path: Path, text: str) -> None:
    chat = FakeChat(text, piece=3)
    with ragkit.open(tmp_path, embedder=HashEmbedder(), chat=chat) as knowledge:
        knowledge.add(Document.from_text("refunds.md", "The refund window is thirty days."))
        *said, answer = knowledge.stream("How long is the refund window?")
        whole = knowledge.ask("How long is the refund window?")

    assert isinstance(answer, Answer)
    assert "".join(map(str, said)) == answer.text == whole.text == ANSWER


WHOLE = [
    ("<think>Source 2 says May.</think>\n\nIn May [2].", "In May [2]."),
    ("  <THINKING>a</THINKING>b", "b"),
    ("<reasoning>a<b</reasoning>x <y> z", "x <y> z"),
    ("No tags here, 3 < 4.", "No tags here, 3 < 4."),
    ("<thin ice> is cold", "<thin ice> is cold"),
    ("<think>never closed and no answer", ""),
    ("<think></think>answer", "answer"),
    ("<think>a</think><think>b</think>c", "c"),
    ("<reasoning>a</reasoning>One. <reasoning>b</reasoning>Two.", "One. Two."),
    ("Source 1 says so.\n</reasoning>\nThirty days [1].", "Thirty days [1]."),
    ("", ""),
    ("<", "<"),
]


@pytest.mark.parametrize(("text", "answer"), WHOLE)
def test_the_answer_alone_is_left_of_a_whole_text(text: str, answer: str) -> None:
    assert without_reasoning(text) == answer


@given(case=st.sampled_from(WHOLE), cuts=st.lists(st.integers(0, 60)))
def test_pieces_make_no_difference_where_an_answer_is_held(case: tuple[str, str], cuts: list[int]) -> None:
    text, answer = case
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    seen = ReasoningFilter(hold=True)
    assert "".join(seen.feed(text[a:b]) for a, b in pairwise(edges)) + seen.finish() == answer


def test_what_was_taken_out_is_known_and_the_answer_streams_after_it() -> None:
    seen = ReasoningFilter(hold=True)
    assert seen.feed("<reasoning>Source 1.</reas") == ""
    assert seen.feed("oning>Thirty ") == "Thirty "
    assert seen.feed("days.") + seen.finish() == "days."
    assert seen.reasoning == "Source 1."
