"""Sync: what is on disk is what is held, decided by stat and sha256; nothing is lost, nothing is read twice."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from ragkit import (
    AddProgress,
    AddReport,
    Document,
    Embedder,
    ExtractionError,
    FileState,
    InputError,
    LockedError,
    Reason,
    Settings,
)
from ragkit_ingest import IngestOptions, IngestProgress, IngestReport, ReadLimits, ingest_folder
from ragkit_ingest.jobs import Job
from ragkit_ingest.scan.digest import CLOCK_NS, UNSURE, digest, sure_mtime
from ragkit_ingest.scan.walk import Found

if TYPE_CHECKING:
    from ragkit import KnowledgeBase

# --------------------------------------------------------------------- fakes


class FakeKnowledge:
    """The part of a KnowledgeBase that ingest uses, in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = Settings()
        self.texts: dict[str, Document] = {}
        self.states: dict[tuple[str, bytes], FileState] = {}
        self.generations = 0
        self.writers = 0
        self.embedded: set[str] = set()
        self.locked = False
        self.before_lock: Callable[[], None] = lambda: None
        self.fail_at = -1

    def roots(self) -> list[str]:
        return sorted({root for root, _ in self.states})

    def files(self, root: str) -> dict[bytes, FileState]:
        return {path: state for (held, path), state in self.states.items() if held == root}

    def digests(self) -> dict[str, str]:
        return {source: held.sha256 for source, held in self.texts.items()}

    @contextmanager
    def writer(self, *, kind: str, extractor: str, embedder: Embedder | None) -> Iterator[FakeWriter]:
        assert kind == "ingest"
        assert embedder is None
        assert extractor
        self.before_lock()
        if self.locked:
            raise LockedError("it is being written", holder="process 7")
        self.locked = True
        self.writers += 1
        try:
            yield FakeWriter(self)
        finally:
            self.locked = False


class FakeWriter:
    def __init__(self, kb: FakeKnowledge) -> None:
        self._kb = kb
        self.generation = kb.generations + 1

    def add(
        self,
        documents: Iterable[tuple[Document, FileState | None]],
        *,
        progress: Callable[[AddProgress], None],
        reject: Callable[[Document, InputError], None],
        stopped: Callable[[], bool],
    ) -> AddReport:
        del stopped  # the files end by themselves
        counts = {"added": 0, "changed": 0, "unchanged": 0}
        embedded = 0
        for document, state in documents:
            if sum(counts.values()) == self._kb.fail_at:
                raise RuntimeError("the disk is gone")
            if "unstorable" in document.metadata:
                reject(document, InputError("its metadata cannot be stored"))
                continue
            old = self._kb.texts.get(document.source)
            outcome = "added" if old is None else "unchanged" if old == document else "changed"
            counts[outcome] += 1
            self._kb.texts[document.source] = document
            if document.text not in self._kb.embedded:
                self._kb.embedded.add(document.text)
                embedded += 1
            if state:
                self.record_file(state)
            progress(AddProgress(sum(counts.values()), sum(counts.values()), embedded, document.source, outcome))
        return AddReport(
            added=counts["added"],
            changed=counts["changed"],
            unchanged=counts["unchanged"],
            chunks=sum(counts.values()),
            embedded=embedded,
            generation=self.generation,
        )

    def remove(self, source: str) -> bool:
        self._kb.states = {key: state for key, state in self._kb.states.items() if state.source != source}
        return self._kb.texts.pop(source, None) is not None

    def rename(self, old: str, new: str) -> None:
        assert new not in self._kb.texts
        self._kb.texts[new] = self._kb.texts.pop(old).renamed(new)
        self._kb.states = {key: state for key, state in self._kb.states.items() if state.source != old}

    def record_file(self, state: FileState) -> None:
        self._kb.states[state.root, state.path] = state

    def forget_file(self, root: str, path: bytes) -> None:
        self._kb.states.pop((root, path), None)


class InlinePool:
    """Reads at once; a file that says FAIL:reason gives no document, WARN:words gives one with a warning."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.before_read: Callable[[str], None] = lambda name: None

    def submit(self, job: Job) -> Future[Document | ExtractionError]:
        future: Future[Document | ExtractionError] = Future()
        future.set_result(self._run(job))
        return future

    def _run(self, job: Job) -> Document | ExtractionError:
        self.before_read(job.name)
        self.read.append(job.name)
        try:
            descriptor = job.open()
        except ExtractionError as error:
            return error
        with os.fdopen(descriptor, "rb") as file:
            data = file.read()
        text = data.decode("utf-8", "replace").strip()
        if text.startswith("FAIL:"):
            return ExtractionError(cast("Reason", text[5:].split()[0]), "as the test wants")
        warnings = (text[5:],) if text.startswith("WARN:") else ()
        metadata = {"unstorable": True} if text.startswith("UNSTORABLE") else {}
        return Document(job.source, text, sha256=hashlib.sha256(data).hexdigest(), warnings=warnings, metadata=metadata)


class Desk:
    """A folder of files that were last written long ago, a collection, and a pool."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "docs"
        self.folder.mkdir()
        self.kb = FakeKnowledge(tmp_path / "data")
        self.pool = InlinePool()
        self.settled = True
        self.latest = 0

    def write(self, name: str | bytes, text: str) -> Path:
        path = Path(os.fsdecode(os.path.join(os.fsencode(self.folder), os.fsencode(name))))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.tick(path)
        return path

    def tick(self, path: Path) -> None:
        """Give a file times of its own: a coarse clock gives one time to all that is done within some milliseconds."""
        while (now := path.stat().st_ctime_ns) <= self.latest:
            os.utime(path)
        self.latest = now

    def ingest(self, *paths: Path, **options: Any) -> IngestReport:
        """Ingest; then pretend that every file that was seen had been written long before."""
        run = {name: options.pop(name) for name in ("dry_run", "progress", "stop") if name in options}
        report = ingest_folder(
            cast("KnowledgeBase", self.kb),
            list(paths or (self.folder,)),
            options=IngestOptions(pool=self.pool, **options),
            **run,
        )
        if self.settled and not run.get("dry_run"):
            self.settle()
        return report

    def settle(self) -> None:
        for key, state in self.kb.states.items():
            path = os.path.join(os.fsencode(state.root), state.path)
            if state.mtime_ns == UNSURE and os.path.exists(path):
                self.kb.states[key] = replace(state, mtime_ns=os.stat(path).st_mtime_ns)

    def held(self) -> dict[str, str]:
        return {source: document.text for source, document in sorted(self.kb.texts.items())}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def changes(report: IngestReport) -> list[tuple[str, str]]:
    return [(change.action, change.source) for change in report.changes]


def problems(report: IngestReport) -> dict[str, str]:
    return {problem.path: problem.reason for problem in report.problems}


# --------------------------------------------------------------------- the life of a folder


def test_a_folder_is_read_once_and_then_only_looked_at(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.write("sub/b.txt", "beta")
    report = desk.ingest()
    assert changes(report) == [("added", "a.txt"), ("added", "sub/b.txt")]
    assert desk.held() == {"a.txt": "alpha", "sub/b.txt": "beta"}
    assert report.exit_code == 0
    again = desk.ingest()
    assert (again.changes, again.unchanged, again.generation) == ((), 2, 0)
    assert desk.pool.read == ["a.txt", "b.txt"]
    assert desk.kb.writers == 1


def test_a_change_an_addition_and_a_removal_are_applied_exactly_as_foretold(desk: Desk) -> None:
    for name in "abc":
        desk.write(f"{name}.txt", f"text {name}")
    desk.ingest()
    desk.write("b.txt", "other words")
    desk.write("d.txt", "delta")
    (desk.folder / "c.txt").unlink()
    foretold = desk.ingest(dry_run=True)
    assert foretold.dry_run
    assert desk.held() == {"a.txt": "text a", "b.txt": "text b", "c.txt": "text c"}
    done = desk.ingest()
    assert changes(done) == changes(foretold) == [("removed", "c.txt"), ("changed", "b.txt"), ("added", "d.txt")]
    assert done.unchanged == foretold.unchanged == 1
    assert desk.held() == {"a.txt": "text a", "b.txt": "other words", "d.txt": "delta"}


def test_a_change_of_the_same_size_is_seen(desk: Desk) -> None:
    path = desk.write("a.txt", "one")
    desk.ingest()
    path.write_text("two")
    os.utime(path, ns=(1, 1))
    assert changes(desk.ingest()) == [("changed", "a.txt")]


def test_a_touched_file_is_hashed_once_and_not_read(desk: Desk) -> None:
    path = desk.write("a.txt", "alpha")
    desk.ingest()
    os.utime(path, ns=(5_000_000_000, 5_000_000_000))
    report = desk.ingest()
    assert (report.changes, report.unchanged, report.generation) == ((), 1, 0)
    assert desk.pool.read == ["a.txt"]
    (state,) = desk.kb.states.values()
    assert state.mtime_ns == 5_000_000_000
    writers = desk.kb.writers
    desk.ingest()
    assert desk.kb.writers == writers


def test_a_renamed_file_keeps_its_document_and_embeds_nothing(desk: Desk) -> None:
    path = desk.write("a.txt", "alpha")
    desk.write("b.txt", "beta")
    desk.ingest()
    (desk.folder / "new").mkdir()
    path.rename(desk.folder / "new" / "z.txt")
    foretold = desk.ingest(dry_run=True)
    report = desk.ingest()
    assert changes(report) == changes(foretold) == [("renamed", "new/z.txt")]
    assert report.changes[0].old == "a.txt"
    assert desk.held() == {"b.txt": "beta", "new/z.txt": "alpha"}
    assert desk.pool.read == ["a.txt", "b.txt"]
    assert desk.ingest().changes == ()


def test_a_moved_folder_of_equal_files_is_matched_name_by_name(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.write(f"old/{name}.txt", "the same words")
    desk.ingest()
    (desk.folder / "old").rename(desk.folder / "young")
    report = desk.ingest()
    assert [(change.old, change.source) for change in report.changes] == [
        (f"old/{name}.txt", f"young/{name}.txt") for name in "abc"
    ]


def test_another_suffix_is_read_anew(desk: Desk) -> None:
    path = desk.write("a.txt", "alpha")
    desk.ingest()
    path.rename(path.with_suffix(".md"))
    assert changes(desk.ingest()) == [("removed", "a.txt"), ("added", "a.md")]


def test_two_files_that_swap_names_are_changed(desk: Desk) -> None:
    one, two = desk.write("a.txt", "alpha"), desk.write("b.txt", "the beta")
    desk.ingest()
    one.rename(desk.folder / "t")
    two.rename(one)
    (desk.folder / "t").rename(two)
    report = desk.ingest()
    assert desk.held() == {"a.txt": "the beta", "b.txt": "alpha"}
    assert report.add.embedded == 0


def test_a_folder_that_became_empty_loses_its_documents(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.ingest()
    (desk.folder / "a.txt").unlink()
    assert changes(desk.ingest(dry_run=True)) == [("removed", "a.txt")]
    assert changes(desk.ingest(allow_removals=True)) == [("removed", "a.txt")]
    assert desk.held() == {}


def test_an_empty_folder_is_no_error(desk: Desk) -> None:
    report = desk.ingest()
    assert (report.files, report.changes, report.exit_code) == (0, (), 0)
    assert desk.kb.writers == 0


def test_newer_readers_read_everything_again(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.write("b.txt", "beta")
    desk.ingest()
    desk.kb.states = {key: replace(state, extractor="0") for key, state in desk.kb.states.items()}
    desk.kb.texts["b.txt"] = Document("b.txt", "what an older reader made of it")
    assert changes(desk.ingest(dry_run=True)) == [("reread", "a.txt"), ("reread", "b.txt")]
    report = desk.ingest()
    assert (changes(report), report.unchanged) == ([("changed", "b.txt")], 1)
    assert desk.ingest().unchanged == 2


def test_a_document_that_was_removed_by_hand_comes_back(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.ingest()
    FakeWriter(desk.kb).remove("a.txt")
    assert changes(desk.ingest()) == [("added", "a.txt")]


# --------------------------------------------------------------------- bad files


def test_bad_files_are_reported_and_never_stop_the_run(desk: Desk) -> None:
    desk.write("a.txt", "FAIL:damaged")
    desk.write("b.txt", "beta")
    desk.write("c.txt", "FAIL:binary")
    report = desk.ingest()
    assert changes(report) == [("added", "b.txt")]
    assert problems(report) == {"a.txt": "damaged", "c.txt": "binary"}
    assert [problem.path for problem in report.failed] == ["a.txt"]
    assert [problem.path for problem in report.skipped] == ["c.txt"]
    assert report.exit_code == 1


def test_known_bad_files_are_listed_and_not_read_again(desk: Desk) -> None:
    desk.write("a.txt", "FAIL:damaged")
    desk.ingest()
    report = desk.ingest()
    assert problems(report) == {"a.txt": "damaged"}
    assert report.failed[0].detail == "as the test wants"
    assert (report.exit_code, desk.pool.read) == (1, ["a.txt"])
    assert problems(desk.ingest(dry_run=True)) == {"a.txt": "damaged"}
    (desk.folder / "a.txt").unlink()
    assert desk.ingest().changes == ()
    assert desk.kb.states == {}


def test_a_bad_file_that_is_mended_is_added(desk: Desk) -> None:
    desk.write("a.txt", "FAIL:damaged")
    desk.ingest()
    desk.write("a.txt", "mended")
    assert changes(desk.ingest()) == [("added", "a.txt")]


def test_a_failed_file_leaves_its_old_version_until_it_is_deleted(desk: Desk) -> None:
    path = desk.write("a.txt", "alpha")
    desk.ingest()
    path.write_text("FAIL:damaged")
    report = desk.ingest()
    assert report.failed[0].kept
    assert report.kept == 1
    assert desk.held() == {"a.txt": "alpha"}
    again = desk.ingest()
    assert (again.failed[0].kept, again.kept, again.changes) == (True, 1, ())
    path.unlink()
    assert changes(desk.ingest(allow_removals=True)) == [("removed", "a.txt")]


def test_a_file_that_failed_for_a_limit_is_tried_again_with_another_limit(desk: Desk) -> None:
    path = desk.write("a.txt", "FAIL:too_slow")
    desk.ingest()
    desk.ingest()
    assert desk.pool.read == ["a.txt"]
    desk.ingest(limits=ReadLimits(timeout=99.0))
    assert desk.pool.read == ["a.txt", "a.txt"]
    path.write_text("FAIL:damaged")
    desk.ingest()
    desk.ingest(limits=ReadLimits(timeout=99.0))
    assert len(desk.pool.read) == 3


def test_a_file_over_the_limit_is_skipped_before_it_is_read(desk: Desk) -> None:
    desk.write("big.txt", "x" * 100)
    report = desk.ingest(limits=ReadLimits(max_size=50))
    assert problems(report) == {"big.txt": "too_big"}
    assert (report.exit_code, desk.pool.read) == (0, [])
    assert changes(desk.ingest()) == [("added", "big.txt")]
    assert desk.ingest(limits=ReadLimits(max_size=50)).unchanged == 1
    desk.write("big.txt", "y" * 101)
    report = desk.ingest(limits=ReadLimits(max_size=50))
    assert (report.kept, report.skipped[0].kept) == (1, True)


def test_warnings_are_reported(desk: Desk) -> None:
    desk.write("a.txt", "WARN:page 3 has no text")
    assert desk.ingest().warned[0].warnings == ("page 3 has no text",)


def test_what_cannot_be_looked_at_is_never_taken_as_gone(desk: Desk) -> None:
    desk.write("locked/a.txt", "alpha")
    desk.write("locked/deep/b.txt", "beta")
    desk.write("lockedc.txt", "gamma")
    desk.ingest()
    (desk.folder / "lockedc.txt").unlink()
    (desk.folder / "locked").chmod(0)
    try:
        report = desk.ingest()
    finally:
        (desk.folder / "locked").chmod(0o700)
    assert problems(report) == {"locked/": "permission"}
    assert (changes(report), report.kept, report.exit_code) == ([("removed", "lockedc.txt")], 2, 1)
    assert sorted(desk.held()) == ["locked/a.txt", "locked/deep/b.txt"]
    assert desk.ingest().unchanged == 2


def test_a_file_that_may_not_be_read_is_tried_again_when_it_may(desk: Desk) -> None:
    path = desk.write("a.txt", "alpha")

    def allow(mode: int) -> None:
        path.chmod(mode)
        desk.tick(path)

    allow(0)
    assert problems(desk.ingest()) == {"a.txt": "permission"}
    writers = desk.kb.writers
    report = desk.ingest()
    assert (problems(report), report.exit_code, desk.kb.writers) == ({"a.txt": "permission"}, 1, writers)
    allow(0o600)
    assert changes(desk.ingest()) == [("added", "a.txt")]
    allow(0)
    report = desk.ingest()
    assert (problems(report), report.kept) == ({"a.txt": "permission"}, 1)
    allow(0o600)
    assert desk.ingest().unchanged == 1
    assert desk.held() == {"a.txt": "alpha"}


def test_a_missing_root_is_an_error_that_keeps_everything(desk: Desk, tmp_path: Path) -> None:
    desk.write("a.txt", "alpha")
    desk.ingest()
    desk.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="there is no file or folder"):
        desk.ingest()
    assert desk.held() == {"a.txt": "alpha"}


def test_a_file_that_vanishes_after_the_walk_is_reported_as_missing(desk: Desk) -> None:
    path = desk.write("a.txt", "alpha")
    desk.pool.before_read = lambda name: path.unlink()
    assert problems(desk.ingest()) == {"a.txt": "missing"}
    assert desk.kb.states == {}


def test_a_file_that_became_a_link_is_no_document_any_more(desk: Desk, tmp_path: Path) -> None:
    path = desk.write("a.txt", "alpha")
    desk.ingest()
    path.unlink()
    (tmp_path / "secret.txt").write_text("secret")
    path.symlink_to(tmp_path / "secret.txt")
    report = desk.ingest()
    assert problems(report) == {"a.txt": "outside_root"}
    assert changes(report) == [("removed", "a.txt")]


def test_a_newly_ignored_file_is_removed(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.write("b.log", "beta")
    desk.ingest()
    desk.write(".ragkitignore", "*.log\n")
    assert changes(desk.ingest()) == [("removed", "b.log")]


# --------------------------------------------------------------------- clocks


def test_a_file_written_just_now_is_hashed_next_time(desk: Desk) -> None:
    desk.settled = False
    path = desk.write("a.txt", "one")
    desk.ingest()
    (state,) = desk.kb.states.values()
    assert state.mtime_ns == UNSURE
    status = path.stat()
    path.write_text("two")  # within one tick of a coarse clock the times may be the same
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert changes(desk.ingest()) == [("changed", "a.txt")]


def test_only_the_inode_time_decides_whether_a_time_is_sure() -> None:
    found = Found(b"x", 1, mtime_ns=10 * CLOCK_NS, ctime_ns=CLOCK_NS)
    assert sure_mtime(found, now_ns=2 * CLOCK_NS) == UNSURE
    assert sure_mtime(found, now_ns=2 * CLOCK_NS + 1) == 10 * CLOCK_NS


def test_a_file_that_changes_between_walk_and_reading_is_not_trusted(desk: Desk) -> None:
    path = desk.write("a.txt", "one")
    desk.pool.before_read = lambda name: cast("None", path.write_text("longer than before"))
    desk.ingest()
    desk.pool.before_read = lambda name: None
    assert desk.held() == {"a.txt": "longer than before"}
    assert desk.ingest().unchanged == 1


def test_digest_tells_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    sha256, found = digest(os.fsencode(tmp_path), b"a")
    assert sha256 == hashlib.sha256(b"x").hexdigest()
    assert found.size == 1
    with pytest.raises(ExtractionError, match="missing"):
        digest(os.fsencode(tmp_path), b"b")


# --------------------------------------------------------------------- names


def test_twins_in_unicode_and_case_stay_two_documents_and_odd_names_are_kept(desk: Desk) -> None:
    names = [
        b"caf\xc3\xa9.txt",
        b"cafe\xcc\x81.txt",
        b"Case.txt",
        b"case.txt",
        b"caf\xe9.txt",
        b"caf\\xe9.txt",
        b"a\nb.txt",
    ]
    for number, name in enumerate(names):
        desk.write(name, f"text {number}")
    desk.ingest()
    assert len(desk.held()) == len(names)
    assert desk.held()["caf\\xe9.txt"] == "text 4"
    assert desk.ingest().unchanged == len(names)


def test_a_source_that_another_folder_has_gets_the_folder_name_in_front(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    desk.write("readme.md", "one")
    (other / "readme.md").write_text("two")
    report = desk.ingest(desk.folder, other)
    assert changes(report) == [("added", "readme.md"), ("added", "other/readme.md")]
    (desk.folder / "readme.md").unlink()
    assert changes(desk.ingest(desk.folder, other, allow_removals=True)) == [("removed", "readme.md")]
    assert desk.held() == {"other/readme.md": "two"}
    assert desk.ingest(other).unchanged == 1


def test_a_moved_root_takes_its_documents_along_with_edits_and_deletions(desk: Desk, tmp_path: Path) -> None:
    for name in "abcdefgh":
        desk.write(f"{name}.txt", f"text {name}")
    desk.write("bad.txt", "FAIL:damaged")
    desk.ingest()
    reads = len(desk.pool.read)
    desk.folder.rename(tmp_path / "moved")
    desk.folder = tmp_path / "moved"
    desk.write("a.txt", "edited")
    (desk.folder / "b.txt").unlink()
    (desk.folder / "c.txt").rename(desk.folder / "z.txt")
    foretold = desk.ingest(dry_run=True)
    report = desk.ingest()
    assert changes(report) == changes(foretold) == [("removed", "b.txt"), ("renamed", "z.txt"), ("changed", "a.txt")]
    assert (report.unchanged, foretold.unchanged) == (5, 5)
    assert problems(report) == {"bad.txt": "damaged"}
    assert "was moved to" in report.notes[0]
    assert desk.kb.roots() == [str(desk.folder)]
    assert len(desk.pool.read) == reads + 1
    again = desk.ingest()
    assert (again.changes, again.unchanged, again.notes) == ((), 7, ())


def test_a_copied_root_whose_original_is_gone_is_hashed_and_not_read(desk: Desk, tmp_path: Path) -> None:
    desk.write("a.txt", "alpha")
    desk.write("b.txt", "beta")
    desk.ingest()
    shutil.copytree(desk.folder, tmp_path / "copy", copy_function=shutil.copyfile)
    shutil.rmtree(desk.folder)
    report = desk.ingest(tmp_path / "copy")
    assert (report.changes, report.unchanged, len(desk.pool.read)) == ((), 2, 2)
    assert desk.kb.roots() == [str(tmp_path / "copy")]


def test_a_folder_that_shares_a_file_with_one_that_is_gone_takes_over_that_file_only(
    desk: Desk, tmp_path: Path
) -> None:
    for name in ("a.txt", "b.txt", "c.txt", "license.txt"):
        desk.write(name, f"text of {name}")
    desk.ingest()
    desk.folder.rename(tmp_path / "not mounted")
    other = tmp_path / "other"
    other.mkdir()
    (other / "license.txt").write_text("text of license.txt")
    (other / "a.txt").write_text("something else")
    report = desk.ingest(other)
    assert changes(report) == [("added", "other/a.txt")]
    assert report.unchanged == 1
    assert "taken over" in report.notes[0]
    assert desk.held()["a.txt"] == "text of a.txt"
    (tmp_path / "not mounted").rename(desk.folder)
    assert changes(desk.ingest()) == [("added", "docs/license.txt")]


def test_a_document_that_came_otherwise_is_not_overwritten(desk: Desk) -> None:
    desk.kb.texts["a.txt"] = Document("a.txt", "uploaded")
    desk.write("a.txt", "from the folder")
    assert changes(desk.ingest()) == [("added", "docs/a.txt")]
    assert desk.held() == {"a.txt": "uploaded", "docs/a.txt": "from the folder"}


def test_a_document_of_the_same_bytes_that_came_otherwise_is_taken_over(desk: Desk) -> None:
    desk.kb.texts["a.txt"] = Document("a.txt", "alpha", sha256=hashlib.sha256(b"alpha").hexdigest())
    desk.write("a.txt", "alpha")
    report = desk.ingest()
    assert (report.changes, report.unchanged) == ((), 1)
    assert desk.ingest().unchanged == 1


# --------------------------------------------------------------------- roots


def test_a_folder_inside_a_root_syncs_that_part_only(desk: Desk) -> None:
    desk.write("top.txt", "top")
    desk.write("sub/a.txt", "alpha")
    desk.ingest()
    desk.write("top.txt", "changed on top")
    desk.write("sub/a.txt", "changed below")
    desk.write("sub/b.txt", "beta")
    report = desk.ingest(desk.folder / "sub")
    assert changes(report) == [("changed", "sub/a.txt"), ("added", "sub/b.txt")]
    assert desk.held()["top.txt"] == "top"
    assert desk.kb.roots() == [str(desk.folder)]


def test_a_folder_around_a_root_syncs_it_along_and_its_sources_stay(desk: Desk) -> None:
    desk.write("sub/a.txt", "alpha")
    desk.ingest(desk.folder / "sub")
    desk.write("top.txt", "top")
    desk.write("sub/b.txt", "beta")
    report = desk.ingest()
    assert changes(report) == [("added", "top.txt"), ("added", "b.txt")]
    assert desk.held() == {"a.txt": "alpha", "b.txt": "beta", "top.txt": "top"}
    assert desk.ingest().unchanged == 3


def test_one_file_is_synced_alone(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.write("b.txt", "beta")
    assert changes(desk.ingest(desk.folder / "a.txt")) == [("added", "a.txt")]
    assert changes(desk.ingest(desk.folder / "b.txt")) == [("added", "b.txt")]
    desk.write("a.txt", "changed")
    (desk.folder / "b.txt").unlink()
    assert changes(desk.ingest(desk.folder / "a.txt")) == [("changed", "a.txt")]
    assert changes(desk.ingest()) == [("removed", "b.txt")]


def test_paths_inside_each_other_are_synced_once(desk: Desk) -> None:
    path = desk.write("sub/a.txt", "alpha")
    report = desk.ingest(desk.folder / "sub", path, desk.folder, desk.folder)
    assert changes(report) == [("added", "sub/a.txt")]
    assert desk.kb.roots() == [str(desk.folder)]


def test_the_data_folder_is_not_read(desk: Desk) -> None:
    desk.kb.path = desk.folder / "kb"
    desk.write("kb/secret.txt", "x")
    desk.write("a.txt", "alpha")
    report = desk.ingest()
    assert changes(report) == [("added", "a.txt")]
    assert problems(report) == {"kb": "ignored"}
    with pytest.raises(InputError, match="data folder"):
        desk.ingest(desk.folder / "kb")


def test_include_and_exclude_narrow_a_run_and_touch_nothing_else(desk: Desk) -> None:
    for name in ("a.txt", "b.md", "drafts/c.md"):
        desk.write(name, name)
    report = desk.ingest(include=("*.md",), exclude=("drafts/",))
    assert changes(report) == [("added", "b.md")]
    assert "2 files outside" in report.notes[0]
    assert changes(desk.ingest()) == [("added", "a.txt"), ("added", "drafts/c.md")]
    for name in ("a.txt", "b.md"):
        (desk.folder / name).unlink()
    report = desk.ingest(include=("*.md",))
    assert changes(report) == [("removed", "b.md")]
    assert sorted(desk.held()) == ["a.txt", "drafts/c.md"]


# --------------------------------------------------------------------- runs


def test_a_run_that_is_stopped_keeps_what_was_committed(desk: Desk) -> None:
    for number in range(20):
        desk.write(f"{number:02}.txt", f"text {number}")
    stop = threading.Event()

    def watch(progress: IngestProgress) -> None:
        if progress.documents == 3:
            stop.set()

    report = desk.ingest(progress=watch, stop=stop)
    assert report.interrupted
    assert report.exit_code == 130
    assert 3 <= len(desk.held()) < 20
    assert len(report.changes) == len(desk.held())
    assert len(desk.ingest().changes) == 20 - len(report.changes)


def test_a_run_that_is_stopped_at_once_writes_nothing(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    stop = threading.Event()
    stop.set()
    report = desk.ingest(stop=stop)
    assert (report.interrupted, report.changes, desk.kb.writers) == (True, (), 0)


def test_a_run_that_breaks_keeps_what_was_committed(desk: Desk) -> None:
    for number in range(6):
        desk.write(f"{number}.txt", f"text {number}")
    desk.kb.fail_at = 2
    with pytest.raises(RuntimeError):
        desk.ingest()
    assert sorted(desk.held()) == ["0.txt", "1.txt"]
    desk.kb.fail_at = -1
    report = desk.ingest()
    assert (len(report.changes), report.unchanged) == (4, 2)


def test_the_plan_is_made_again_when_another_run_was_faster(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.write("b.txt", "beta")

    def other() -> None:
        desk.kb.before_lock = lambda: None
        desk.ingest(desk.folder / "a.txt")

    desk.kb.before_lock = other
    assert changes(desk.ingest()) == [("added", "b.txt")]
    assert desk.pool.read == ["a.txt", "b.txt"]


def test_a_second_writer_is_refused(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.kb.locked = True
    with pytest.raises(LockedError):
        desk.ingest()
    assert desk.ingest(dry_run=True).count("added") == 1


def test_a_slow_file_delays_no_other(desk: Desk) -> None:
    for name in ("0-slow.txt", "1.txt", "2.txt"):
        desk.write(name, name)
    slow: Future[Document | ExtractionError] = Future()

    class Pool(InlinePool):
        def submit(self, job: Job) -> Future[Document | ExtractionError]:
            if job.name == "0-slow.txt":
                return slow
            return super().submit(job)

    desk.pool = Pool()

    def watch(progress: IngestProgress) -> None:
        if progress.documents == 2 and not slow.done():
            slow.set_result(Document("0-slow.txt", "at last"))

    report = desk.ingest(progress=watch, workers=2)
    assert [change.source for change in report.changes] == ["0-slow.txt", "1.txt", "2.txt"]


def test_progress_counts_files(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.write("b.txt", "FAIL:damaged")
    seen: list[IngestProgress] = []
    desk.ingest(progress=seen.append)
    assert (seen[-1].stage, seen[-1].files, seen[-1].read, seen[-1].failed) == ("read", 2, 2, 1)


def test_the_report_is_json(desk: Desk) -> None:
    desk.write("a.txt", "alpha")
    desk.write("b.txt", "FAIL:damaged")
    desk.write(b"\xff.part", "x")
    shape: Mapping[str, Any] = desk.ingest().as_dict()
    assert shape["documents"] == {
        "added": 1, "changed": 0, "removed": 0, "renamed": 0, "reread": 0, "unchanged": 0, "kept": 0,
    }  # fmt: skip
    assert shape["changes"] == [{"action": "added", "source": "a.txt"}]
    assert shape["failed"][0]["reason"] == "damaged"
    assert shape["skipped_by_reason"] == {"ignored": 1}
    assert shape["skipped"][0]["path"] == "\\xff.part"
    assert set(shape["seconds"]) >= {"walk", "total"}
    assert shape["truncated"] == 0


def test_a_document_that_cannot_be_stored_is_damaged_and_the_others_go_in(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write("a.txt", "Fine.")
    desk.write("b.txt", "UNSTORABLE")
    report = desk.ingest()
    assert desk.held() == {"a.txt": "Fine."}
    assert [(item.path, item.reason) for item in report.failed] == [("b.txt", "damaged")]
    assert report.exit_code == 1
