"""Collections and documents over HTTP: uploads of every kind, listings, removal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from ragkit import Document, ExtractionError, InputError, LockedError, StorageFullError
from ragkit_service import Limits
from ragkit_service.document_ids import document_id
from ragkit_service.jobs.spool import SpoolLock, sweep_spool
from ragkit_service.schemas.responses import (
    CollectionsReply,
    DocumentsReply,
    HistoryReply,
    StatusReply,
    UploadReply,
    WholeDocumentReply,
)
from ragkit_service.uploads import parse_metadata, upload_name
from tests.support.service_fakes import FakeLibrary, client, plain_extractor

COLLECTIONS = "/v1/collections"
DOCUMENTS = "/v1/collections/default/documents"
UPLOAD = f"{DOCUMENTS}?wait=true"


@pytest.fixture
def library() -> FakeLibrary:
    return FakeLibrary("default")


@pytest.fixture
def http(library: FakeLibrary, tmp_path: Path) -> Iterator[TestClient]:
    with client(library, tmp_path) as made:
        yield made


def left_over(data: Path) -> list[Path]:
    """Return every file and upload folder below DATA/tmp."""
    return list((data / "tmp").rglob("*"))


# --------------------------------------------------------------------- collections


def test_a_collection_is_made_listed_and_deleted(http: TestClient) -> None:
    made = http.post(COLLECTIONS, json={"name": "handbook"})
    assert made.status_code == 201
    assert made.headers["location"] == "/v1/collections/handbook"
    assert CollectionsReply.model_validate(http.get(COLLECTIONS).json()).collections == ["default", "handbook"]

    unconfirmed = http.delete(f"{COLLECTIONS}/handbook"), http.delete(f"{COLLECTIONS}/handbook?confirm=default")
    assert [response.status_code for response in unconfirmed] == [409, 409]
    assert http.delete(f"{COLLECTIONS}/handbook?confirm=handbook").status_code == 204
    assert http.get(COLLECTIONS).json() == {"collections": ["default"]}
    assert http.get(f"{COLLECTIONS}/handbook").status_code == 404
    assert http.delete(f"{COLLECTIONS}/handbook?confirm=handbook").status_code == 404


def test_a_name_that_a_client_resolves_away_deletes_nothing(http: TestClient, library: FakeLibrary) -> None:
    response = http.delete(f"{DOCUMENTS}/..")

    assert str(response.request.url).endswith("/v1/collections/default")
    assert response.status_code == 409
    assert library.names() == ["default"]


def test_a_collection_of_the_same_name_is_a_conflict(http: TestClient) -> None:
    response = http.post(COLLECTIONS, json={"name": "default"})

    assert response.status_code == 409
    assert response.json()["cure"] == "choose another name"


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "-a", "a" * 64, "a b", "a\n", 5, None])
def test_a_name_that_is_not_allowed_makes_nothing(http: TestClient, library: FakeLibrary, name: object) -> None:
    assert http.post(COLLECTIONS, json={"name": name}).status_code == 422
    assert library.names() == ["default"]


def test_status_and_history_have_their_shape_and_no_path(http: TestClient) -> None:
    status = http.get(f"{COLLECTIONS}/default")
    StatusReply.model_validate(status.json())
    assert status.json()["name"] == "default"
    assert "/srv" not in status.text
    HistoryReply.model_validate(http.get(f"{COLLECTIONS}/default/history").json())


def test_a_deleted_collection_is_closed(http: TestClient, library: FakeLibrary) -> None:
    http.get(f"{COLLECTIONS}/default")
    http.delete(f"{COLLECTIONS}/default?confirm=default")

    assert library.opened["default"][0].closed


def test_a_collection_that_cannot_be_deleted_stays(http: TestClient, library: FakeLibrary) -> None:
    library.delete_error = LockedError("locked by process 4711 (ragkit ingest) on host db1", holder="4711")
    http.app.state.service.settings = replace(  # type: ignore[attr-defined]
        http.app.state.service.settings,  # type: ignore[attr-defined]
        limits=Limits(writer_seconds=0.3),
    )
    response = http.delete(f"{COLLECTIONS}/default?confirm=default")

    assert response.status_code == 423
    assert int(response.headers["retry-after"]) > 0
    assert "4711" not in response.text
    assert http.get(f"{COLLECTIONS}/default").status_code == 200


# ------------------------------------------------------------------------- uploads


def test_a_file_becomes_a_document(http: TestClient, library: FakeLibrary, tmp_path: Path) -> None:
    response = http.post(UPLOAD, files={"files": ("refunds.txt", b"thirty days")}, data={"metadata": '{"team": "x"}'})

    assert response.status_code == 200
    reply = UploadReply.model_validate(response.json())
    assert [(item.name, item.status, item.chunks) for item in reply.files] == [("refunds.txt", "added", 1)]
    stored = library.shelves["default"]["upload:refunds.txt"]
    assert (stored.text, stored.metadata) == ("thirty days", {"team": "x"})
    assert left_over(tmp_path) == []
    assert library.opened["default"][0].calls[-1] == ("writer", {"kind": "upload", "extractor": "fake-1"})


def test_many_files_are_one_generation(http: TestClient, library: FakeLibrary) -> None:
    files = [("files", (f"{number}.txt", b"text %d" % number)) for number in range(5)]
    response = http.post(UPLOAD, files=files)

    assert [item["status"] for item in response.json()["files"]] == ["added"] * 5
    assert library.opened["default"][0].generation == 1
    again = http.post(UPLOAD, files=files)
    assert [item["status"] for item in again.json()["files"]] == ["unchanged"] * 5


def refuse(reason: str) -> Document:
    raise ExtractionError(reason, "file /srv/data/tmp/upload-x/0/a is no good")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "status", "told"),
    [
        ("unsupported", 415, "skipped"),
        ("binary", 415, "skipped"),
        ("too_big", 413, "skipped"),
        ("encrypted", 422, "skipped"),
        ("no_text", 422, "skipped"),
        ("damaged", 422, "failed"),
        ("too_slow", 422, "failed"),
    ],
)
def test_a_file_that_gives_no_document_is_told_with_its_reason(
    library: FakeLibrary, tmp_path: Path, reason: str, status: int, told: str
) -> None:
    extractor = plain_extractor(lambda _: refuse(reason))
    with client(library, tmp_path, extractor=extractor) as http:
        response = http.post(UPLOAD, files={"files": ("a.pdf", b"%PDF-")})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    (report,) = response.json()["files"]
    assert (report["reason"], report["status"]) == (reason, told)
    assert "/srv" not in response.text
    assert library.shelves["default"] == {}
    assert left_over(tmp_path) == []


def test_one_bad_file_does_not_keep_the_others_out(library: FakeLibrary, tmp_path: Path) -> None:
    def extract(path: Path) -> Document:
        return refuse("damaged") if path.suffix == ".pdf" else Document.from_text(path.name, path.read_text())

    files = [("files", ("a.pdf", b"%PDF-")), ("files", ("b.txt", b"good"))]
    with client(library, tmp_path, extractor=plain_extractor(extract)) as http:
        response = http.post(UPLOAD, files=files)

    assert response.status_code == 207
    assert [item["status"] for item in UploadReply.model_validate(response.json()).model_dump()["files"]] == [
        "failed",
        "added",
    ]
    assert list(library.shelves["default"]) == ["upload:b.txt"]


def test_a_file_over_the_limit_is_413_and_leaves_nothing(library: FakeLibrary, tmp_path: Path) -> None:
    with client(library, tmp_path, limits=Limits(upload_bytes=1000)) as http:
        alone = http.post(UPLOAD, files={"files": ("a.txt", b"x" * 1001)})
        beside = http.post(UPLOAD, files=[("files", ("a.txt", b"x" * 1001)), ("files", ("b.txt", b"x" * 1000))])

    assert alone.status_code == 413
    assert alone.json()["files"][0]["reason"] == "too_big"
    assert beside.status_code == 207
    assert list(library.shelves["default"]) == ["upload:b.txt"]
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    ("sent", "source"),
    [
        ("../../etc/passwd.txt", "etc/passwd.txt"),
        ("C:\\Users\\me\\notes.txt", "notes.txt"),
        ("/abs/olute.md", "abs/olute.md"),
        ("handbook/./policies//refunds.md", "handbook/policies/refunds.md"),
        ("prices 2026.csv", "prices 2026.csv"),
        ("Größe.txt", "Größe.txt"),
        ("日本語.txt", "日本語.txt"),
        ("-rf.txt", "-rf.txt"),
    ],
)
def test_an_upload_keeps_its_folders_and_is_never_a_path(
    http: TestClient, library: FakeLibrary, tmp_path: Path, sent: str, source: str
) -> None:
    assert http.post(UPLOAD, files={"files": (sent, b"text")}).status_code == 200
    assert list(library.shelves["default"]) == [f"upload:{source}"]
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "a\x00b", "a\nb", "x" * 201, "\u202efdp.exe", "a\\", " "])
def test_a_name_that_names_nothing_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        upload_name(name)


def raw(http: TestClient, body: bytes, content_type: str = "multipart/form-data; boundary=b") -> int:
    return http.post(UPLOAD, content=body, headers={"Content-Type": content_type}).status_code


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    tail = f'; filename="{filename}"' if filename is not None else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{tail}\r\n\r\n'.encode() + value + b"\r\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no multipart at all", 400),
        (b"--b--\r\n", 422),
        (part("files", b"x", "a.txt"), 400),
        (part("files", b"x", "a.txt")[:-20], 400),
        (part("files", b"x", "") + b"--b--\r\n", 422),
        (part("path", b"/etc/passwd") + b"--b--\r\n", 422),
        (part("metadata", b"{}") + b"--b--\r\n", 422),
        (part("files", b"x", "a.txt") + part("metadata", b"{") + b"--b--\r\n", 422),
        (part("files", b"x", "a.txt") + part("metadata", b" " * 20000) + b"--b--\r\n", 413),
        (b"--b\r\n" + b"X" * 20000 + b": y\r\n\r\nx\r\n--b--\r\n", 400),
        (part("files", b"x", "a.txt") + b"--b--\r\n", 200),
    ],
)
def test_a_malformed_upload_is_refused_and_leaves_nothing(
    http: TestClient, library: FakeLibrary, tmp_path: Path, body: bytes, status: int
) -> None:
    assert raw(http, body) == status
    assert left_over(tmp_path) == []
    assert (len(library.shelves["default"]) == 1) == (status == 200)


def test_of_several_files_with_one_name_the_last_is_taken_and_the_others_are_reported(
    http: TestClient, library: FakeLibrary
) -> None:
    body = part("files", b"first", "a.txt") + part("files", b"last", "./a.txt") + b"--b--\r\n"
    assert raw(http, body) == 207
    (job,) = http.get("/v1/jobs").json()["jobs"]
    assert [(item["status"], item["reason"]) for item in job["files"]] == [("skipped", "repeated_id"), ("added", None)]
    assert library.shelves["default"]["upload:a.txt"].text == "last"


def test_the_content_type_of_an_upload_is_checked(http: TestClient) -> None:
    assert raw(http, b"{}", "application/json") == 422
    assert raw(http, b"x", "text/plain") == 415
    assert raw(http, b"x", "multipart/form-data") == 400
    assert raw(http, b"x", "multipart/form-data; boundary=" + "b" * 5000) == 400


def test_more_files_than_the_limit_are_refused(library: FakeLibrary, tmp_path: Path) -> None:
    files = [("files", (f"{number}.txt", b"x")) for number in range(4)]
    with client(library, tmp_path, limits=Limits(upload_files=3)) as http:
        assert http.post(UPLOAD, files=files).status_code == 422
        assert http.post(UPLOAD, files=files[:3]).status_code == 200


def test_an_upload_that_is_too_long_in_all_is_413(library: FakeLibrary, tmp_path: Path) -> None:
    limits = Limits(upload_total=1000, json_bytes=500)
    with client(library, tmp_path, limits=limits) as http:
        announced = http.post(UPLOAD, files={"files": ("a.txt", b"x" * 2000)})
        chunks = iter([part("files", b"", "a.txt").rstrip(), *[b"x" * 500] * 5])
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        counted = http.post(UPLOAD, content=chunks, headers=headers)

    assert (announced.status_code, counted.status_code) == (413, 413)
    assert left_over(tmp_path) == []


def test_an_upload_makes_the_collection(http: TestClient, library: FakeLibrary) -> None:
    response = http.post("/v1/collections/new/documents?wait=true", files={"files": ("a.txt", b"x")})

    assert response.status_code == 200
    assert list(library.shelves["new"]) == ["upload:a.txt"]


def test_an_upload_that_gives_nothing_makes_no_collection(library: FakeLibrary, tmp_path: Path) -> None:
    with client(library, tmp_path, extractor=plain_extractor(lambda _: refuse("damaged"))) as http:
        assert http.post("/v1/collections/new/documents?wait=true", files={"files": ("a", b"x")}).status_code == 422
    assert library.names() == ["default"]


@pytest.mark.parametrize(("name", "creating"), [("nothing", False), ("Not-A-Name", True), ("-x", True)])
def test_an_upload_to_no_collection_is_404(library: FakeLibrary, tmp_path: Path, name: str, creating: bool) -> None:
    with client(library, tmp_path, create_collections=creating) as http:
        response = http.post(f"/v1/collections/{name}/documents", files={"files": ("a.txt", b"x")})

    assert response.status_code == 404
    assert library.names() == ["default"]
    assert left_over(tmp_path) == []


def test_a_removal_while_another_writes_is_423_and_names_the_holder(library: FakeLibrary, tmp_path: Path) -> None:
    def locked(what: str) -> None:
        if what == "writer":
            raise LockedError("locked", holder="process 4711 (ragkit ingest) on db1 since 2026-01-05T09:00:00Z")

    library.put("default", "a.txt", "text")
    library.prepare = lambda knowledge: setattr(knowledge, "before", locked)
    with client(library, tmp_path, limits=Limits(writer_seconds=0.5)) as http:
        response = http.delete(DOCUMENTS, params={"source": "a.txt"})

        assert response.status_code == 423
        assert response.headers["retry-after"]
        assert "ragkit ingest, since 2026-01-05T09:00:00Z" in response.json()["detail"]
        assert "4711" not in response.text
        assert [job["state"] for job in http.get("/v1/jobs").json()["jobs"]] == ["cancelled"]


def test_a_full_disk_is_507(library: FakeLibrary, tmp_path: Path) -> None:
    def full(what: str) -> None:
        if what == "writer":
            raise StorageFullError(f"no space left on {tmp_path}")

    library.prepare = lambda knowledge: setattr(knowledge, "before", full)
    with client(library, tmp_path) as http:
        response = http.post(UPLOAD, files={"files": ("a.txt", b"x")})

    assert response.status_code == 507
    assert str(tmp_path) not in response.text


def test_uploads_at_once_are_bounded(library: FakeLibrary, tmp_path: Path) -> None:
    with client(library, tmp_path, limits=Limits(uploads_at_once=1, upload_queue_seconds=0.05)) as http:
        with http.portal.wrap_async_context_manager(http.app.state.service.upload_slot()):  # type: ignore[union-attr,attr-defined]
            busy = http.post(UPLOAD, files={"files": ("a.txt", b"x")})
        free = http.post(UPLOAD, files={"files": ("a.txt", b"x")})

    assert (busy.status_code, free.status_code) == (503, 200)
    assert busy.headers["retry-after"] == "5"


def test_an_upload_beyond_those_waits_for_its_turn(library: FakeLibrary, tmp_path: Path) -> None:
    with client(library, tmp_path, limits=Limits(uploads_at_once=2)) as http, ThreadPoolExecutor(8) as threads:

        def send(number: int) -> int:
            return http.post(UPLOAD, files={"files": (f"{number}.txt", b"x" * 100_000)}).status_code

        assert set(threads.map(send, range(12))) == {200}


def test_left_over_upload_folders_go_unless_they_are_in_use(tmp_path: Path) -> None:
    receiving = SpoolLock(tmp_path, "job_receiving")
    receiving.make()
    for name in ("upload-job_left", "upload-job_queued", "upload-of-an-older-version"):
        (tmp_path / "tmp" / name).mkdir(parents=True)
    sweep_spool(tmp_path, ["job_queued"])
    receiving.release(keep=True)

    assert {path.name for path in (tmp_path / "tmp").iterdir()} == {"upload-job_receiving", "upload-job_queued"}


@pytest.mark.parametrize(
    "raw_metadata",
    [
        b"[]",
        b'{"a": {}}',
        b'{"a": [[]]}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": 1' + b"0" * 400 + b"}",
        b"\xff",
        b"5",
    ],
)
def test_metadata_that_is_not_flat_is_refused(raw_metadata: bytes) -> None:
    with pytest.raises(InputError):
        parse_metadata(raw_metadata)


def test_metadata_is_scalars_and_lists_of_them() -> None:
    raw_metadata = json.dumps({"a": 1, "b": ["x", None, True], "c": "\ud800"}).encode()

    assert parse_metadata(raw_metadata) == {"a": 1, "b": ("x", None, True), "c": "?"}
    assert parse_metadata(b"  ") == {}


# ----------------------------------------------------------------------- documents


@pytest.fixture
def stocked(library: FakeLibrary, http: TestClient) -> TestClient:
    for source in ("a.txt", "b/c d.txt", "b/é?.txt", "z.txt"):
        library.put("default", source, f"text of {source}")
    return http


def test_documents_are_listed_in_pages(stocked: TestClient) -> None:
    first = DocumentsReply.model_validate(stocked.get(DOCUMENTS, params={"limit": 3}).json())
    assert [item.source for item in first.documents] == ["a.txt", "b/c d.txt", "b/é?.txt"]
    rest = stocked.get(DOCUMENTS, params={"limit": 3, "offset": first.next_offset}).json()
    assert [item["source"] for item in rest["documents"]] == ["z.txt"]
    assert rest["next_offset"] is None
    assert len(stocked.get(DOCUMENTS, params={"prefix": "b/"}).json()["documents"]) == 2


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "offset=-1", "offset=99999999999999999999", "path=/", "start=-1"]
)
def test_a_wrong_listing_is_422(stocked: TestClient, query: str) -> None:
    assert stocked.get(f"{DOCUMENTS}?{query}").status_code == 422


@pytest.mark.parametrize("source", ["a.txt", "b/c d.txt", "b/é?.txt"])
def test_a_document_is_got_by_id_and_by_source(stocked: TestClient, source: str) -> None:
    by_path = stocked.get(f"{DOCUMENTS}/{document_id(source)}")
    by_query = stocked.get(DOCUMENTS, params={"source": source})

    assert by_path.json() == by_query.json()
    reply = WholeDocumentReply.model_validate(by_path.json())
    assert (reply.source, reply.text) == (source, f"text of {source}")


def test_a_window_of_a_document(stocked: TestClient) -> None:
    got = stocked.get(f"{DOCUMENTS}/{document_id('a.txt')}", params={"start": 5, "length": 2}).json()
    assert (got["start"], got["end"], got["text"], got["characters"]) == (5, 7, "of", 13)
    past = stocked.get(DOCUMENTS, params={"source": "a.txt", "start": 99}).json()
    assert (past["start"], past["end"], past["text"]) == (13, 13, "")


def test_a_document_that_is_not_there_is_404(stocked: TestClient) -> None:
    for unknown in (document_id("nothing.txt"), "nothing.txt", "d_", "d_!!", "d_YS50eHR", "d_YS50eHQ="):
        assert stocked.get(f"{DOCUMENTS}/{unknown}").status_code == 404
        assert stocked.delete(f"{DOCUMENTS}/{unknown}").status_code == 404
    assert stocked.delete(DOCUMENTS, params={"source": "nothing.txt"}).status_code == 404


def test_documents_are_removed_by_id_source_prefix_and_filter(stocked: TestClient, library: FakeLibrary) -> None:
    assert stocked.delete(f"{DOCUMENTS}/{document_id('a.txt')}").json() == {"removed": 1}
    assert stocked.delete(DOCUMENTS, params={"source": "b/c d.txt"}).json() == {"removed": 1}
    assert len(stocked.get(DOCUMENTS).json()["documents"]) == 2
    assert stocked.post("/v1/collections/default/remove", json={"prefix": "b/"}).json() == {"removed": 1}
    stocked.post(UPLOAD, files={"files": ("x.txt", b"x")}, data={"metadata": '{"team": "x"}'})
    where = {"type": "eq", "key": "team", "value": "x"}
    assert stocked.post("/v1/collections/default/remove", json={"where": where}).json() == {"removed": 1}
    assert list(library.shelves["default"]) == ["z.txt"]


def test_nothing_is_removed_without_a_source(stocked: TestClient) -> None:
    assert stocked.delete(DOCUMENTS).status_code == 422
    assert len(stocked.get(DOCUMENTS).json()["documents"]) == 4
