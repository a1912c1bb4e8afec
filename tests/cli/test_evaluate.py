"""`ragkit eval`: its figures, files, exit status and errors, from the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from ragkit.cli.context import Tools
from ragkit.cli.evaluate import evaluate
from ragkit.cli.progress import drawn_progress
from ragkit.errors import RagkitError
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.testing import FakeChat, HashEmbedder
from ragkit.types.documents import Document
from tests.support import evaluation_sets as sets


def call(*arguments: str | Path, tools: Tools | None = None) -> Result:
    """Run `ragkit eval` with a hashing embedder; errors that the command line would print are raised."""
    tools = tools or Tools(embedder=HashEmbedder(), reader=sets.read_lines_as_pages)
    result = CliRunner().invoke(evaluate, [str(item) for item in arguments], obj=tools, prog_name="ragkit eval")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_data_set_is_measured(tmp_path: Path) -> None:
    done = call(sets.write_beir(tmp_path / "set"))
    assert done.exit_code == 0
    assert "set: 5 documents, 5 queries" in done.stdout
    assert "hit@1            1.000  [1.000, 1.000]" in done.stdout
    assert "settings: {" in done.stdout


def test_json_may_stand_before_the_data_set(tmp_path: Path) -> None:
    done = call("--json", sets.write_beir(tmp_path / "set"))
    found = json.loads(done.stdout)
    assert (found["dataset"], found["queries"], found["ndcg@10"]) == ("set", 5, 1.0)
    assert "failed" not in found


@pytest.mark.parametrize("write", [sets.write_pages, sets.write_spans])
def test_the_other_kinds_of_set_are_measured(tmp_path: Path, write: object) -> None:
    assert callable(write)
    done = call(write(tmp_path / "set"), "--json")
    assert json.loads(done.stdout)["queries"] == 5


def test_floors_set_the_exit_status(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    assert call(folder, "--fail-under", "ndcg@10=0.40", "--fail-under", "hit@1=1").exit_code == 0
    sets.write_qrels(folder / "qrels" / "test.tsv", [(name, "garden", 1) for name in sets.QUESTIONS])
    done = call(folder, "--fail-under", "hit@1=0.40", "--fail-under", "hit@10=0.1")
    assert done.exit_code == 1
    assert done.stderr.strip() == "ragkit: hit@1 is 0.2000, under 0.4"
    assert json.loads(call(folder, "--fail-under", "hit@1=0.40", "--json").stdout)["failed"] == [
        "hit@1 is 0.2000, under 0.4"
    ]


def test_an_unknown_metric_is_told_before_anything_is_embedded(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    with pytest.raises(RagkitError, match="no metric 'ndcg@11'"):
        call(sets.write_beir(tmp_path / "set"), "--fail-under", "ndcg@11=0.4", tools=Tools(embedder=embedder))
    with pytest.raises(RagkitError, match="its folder is not there; make the folder first"):
        call(tmp_path / "set", "--per-query", tmp_path / "no" / "file", tools=Tools(embedder=embedder))
    with pytest.raises(RagkitError, match="neither PNG nor SVG"):
        call(tmp_path / "set", "--plot", tmp_path / "plot.gif", tools=Tools(embedder=embedder))
    assert embedder.calls == 0


def test_files_are_written(tmp_path: Path) -> None:
    names = {option: tmp_path / name for option, name in [("--per-query", "q"), ("--run", "r"), ("--qrels", "j")]}
    call(
        *(sets.write_beir(tmp_path / "set"), "--plot", tmp_path / "plot.png"),
        *(item for pair in names.items() for item in pair),
    )
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    lines = {option: path.read_text(encoding="utf-8").splitlines() for option, path in names.items()}
    assert len(lines["--per-query"]) == 5
    assert len(lines["--qrels"]) == 5
    assert lines["--run"][0].split()[:4] == ["q1", "Q0", "refunds", "1"]
    compared = call("compare", names["--per-query"], names["--per-query"])
    assert "5 queries in both" in compared.stdout
    assert (
        json.loads(call("compare", names["--per-query"], names["--per-query"], "--json").stdout)["metrics"]["hit@1"][
            "p"
        ]
        == 1
    )


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    long = "x" * 300
    with pytest.raises(RagkitError, match=r"cannot be written \(File name too long\); name another file"):
        call(sets.write_beir(tmp_path / "set"), "--run", tmp_path / long)


def test_a_kept_folder_embeds_nothing_again(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    call(folder, "--keep", tmp_path / "kept")
    again = HashEmbedder()
    assert call(folder, "--keep", tmp_path / "kept", tools=Tools(embedder=again)).exit_code == 0
    assert again.documents_embedded == 0


def test_nothing_is_left_without_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    folder = sets.write_beir(tmp_path / "set")
    before = sorted(tmp_path.rglob("*"))
    call(folder)
    assert sorted(tmp_path.rglob("*")) == before


def test_parts_and_lists_of_queries(tmp_path: Path) -> None:
    folder = sets.write_parted_beir(tmp_path / "set")
    assert json.loads(call(folder, "--json").stdout)["queries"] == 2
    tuned = call(folder, "--part", "tune")
    assert "part tune" in tuned.stdout
    assert "hit@1            1.000  [1.000, 1.000]  on the tuning part: no evidence" in tuned.stdout
    ids = tmp_path / "ids"
    ids.write_text("q1\nq4\n", encoding="utf-8")
    listed = json.loads(call(folder, "--queries", ids, "--json").stdout)
    assert (listed["queries"], listed["note"]) == (2, "includes the tuning part: no evidence")
    tested = json.loads(call(folder, "--queries", ids, "--part", "test", "--json").stdout)
    assert (tested["queries"], tested["note"]) == (1, None)


def test_unanswerable_questions_beside_a_set_are_asked(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    sets.write_unanswerable(folder / "unanswerable.jsonl")
    sets.write_unanswerable(tmp_path / "one.jsonl")
    sets.write_unanswerable(tmp_path / "two.jsonl")
    done = call(
        *(folder, "--foreign", tmp_path / "one.jsonl", "--foreign", tmp_path / "two.jsonl"),
        *("--json", "--fail-under", "auroc@near=0.9"),
    )
    found = json.loads(done.stdout)["abstention"]
    assert {kind: item["unanswerable"] for kind, item in found.items()} == {"near": 4, "foreign": 8}
    assert done.exit_code == 0


def test_unjudged_queries_are_an_error_or_skipped(tmp_path: Path) -> None:
    folder = sets.write_beir(tmp_path / "set")
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"_id": "q9", "text": "What is unjudged?"}\n')
    with pytest.raises(RagkitError, match="--skip-unjudged"):
        call(folder)
    assert json.loads(call(folder, "--skip-unjudged", "--json").stdout)["queries"] == 5


def fill(folder: Path) -> None:
    with KnowledgeBase(folder, collection="docs", embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text(name, text) for name, text in sets.TOPICS.items())


def test_a_set_is_made_from_a_collection_and_measured_in_it(tmp_path: Path) -> None:
    fill(tmp_path / "kb")
    where = ("--collection", "docs", "--data", tmp_path / "kb")
    made = call("make", tmp_path / "made", *where, "--questions", "10", tools=Tools(embedder=HashEmbedder()))
    assert made.exit_code == 0
    assert "questions on 5 documents" in made.stdout
    assert f"next: ragkit eval {tmp_path / 'made'}" in made.stdout
    live = call(tmp_path / "made", *where, "--json")
    assert json.loads(live.stdout)["part"] == "test"
    assert live.stderr == ""
    with KnowledgeBase(tmp_path / "kb", collection="docs", embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text("garden", "Roses are red."))
    assert "1 documents of the collection changed" in call(tmp_path / "made", *where).stderr
    with pytest.raises(RagkitError, match="is there already"):
        call("make", tmp_path / "made", *where)


def test_make_prints_json_and_may_leave_the_model_out(tmp_path: Path) -> None:
    fill(tmp_path / "kb")
    where = ("--collection", "docs", "--data", tmp_path / "kb", "--json")
    chat = FakeChat("{}")
    tools = Tools(embedder=HashEmbedder(), chat=chat)
    found = json.loads(call("make", tmp_path / "one", *where, "--without-llm", tools=tools).stdout)
    assert found["written_by"] is None
    assert chat.prompts == []
    assert found["documents"] == {"tune": 2, "validate": 1, "test": 2}
    assert json.loads(call("make", tmp_path / "two", *where, tools=tools).stdout)["written_by"] == "fake"
    assert chat.prompts


def test_a_collection_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RagkitError, match="nothing"):
        call("make", tmp_path / "made", "--collection", "nothing", "--data", tmp_path)
    with pytest.raises(RagkitError, match="--collection takes a BEIR folder"):
        call(sets.write_spans(tmp_path / "set"), "--collection", "docs")


def test_an_executor_that_would_embed_nothing_is_refused(tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "How long?", "document": "a.md"}\n', encoding="utf-8")
    for given in ((questions,), (sets.write_beir(tmp_path / "set"), "--collection", "docs")):
        with pytest.raises(RagkitError, match="--executor"):
            call(*given, "--executor", "ray", "--data", tmp_path)


def test_help_shows_the_options_and_the_commands_beside_them() -> None:
    shown = call("--help").stdout
    assert shown.startswith("Usage: ragkit eval [OPTIONS] DATASET")
    for words in ("--part", "--fail-under", "--keep", "compare", "make"):
        assert words in shown
    assert "Usage: ragkit eval make [OPTIONS] OUT" in call("make", "--help").stdout


def test_wrong_use_is_exit_status_two(tmp_path: Path) -> None:
    missing = call(tmp_path / "nothing")
    assert missing.exit_code == 2
    assert "Usage: ragkit eval [OPTIONS] DATASET" in missing.stderr
    assert call("--json").exit_code == 2
    assert call().exit_code == 2


def test_a_set_named_as_a_command_is_reached_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sets.write_beir(tmp_path / "compare")
    assert json.loads(call("./compare", "--json").stdout)["dataset"] == "compare"


def test_the_command_line_knows_the_command() -> None:
    from ragkit.cli.app import cli

    context = click.Context(cli, info_name="ragkit")
    assert cli.get_command(context, "eval") is evaluate


# ------------------------------------------------------------------ progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere() -> None:
    terminal, file = Terminal(), io.StringIO()
    with drawn_progress(terminal) as draw:
        draw("embedding", 1, 3)
        draw("asking", 3, 3)
    assert "asking" in terminal.getvalue()
    with drawn_progress(file, every=0.0) as draw:
        draw("embedding", 1, 3)
        draw("reading", 2, 0)
    assert file.getvalue() == "ragkit: embedding: 1 of 3\nragkit: reading: 2\n"
    quiet = io.StringIO()
    with drawn_progress(quiet) as draw:
        draw("embedding", 1, 3)
    assert quiet.getvalue() == ""
