"""The walk: stable, complete, never out of the root, never stopped by what it meets."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit import ExtractionError
from ragkit_ingest.scan.ignore_rules import Patterns, names_of
from ragkit_ingest.scan.names import Sources, path_of, source_of
from ragkit_ingest.scan.walk import Found, LeftOut, look, open_file, walk


def make(root: Path, *names: str) -> bytes:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}\n")
    return os.path.realpath(os.fsencode(root))


def found(root: bytes, **options: object) -> list[str]:
    return [os.fsdecode(item.path) for item in walk(root, **options) if isinstance(item, Found)]  # type: ignore[arg-type]


def left_out(root: bytes) -> dict[str, tuple[str, bool]]:
    return {os.fsdecode(item.path): (item.reason, item.folder) for item in walk(root) if isinstance(item, LeftOut)}


@pytest.fixture
def short_tmp(tmp_path: Path) -> Iterator[Path]:
    before = os.open(".", os.O_RDONLY)
    yield tmp_path
    os.fchdir(before)
    os.close(before)


# --------------------------------------------------------------------- order and completeness


def test_files_come_in_the_order_of_the_bytes_of_their_paths(tmp_path: Path) -> None:
    names = ["a-b.txt", "a.txt", "a/c.txt", "a/b/z.txt", "a0.txt", "B.txt", "é.txt", "e.txt", "z/1", "z/10", "z/2"]
    root = make(tmp_path, *names)
    assert found(root) == [os.fsdecode(name) for name in sorted(os.fsencode(name) for name in names)]
    assert found(root) == found(root)


def test_a_scope_is_walked_under_the_ignore_files_on_the_way_to_it(tmp_path: Path) -> None:
    root = make(tmp_path, "a/keep.txt", "a/b/x.txt", "a/b/x.tmp", "c.txt")
    (tmp_path / ".ragkitignore").write_text("*.tmp\n")
    assert found(root, scope=b"a/b") == ["a/b/x.txt"]
    assert found(root, scope=b"a") == ["a/b/x.txt", "a/keep.txt"]


def test_size_and_times_are_those_of_the_file(tmp_path: Path) -> None:
    root = make(tmp_path, "a.txt")
    status = (tmp_path / "a.txt").stat()
    assert list(walk(root)) == [Found(b"a.txt", status.st_size, status.st_mtime_ns, status.st_ctime_ns)]


def test_a_file_whose_path_is_longer_than_the_system_allows_is_found_and_opened(short_tmp: Path) -> None:
    os.chdir(short_tmp)
    for _ in range(300):
        os.mkdir("directory-level")
        os.chdir("directory-level")
    Path("deep.txt").write_text("needle")
    root = os.path.realpath(os.fsencode(short_tmp))
    (item,) = walk(root)
    assert isinstance(item, Found)
    assert len(item.path) > 4096
    descriptor = open_file(root, item.path)
    assert os.read(descriptor, 100) == b"needle"
    os.close(descriptor)


def test_one_folder_is_open_at_a_time_however_deep(short_tmp: Path) -> None:
    os.chdir(short_tmp)
    for _ in range(60):
        os.mkdir("d")
        os.chdir("d")
    Path("x.txt").write_text("x")
    before = len(os.listdir("/proc/self/fd"))
    steps = walk(os.path.realpath(os.fsencode(short_tmp)))
    next(steps)
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert list(steps) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_walk_that_is_given_up_leaves_nothing_open(tmp_path: Path) -> None:
    root = make(tmp_path, "a/b/1.txt", "a/b/2.txt")
    before = len(os.listdir("/proc/self/fd"))
    steps = walk(root)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert len(os.listdir("/proc/self/fd")) == before


# --------------------------------------------------------------------- what it meets


def test_links_are_never_followed(tmp_path: Path) -> None:
    root = make(tmp_path / "root", "real.txt", "folder/x.txt")
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    (tmp_path / "root" / "inner").symlink_to("real.txt")
    (tmp_path / "root" / "outer").symlink_to(outside)
    (tmp_path / "root" / "loop").symlink_to("loop")
    (tmp_path / "root" / "nowhere").symlink_to("no-such-file")
    (tmp_path / "root" / "zero").symlink_to("/dev/zero")
    (tmp_path / "root" / "folder" / "back").symlink_to("..")
    assert found(root) == ["folder/x.txt", "real.txt"]
    assert left_out(root) == {
        "folder/back": ("link", False),
        "inner": ("link", False),
        "loop": ("link", False),
        "nowhere": ("link", False),
        "outer": ("outside_root", False),
        "zero": ("outside_root", False),
    }


def test_a_link_in_the_place_of_a_folder_on_the_way_is_not_followed_when_a_file_is_opened(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", "x.txt")
    root = make(tmp_path / "root", "y.txt")
    (tmp_path / "root" / "folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExtractionError) as caught:
        open_file(root, b"folder/x.txt")
    assert caught.value.reason in ("missing", "link")


def test_pipes_and_sockets_are_left_alone(tmp_path: Path, short_tmp: Path) -> None:
    root = make(tmp_path, "a.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    os.chdir(short_tmp)
    with socket.socket(socket.AF_UNIX) as endpoint:
        endpoint.bind("s.txt")
        assert left_out(root) == {"pipe.txt": ("not_regular", False), "s.txt": ("not_regular", False)}
    with pytest.raises(ExtractionError, match="not_regular"):
        open_file(root, b"pipe.txt")
    assert isinstance(look(root, b"pipe.txt"), LeftOut)


def test_a_folder_without_any_read_bit_is_locked_for_root_too(tmp_path: Path) -> None:
    root = make(tmp_path, "locked/x.txt", "open/y.txt")
    (tmp_path / "locked").chmod(0)
    try:
        assert found(root) == ["open/y.txt"]
        assert left_out(root) == {"locked": ("permission", True)}
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_folders_set_apart_are_not_entered(tmp_path: Path) -> None:
    root = make(tmp_path, "data/x.txt", "other/y.txt", "z.txt")
    identities = {}
    for name, words in (("data", "the data folder"), ("other", "")):
        status = (tmp_path / name).stat()
        identities[status.st_dev, status.st_ino] = words
    items = list(walk(root, apart=identities))
    assert items[0] == LeftOut(b"data", "ignored", "the data folder")
    assert [item.path for item in items[1:]] == [b"z.txt"]


def test_a_folder_that_is_moved_during_the_walk_is_reported_and_the_walk_goes_on(tmp_path: Path) -> None:
    root = make(tmp_path / "root", "a/b/1.txt", "a/z.txt", "c.txt")
    (tmp_path / "away").mkdir()
    seen: list[Found | LeftOut] = []
    for item in walk(root):
        seen.append(item)
        if item.path == b"a/b/1.txt":
            (tmp_path / "root" / "a" / "b").rename(tmp_path / "away" / "b")
    assert [item.path for item in seen] == [b"a/b/1.txt", b"a/z.txt", b"c.txt"]


def test_a_folder_that_vanishes_with_the_walk_inside_it_is_unknown_not_gone(tmp_path: Path) -> None:
    root = make(tmp_path / "root", "a/b/1.txt", "a/z.txt", "c.txt")
    seen: list[Found | LeftOut] = []
    for item in walk(root):
        seen.append(item)
        if item.path == b"a/b/1.txt":
            (tmp_path / "root" / "a").rename(tmp_path / "gone")
    lost = [item for item in seen if isinstance(item, LeftOut)]
    assert all(item.folder for item in lost)
    assert [item.path for item in seen if isinstance(item, Found)][-1] == b"c.txt"


# --------------------------------------------------------------------- ignore rules


def test_what_nobody_wants_is_ignored_and_counted(tmp_path: Path) -> None:
    junk = [".git/config", "~$lock.docx", ".DS_Store", "Thumbs.db", "desktop.ini", "x.pdf.part", ".x.swp", "x~", ".env"]
    junk += ["node_modules/m.js", "__pycache__/m.pyc", ".venv/lib.py", "#x#", ".#x", "x.crdownload"]
    root = make(tmp_path, "good.txt", "sub/good.md", "....txt", "..%2fetc.txt", *junk)
    assert found(root) == ["..%2fetc.txt", "....txt", "good.txt", "sub/good.md"]
    assert set(left_out(root).values()) == {("ignored", False)}
    assert len(left_out(root)) == len(junk)


def test_an_ignore_file_speaks_gitignore(tmp_path: Path) -> None:
    root = make(
        tmp_path, "a.log", "keep.log", "build/x.txt", "sub/build/y.txt", "doc/draft/1.md", "doc/x/draft/2.md", ".note",
        "sub/only/here.txt", "only/there.txt",
    )  # fmt: skip
    (tmp_path / ".ragkitignore").write_text("# comment\n\n*.log\n!keep.log\n/build/\ndoc/**/draft\n!.note\n")
    (tmp_path / "sub" / ".ragkitignore").write_text("/only\n")
    assert found(root) == [".note", "keep.log", "only/there.txt", "sub/build/y.txt"]
    assert left_out(root)["doc/draft"] == ("ignored", False)


@pytest.mark.parametrize(
    ("pattern", "path", "folder", "hit"),
    [
        ("*.txt", "a/b.txt", False, True),
        ("/*.txt", "a/b.txt", False, False),
        ("a/*.txt", "a/b.txt", False, True),
        ("a/*.txt", "a/b/c.txt", False, False),
        ("a/**", "a/b/c.txt", False, True),
        ("a/**", "a", True, False),
        ("**/c.txt", "a/b/c.txt", False, True),
        ("**/c.txt", "c.txt", False, True),
        ("a/**/c.txt", "a/c.txt", False, True),
        ("x/", "x", False, False),
        ("x/", "x", True, True),
        ("[!a]x", "bx", False, True),
        ("[^a]x", "ax", False, False),
        ("\\#x", "#x", False, True),
        ("\\!x", "!x", False, True),
        ("caf\udce9", "caf\udce9", False, True),
    ],
)
def test_patterns(pattern: str, path: str, folder: bool, hit: bool) -> None:
    names = path.split("/")
    assert (Patterns([pattern]).decide(names, folder=folder) is not None) is hit


def test_a_hostile_pattern_takes_linear_time() -> None:
    pattern = Patterns(["*a" * 60 + "b", "**/" * 60 + "x"])
    assert pattern.decide(["a" * 250], folder=False) is None
    assert pattern.decide(["a"] * 300, folder=False) is None


def test_an_ignore_file_that_is_a_link_or_huge_is_not_read(tmp_path: Path) -> None:
    root = make(tmp_path / "root", "a.txt")
    (tmp_path / "rules").write_text("*\n")
    (tmp_path / "root" / ".ragkitignore").symlink_to(tmp_path / "rules")
    assert found(root) == ["a.txt"]


def test_names_for_matching_keep_bytes_that_are_not_utf8() -> None:
    assert names_of(b"a/caf\xe9") == ("a", "caf\udce9")


# --------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (b"plain.txt", "plain.txt"),
        ("odd/caf\u00e9.txt".encode(), "odd/caf\u00e9.txt"),
        ("odd/cafe\u0301.txt".encode(), "odd/cafe\u0301.txt"),
        (b"odd/line\nbreak\ttab.txt", "odd/line\nbreak\ttab.txt"),
        (b"odd/..\\..\\windows.txt", "odd/..\\..\\windows.txt"),
        (b"odd/caf\xe9-\xff.txt", "odd/caf\\xe9-\\xff.txt"),
        (b"odd/a\\b-\xff.txt", "odd/a\\\\b-\\xff.txt"),
        (b"odd/caf\\xe9-\\xff.txt", "odd/caf\\\\xe9-\\\\xff.txt"),
        (b"..%2f..%2fetc", "..%2f..%2fetc"),
    ],
)
def test_a_source_is_the_name_as_it_is_or_a_reversible_escape(path: bytes, source: str) -> None:
    assert source_of(path) == source
    assert path_of(source) == path


TRICKY = st.lists(
    st.sampled_from([b"\\", b"x", b"e9", b"\xe9", b"\\xe9", b"\xc3\xa9", b"a", b"/", b"\\\\", b"\xff", b"\n"]),
    max_size=8,
).map(b"".join)


@given(TRICKY | st.binary(max_size=30))
def test_every_path_comes_back_from_its_source(path: bytes) -> None:
    source = source_of(path)
    source.encode("utf-8")
    assert path_of(source) == path


@given(TRICKY, TRICKY)
def test_two_paths_never_share_a_source(one: bytes, two: bytes) -> None:
    assert (source_of(one) == source_of(two)) is (one == two)


def test_a_taken_source_gets_the_names_of_folders_in_front() -> None:
    sources = Sources(["x.md"])
    assert sources.claim(b"/home/docs", b"y.md") == "y.md"
    assert sources.claim(b"/home/docs", b"x.md") == "docs/x.md"
    assert sources.claim(b"/home/docs", b"x.md") == "home/docs/x.md"
    assert sources.claim(b"/home/docs", b"x.md") == "home/docs/2/x.md"
    assert "home/docs/x.md" in sources


WITHOUT_POWERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
WALK = """
import os, sys
from ragkit_ingest.scan.walk import walk
for item in walk(os.fsencode(sys.argv[1])):
    print(item.path.decode(), getattr(item, "reason", "found"), getattr(item, "folder", ""))
"""


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may read everything")
@pytest.mark.parametrize(
    ("mode", "lines"),
    [
        (0o000, ["a.txt found ", "locked permission True", "z.txt found "]),
        (0o300, ["a.txt found ", "locked permission True", "z.txt found "]),
        (0o400, ["a.txt found ", "locked/x.txt permission False", "z.txt found "]),
    ],
)
def test_what_the_kernel_forbids_is_reported_and_the_walk_goes_on(tmp_path: Path, mode: int, lines: list[str]) -> None:
    root = make(tmp_path, "a.txt", "locked/x.txt", "z.txt")
    path = os.pathsep.join(str(Path(__file__).parents[2] / part) for part in (".", "ingest"))
    command = [*(WITHOUT_POWERS if os.geteuid() == 0 else []), sys.executable, "-c", WALK, os.fsdecode(root)]
    (tmp_path / "locked").chmod(mode)
    try:
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True, timeout=300
        )
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert done.stdout.splitlines() == lines
