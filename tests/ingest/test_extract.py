"""Opening and reading one file: what is no plain file never gets in, one version or none, and the command's answers."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ragkit import ExtractionError
from ragkit_ingest import EXTRACTOR_VERSION, ReadLimits, extract_file
from ragkit_ingest.cli.extract import extract
from ragkit_ingest.scan.opening import open_path
from ragkit_ingest.scan.stable_read import _QUIET_SECONDS, read_stable

MIB = 1 << 20


def refusal(path: Path | bytes) -> str:
    with pytest.raises(ExtractionError) as caught:
        os.close(open_path(path, max_size=MIB))
    return caught.value.reason


def run(*arguments: str) -> Result:
    return CliRunner().invoke(extract, list(arguments))


# --------------------------------------------------------------------- opening


def test_only_regular_files_of_a_sane_size_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as endpoint:
        before = os.open(".", os.O_RDONLY)
        os.chdir(tmp_path)
        endpoint.bind("socket.txt")
        os.fchdir(before)
        os.close(before)
    with (tmp_path / "sparse.txt").open("wb") as file:
        file.truncate(64 << 30)
    assert refusal(tmp_path / "pipe.txt") == "not_regular"
    assert refusal(tmp_path / "socket.txt") == "not_regular"
    assert refusal(tmp_path) == "not_regular"
    assert refusal(tmp_path / "sparse.txt") == "too_big"
    assert refusal(tmp_path / "none.txt") == "missing"
    assert refusal(tmp_path / ("n" * 300)) == "path_too_long"
    assert refusal(b"a\0b") == "missing"


def test_no_link_is_followed_and_each_is_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "file.txt").write_text("in")
    (tmp_path / "outside.txt").write_text("out")
    for name, target in {
        "inside": "file.txt",
        "outside": "../outside.txt",
        "dangling": "nothing",
        "loop": "loop",
        "device": "/dev/zero",
        "folder": "..",
    }.items():
        (folder / name).symlink_to(target)
    assert {name: refusal(folder / name) for name in ("inside", "outside", "dangling", "loop", "device", "folder")} == {
        "inside": "link",
        "outside": "outside_root",
        "dangling": "link",
        "loop": "link",
        "device": "not_regular",
        "folder": "link",
    }


def test_a_mode_that_lets_nobody_in_holds_for_root_too(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "inside.txt").write_text("x")
    (tmp_path / "unreadable.txt").write_text("x")
    (tmp_path / "unreadable.txt").chmod(0)
    locked.chmod(0)
    try:
        assert refusal(tmp_path / "unreadable.txt") == "permission"
        assert refusal(locked / "inside.txt") == "permission"
    finally:
        locked.chmod(0o700)


# --------------------------------------------------------------------- one version


def version(word: str) -> bytes:
    body = f"{word} ".encode() * 20_000
    return body + hashlib.sha256(body).hexdigest().encode()


def in_place(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)


def in_pieces(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        for start in range(0, len(data), 10_000):
            file.write(data[start : start + 10_000])
            file.flush()


def by_rename(path: Path, data: bytes) -> None:
    other = path.with_name("new")
    other.write_bytes(data)
    other.replace(path)


@pytest.mark.parametrize("change", [in_place, in_pieces, by_rename])
def test_a_file_that_changes_is_read_whole_or_not_at_all(tmp_path: Path, change: Callable[[Path, bytes], None]) -> None:
    path = tmp_path / "changing.txt"
    states = [version("onlya"), version("onlyb")]
    path.write_bytes(states[0])
    stop = threading.Event()
    pauses: list[tuple[float, float]] = []  # what lies between two versions was there for longer than is promised

    def mutate() -> None:
        turn = 0
        while not stop.is_set():
            began = time.monotonic()
            change(path, states[turn % 2])
            ended = time.monotonic()
            if ended - began >= _QUIET_SECONDS:
                pauses.append((began, ended))
            turn += 1

    writer = threading.Thread(target=mutate)
    writer.start()
    outcomes: set[str] = set()
    torn: list[tuple[float, float]] = []
    try:
        for _ in range(8):
            descriptor = os.open(path, os.O_RDONLY)
            began = time.monotonic()
            try:
                content = read_stable(descriptor, max_size=MIB)
                outcomes.add("whole")
                if content.data not in states:
                    torn.append((began, time.monotonic()))
                assert content.sha256 == hashlib.sha256(content.data).hexdigest()
            except ExtractionError as error:
                outcomes.add(error.reason)
            finally:
                os.close(descriptor)
    finally:
        stop.set()
        writer.join()
    assert outcomes <= {"whole", "changed_while_reading", "empty_file"}
    for began, ended in torn:  # a busy machine may hold the writer up within a change, for longer than a reader waits
        assert any(first < ended and last > began for first, last in pauses)


def test_a_file_that_grows_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 100)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with pytest.raises(ExtractionError, match="too_big"):
            read_stable(descriptor, max_size=50)
        path.write_bytes(b"")
        with pytest.raises(ExtractionError, match="empty_file"):
            read_stable(descriptor, max_size=50)
    finally:
        os.close(descriptor)


# --------------------------------------------------------------------- extract_file and the command


def test_a_file_becomes_a_document(tmp_path: Path) -> None:
    path = tmp_path / "price_list.md"
    path.write_text("# Prices\n\nAll in euros.\n")
    document = extract_file(path)
    assert (document.source, document.title, document.media_type) == ("price_list.md", "Prices", "text/markdown")
    assert document.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert extract_file(path, source="docs/p.md").source == "docs/p.md"
    with pytest.raises(ExtractionError, match="too_big"):
        extract_file(path, limits=ReadLimits(max_size=5))
    assert EXTRACTOR_VERSION


def test_a_name_that_is_not_utf8_makes_a_source_that_is_text(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9-\xff.txt"
    with open(path, "wb") as file:
        file.write(b"some text")
    assert extract_file(path).source == r"caf\xe9-\xff.txt"


def test_the_command_prints_text_and_tells_failures_from_skips(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("Grüße\n")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "empty.txt").write_bytes(b"")
    good = run(str(tmp_path / "good.txt"))
    assert (good.exit_code, good.stdout) == (0, "Grüße\n")
    bad = run(str(tmp_path / "bad.pdf"))
    assert (bad.exit_code, bad.stdout) == (3, "")
    assert bad.stderr.count("\n") == 1
    assert "damaged" in bad.stderr
    empty = run(str(tmp_path / "empty.txt"))
    assert empty.exit_code == 4
    assert "empty_file" in empty.stderr
    assert run(str(tmp_path / "none.txt")).exit_code == 3


def test_the_command_tells_losses_and_prints_json(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Größe und Maße, das ist ein Text. ".encode("latin-1") * 5)
    result = run(str(path), "--json")
    shape = json.loads(result.stdout)
    assert shape["text"].startswith("Größe")
    assert shape["warnings"] == ["not UTF-8, encoding guessed: windows-1252"]
    assert "guess" in result.stderr


def test_the_command_reads_a_folder_as_ingest_would(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("JUNK")
    (tmp_path / "b.txt").write_text("second")
    (tmp_path / "a.md").write_text("# first")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "\x1b[31m.txt").write_text("third")
    result = run(str(tmp_path))
    assert result.exit_code == 0
    assert sorted(result.stdout.split()) == ["first", "second", "third"]
    assert "JUNK" not in result.stdout
    assert "empty.txt: empty_file" in result.stderr
    lines = [json.loads(line) for line in run(str(tmp_path), "--json").stdout.splitlines()]
    assert [line["source"] for line in lines] == ["\x1b[31m.txt", "a.md", "b.txt"]
    for name in ("b.txt", "a.md", "\x1b[31m.txt"):
        (tmp_path / name).unlink()
    assert run(str(tmp_path)).exit_code == 4
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7\n")
    assert run(str(tmp_path)).exit_code == 3
