"""Run folders: what they hold, what has changed since, what differs between two, and what repeats one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit import ConflictError, CorruptError, NotFoundError
from ragkit.tracking.catalog import compare_runs, list_runs, outputs_of, read_run, run_folder
from ragkit.tracking.digests import json_digest, path_digest
from ragkit.tracking.recorder import Plan, RunRecorder
from ragkit.tracking.repeating import changes_since, repeat_command, repeat_environment
from ragkit.tracking.types import Run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "Which bolt?"}\n')
    return path


def record(root: Path, data: Path, *, score: float = 0.5, **plan: object) -> Run:
    made = Plan(kind="eval answers", files={"questions": data}, prompts={"grounded": "Cite."}, **plan)  # type: ignore[arg-type]
    with RunRecorder(root, made) as recorder:
        recorder.output({"text": "M6 ✓"})
        return recorder.finish({"rag/facts": score})


def test_a_run_is_read_as_it_was_written(tmp_path: Path, data: Path) -> None:
    run = record(tmp_path / "runs", data, models=("fake",), settings={"a": {"b": 1}}, command=("eval", "answers"))
    (found,) = list_runs(tmp_path / "runs")
    assert found == run
    assert (found.status, found.outputs, found.metrics, found.models) == ("finished", 1, {"rag/facts": 0.5}, ("fake",))
    assert list(outputs_of(tmp_path / "runs" / run.id)) == [{"text": "M6 ✓"}]
    assert found.inputs[0].digest == path_digest(data)


def test_a_run_that_fails_is_kept_with_its_error(tmp_path: Path, data: Path) -> None:
    recorder = RunRecorder(tmp_path / "runs", Plan(kind="train", files={"data": data}))
    assert read_run(recorder.folder).status == "running"

    def fail() -> None:
        with recorder:
            recorder.output({"n": 1})
            raise ZeroDivisionError("one / zero")

    with pytest.raises(ZeroDivisionError):
        fail()
    run = read_run(recorder.folder)
    assert (run.status, run.error, run.outputs) == ("failed", "one / zero", 1)
    with RunRecorder(tmp_path / "runs", Plan(kind="train")) as quiet:
        pass
    assert "without metrics" in read_run(quiet.folder).error


def test_an_input_that_is_not_there_starts_no_run(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"none\.jsonl"):
        RunRecorder(tmp_path / "runs", Plan(kind="train", files={"data": tmp_path / "none.jsonl"}))
    assert not (tmp_path / "runs").exists()


def test_keys_and_passwords_are_not_recorded(tmp_path: Path, data: Path) -> None:
    environment = {
        "RAGKIT_CHAT_API_KEY": "canary-1",
        "RAGKIT_CHAT_BASE_URL": "http://me:canary-2@host:1/v1",
        "OTHER": "canary-3",
        "RAGKIT_DATA": "kb",
    }
    settings = {"chat": {"base_url": "https://me:canary-2@host/v1"}}
    run = record(tmp_path / "runs", data, environment=environment, settings=settings)
    assert run.environment == {"RAGKIT_CHAT_BASE_URL": "http://host:1/v1", "RAGKIT_DATA": "kb"}
    assert "canary" not in (tmp_path / "runs" / run.id / "run.json").read_text()


def test_what_has_changed_since_is_said(tmp_path: Path, data: Path) -> None:
    run = record(tmp_path / "runs", data)
    assert changes_since(run, prompts={"grounded": "Cite.", "other": "x"}) == []
    data.write_text("{}\n")
    changes = {(item.kind, item.name.split()[0]): item for item in changes_since(run, prompts={"grounded": "Cite!"})}
    assert set(changes) == {("input", "questions"), ("prompt", "grounded")}
    assert changes["input", "questions"].now == path_digest(data)
    data.unlink()
    assert [item.now for item in changes_since(run, prompts={})] == ["", ""]


def test_a_collection_is_compared_by_its_digest(tmp_path: Path, data: Path) -> None:
    run = record(tmp_path / "runs", data, collection=("kb#default", "abc"))
    prompts = {"grounded": "Cite."}
    assert (
        changes_since(run, prompts=prompts, collection_digest=lambda place: "abc" if place == "kb#default" else "")
        == []
    )
    (change,) = changes_since(run, prompts=prompts, collection_digest=lambda _: "abd")
    assert (change.then, change.now) == ("abc", "abd")

    def gone(place: str) -> str:
        raise NotFoundError(place)

    (change,) = changes_since(run, prompts=prompts, collection_digest=gone)
    assert change.now == ""


def test_a_run_is_repeated_with_its_inputs_as_they_were(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("eval", "answers", "questions.jsonl", f"--examples={data}", "--judge", "questions.jsonl.v2")
    run = record(tmp_path / "runs", data, command=command)
    folder = tmp_path / "runs" / run.id
    assert repeat_command(run, folder, recorded=False) == list(command)
    kept = str(folder / "inputs" / "questions.jsonl")
    assert repeat_command(run, folder, recorded=True) == [
        "eval", "answers", kept, f"--examples={kept}", "--judge", "questions.jsonl.v2",
    ]  # fmt: skip
    Path(kept).write_text("changed")
    with pytest.raises(ConflictError, match="changed after"):
        repeat_command(run, folder, recorded=True)
    with pytest.raises(ConflictError, match="from Python"):
        repeat_command(record(tmp_path / "runs", data), folder, recorded=False)


def test_a_command_that_records_no_runs_is_not_repeated(tmp_path: Path, data: Path) -> None:
    run = record(tmp_path / "runs", data, command=("collections", "delete", "default", "--yes"))
    with pytest.raises(ConflictError, match="'collections delete'; only these"):
        repeat_command(run, tmp_path / "runs" / run.id, recorded=False)


def test_a_key_goes_to_no_endpoint_that_only_the_run_names(tmp_path: Path, data: Path) -> None:
    there, key = {"RAGKIT_CHAT_BASE_URL": "http://host:1/v1"}, {"RAGKIT_CHAT_API_KEY": "canary"}
    run = record(tmp_path / "runs", data, environment=there)
    assert repeat_environment(run, {}) == there
    for same in (there, {"RAGKIT_CHAT_BASE_URL": "http://me:secret@host:1/v1"}):
        assert repeat_environment(run, same | key) == {}
    for present in (key, key | {"RAGKIT_CHAT_BASE_URL": "http://other/v1"}):
        with pytest.raises(ConflictError, match="http://host:1/v1") as caught:
            repeat_environment(run, present)
        assert "canary" not in str(caught.value)
    foreign = replace(run, environment={"HTTPS_PROXY": "http://h:2", "RAGKIT_STRICT": "1", "RAGKIT_CHAT_API_KEY": "x"})
    assert repeat_environment(foreign, {}) == {"RAGKIT_STRICT": "1"}


def test_two_runs_are_compared_by_metric_and_by_what_they_depend_on(tmp_path: Path, data: Path) -> None:
    one = record(tmp_path / "runs", data, settings={"retrieval": {"k": 5}, "same": 1}, models=("a",))
    data.write_text('{"question": "Which nut?"}\n')
    two = record(tmp_path / "runs", data, score=0.75, settings={"retrieval": {"k": 8}, "same": 1}, models=("b",))
    shape = compare_runs(one, two).as_dict()
    assert shape["metrics"]["rag/facts"] == {"a": 0.5, "b": 0.75, "difference": 0.25}
    assert set(shape["differences"]) == {"models", "input questions", "setting retrieval.k"}


def test_runs_are_found_by_unique_parts_of_their_ids(tmp_path: Path, data: Path) -> None:
    root = tmp_path / "runs"
    first, second = record(root, data), record(root, data)
    assert run_folder(root, first.id[-6:]).name == first.id
    assert run_folder(root, "last").name in {first.id, second.id}
    assert run_folder(root, str(root / second.id)).name == second.id
    for name in ("2", "zzz", ""):
        with pytest.raises(NotFoundError, match="runs list"):
            run_folder(root, name)
    assert list_runs(tmp_path / "none") == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}'])
def test_a_damaged_run_is_named(tmp_path: Path, data: Path, text: str) -> None:
    run = record(tmp_path / "runs", data)
    path = tmp_path / "runs" / run.id / "run.json"
    path.write_text(text)
    with pytest.raises(CorruptError, match=run.id):
        list_runs(tmp_path / "runs")


def test_digests_depend_on_content_and_names_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "x.txt").write_text("1")
    assert path_digest(tmp_path / "a") == path_digest(tmp_path / "b")
    (tmp_path / "b" / "sub" / "x.txt").rename(tmp_path / "b" / "sub" / "y.txt")
    assert path_digest(tmp_path / "a") != path_digest(tmp_path / "b")
    assert json_digest({"a": 1, "b": [2]}) == json_digest(json.loads('{"b": [2], "a": 1}'))
    assert json_digest({"a": 1}) != json_digest({"a": 1.5})
