"""Any sequence of edits, and the collection holds what the folder holds; a dry run tells it beforehand."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ingest.test_sync import Desk, changes

NAMES = ["a.txt", "b.txt", "sub/a.txt", "sub/deep/b.txt", "c.md", "caf\udce9.txt"]
TEXTS = ["alpha", "beta!", "gamma", "alpha", "FAIL:damaged", "FAIL:binary", "FAIL:too_slow", "longer than the others"]
STEP = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(TEXTS)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("touch"), st.sampled_from(NAMES), st.sampled_from(["1", "7"])),
    st.tuples(st.just("lock"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("move root"), st.just(""), st.just("")),
    st.tuples(st.just("ingest"), st.just(""), st.just("")),
)


def apply(desk: Desk, step: tuple[str, str, str], number: int) -> None:
    verb, name, other = step
    path = desk.folder / name
    if verb == "write":
        if path.exists():
            path.chmod(0o600)
        desk.write(os.fsencode(name), other)
    elif verb == "move root":
        desk.folder = desk.folder.rename(desk.folder.with_name(f"docs{number}"))
    elif verb != "ingest" and path.exists():
        if verb == "delete":
            path.unlink()
        elif verb == "rename":
            (desk.folder / other).parent.mkdir(parents=True, exist_ok=True)
            path.rename(desk.folder / other)
        elif verb == "touch":
            os.utime(path, ns=(int(other), int(other)))
        else:
            path.chmod(0)


def on_disk(desk: Desk) -> dict[str, str | None]:
    """Return the text of every file by source, None for one that gives no document."""
    found: dict[str, str | None] = {}
    for path in desk.folder.rglob("*"):
        if path.is_file():
            good = path.stat().st_mode & 0o444 and not path.read_text().startswith("FAIL:")
            source = os.fsencode(path.relative_to(desk.folder)).decode("utf-8", "backslashreplace")
            found[source] = path.read_text() if good else None
    return found


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, max_size=14), st.booleans())
def test_the_collection_follows_the_folder(steps: list[tuple[str, str, str]], settled: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(os.path.realpath(folder)))
        desk.settled = settled
        for number in range(2 * len(NAMES)):
            desk.write(f"same/{number}.txt", "these stay")  # so that a moved folder is always recognised
        expected: dict[str, str] = {}
        for number, step in enumerate([*steps, ("ingest", "", "")]):
            apply(desk, step, number)
            if step[0] != "ingest":
                continue
            foretold = desk.ingest(dry_run=True)
            report = desk.ingest()
            # What an older version of a bad file means depends on where it lay; files that are good decide alone.
            files = on_disk(desk)
            held = desk.held()
            for source, text in files.items():
                if text is not None:
                    assert held[source] == text
                elif source in held:
                    assert held[source] == expected.get(source)
            assert set(held) <= set(files)
            assert {item for item in changes(report) if item[0] != "changed"} <= set(changes(foretold))
            done = {source for _, source in changes(report)}
            assert done <= {source for _, source in changes(foretold)}
            failed = {problem.path for problem in report.problems}
            assert {source for _, source in changes(foretold)} - done <= failed | set(held)
            expected = held
            again = desk.ingest()
            assert (again.changes, desk.held()) == ((), held)
