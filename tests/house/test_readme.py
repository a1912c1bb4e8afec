"""The README tells the truth: made parts are current, Python runs, commands and files exist."""

from __future__ import annotations

import os
import re
import runpy
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import ragkit
from ragkit.cli.app import cli
from ragkit.testing import HashEmbedder

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("ragkit ")
]


def test_the_made_parts_are_current() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "update_readme.py"))["updated"](README)
    assert made == README, "run: python docs/update_readme.py"


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_parses(command: str) -> None:
    """The options of each command exist: its own --help is asked with them on the line."""
    words = shlex.split(command)[1:]
    result = CliRunner().invoke(cli, [*words, "--help"], prog_name="ragkit")
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    block = next(code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "ingest_folder" in code)
    monkeypatch.chdir(tmp_path)
    os.symlink(ROOT / "sample_docs", tmp_path / "sample_docs")
    namespace: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        # The model is swapped for a fake at the one public seam: `ragkit.open(..., embedder=)`.
        real = ragkit.open
        patch.setattr(ragkit, "open", lambda path, **rest: real(path, embedder=HashEmbedder(), **rest))
        exec(compile(block, "README.md", "exec"), namespace)
    assert ".md" in capsys.readouterr().out
