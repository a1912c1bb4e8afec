"""The hostile set, 129 files that have broken ingesters: every one right, as root and as another user."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
MAKE = SHARED / "hostile" / "make_hostile.py"
CHECK = SHARED / "hostile" / "check_hostile.py"
READER = "from ragkit_ingest.cli_extract import extract; extract(prog_name='ragkit extract')"
GROUPS = ("pdf_", "txt_", "docx_", "fs_", "name_", "html_", "md_", "json_", "csv_", "elf_", "ole_")

pytestmark = pytest.mark.skipif(not MAKE.exists(), reason="needs the hostile set in ../shared")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("hostile") / "set"
    subprocess.run([sys.executable, MAKE, "make", folder, "--small"], check=True, stdout=subprocess.DEVNULL)
    yield folder
    subprocess.run([sys.executable, MAKE, "clean", folder], check=True, stdout=subprocess.DEVNULL)


def check(folder: Path, group: str, before: tuple[str, ...] = ()) -> list[str]:
    """Return the lines of the checker for a group of cases; they begin with "ok" or "BAD"."""
    command = shlex.join([sys.executable, "-B", "-c", READER]) + " {path}"
    result = subprocess.run(
        [*before, sys.executable, "-B", CHECK, folder, "--reader", command, "--only", group],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "ingest")])},
    )
    return [line for line in result.stdout.splitlines() if line.startswith(("ok ", "BAD "))]


def test_every_case_is_right(hostile: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        lines = [line for found in threads.map(lambda group: check(hostile, group), GROUPS) for line in found]
    assert [line for line in lines if line.startswith("BAD")] == []
    assert len(lines) == 129


def test_the_file_system_cases_are_right_for_another_user_too(hostile: Path) -> None:
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip("needs root and setpriv to become another user")
    other = (setpriv, "--reuid=65534", "--regid=65534", "--clear-groups")
    for folder in (hostile, *hostile.parents[:3]):
        folder.chmod(0o755)
    if not check(hostile, "txt_zero", other):
        pytest.skip("another user cannot run this Python")
    lines = check(hostile, "fs_", other)
    assert [line for line in lines if line.startswith("BAD")] == []
    assert len(lines) > 10
