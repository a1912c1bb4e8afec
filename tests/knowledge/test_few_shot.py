"""A collection's examples in its prompts: alike and unlike each other, in the file's order, or left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

import ragkit
from ragkit import Example, ExampleFile, KnowledgeBase, Settings
from ragkit.knowledge.few_shot import FewShot
from ragkit.settings import FewShot as Mode
from ragkit.settings import PromptSettings
from ragkit.testing import FakeChat, HashEmbedder

EXAMPLES = [
    Example("Where do the herons nest in spring?", "On the island [1]."),
    Example("Where do the herons nest in autumn?", "They do not [1]."),
    Example("What does a fishing permit cost?", "Twelve euro [1]."),
    Example("May dogs swim in the lake?", "Only at the north bank [1]."),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(ragkit.Document(source="lake.md", text="Herons nest on the island of the lake.", title="Lake"))
        ExampleFile(kb.folder).add(EXAMPLES)
    return tmp_path


def opened(folder: Path, few_shot: Mode, *, shots: int = 2) -> KnowledgeBase:
    settings = Settings()
    settings = replace(settings, prompt=replace(settings.prompt, few_shot=few_shot, shots=shots))
    return ragkit.open(folder, embedder=HashEmbedder(), settings=settings, chat=FakeChat("On the island [1]."))


def asked_in(text: str) -> list[str]:
    return [example.question for example in EXAMPLES if example.question in text]


class Placed(HashEmbedder):
    """An embedder whose queries have given vectors."""

    places: ClassVar[dict[str, tuple[float, float]]] = {
        "asked": (1.0, 0.0),
        "near": (0.9, 0.436),
        "its twin": (0.898, 0.44),
        "apart": (0.7, -0.714),
        "far": (0.0, 1.0),
    }

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([self.places[text] for text in texts], dtype=np.float32)


def test_the_nearest_example_comes_first_and_a_twin_of_it_last() -> None:
    examples = [Example(question, "x [1]") for question in ("far", "its twin", "near", "apart")]
    settings = PromptSettings(shots=2)
    chosen = FewShot().choose("asked", examples, settings=settings, embedder=Placed())
    assert [example.question for example in chosen] == ["near", "apart"]


def test_similar_examples_are_chosen_with_the_collections_embedder(folder: Path) -> None:
    with opened(folder, "similar", shots=1) as kb:
        shown = asked_in(kb.prompt("Must dogs stay out of the lake at the north bank?").messages[0].content)
    assert shown == [EXAMPLES[3].question]


def test_fixed_examples_are_the_first_of_the_file(folder: Path) -> None:
    with opened(folder, "fixed") as kb:
        shown = asked_in(kb.prompt("What does a permit cost?").messages[0].content)
    assert shown == [EXAMPLES[0].question, EXAMPLES[1].question]


def test_they_can_be_left_out(folder: Path) -> None:
    with opened(folder, "off") as kb:
        assert kb.prompt("Where do herons nest?").shots == 0
    with opened(folder, "similar", shots=10) as kb:
        assert kb.prompt("Where do herons nest?").shots == 4


@pytest.mark.parametrize("few_shot", ["fixed", "similar"])
def test_an_example_that_asks_the_same_is_never_shown(folder: Path, few_shot: Mode) -> None:
    with opened(folder, few_shot, shots=10) as kb:
        text = kb.prompt("what does a fishing permit cost").messages[0].content
    assert EXAMPLES[2].question not in text
    assert len(asked_in(text)) == 3


def test_examples_of_the_call_take_the_place_of_the_collections(folder: Path) -> None:
    own = Example("Own question?", "Own answer [1].")
    with opened(folder, "similar") as kb:
        prompt = kb.prompt("Where do herons nest?", examples=[own])
    assert prompt.shots == 1
    assert "Own question?" in prompt.messages[0].content


def test_a_damaged_file_is_an_error_that_names_the_line(folder: Path) -> None:
    with opened(folder, "similar") as kb:
        (kb.folder / "examples.jsonl").write_text('{"input": "a", "output": "b"}\nnonsense\n')
        with pytest.raises(ragkit.DefinitionError, match=r"examples.jsonl:2: is not JSON"):
            kb.ask("Where do herons nest?")
        assert isinstance(kb.chat, FakeChat)
        assert kb.chat.prompts == []
