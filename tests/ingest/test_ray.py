"""Ingest in a Ray cluster of two workers: what a local run stores, and nothing lost when a worker is killed."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ragkit
import ragkit.testing
from ragkit import ConfigError, EmbeddingError, FileState, MissingPackageError, ModelSettings, RagkitError, Settings
from ragkit_ingest import IngestOptions, IngestProgress, IngestReport, ingest_folder
from ragkit_ingest.executors.loading import load_executor
from ragkit_ingest.executors.local import LocalExecutor
from ragkit_ingest.executors.ray_cluster.embedder import ClusterEmbedder
from ragkit_ingest.executors.ray_cluster.executor import ray_embedder
from ragkit_ingest.executors.ray_cluster.team import WorkersDiedError
from tests.support.packages import needs
from tests.support.ray_workers import MODEL, fatal_model, kill, worker_processes

pytestmark = needs("ray")
SETTINGS = Settings(model=ModelSettings(name=MODEL))
WORDS = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "gum", "holly", "ironwood", "juniper", "kauri", "larch")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start one cluster of two processors for all tests of this module."""
    from ragkit_ingest.executors.ray_cluster.cluster import cluster

    with (
        fatal_model(tmp_path_factory.mktemp("model")),
        cluster("", processors=2, stopped=lambda: False),
    ):
        yield


def write_files(folder: Path, *, texts: int) -> Path:
    """Write text files of several chunks, and files of other kinds, one of which includes another."""
    (folder / "guide").mkdir(parents=True)
    for number in range(texts):
        lines = [" ".join(WORDS[(number * part + step) % 12] for step in range(40)) for part in range(1, 5)]
        body = "\n\n".join(f"Plot {number} row {part}: {line}." for part, line in enumerate(lines))
        (folder / f"plot-{number:02}.txt").write_text(body, encoding="utf-8")
    (folder / "guide" / "index.md").write_text("# Trees\n\nPlant them.\n\n{% include soil.md %}\n", encoding="utf-8")
    (folder / "guide" / "soil.md").write_text("## Soil\n\nLoam with pH 6.4 suits most.\n", encoding="utf-8")
    (folder / "prices.csv").write_text("tree,price\nalder,12.50\nbirch,9.90\n", encoding="utf-8")
    (folder / "page.html").write_text(
        "<h1>Elm</h1><p>It grows 30 m high.</p><p hidden>Not shown.</p>", encoding="utf-8"
    )
    (folder / "empty.txt").write_bytes(b"")
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 nothing of an office file")
    return folder


def ingest(
    folder: Path,
    data: Path,
    executor: str,
    *,
    workers: int = 1,
    progress: Callable[[IngestProgress], None] | None = None,
) -> IngestReport:
    with ragkit.open(data, settings=SETTINGS) as kb:
        options = IngestOptions(workers=workers, executor=load_executor(executor))
        return ingest_folder(kb, folder, options=options, progress=progress)


def stored(data: Path) -> dict[str, Any]:
    """Return everything that a collection holds of each document, but ids and times."""
    held: dict[str, Any] = {}
    with ragkit.open(data, settings=SETTINGS, create=False) as kb, kb._store.read() as reader:
        assert kb.doctor()["ok"]
        for source in sorted(reader.documents.digests()):
            rows = reader.chunks.of_document(source)
            ids = [row.id for row in rows]
            units, of = reader.chunks.unit_vectors(ids)
            held[source] = (
                reader.documents.get(source),
                [replace(row, id=0, document_id=0) for row in rows],
                reader.chunks.vectors(ids).tobytes(),
                units.tobytes(),
                of.tolist(),
            )
        files = [state for root in reader.files.roots() for state in reader.files.below(root).values()]
        held["files"] = sorted((timeless(state) for state in files), key=lambda state: state.path)
    return held


def timeless(state: FileState) -> FileState:
    """Return a state without what depends on how soon after its writing the file was read."""
    included = ",".join(json.loads(state.detail)) if state.detail.startswith("{") else state.detail
    return replace(state, mtime_ns=0, detail=included)


def test_a_cluster_stores_what_a_local_run_stores(tmp_path: Path, workers: None) -> None:
    folder = write_files(tmp_path / "docs", texts=12)
    local = ingest(folder, tmp_path / "local", "local")
    counted: list[IngestProgress] = []
    cluster = ingest(folder, tmp_path / "cluster", "ray", workers=2, progress=counted.append)
    assert len(local.changes) == 16
    for name in ("changes", "problems", "warned", "notes", "files", "unchanged", "kept", "remaining", "interrupted"):
        assert getattr(cluster, name) == getattr(local, name), name
    for name in ("added", "chunks", "embedded", "truncated", "pages"):
        assert getattr(cluster.add, name) == getattr(local.add, name), name
    assert stored(tmp_path / "cluster") == stored(tmp_path / "local")
    assert "pH 6.4" in stored(tmp_path / "cluster")["guide/index.md"][0].text, "its include was not read"
    assert counted[-1].documents == 16
    assert counted[-1].read == 18
    until = time.monotonic() + 60
    while worker_processes("ReadingActor") + worker_processes("EmbeddingActor"):
        assert time.monotonic() < until, "its actors have not ended"
        time.sleep(0.05)


def test_workers_that_are_killed_lose_nothing(tmp_path: Path, workers: None, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_files(tmp_path / "docs", texts=30)
    to_kill = {4: "ReadingActor", 9: "EmbeddingActor"}
    killed: list[int] = []

    def strike(progress: IngestProgress) -> None:
        kind = to_kill.pop(progress.read, None)
        if kind:
            killed.append(worker_processes(kind)[0])
            kill(killed[-1])

    report = ingest(folder, tmp_path / "cluster", "ray", workers=2, progress=strike)
    assert len(killed) == 2
    assert report.count("added") == 34
    assert [problem.reason for problem in report.problems] == ["damaged", "empty_file"]
    assert "a worker of the cluster ended (attempt 1 of 3)" in caplog.text
    ingest(folder, tmp_path / "local", "local")
    assert stored(tmp_path / "cluster") == stored(tmp_path / "local")


def test_a_file_that_ends_every_reader_is_reported_and_the_rest_goes_in(tmp_path: Path, workers: None) -> None:
    folder = write_files(tmp_path / "docs", texts=5)
    (folder / "deadly.txt").write_text("A text that ENDS-ITS-READER whenever it is chunked.", encoding="utf-8")
    report = ingest(folder, tmp_path / "kb", "ray")
    reasons = {problem.path: (problem.reason, problem.detail) for problem in report.problems}
    assert reasons["deadly.txt"] == ("worker_crashed", "its worker ended 3 times")
    assert report.count("added") == 9
    assert report.exit_code == 1


def test_a_stopped_run_commits_what_is_ready(tmp_path: Path, workers: None) -> None:
    folder = write_files(tmp_path / "docs", texts=20)
    stop = threading.Event()

    def watch(progress: IngestProgress) -> None:
        if progress.read >= 6:
            stop.set()

    with ragkit.open(tmp_path / "kb", settings=SETTINGS) as kb:
        options = IngestOptions(workers=1, executor=load_executor("ray"))
        report = ingest_folder(kb, folder, options=options, progress=watch, stop=stop)
        assert report.interrupted
        assert report.remaining > 0
        assert len(kb.documents()) == report.count("added")
    assert ingest(folder, tmp_path / "kb", "local").count("added") == 24 - report.count("added")


def test_a_model_that_no_worker_has_is_one_error(tmp_path: Path, workers: None) -> None:
    folder = write_files(tmp_path / "docs", texts=1)
    settings = Settings(model=ModelSettings(name=str(tmp_path / "nowhere")))
    with (
        ragkit.open(tmp_path / "kb", settings=settings) as kb,
        pytest.raises(RagkitError, match="on a worker of the cl"),
    ):
        ingest_folder(kb, folder, options=IngestOptions(workers=1, executor=load_executor("ray")))


def test_a_worker_of_another_version_is_one_error(
    tmp_path: Path, workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragkit_ingest.executors.ray_cluster import team

    monkeypatch.setattr(team, "EXTRACTOR_VERSION", "3.1")
    with pytest.raises(ConfigError, match=r"\(readers \d+\), this process .* \(readers 3\.1\)"):
        ingest(write_files(tmp_path / "docs", texts=1), tmp_path / "kb", "ray")


def test_a_rebuild_in_a_cluster_stores_what_a_local_one_stores(tmp_path: Path, workers: None) -> None:
    folder = write_files(tmp_path / "docs", texts=3)
    chunk = ragkit.ChunkSettings(max_tokens=33)
    for name in ("local", "cluster"):
        ingest(folder, tmp_path / name, "local")
    with ragkit.open(tmp_path / "local", settings=SETTINGS) as kb:
        report = kb.rebuild(chunk=chunk)
    with ragkit.open(tmp_path / "cluster", settings=SETTINGS) as kb, ray_embedder("", kb.settings.model) as embedder:
        assert kb.rebuild(chunk=chunk, embedder=embedder).as_dict() == report.as_dict()
    assert stored(tmp_path / "cluster") == stored(tmp_path / "local")


# --------------------------------------------------------------------- without a cluster


class DeadTeam:
    """A team whose workers all ended."""

    size = 3

    def unpacked_call(self, method: str, request: str) -> tuple[Any, ...]:
        raise WorkersDiedError("its worker ended 3 times")


class ReversingTeam:
    """A team whose vector of a text is its first letter's, and which answers the first call last."""

    size = 3

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.later = threading.Event()

    def unpacked_call(self, method: str, request: str) -> tuple[Any, ...]:
        texts = json.loads(request)["texts"]
        self.sizes.append(len(texts))
        first = len(self.sizes) == 1
        if first:
            assert self.later.wait(10)
        else:
            self.later.set()
        rows = np.array([[float(text.split()[0]), float(len(text))] for text in texts], dtype=np.float32)
        return [], rows.tobytes(), b""


def cluster_embedder(team: Any) -> ClusterEmbedder:
    fingerprint = replace(ragkit.testing.HashEmbedder(2).fingerprint, dimension=2)
    return ClusterEmbedder(team, fingerprint=fingerprint, units=False, settings=ModelSettings())


def test_texts_that_end_every_model_are_an_embedding_error() -> None:
    embedder = cluster_embedder(DeadTeam())
    with pytest.raises(EmbeddingError, match="its worker ended 3 times") as caught:
        embedder.embed_documents(["a", "b"])
    assert "--executor local" in caught.value.cure
    embedder.close()


def test_vectors_come_back_in_the_order_of_the_texts() -> None:
    team = ReversingTeam()
    embedder = cluster_embedder(team)
    texts = [f"{number} " + "x" * (number * 37 % 11) for number in range(100)]
    rows = embedder.embed_documents(texts)
    assert rows[:, 0].tolist() == list(range(100))
    assert rows[:, 1].tolist() == [len(text) for text in texts]
    assert sorted(team.sizes) == [32, 34, 34]
    embedder.close()


def test_executors_are_named() -> None:
    assert isinstance(load_executor("local"), LocalExecutor)
    for name in ("ray:", "ray:host", "ray:host:0", "ray:host:70000", "dask", "ray:http://host:1", "ray:a b:1"):
        with pytest.raises(ConfigError, match="is not known"):
            load_executor(name)


def test_an_address_that_does_not_answer_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragkit_ingest.executors.ray_cluster import cluster

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with (
        pytest.raises(ConfigError, match=f"no Ray cluster answers at 127.0.0.1:{port}: Connection refused"),
        cluster.cluster(f"127.0.0.1:{port}", processors=1, stopped=lambda: False),
    ):
        pytest.fail("it is connected")


def test_ray_that_is_not_installed_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from ragkit_ingest.executors.ray_cluster import cluster

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError, match="the executor ray needs the package ray"):
        cluster.import_ray()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_rows_of_no_texts_keep_their_shape() -> None:
    from ragkit_ingest.executors.ray_cluster.wire import dump_rows, load_rows

    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert load_rows(dump_rows(rows), 3).tolist() == rows.tolist()
    assert load_rows(b"", 3).shape == (0, 3)
