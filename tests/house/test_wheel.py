"""The wheel holds what it should and nothing else, and works where there is no checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import ragkit

ROOT = Path(__file__).parents[2]
SOURCES = {"ragkit": ROOT / "ragkit", "ragkit_ingest": ROOT / "ingest", "ragkit_service": ROOT / "service"}
STATIC = ROOT / "service" / "ragkit_service" / "static"
DATA_FILES = {
    *(f"ragkit/text/encodings/{name}" for name in ("cl100k_base.xz", "o200k_base.xz", "p50k_base.xz", "NOTICE.txt")),
    "ragkit/advice/prices.toml",
    "ragkit/retrieval/vocabulary/accounting.txt",
    *(f"ragkit/prompting/library/{name}.jinja" for name in ("default", "short", "steps")),
    *(f"ragkit/chains/library/{name}" for name in ("support.yaml", "decompose.yaml", "orders.sql", "orders.sqlite")),
    *(f"ragkit_service/static/{path.relative_to(STATIC)}" for path in STATIC.rglob("*") if path.is_file()),
    *(f"{package}/py.typed" for package in SOURCES),
}
SEARCH = """
import sys, ragkit, ragkit_ingest, ragkit_service
from ragkit.testing import HashEmbedder
for module in (ragkit, ragkit_ingest, ragkit_service):
    assert module.__file__.startswith(sys.prefix), module.__file__
with ragkit.open("kb", embedder=HashEmbedder()) as kb:
    report = ragkit_ingest.ingest_folder(kb, "docs")
    assert (report.add.added, report.problems) == (2, ()), report
    print(kb.search("How long is the refund window?")[0].source, kb.prompt("refund window").tokens["total"] > 0)
    print(kb.ask("How long is the refund window?").status)
from pathlib import Path
app = ragkit_service.create_app(ragkit_service.ServiceSettings(data=Path("kb").absolute()))
print(app.title)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (made,) = folder.glob("*.whl")
    return made


def held(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_it_holds_the_three_packages_and_nothing_else(wheel: Path) -> None:
    names = held(wheel)
    info = f"ragkit-{ragkit.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {*SOURCES, info}
    modules = {
        path.relative_to(home if home.name != "ragkit" else ROOT).as_posix()
        for package, home in SOURCES.items()
        for path in (home if home.name == "ragkit" else home / package).rglob("*.py")
    }
    assert names - {name for name in names if name.startswith(info)} == modules | DATA_FILES
    assert f"{info}/licenses/LICENSE" in names


def test_what_it_says_of_itself(wheel: Path) -> None:
    info = f"ragkit-{ragkit.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{info}/METADATA").decode()
        points = archive.read(f"{info}/entry_points.txt").decode()
        licence = archive.read(f"{info}/licenses/LICENSE").decode()
    assert re.search(r"^License-Expression: Apache-2\.0$", metadata, re.MULTILINE)
    assert "Apache License" in licence
    for command in ("ingest", "extract", "serve", "keys"):
        assert re.search(rf"^{command} = ragkit_(ingest|service)", points, re.MULTILINE), points


def installed(folder: Path, wheel: Path, options: Sequence[str], *, borrow: bool) -> Path:
    """Make an environment that holds the wheel; with `borrow`, what it depends on comes from the current one."""
    venv.create(folder, with_pip=not borrow, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)] if borrow else [str(python), "-m", "pip"]
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", *options, str(wheel)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    if borrow:
        (ours,) = (folder / "lib").glob("python*/site-packages")
        theirs = sysconfig.get_paths()["purelib"]  # as a plain entry: the .pth files in it, such as ours, do not count
        (ours / "borrowed.pth").write_text(theirs + "\n")
    return python


def works(python: Path, place: Path) -> None:
    """Use the command and the library in a folder that has no checkout near it."""
    docs = place / "docs"
    docs.mkdir(parents=True)
    (docs / "refunds.md").write_text("# Refunds\n\nThe refund window is thirty days after delivery.\n")
    (docs / "prices.csv").write_text("plan,price\nStarter,19 EUR\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("RAGKIT_", "PYTHON"))}

    def run(*command: str) -> str:
        result = subprocess.run(
            command, cwd=place, env=environ, capture_output=True, text=True, check=False, timeout=300
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    command = str(python.parent / "ragkit")
    text = run(command, "--help")
    for name in ("ingest", "search", "ask", "serve", "extract", "keys", "backup"):
        assert re.search(rf"^  {name} ", text, re.MULTILINE), text
    assert run(command, "--version") == f"ragkit {ragkit.__version__}\n"
    assert "thirty days" in run(command, "extract", "docs/refunds.md")
    assert run(str(python), "-c", SEARCH).split("\n") == ["refunds.md True", "answered", "ragkit", ""]
    assert json.loads(run(command, "status", "--data", "kb", "--json"))["documents"] == 2


def test_it_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    works(installed(tmp_path / "env", wheel, ["--no-deps"], borrow=True), tmp_path / "place")


@pytest.mark.slow
def test_it_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Everything is downloaded: gigabytes and minutes. Then the real model ingests and answers."""
    python = installed(tmp_path / "env", wheel, ["--constraint", str(ROOT / "constraints.txt")], borrow=False)
    works(python, tmp_path / "place")
    command = [str(python.parent / "ragkit"), "ingest", "docs", "--data", "real", "--json"]
    result = subprocess.run(command, cwd=tmp_path / "place", capture_output=True, text=True, check=True)
    report = json.loads(result.stdout)
    assert (report["failed"], report["truncated"], report["documents"]["added"]) == ([], 0, 2)
    command = [str(python.parent / "ragkit"), "search", "refund window", "--data", "real", "--json"]
    result = subprocess.run(command, cwd=tmp_path / "place", capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["hits"][0]["source"] == "refunds.md"
