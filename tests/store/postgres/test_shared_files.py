"""Files of OpenAI's clients over one database: what one service took, every other lists, reads, attaches, deletes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import ragkit
from ragkit import NotFoundError, SharedDatabase
from ragkit_service import ServiceSettings, create_app
from ragkit_service.file_store.file_table import FileTable, prepare_files
from ragkit_service.jobs.spool_table import PIECE_BYTES
from ragkit_service.uploads import Upload
from tests.support.service_fakes import LOCAL, FakeLibrary, plain_extractor

WAIT = 30.0
BODY = b"x" * PIECE_BYTES + b"The mast is nine metres high."


@pytest.fixture
def database(postgres: str) -> Iterator[SharedDatabase]:
    """The database that the services share."""
    shared = ragkit.shared_database(postgres)
    assert shared is not None
    with closing(shared):
        prepare_files(shared)
        yield shared


def kept(files: FileTable, folder: Path, name: str, body: bytes) -> str:
    """Store a file as an upload of it does; return its id."""
    path = folder / "arriving"
    path.write_bytes(body)
    upload = Upload(name, path, len(body))
    upload.digest.update(body)
    return files.keep(upload, purpose="user_data").id


def test_bytes_facts_and_places_belong_to_their_owner(database: SharedDatabase, tmp_path: Path) -> None:
    files, other = FileTable(database, owner="one"), FileTable(database, owner="two")
    identifier = kept(files, tmp_path, "mast.txt", BODY)
    stored = files.get(identifier)
    assert (stored.name, stored.bytes) == ("mast.txt", len(BODY))
    assert [len(piece) for piece in files.pieces(stored)] == [PIECE_BYTES, len(BODY) - PIECE_BYTES]
    files.attach(identifier, collection="boats", job="job_1")
    files.attach(identifier, collection="boats", job="job_2")
    assert [(place.stored.id, place.collection, place.job) for place in files.attachments()] == [
        (identifier, "boats", "job_2")
    ]
    assert (other.list(), other.attachments(), other.job_of(identifier, "boats")) == ([], [], "")
    with pytest.raises(NotFoundError):
        other.delete(identifier)
    files.detach(identifier, collection="boats")
    assert files.job_of(identifier, "boats") == ""


def test_a_file_that_is_replaced_while_it_is_read_is_never_mixed(database: SharedDatabase, tmp_path: Path) -> None:
    files = FileTable(database, owner="one")
    stored = files.get(kept(files, tmp_path, "mast.txt", BODY))
    reading = files.pieces(stored)
    next(reading)
    kept(files, tmp_path, "mast.txt", BODY.replace(b"nine", b"five"))
    with pytest.raises(NotFoundError, match="replaced or deleted"):
        next(reading)
    with pytest.raises(NotFoundError, match="replaced or deleted"):
        files.copy(stored, tmp_path / "copy")
    files.delete(stored.id)
    assert files.list() == []
    files.attach(stored.id, collection="boats", job="job_1")  # deleted in between: no error, and nothing is kept
    assert files.attachments() == []
    empty = files.get(kept(files, tmp_path, "empty.txt", b""))
    assert list(files.pieces(empty)) == []


@pytest.fixture
def services(postgres: str, tmp_path: Path) -> Iterator[Sequence[TestClient]]:
    """Two services over one database, each with a folder of its own."""
    library = FakeLibrary("boats")
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                TestClient(create_app(settings, library=library, extractor=plain_extractor()), base_url=LOCAL)
            )
            for settings in (ServiceSettings(data=tmp_path / name, shared=postgres) for name in ("one", "two"))
        ]


def test_any_service_lists_reads_attaches_and_deletes(services: Sequence[TestClient]) -> None:
    one, two = services
    made = one.post("/v1/files", files={"file": ("mast.txt", b"The mast is nine metres high.")}).json()
    assert [entry["id"] for entry in two.get("/v1/files").json()["data"]] == [made["id"]]
    assert two.get(f"/v1/files/{made['id']}/content").content == b"The mast is nine metres high."
    begun = two.post("/v1/vector_stores/boats/files", json={"file_id": made["id"]}).json()
    assert begun["status"] == "in_progress"
    end = time.monotonic() + WAIT
    path = f"/v1/vector_stores/boats/files/{made['id']}"
    while one.get(path).json()["status"] == "in_progress":
        assert time.monotonic() < end
    assert one.get(path).json()["status"] == "completed"
    two.post("/v1/vector_stores/boats", json={"name": "Boats of the club", "metadata": {"team": "mast"}})
    seen = one.get("/v1/vector_stores/boats").json()
    assert (seen["id"], seen["name"], seen["metadata"]) == ("boats", "Boats of the club", {"team": "mast"})
    assert two.delete(f"/v1/files/{made['id']}").json()["deleted"]
    assert one.get(f"/v1/files/{made['id']}").status_code == 404
    assert one.get(path).json()["status"] == "completed"
