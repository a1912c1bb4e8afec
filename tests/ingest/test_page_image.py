"""Pages of ingested PDFs as pictures: drawn in a child, and only of the file that was read."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from ragkit import ExtractionError, FileState
from ragkit_ingest import WorkerPool, page_image

SAMPLE = next((Path(__file__).parents[2] / "sample_docs").glob("*.pdf"))


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(size=1) as made:
        yield made


@pytest.fixture
def state(tmp_path: Path) -> FileState:
    shutil.copy(SAMPLE, tmp_path / "manual.pdf")
    digest = hashlib.sha256(SAMPLE.read_bytes()).hexdigest()
    return FileState(str(tmp_path), b"manual.pdf", "manual.pdf", 1, 1, 1, digest, "3")


def test_a_page_is_drawn(state: FileState, pool: WorkerPool) -> None:
    first, second = (Image.open(io.BytesIO(page_image(state, page, pool=pool))) for page in (1, 2))
    assert first.format == "PNG"
    assert max(first.size) == 1600
    dark = sum(first.convert("L").histogram()[:128])
    assert 0 < dark < first.size[0] * first.size[1] / 2
    assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize("page", [0, -1, 10_000])
def test_a_page_that_is_not_there(state: FileState, pool: WorkerPool, page: int) -> None:
    with pytest.raises(ExtractionError) as error:
        page_image(state, page, pool=pool)
    assert error.value.reason == "missing"


def test_another_file_of_the_same_name_is_not_shown(state: FileState, pool: WorkerPool) -> None:
    path = Path(state.root) / "manual.pdf"
    path.write_bytes(path.read_bytes() + b"\n% changed\n")
    with pytest.raises(ExtractionError) as error:
        page_image(state, 1, pool=pool)
    assert error.value.reason == "changed_while_reading"


def test_a_link_in_place_of_the_file_is_not_followed(state: FileState, pool: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.pdf").write_bytes(SAMPLE.read_bytes())
    path = Path(state.root) / "manual.pdf"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere.pdf")
    with pytest.raises(ExtractionError):
        page_image(state, 1, pool=pool)


def test_what_is_no_pdf_or_gone(state: FileState, pool: WorkerPool) -> None:
    (Path(state.root) / "notes.txt").write_text("no pages here")
    for path, reason in ((b"notes.txt", "unsupported"), (b"gone.pdf", "missing")):
        with pytest.raises(ExtractionError) as error:
            page_image(replace(state, path=path), 1, pool=pool)
        assert error.value.reason == reason
