"""The ladder's commands run as the README shows them, offline, on the sample documents."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import ragkit
from ragkit.cli.app import cli
from ragkit.cli.context import Tools
from ragkit.evaluation.answers.examples import load_shots
from ragkit.evaluation.datasets.question_files import load_question_file
from ragkit.testing import HashEmbedder
from ragkit_ingest import ingest_folder

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples" / "ladder"
ELSEWHERE = {
    "ingest": "tests/house runs the demo, and tests/ingest the command",
    "tune": "tests/finetuning/test_embedder.py trains an embedding model",
}
"""Commands of the section that other tests run."""


def commands() -> list[list[str]]:
    section = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- ladder -->\n```sh\n(.*?)```", section, re.DOTALL)
    assert block
    lines = block[1].replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("ragkit ")]


def test_each_command_of_the_readme_runs_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sample_docs", "docs"):
        os.symlink(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAGKIT_OFFLINE", "1")
    for name in ("RAGKIT_DATA", "RAGKIT_CHAT", "RAGKIT_CHAT_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    embedder = HashEmbedder()  # the model costs most of the time, and no figure is looked at
    with ragkit.open(".ragkit", embedder=embedder) as kb:
        ingest_folder(kb, "sample_docs")
    ran = []
    for words in commands():
        if words[0] in ELSEWHERE:
            continue
        result = CliRunner().invoke(cli, words, obj=Tools(embedder=embedder))
        assert result.exit_code == 0, (words, result.output, result.exception)
        ran.append(words[0])
        if "--json" in words and words[0] == "cost":
            assert json.loads(result.stdout)["monthly"]["prompting"]["low"] == 300
    assert {"advise", "cost", "eval", "runs", "export", "finetune"} <= set(ran)
    assert len(list((tmp_path / ".ragkit" / "runs").iterdir())) == 2


def test_the_questions_of_the_example_are_about_the_sample_documents_and_no_examples() -> None:
    questions = load_question_file(EXAMPLES / "questions.jsonl")
    assert load_shots(EXAMPLES / "examples.jsonl", [item.text for item in questions])
    for question in questions:
        for source in question.documents:
            text = " ".join((ROOT / "sample_docs" / source).read_text(encoding="utf-8").split())
            assert all(" ".join(evidence.split()) in text for evidence in question.texts), question
    assert any(not item.answerable for item in questions)


def test_help_of_the_ladder_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from ragkit.cli.app import run\n"
        "for words in (['advise'], ['cost'], ['runs', 'repeat'], ['export', 'finetune'], ['finetune', 'train'],"
        " ['tune', 'embedder'], ['eval', 'answers']):\n"
        "    assert run([*words, '--help']) == 0\n"
        "names = ('torch', 'transformers', 'peft', 'openvino', 'faiss', 'ray', 'mlflow', 'wandb', 'openai')\n"
        "heavy = set(names) & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    path = os.pathsep.join(str(ROOT / name) for name in ("", "service", "ingest"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
