"""Follow-up questions find what they refer to; questions that stand alone are left unchanged."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.chat.base import ChatModel
from ragkit.chat.condense import Condenser, condensation_prompt
from ragkit.chat.followup import standalone
from ragkit.knowledge.validation import checked_messages
from ragkit.testing import CutChat, EchoChat, FakeChat, HashEmbedder, ObedientChat, SlowChat
from ragkit.types.documents import Document
from ragkit.types.prompts import Message

ROOT = Path(__file__).parents[2]
SQUAD = ROOT.parent / "shared" / "data" / "squad" / "queries.jsonl"
FOLLOWUPS = [
    json.loads(line) for line in (ROOT / "tests" / "data" / "followups.jsonl").read_text(encoding="utf-8").splitlines()
]
WARRANTY = (Message("user", "How long is the warranty of the Aquila meter?"), Message("assistant", "24 months."))
FOREIGN = (Message("user", "Who painted the Sistine Chapel in Rome?"), Message("assistant", "Michelangelo."))


@pytest.mark.parametrize(
    "question",
    [
        "And for probes?",
        "What about probes?",
        "Is it extended by registration?",
        "What does it cover?",
        "When does that start?",
        "Why?",
        "How is it extended?",
        "What must I do to use it?",
        "Which damage is excluded from it?",
        "Und für Sonden?",
    ],
)
def test_what_leans_gets_the_words_of_the_last_questions(question: str) -> None:
    found = standalone(question, WARRANTY)
    assert found.startswith(question)
    assert "warranty" in found
    assert "Aquila" in found


@pytest.mark.parametrize(
    "question",
    [
        "How long is the refund window for calibrated probes?",
        "Who moved his court from Kraków to Warsaw in 1596?",
        "What did Martin Luther say about the pope in his letter?",
        "When were the Normans in Normandy?",
        "What does error E-4012 mean?",
        "Is there an on-call phone for drinking-water customers?",
        "Which of the probes that we sell needs firmware 3.3.0?",
        "Why did the first battles of the war end in defeat?",
        "How many weeks of parental leave do employees get at full pay?",
        "What is the daily allowance in Norway?",
        "Wie lange gilt die Garantie für Messgeräte?",
    ],
)
def test_what_stands_alone_comes_out_unchanged(question: str) -> None:
    assert standalone(question, WARRANTY) == question
    assert standalone(question, FOREIGN) == question


def test_codes_of_the_last_answer_come_along_but_not_its_words() -> None:
    history = (
        Message("user", "Which probe measures turbidity?"),
        Message("assistant", "The HP-305, within 3 seconds."),
    )
    found = standalone("What does it cost?", history)
    assert "HP-305" in found
    assert "seconds" not in found


def test_the_latest_turn_comes_first_and_old_ones_not_at_all() -> None:
    turns = ["What is a zebra?", "Where do lions live?", "How long do elephants sleep?"]
    found = standalone("And why?", [Message("user", turn) for turn in turns])
    assert found.index("elephants") < found.index("lions")
    assert "zebra" not in found
    long = Message("user", " ".join(f"word{at}x" for at in range(500)))
    assert len(standalone("And why?", [long])) < 200


@pytest.mark.parametrize("history", [(), (Message("assistant", "Hello."),), (Message("system", "Be kind."),)])
def test_without_an_earlier_question_nothing_changes(history: tuple[Message, ...]) -> None:
    assert standalone("And why?", history) == "And why?"
    assert Condenser().condense("And why?", history, chat=FakeChat("What is new?")) == "And why?"


@pytest.mark.parametrize(
    "content", ["", "???", "the of and", "\ud83d\ude00" * 3, "日本の首都はどこですか", "x" * 50_000]
)
def test_odd_histories_are_no_error(content: str) -> None:
    assert standalone("And why?", [Message("user", content.encode("utf-16", "surrogatepass").decode("utf-16"))])


def test_the_follow_ups_are_changed_and_their_first_questions_are_not() -> None:
    changed = [standalone(row["question"], checked_messages(row["history"])) != row["question"] for row in FOLLOWUPS]
    assert sum(changed) >= 28
    others = [FOLLOWUPS[at - 7]["history"] for at in range(len(FOLLOWUPS))]
    firsts = [row["history"][0]["content"] for row in FOLLOWUPS]
    left = [standalone(text, checked_messages(other)) == text for text, other in zip(firsts, others, strict=True)]
    assert sum(left) >= 28


@pytest.mark.skipif(not SQUAD.exists(), reason="../shared/data/squad is not there")
def test_real_questions_that_stand_alone_are_left_alone() -> None:
    texts = [json.loads(line)["text"] for line in SQUAD.read_text(encoding="utf-8").splitlines()][::3]
    changed = [text for text in texts if standalone(text, WARRANTY) != text]
    assert len(changed) <= 0.04 * len(texts), changed


def test_history_finds_what_the_question_alone_does_not(tmp_path: Path) -> None:
    topics = ("zebra", "walrus", "ocelot", "badger", "heron")
    documents = [
        Document(source=f"{name}.{what}", text=f"The {what} of the {name} is {len(name) * 7} units.")
        for name in topics
        for what in ("weight", "height")
    ]
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(documents)
        for name in topics:
            history = [{"role": "user", "content": f"Where does the {name} live?"}]
            assert kb.search("And its height?", k=1, history=history)[0].source == f"{name}.height"


# ------------------------------------------------------------------ with a model


def test_a_chat_model_rewrites_the_question() -> None:
    chat = FakeChat(' "How long is the warranty of probes?"\n')
    assert Condenser().condense("And for probes?", WARRANTY, chat=chat) == "How long is the warranty of probes?"
    (prompt,) = chat.prompts
    assert [message.role for message in prompt.messages] == ["system", "user"]
    assert "user: How long is the warranty" in prompt.messages[1].content
    assert "And for probes?" in prompt.messages[1].content


@pytest.mark.parametrize(
    "chat",
    [
        CutChat("How long is the warranty"),
        SlowChat("How long is the warranty"),
        EchoChat(),
        ObedientChat(),
        FakeChat(""),
        FakeChat("42 months, as section seven of the manual explains [1]."),
        FakeChat("warranty probes " * 60),
        FakeChat("How long is the warranty of probes?\nIt is 12 months."),
        FakeChat("???"),
    ],
    ids=["cut", "slow", "echo", "obedient", "empty", "answer", "long", "lines", "marks"],
)
def test_a_model_that_fails_or_says_something_else_is_replaced_by_the_rule(
    chat: ChatModel, caplog: pytest.LogCaptureFixture
) -> None:
    condenser = Condenser()
    with caplog.at_level(logging.WARNING, logger="ragkit"):
        for _ in range(3):
            assert condenser.condense("And for probes?", WARRANTY, chat=chat) == standalone("And for probes?", WARRANTY)
    assert len(caplog.records) == 1


def test_only_the_end_of_a_long_conversation_is_shown() -> None:
    turns = [Message("user" if at % 2 == 0 else "assistant", f"turn{at} " + "x" * 5_000) for at in range(40)]
    shown = condensation_prompt("And why?", [Message("system", "secret"), *turns]).messages[1].content
    assert len(shown) < 7_000
    assert "turn39" in shown
    assert "turn33" not in shown
    assert "secret" not in shown


class Scripted:
    """Rewrites follow-ups, and answers with a quotation mark of its own."""

    name = "scripted"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def stream(self, prompt: ragkit.Prompt) -> Any:
        self.asked.append(prompt)
        yield "What is the height of the walrus?" if not prompt.passages else "It is 42 units [1]."


def test_a_knowledge_base_asks_its_model_once_for_a_follow_up_and_never_the_extractive_one(tmp_path: Path) -> None:
    documents = [Document(source=what, text=f"The {what} of the walrus is 42 units.") for what in ("weight", "height")]
    history = [{"role": "user", "content": "What is the weight of the walrus?"}]
    chat = Scripted()
    with ragkit.open(tmp_path, embedder=HashEmbedder(), chat=chat) as kb:
        kb.add(documents)
        assert kb.search("And the height?", k=1, history=history)[0].source == "height"
        assert len(chat.asked) == 1
        kb.search("How tall is it?")
        assert len(chat.asked) == 1
        answer = kb.ask("And the height?", history=history)
        assert answer.model == "scripted"
        assert len(chat.asked) == 3
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:  # the default model quotes, and rewrites nothing
        history = [{"role": "user", "content": "Where does the walrus live?"}]
        assert kb.search("And the height?", k=1, history=history)[0].source == "height"
