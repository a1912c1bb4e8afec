"""How far reading runs ahead: many small files wait in memory, of large ones two for each process."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from ragkit import Document, ExtractionError
from ragkit_ingest.jobs import Job
from ragkit_ingest.reader_pool import read_files
from ragkit_ingest.scan.plan import Work
from ragkit_ingest.scan.roots.local import LocalRoot
from ragkit_ingest.scan.walk import Found


class CountingPool:
    """Answers at once, and counts what it was given."""

    def __init__(self) -> None:
        self.given = 0

    def submit(self, job: Job) -> Future[Document | ExtractionError]:
        self.given += 1
        answer: Future[Document | ExtractionError] = Future()
        answer.set_result(Document(job.source, "text"))
        return answer


@pytest.mark.parametrize(
    ("size", "processes", "ahead"),
    [(600, 2, 64), (600, 40, 80), (100_000, 2, 11), (700_000, 2, 4), (700_000, 3, 6), (0, 1, 2)],
)
def test_files_that_wait(size: int, processes: int, ahead: int) -> None:
    names = [f"{number:03}.txt" for number in range(200)]
    works = [Work("added", LocalRoot(b"/root"), Found(name.encode(), size, 1, 1), name) for name in names]
    pool = CountingPool()
    read = []
    for reading in read_files(pool, works, processes=processes, stopped=lambda: False):
        read.append(reading.work.source)
        assert pool.given <= len(read) - 1 + ahead
        if len(read) in (1, 100):
            assert pool.given == len(read) - 1 + ahead
    assert read == names
