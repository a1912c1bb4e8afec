"""A folder by URL gives the documents of the same folder on this machine, and is read once."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner

import ragkit
from ragkit import ExtractionError, FileState, InputError, KnowledgeBase, MissingPackageError
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, IngestReport, ReadLimits, RemovalsError, WorkerPool, ingest_folder
from ragkit_ingest.cli.ingest import ingest
from ragkit_ingest.scan.roots.base import RootAccess
from ragkit_ingest.scan.roots.opening import RootOpener, is_url
from ragkit_ingest.scan.roots.remote import Version, as_extraction_error
from ragkit_ingest.scan.roots.storage import StorageRoot, version_of
from ragkit_ingest.scan.walk import Found, LeftOut

FILES = {
    "guide.md": b"---\ntitle: Guide\n---\n# Boats\n\nA berth costs 12 euros.\n\n| size | fee |\n|---|---|\n| 4 | 9 |\n",
    "north/tides.txt": b"High water is at six.\n",
    "north/deep/prices.csv": b"boat,price\nGull,40\nTern,55\n",
    "north/.ragkitignore": b"*.draft.md\n!kept.draft.md\n",
    "north/old.draft.md": b"Not yet.\n",
    "north/kept.draft.md": b"Kept all the same.\n",
    "node_modules/x.md": b"A package.\n",
    ".hidden.md": b"Hidden.\n",
    "empty.txt": b"",
    "photo.bin": bytes(range(256)) * 4,
    ".ragkitacl": b"north/ -> crew\n",
    "déjà vu?.md": b"Names are kept.\n",
}


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(size=1) as made:
        yield made


class Shelf:
    """A folder in the memory of this process, and a collection that it is ingested into."""

    def __init__(self, kb: KnowledgeBase, pool: WorkerPool, name: str) -> None:
        self.kb = kb
        self.pool = pool
        self.system = fsspec.filesystem("memory")
        self.url = f"memory://{name}"
        self.base = f"/{name}"

    def write(self, path: str, data: bytes, *, age: int = 60) -> None:
        """Write a file that was last changed some seconds ago."""
        self.system.pipe_file(f"{self.base}/{path}", data)
        file = self.system.store[f"{self.base}/{path}"]
        file.created = file.modified = file.modified - timedelta(seconds=age)

    def delete(self, path: str) -> None:
        self.system.rm(f"{self.base}/{path}")

    def ingest(self, *paths: str, dry_run: bool = False, **options: Any) -> IngestReport:
        held = IngestOptions(pool=self.pool, workers=1, **options)
        return ingest_folder(self.kb, list(paths or (self.url,)), dry_run=dry_run, options=held)

    def states(self) -> dict[bytes, FileState]:
        return self.kb.files(self.url)


@pytest.fixture
def shelf(tmp_path: Path, pool: WorkerPool) -> Iterator[Shelf]:
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        made = Shelf(kb, pool, tmp_path.name)
        yield made
        if made.system.exists(made.base):
            made.system.rm(made.base, recursive=True)


def changes(report: IngestReport) -> list[tuple[str, str]]:
    return [(change.action, change.source) for change in report.changes]


def problems(report: IngestReport) -> dict[str, tuple[str, str]]:
    return {problem.path: (problem.reason, problem.detail) for problem in report.problems}


def rows(kb: KnowledgeBase) -> list[object]:
    """Return the documents of a collection and their chunks, without ids."""
    with kb._store.read() as reader:
        sources = sorted(reader.documents.digests())
        chunks = [[replace(row, id=0, document_id=0) for row in reader.chunks.of_document(name)] for name in sources]
        return list(zip([reader.documents.get(name) for name in sources], chunks, strict=True))


def test_documents_and_report_are_those_of_the_same_folder_on_this_machine(shelf: Shelf, tmp_path: Path) -> None:
    for path, data in FILES.items():
        shelf.write(path, data)
        there = tmp_path / "docs" / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(data)
    report = shelf.ingest()
    with ragkit.open(tmp_path / "other", embedder=HashEmbedder()) as other:
        local = ingest_folder(other, tmp_path / "docs", options=IngestOptions(pool=shelf.pool, workers=1))
        assert rows(shelf.kb) == rows(other)
        assert shelf.kb.document("north/tides.txt").metadata["acl"] == ("crew",)
    assert changes(report) == changes(local)
    assert problems(report) == problems(local)
    assert {"empty.txt", "photo.bin", "node_modules", "north/old.draft.md", ".hidden.md"} <= set(problems(report))
    assert (report.files, report.paths) == (local.files, (shelf.url,))


def test_a_second_run_fetches_nothing_and_a_changed_file_alone_is_fetched(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.write("a.txt", b"alpha")
    shelf.write("b.txt", b"beta")
    shelf.ingest()
    fetched: list[bytes] = []
    opened = StorageRoot.open

    def noted(root: StorageRoot, path: bytes) -> Any:
        fetched.append(path)
        return opened(root, path)

    monkeypatch.setattr(StorageRoot, "open", noted)
    again = shelf.ingest()
    assert (again.changes, again.unchanged, set(fetched) - {b".ragkitacl"}) == ((), 2, set())
    shelf.write("b.txt", b"another", age=30)
    assert changes(shelf.ingest()) == [("changed", "b.txt")]
    assert set(fetched) - {b".ragkitacl"} == {b"b.txt"}


def test_a_file_of_a_moment_ago_is_compared_by_its_bytes(shelf: Shelf) -> None:
    shelf.write("a.txt", b"alpha", age=0)
    shelf.ingest()
    assert shelf.states()[b"a.txt"].mtime_ns == -1
    again = shelf.ingest()
    assert (again.changes, again.unchanged) == ((), 1)


def test_deleted_and_renamed_files_and_great_losses(shelf: Shelf) -> None:
    for number in range(24):
        shelf.write(f"{number:02}.txt", f"Boat {number} has berth {number * 3}.".encode())
    shelf.ingest()
    shelf.write("new/03.txt", b"Boat 3 has berth 9.")
    shelf.delete("03.txt")
    shelf.delete("04.txt")
    report = shelf.ingest()
    assert changes(report) == [("removed", "04.txt"), ("renamed", "new/03.txt")]
    for number in range(5, 24):
        shelf.delete(f"{number:02}.txt")
    with pytest.raises(RemovalsError, match="19 of 23 documents would be removed"):
        shelf.ingest()
    assert "--allow-removals" in shelf.ingest(dry_run=True).notes[0]
    assert shelf.ingest(allow_removals=True).count("removed") == 19


def test_a_place_that_has_vanished_is_an_error_and_keeps_its_documents(shelf: Shelf) -> None:
    shelf.write("a.txt", b"alpha")
    shelf.ingest()
    shelf.delete("a.txt")
    with pytest.raises(InputError, match=r"cannot be opened: there is no such file.*are kept"):
        shelf.ingest()
    assert len(shelf.kb.documents()) == 1


def test_a_folder_inside_a_url_belongs_to_it_and_a_file_alone_to_its_folder(shelf: Shelf) -> None:
    shelf.write("a.txt", b"alpha")
    shelf.write("sub/b.txt", b"beta")
    assert changes(shelf.ingest(f"{shelf.url}/sub/b.txt")) == [("added", "b.txt")]
    assert shelf.kb.roots() == [f"{shelf.url}/sub"]
    assert changes(shelf.ingest()) == [("added", "a.txt")]
    assert shelf.kb.roots() == [shelf.url, f"{shelf.url}/sub"]
    shelf.write("sub/c.txt", b"gamma")
    assert changes(shelf.ingest(f"{shelf.url}/sub/")) == [("added", "c.txt")]
    assert shelf.ingest().unchanged == 3


def test_a_page_says_which_files_it_would_include(shelf: Shelf) -> None:
    shelf.write("fees.md", b"A berth costs 12 euros.\n")
    shelf.write("page.md", b"Fees:\n\n{% include_relative fees.md %}\n")
    report = shelf.ingest()
    [warned] = report.warned
    assert warned.source == "page.md"
    assert "fees.md" in " ".join(warned.warnings)
    assert "12 euros" not in shelf.kb.document("page.md").text


def test_a_file_url_is_the_folder_itself(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "my docs").mkdir()
    (tmp_path / "my docs" / "a.txt").write_text("alpha")
    shelf.ingest(f"file://{tmp_path}/my%20docs")
    assert shelf.kb.roots() == [f"{tmp_path}/my docs"]


class Troubled:
    """A storage whose calls fail with an error."""

    def __init__(self, system: Any, error: Exception, *, calls: tuple[str, ...]) -> None:
        self._system = system
        self._error = error
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        if name in self._calls:
            return self._fail
        return getattr(self._system, name)

    def _fail(self, path: str, *rest: Any, **options: Any) -> Any:
        if path.rpartition("/")[2] == ".ragkitacl":
            raise FileNotFoundError
        raise self._error


@pytest.mark.parametrize("call", ["ls", "open"])
def test_what_cannot_be_read_now_is_reported_and_kept(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    shelf.write("a.txt", b"alpha")
    shelf.write("b.txt", b"beta")
    shelf.ingest()
    shelf.write("a.txt", b"longer than before", age=30)
    broken = Troubled(shelf.system, OSError(errno.ECONNRESET, "to key AKIA:secret@host"), calls=(call,))
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda url, **_: (broken, shelf.base))
    report = shelf.ingest()
    assert (report.count("removed"), report.kept, report.exit_code) == (0, 2 if call == "ls" else 1, 1)
    [(reason, detail)] = problems(report).values()
    assert (reason, detail) == ("unreadable", "the connection failed" if call == "open" else detail)
    assert "secret" not in str(report.as_dict())
    monkeypatch.undo()
    assert changes(shelf.ingest()) == [("changed", "a.txt")]


def test_a_file_that_is_too_big_is_not_fetched_and_one_that_grows_is_cut_off(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.write("a.txt", b"x" * 5_000)
    report = shelf.ingest(limits=ReadLimits(max_size=4_000))
    assert problems(report)["a.txt"][0] == "too_big"
    root = StorageRoot(shelf.url.encode(), shelf.system, shelf.base, RootAccess(max_size=4_000))
    monkeypatch.setattr(StorageRoot, "version", lambda root, path: Version(0, 5, "tag"))
    with pytest.raises(ExtractionError, match=r"more than 4,000 bytes"):
        root.open(b"a.txt")


def test_bytes_of_two_versions_never_become_a_document(shelf: Shelf) -> None:
    shelf.write("a.txt", b"alpha")

    class Busy(Troubled):
        def info(self, path: str) -> Any:
            shelf.write("a.txt", b"alpha", age=len(seen))
            seen.append(path)
            return shelf.system.info(path)

    seen: list[str] = []
    root = StorageRoot(shelf.url.encode(), Busy(shelf.system, OSError(), calls=()), shelf.base)
    with pytest.raises(ExtractionError) as caught:
        root.open(b"a.txt")
    assert (caught.value.reason, len(seen)) == ("changed_while_reading", 4)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://key:secret@bucket/x", "holds a password"),
        ("abfs://box@account.example/x?sig=secret", "holds a password or a query"),
        ("zip://x.zip::s3://bucket/secret", "names no place"),
        ("local:///etc", "names no place"),
        ("s3://", "names no place"),
        ("ftp9://host/x", "is no storage"),
        ("file://elsewhere/docs", "names another machine"),
    ],
)
def test_a_url_that_cannot_be_a_root_is_refused_in_one_line(url: str, words: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(ingest, [url, "--data", str(tmp_path / "kb")])
    assert isinstance(result.exception, InputError)
    assert words in str(result.exception)
    assert "key:secret" not in str(result.exception)
    assert not (tmp_path / "kb").exists()


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(scheme: str) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.get_filesystem_class", absent)
    with pytest.raises(MissingPackageError, match=r"s3:// needs the package s3fs; run: pip install 'ragkit\[s3\]'"):
        RootOpener().resolve("s3://bucket/x")


class NoCredentialsError(Exception):
    """As botocore's."""


class HttpError(Exception):
    """As gcsfs's: its status is text."""

    code = "503"


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (FileNotFoundError("s3://secret"), "missing", "no such"),
        (PermissionError("key AKIA"), "permission", "denied"),
        (NoCredentialsError("Unable"), "permission", "no credentials"),
        (HttpError("https://secret?sig=1"), "unreadable", "the server failed (503)"),
        (TimeoutError(), "unreadable", "in time"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "secret"), "unreadable", "connection failed"),
        (OSError(errno.EIO, "secret"), "unreadable", os.strerror(errno.EIO)),
        (KeyError("secret"), "unreadable", "KeyError"),
    ],
)
def test_errors_of_clients_have_a_reason_and_never_their_own_words(error: Exception, reason: str, words: str) -> None:
    made = as_extraction_error(error)
    assert made.reason == reason
    assert words in made.detail
    assert "secret" not in str(made)
    assert "AKIA" not in str(made)


@pytest.mark.parametrize(
    ("info", "version"),
    [
        ({"size": 3, "ETag": '"a1"', "LastModified": "2026-01-02T03:04:05Z"}, Version(3, 0, "a1")),
        ({"size": 3, "generation": 17, "etag": "x", "updated": 5.5}, Version(3, 0, "17")),
        ({"size": 3, "last_modified": "2026-01-02T03:04:05Z"}, Version(3, 1767323045 * 10**9, "")),
        ({"size": 3, "created": 5.5}, Version(3, 5_500_000_000, "")),
        ({"size": None, "mtime": "yesterday"}, Version(0, 0, "")),
    ],
)
def test_the_version_of_a_file_is_its_size_time_and_tag(info: dict[str, Any], version: Version) -> None:
    assert version_of(info) == version
    assert version.found(b"a").ctime_ns > 0
    assert (version.found(b"a") == version.found(b"a")) or not version.tag


def test_an_entry_that_is_no_file_is_left_out() -> None:
    class Odd:
        def ls(self, path: str, *, detail: bool) -> list[dict[str, Any]]:
            names = {"b/x": "directory", "b": "directory", "b/pipe": "other", "b/to": "link", "b/x/": "directory"}
            return [{"name": name, "type": kind, "size": 0} for name, kind in names.items()] if path == "b" else []

    found = list(StorageRoot(b"odd://b", Odd(), "b").walk())
    assert [(item.path, item.reason) for item in found if isinstance(item, LeftOut)] == [
        (b"pipe", "not_regular"),
        (b"to", "link"),
    ]
    assert not [item for item in found if isinstance(item, Found)]


def test_names_of_folders_are_no_urls() -> None:
    assert [is_url(name) for name in ("docs", "./urls:x", "/a://b", "C:/x", "s3:/x")] == [False] * 5
    assert [is_url(name) for name in ("s3://b", "HTTPS://host/x", "urls:x")] == [True] * 3


def test_a_host_that_is_not_known_is_named_as_such() -> None:
    assert as_extraction_error(socket.gaierror(socket.EAI_NONAME, "any words")).detail == "the host is not known"
