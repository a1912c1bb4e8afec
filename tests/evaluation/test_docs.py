"""docs/evaluation.md tells the truth: its commands parse, its metrics exist, and its figures have a place to go."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from ragkit.cli.app import cli
from ragkit.evaluation.generation.question_sets import ALL_KINDS
from ragkit.evaluation.measures.metrics import RANKING
from ragkit.evaluation.measures.pages import METRICS as PAGE_METRICS
from ragkit.evaluation.measures.ranking import PASSAGE_METRICS
from ragkit.evaluation.measures.spans import METRICS as SPAN_METRICS
from tests.bench.evaluation import DATA, filled, load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("ragkit eval")
]
MARKS = ("figures", "settings", "ranking", "chunks", "strategies", "abstention")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_parses(command: str) -> None:
    words = shlex.split(command)[1:]
    result = CliRunner().invoke(cli, [*words, "--help"], prog_name="ragkit")
    assert result.exit_code == 0, result.output
    assert "Usage: ragkit eval" in result.output


def test_every_metric_and_kind_is_documented() -> None:
    for name in (*RANKING, *SPAN_METRICS, *ALL_KINDS):
        assert f"`{name}`" in PAGE, name
    for name in (*PAGE_METRICS, *PASSAGE_METRICS):
        assert name in PAGE or f"`{name[name.index('@') :]}`" in PAGE, name


def test_the_figures_have_their_places() -> None:
    made = filled(PAGE, {name: f"table of {name} with \\1" for name in MARKS})
    for name in MARKS:
        assert f"<!-- {name} -->\ntable of {name} with \\1\n<!-- end of {name} -->" in made
    assert filled(made, {name: f"table of {name} with \\1" for name in MARKS}) == made
    with pytest.raises(SystemExit, match="no mark 'nothing'"):
        filled(PAGE, {"nothing": ""})


@pytest.mark.shared
@pytest.mark.skipif(not DATA.exists(), reason="the evaluation data in ../shared are not here")
def test_parts_are_those_that_the_data_name() -> None:
    sizes = {}
    for name in ("cranfield", "financebench", "chunking", "squad"):
        parts = [query.part for query in load(name).queries.values()]
        sizes[name] = (parts.count("tune"), parts.count("test"))
    assert sizes == {"cranfield": (50, 63), "financebench": (15, 16), "chunking": (132, 144), "squad": (923, 911)}
