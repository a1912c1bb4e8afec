"""200 kills of workers of a Ray cluster, at chosen points of runs: no acknowledged document is lost or half."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit_ingest import IngestOptions, IngestProgress, ingest_folder
from ragkit_ingest.executors.loading import load_executor
from tests.ingest.test_ray import SETTINGS, stored, write_files
from tests.support.packages import needs
from tests.support.ray_workers import fatal_model, kill, worker_processes

pytestmark = [needs("ray"), pytest.mark.slow]
KILLS = 200
KINDS = ("ReadingActor", "EmbeddingActor")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from ragkit_ingest.executors.ray_cluster.cluster import cluster

    with fatal_model(tmp_path_factory.mktemp("model")), cluster("", processors=2, stopped=lambda: False):
        yield


class Striker:
    """Kills one worker, of either kind in turn, each time that some more files are read."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._next = self._random.randint(1, 6)
        self.killed = 0

    def __call__(self, progress: IngestProgress) -> None:
        if progress.read < self._next:
            return
        self._next = progress.read + self._random.randint(4, 7)
        found = worker_processes(KINDS[self.killed % 2])
        if found:
            kill(self._random.choice(found))
            self.killed += 1


def test_200_kills_lose_no_document(tmp_path: Path, workers: None) -> None:
    folder = write_files(tmp_path / "docs", texts=60)
    with ragkit.open(tmp_path / "local", settings=SETTINGS) as kb:
        ingest_folder(kb, folder)
    expected = stored(tmp_path / "local")
    killed = runs = 0
    while killed < KILLS:
        striker, data = Striker(runs), tmp_path / f"cluster-{runs}"
        options = IngestOptions(workers=2, executor=load_executor("ray"))
        with ragkit.open(data, settings=SETTINGS) as kb:
            report = ingest_folder(kb, folder, options=options, progress=striker)
        held = stored(data)
        assert set(held) - {"files"} == {change.source for change in report.changes}, "an acknowledged one is not there"
        assert all(held[source] == expected[source] for source in held if source != "files")
        crashed = [problem.path for problem in report.failed if problem.reason == "worker_crashed"]
        assert len(report.changes) + len(crashed) == 64, "a file is neither stored nor reported"
        killed, runs = killed + striker.killed, runs + 1
        print(f"run {runs}: {striker.killed} kills, {killed} in all, {len(crashed)} files given up")
    assert killed >= KILLS
