"""What docs/chains.md and docs/prompts.md show is valid."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import ragkit
from ragkit.chains.file_schema import STEPS
from ragkit.prompting.template import load_template
from ragkit.testing import HashEmbedder

ROOT = Path(__file__).parents[2]


def block(name: str, language: str) -> str:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[0]


def test_the_chain_of_the_docs_runs(tmp_path: Path) -> None:
    shutil.copy(ROOT / "ragkit" / "chains" / "library" / "orders.sqlite", tmp_path)
    (tmp_path / "refunds.yaml").write_text(block("chains.md", "yaml"))
    with ragkit.open(tmp_path / "data", embedder=HashEmbedder()) as kb:
        kb.add(ragkit.Document(source="a.md", text="Returns are free."))
        run = ragkit.load_chain(tmp_path / "refunds.yaml").run(kb, "What is the status of order SO-10495?")
    assert "Order SO-10495 is open." in run.text


def test_every_kind_of_step_is_described() -> None:
    text = (ROOT / "docs" / "chains.md").read_text(encoding="utf-8")
    assert all(f"| `{kind}` |" in text for kind in STEPS)


def test_the_template_of_the_docs_is_valid(tmp_path: Path) -> None:
    (tmp_path / "my.jinja").write_text(block("prompts.md", "jinja"))
    template = load_template(tmp_path / "my.jinja")
    assert "Answer formally" in template.render("system")
    assert template.render("closing") == "End each sentence with its source, such as [1]."
