"""Two runs are compared query by query; curves are drawn to files that a browser opens."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from ragkit.errors import InputError
from ragkit.evaluation.datasets.lines import DatasetError
from ragkit.evaluation.datasets.loading import load_dataset
from ragkit.evaluation.datasets.types import choose_part, part_of
from ragkit.evaluation.evaluate import Options, Result, measure_dataset
from ragkit.evaluation.measures.abstention import FOREIGN, read_unanswerable
from ragkit.evaluation.measures.runner import Workbench
from ragkit.evaluation.reports.compare import compare_runs, read_run_file
from ragkit.evaluation.reports.plot import check_plot, draw
from ragkit.settings import Settings
from ragkit.testing import HashEmbedder
from tests.support import evaluation_sets as sets


def write_run_file(path: Path, values: dict[str, float], *, part: str | None = None, digest: str = "d") -> Path:
    rows = (
        {"_id": name, "part": part, "digest": digest, "metrics": {"hit@1": value}} for name, value in values.items()
    )
    return sets.write_jsonl(path, rows)


def test_a_difference_has_an_interval_and_a_test(tmp_path: Path) -> None:
    left = {f"q{number}": float(number % 3 == 0) for number in range(60)}
    right = {name: 1.0 if number < 50 else value for number, (name, value) in enumerate(left.items())}
    found = compare_runs(
        read_run_file(write_run_file(tmp_path / "a", left)), read_run_file(write_run_file(tmp_path / "b", right))
    )
    (item,) = found.differences
    assert item.difference == pytest.approx(np.mean(list(right.values())) - np.mean(list(left.values())))
    assert item.interval[0] < item.difference < item.interval[1]
    assert item.interval[0] > 0
    assert item.p < 0.001
    assert (item.better, item.worse) == (33, 0)
    assert found.as_dict()["metrics"]["hit@1"]["same"] == 27
    assert not found.note


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    one = read_run_file(write_run_file(tmp_path / "a", {"q": 1.0, "r": 0.0}))
    (item,) = compare_runs(one, one).differences
    assert (item.difference, item.p, item.interval) == (0.0, 1.0, (0.0, 0.0))


def test_only_shared_queries_count_and_the_others_are_told(tmp_path: Path) -> None:
    found = compare_runs(
        read_run_file(write_run_file(tmp_path / "a", {"q": 1.0, "r": 0.0})),
        read_run_file(write_run_file(tmp_path / "b", {"r": 1.0, "s": 0.0}, digest="other")),
    )
    assert (found.queries, found.unshared) == (1, 2)
    assert found.differences[0].difference == 1.0
    assert found.warnings


@pytest.mark.parametrize(("parts", "says"), [(("tune", "tune"), "on the tuning part"), (("tune", "test"), "includes")])
def test_a_comparison_on_the_tuning_part_says_so_in_its_line(tmp_path: Path, parts: tuple[str, str], says: str) -> None:
    rows = [{"_id": str(at), "part": part, "digest": "", "metrics": {"hit@1": 1}} for at, part in enumerate(parts)]
    one = read_run_file(sets.write_jsonl(tmp_path / "a", rows))
    lines = [line for line in compare_runs(one, one).as_lines() if line.startswith("hit@1")]
    assert len(lines) == 1
    assert says in lines[0]


def test_runs_with_nothing_in_common_are_an_error(tmp_path: Path) -> None:
    one = read_run_file(write_run_file(tmp_path / "a", {"q": 1.0}))
    other = read_run_file(write_run_file(tmp_path / "b", {"r": 1.0}))
    with pytest.raises(InputError, match="no query in common"):
        compare_runs(one, other)
    third = read_run_file(sets.write_jsonl(tmp_path / "c", [{"_id": "q", "metrics": {"mrr@10": 1}}]))
    with pytest.raises(InputError, match="no metric in common"):
        compare_runs(one, third)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"_id": "q", "metrics": {"hit@1": 1}}', "duplicate id 'q'"),
        ('{"_id": "r", "metrics": {"hit@5": 1}}', "its metrics are not those of the lines before"),
        ('{"_id": "r"}', "'metrics' is missing"),
        ('{"_id": "r", "metrics": {"hit@1": NaN}}', "the metric 'hit@1' is no number"),
        ('{"_id": "r", "metrics": {"hit@1": true}}', "the metric 'hit@1' is no number"),
    ],
)
def test_a_malformed_run_file_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = write_run_file(tmp_path / "a", {"q": 1.0})
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=f":2: {says}"):
        read_run_file(path)


def test_an_empty_run_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="holds no query"):
        read_run_file(tmp_path / "a")


# ------------------------------------------------------------------ plots


@pytest.fixture
def result(tmp_path: Path) -> Result:
    questions = read_unanswerable(sets.write_unanswerable(tmp_path / "foreign.jsonl"), FOREIGN)
    folder = sets.write_parted_beir(tmp_path / "set")
    with (folder / "qrels" / "train.tsv").open("a", encoding="utf-8") as file:
        file.write("q1\tshipping\t1\n")
    whole = load_dataset(folder)
    choice = choose_part(whole, "tune")
    with Workbench(str(tmp_path / "kb"), settings=Settings(), embedder=HashEmbedder()) as bench:
        return measure_dataset(
            whole,
            part_of(whole, choice.part),
            choice,
            bench=bench,
            options=Options(curves=True, unanswerable=questions),
        )


def test_a_plot_says_what_it_shows(result: Result, tmp_path: Path) -> None:
    draw(result, tmp_path / "plot.svg")
    text = " ".join(ET.parse(tmp_path / "plot.svg").getroot().itertext())
    for words in ("hit@k", "recall@k", "coverage", "risk", "AUROC", "part tune", "no evidence"):
        assert words in text


def test_the_same_figures_give_the_same_file(result: Result, tmp_path: Path) -> None:
    for suffix, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        draw(result, tmp_path / f"one.{suffix}")
        draw(result, tmp_path / f"two.{suffix}")
        first = (tmp_path / f"one.{suffix}").read_bytes()
        assert first.startswith(start)
        assert first == (tmp_path / f"two.{suffix}").read_bytes()


def test_another_kind_of_file_is_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match=r"plot\.pdf is neither PNG nor SVG"):
        check_plot(Path("plot.pdf"))


def test_per_query_files_of_a_run_can_be_compared(result: Result, tmp_path: Path) -> None:
    from ragkit.evaluation.reports.report import write_per_query

    write_per_query(result, tmp_path / "a.jsonl")
    found = compare_runs(read_run_file(tmp_path / "a.jsonl"), read_run_file(tmp_path / "a.jsonl")).as_dict()
    assert found["queries"] == 2
    assert found["note"] == "on the tuning part: no evidence"
    json.dumps(found, allow_nan=False)
