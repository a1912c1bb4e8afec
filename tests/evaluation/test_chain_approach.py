"""Chains as an approach of `ragkit eval answers`: next to RAG, refused before any call, recorded, and failures
reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import ragkit
from ragkit import Document, InputError, NotFoundError
from ragkit.chains.chain import load_chain
from ragkit.cli.app import cli
from ragkit.cli.context import Tools
from ragkit.errors import DefinitionError, RagkitError
from ragkit.evaluation.answers.approaches import Chained, Means
from ragkit.testing import FakeChat, HashEmbedder
from ragkit.text.token_counter import load_counter
from ragkit.tracking.catalog import list_runs, outputs_of
from ragkit.types.answers import Answer
from ragkit.types.prompts import Prompt

TIDE = "The tide gate of Marsk closes at 21:15."
SLUICE = "The sluice keeper of Marsk is Jorid Lunde."
OWN = """\
name: own
version: 1
steps:
  - name: found
    kind: retrieve
  - name: closed
    kind: generate
    when: '"holiday" in question'
    text: The office is closed.
  - name: dated
    kind: check
    when: '"broken" in question'
    expect: [found.count > 99]
  - name: reply
    kind: generate
    when: not closed.ok
    sources: [found]
answer: [closed, reply]
"""


class Quoter(FakeChat):
    """A model that gives back the first passage that shares four words with the question, and keeps the prompts."""

    def stream(self, prompt: Prompt) -> Iterator[str]:
        self.prompts.append(prompt)
        words = set(prompt.question.lower().strip("?").split())
        for number, passage in enumerate(prompt.passages, 1):
            if len(words & set(passage.text.lower().split())) > 3:
                yield f"{passage.text} [{number}]"
                return
        yield "I do not know."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        kb.add([Document.from_text("tide.md", TIDE), Document.from_text("keeper.md", SLUICE)])
    return tmp_path / "kb"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def asked(data: Path, chat: FakeChat, rows: list[dict[str, object]], *words: str) -> Result:
    path = data.parent / "q.jsonl"
    path.write_text("".join(json.dumps({**row, "part": "test"}) + "\n" for row in rows))
    return on(data, chat, "eval", "answers", str(path), *words)


def on(data: Path, chat: FakeChat, *words: str) -> Result:
    tools = Tools(embedder=HashEmbedder(), chat=chat)
    return CliRunner().invoke(cli, [*words, "--data", str(data)], obj=tools)


def test_a_chain_is_measured_beside_rag_and_finds_both_parts(data: Path) -> None:
    both = "When closes the tide gate of Marsk and who is the sluice keeper of Marsk?"
    rows: list[dict[str, object]] = [{"question": both, "answer_has": [["21:15"], ["Jorid Lunde"]]}]
    words = ("--without-cost", "--approach", "rag", "--approach", "chain:decompose", "--json")
    result = asked(data, Quoter(name="quoter"), rows, *words)
    assert result.exit_code == 0, result.output
    found = {name: part["measures"] for name, part in json.loads(result.stdout)["approaches"].items()}
    assert found["rag"]["facts"]["value"] == 0.5
    assert found["chain:decompose"]["facts"]["value"] == 1.0
    assert found["chain:decompose"]["citation_recall"]["value"] == 1.0
    (run,) = list_runs(data / "runs")
    assert "chain decompose" in {prompt.name for prompt in run.prompts}
    assert not list(data.rglob("traces"))


def test_fixed_texts_abstentions_and_failed_steps_are_graded(data: Path, own: Path) -> None:
    rows: list[dict[str, object]] = [
        {"question": "Is there a holiday?", "answer_has": ["closed"]},
        {"question": "Which colour has a bicycle?"},
        {"question": "What is broken in the tide gate of Marsk?", "answer_has": ["nothing"]},
    ]
    name = f"chain:{own}"
    result = asked(data, Quoter(name="quoter"), rows, "--without-cost", "--approach", name, "--json")
    assert result.exit_code == 0, result.output
    part = json.loads(result.stdout)["approaches"][name]
    assert part["failed"] == 1
    assert part["measures"]["facts"]["value"] == 0.5
    assert part["measures"]["refused"]["value"] == 1.0
    (run,) = list_runs(data / "runs")
    errors = [row["error"] for row in outputs_of(data / "runs" / run.id)]
    assert [bool(error) for error in errors] == [False, False, True]
    assert "step 'dated'" in errors[2]


def test_a_chain_is_refused_before_any_call(data: Path, own: Path) -> None:
    chat = Quoter(name="quoter")
    wrong = own.with_name("wrong.yaml")
    wrong.write_text(OWN.replace("kind: retrieve", "kind: guess"))
    lost = own.with_name("lost.yaml")
    lost.write_text(OWN.replace("    sources: [found]\n", "    sources: [found]\n    template: none-such\n"))
    cases: list[tuple[str, type[RagkitError]]] = [
        ("chain", InputError),
        ("chain:", InputError),
        ("chain:none", NotFoundError),
        (f"chain:{wrong}", DefinitionError),
        (f"chain:{lost}", NotFoundError),
        ("rag:decompose", InputError),
    ]
    for name, error in cases:
        result = asked(data, chat, [{"question": "A?"}], "--without-cost", "--approach", "rag", "--approach", name)
        assert isinstance(result.exception, error), (name, result.exception)
    assert not chat.prompts
    assert not (data / "runs").exists()


def test_costs_of_a_chain_with_a_model_of_its_own_are_refused(data: Path, own: Path) -> None:
    own.write_text(
        OWN.replace("    sources: [found]\n", "    sources: [found]\n    model: vllm:tiny@http://127.0.0.1:9/v1\n")
    )
    prices = data.parent / "p.toml"
    assert on(data, FakeChat(""), "cost", "--write-prices", str(prices)).exit_code == 0
    words = ("--prices", str(prices), "--model", "extractive", "--approach", f"chain:{own}")
    result = asked(data, FakeChat(""), [{"question": "A?"}], *words)
    assert isinstance(result.exception, InputError)
    assert "asks vllm:tiny" in str(result.exception)


def test_a_changed_chain_is_told_when_a_run_is_shown(data: Path, own: Path) -> None:
    words = ("--without-cost", "--approach", f"chain:{own}")
    assert asked(data, Quoter(name="quoter"), [{"question": "Is it a holiday?"}], *words).exit_code == 0
    assert "nothing has changed since" in on(data, FakeChat(""), "runs", "show", "last").output
    own.write_text(OWN.replace("The office", "Our office"))
    assert f"changed since: prompt chain {own}" in on(data, FakeChat(""), "runs", "show", "last").output


def test_the_model_of_an_approach_takes_the_place_of_the_collections(data: Path, own: Path) -> None:
    held, given = Quoter(name="held"), Quoter(name="given")
    chain = load_chain(own)
    assert (load_chain("support").place, load_chain(chain.place)) == ("support", chain)
    with ragkit.open(data, embedder=HashEmbedder(), chat=held) as kb:
        means = Means(kb, given, load_counter("gpt-4o", offline=True))
        attempt = Chained("chain:own", means, chain).answer("Who is the sluice keeper of Marsk?")
        run = chain.run(kb, "Who is the sluice keeper of Marsk?", store=False)
    assert (len(held.prompts), len(given.prompts)) == (1, 1)
    assert attempt.answer is not None
    assert attempt.answer.model == "given"
    assert attempt.answer.citations[0].source == "keeper.md"
    assert attempt.tokens_in == given.prompts[0].tokens["total"] > attempt.tokens_out > 0
    assert run.answer is not None
    assert Answer.from_dict(run.answer).as_dict() == run.answer
