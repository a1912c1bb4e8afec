"""Every curl example of the documentation, run by curl against a real server."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live_service import WAIT, fill, live_service

ROOT = Path(__file__).parents[3]
PAGES = ("README.md", "docs/service.md", "docs/compatibility.md")
_ADDRESS = re.compile(r"(?:http://)?(?:127\.0\.0\.1|localhost):8000")

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def examples() -> list[str]:
    """Return the curl commands of all shell blocks, lines that are continued joined."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL):
            lines = re.sub(r"\\\n\s*", "", block).splitlines()
            found += [line for line in lines if line.startswith("curl ")]
    return found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    with live_service(folder, api_key="") as address:
        yield address


def test_there_are_examples() -> None:
    assert len(examples()) >= 8


@pytest.mark.parametrize("command", examples())
def test_an_example_works(url: str, command: str, tmp_path: Path) -> None:
    command = command.replace(".pdf", ".md")  # any text will do
    for name in re.findall(r"@([\w./-]+)", command):
        shutil.copy(ROOT / "docs" / "service.md", tmp_path / name)
    told = _ADDRESS.sub(url, command).replace("curl ", "curl --fail-with-body --show-error ", 1)
    done = subprocess.run(told, shell=True, capture_output=True, text=True, cwd=tmp_path, timeout=WAIT, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
    assert "event: error" not in done.stdout
    if "stream" in command:
        assert "[DONE]" in done.stdout or "event: answer" in done.stdout or "event: run" in done.stdout
