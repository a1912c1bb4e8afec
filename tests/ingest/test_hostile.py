"""The hostile set, 129 files that have broken ingesters: every one right, as root and as another user."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from site import getsitepackages as site_packages

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
MAKE = SHARED / "hostile" / "make_hostile.py"
CHECK = SHARED / "hostile" / "check_hostile.py"
READER = "from ragkit_ingest.cli.extract import extract; extract(prog_name='ragkit extract')"
IMPORTED = (
    (ROOT / "tests" / "support" / "reader_imports.py").read_text(encoding="utf-8")
    + """
import sys

print(*(found.__file__ for found in list(sys.modules.values()) if getattr(found, "__file__", None)), sep="\\n")
"""
)
NOBODY = 65534
ABOUT_USERS = ("fs_", "name_")  # the cases in which it matters whose the files are
GROUPS = ("pdf_", "txt_", "docx_", "fs_", "name_", "html_", "md_", "json_", "csv_", "elf_", "ole_")

pytestmark = pytest.mark.skipif(not MAKE.exists(), reason="needs the hostile set in ../shared")


@pytest.fixture(scope="module")
def hostile() -> Iterator[Path]:
    """The set, in a folder of its own: pytest closes its folders to other users whenever it starts."""
    place = Path(tempfile.mkdtemp(prefix="ragkit-hostile-"))
    place.chmod(0o755)
    folder = place / "set"
    subprocess.run([sys.executable, MAKE, "make", folder, "--small"], check=True, stdout=subprocess.DEVNULL)
    shutil.copyfile(CHECK, folder.with_name(CHECK.name))
    yield folder
    subprocess.run([sys.executable, MAKE, "clean", folder], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(place)


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter, its environment, and the user that it runs as (None: whose tests these are)."""

    executable: str = sys.executable
    paths: tuple[Path, ...] = (ROOT, ROOT / "ingest")
    user: int | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.executable, "-B", *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, self.paths)), **self.more},
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )


def check(folder: Path, group: str, python: Python) -> list[str]:
    """Return the lines of the checker for a group of cases; they begin with "ok" or "BAD"."""
    command = shlex.join([python.executable, "-B", "-c", READER]) + " {path}"
    result = python.run(folder.with_name(CHECK.name), folder, "--reader", command, "--only", group)
    return [line for line in result.stdout.splitlines() if line.startswith(("ok ", "BAD "))]


def copied(place: Path) -> Python:
    """Copy this interpreter, what the readers import, and ragkit to where every user may read."""
    found = Python().run("-c", IMPORTED).stdout.split("\n")
    stdlib = Path(sysconfig.get_path("stdlib"))
    site = [Path(path) for path in (*site_packages(), *sys.path) if path.endswith("-packages")]
    left_out = shutil.ignore_patterns("site-packages", "test", "tests", "idlelib")
    shutil.copytree(stdlib, place / "lib" / stdlib.name, ignore=left_out)
    for library in Path(sysconfig.get_config_var("LIBDIR")).glob("libpython*.so*"):
        shutil.copy(library, place / "lib" / library.name)
    (place / "bin").mkdir()
    (place / "packages").mkdir()
    shutil.copy(os.path.realpath(sys.executable), place / "bin" / "python")
    for folder in dict.fromkeys(site):
        names = {path.relative_to(folder).parts[0] for path in map(Path, found) if path.is_relative_to(folder)}
        libraries = {path.name for path in folder.glob("*.libs")}
        for name in names | libraries:
            whole = shutil.copytree if (folder / name).is_dir() else shutil.copy
            whole(folder / name, place / "packages" / name)  # type: ignore[operator]
    for package in (ROOT / "ragkit", ROOT / "ingest" / "ragkit_ingest"):
        shutil.copytree(package, place / "packages" / package.name)
    more = {"PYTHONHOME": str(place), "LD_LIBRARY_PATH": str(place / "lib")}
    return Python(str(place / "bin" / "python"), (place / "packages",), NOBODY, more)


@pytest.fixture(scope="module")
def other(hostile: Path) -> Python:
    """A Python of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    hostile.chmod(0o755)
    direct = Python(user=NOBODY)
    with suppress(PermissionError):
        if direct.run("-c", READER.replace("extract(", "str(")).returncode == 0:
            return direct
    return copied(hostile.with_name("python"))


def test_every_case_is_right(hostile: Path) -> None:
    assert every_case_is_right(hostile, Python(), GROUPS) == 129


@pytest.mark.parametrize(
    ("groups", "cases"), [(ABOUT_USERS, 33), pytest.param(GROUPS, 129, marks=pytest.mark.slow)], ids=["users", "all"]
)
def test_every_case_is_right_for_another_user_too(
    hostile: Path, other: Python, groups: tuple[str, ...], cases: int
) -> None:
    assert other.run("-c", "import os; print(os.getuid(), os.geteuid())").stdout.split() == [str(NOBODY)] * 2
    assert every_case_is_right(hostile, other, groups) == cases


def every_case_is_right(hostile: Path, python: Python, groups: tuple[str, ...]) -> int:
    """Check the cases of some groups, and return how many there are."""
    with ThreadPoolExecutor(2) as threads:
        lines = [line for found in threads.map(lambda group: check(hostile, group, python), groups) for line in found]
    assert [line for line in lines if line.startswith("BAD")] == []
    return len(lines)
