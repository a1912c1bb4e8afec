"""The tests that the documentation names as proofs are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import LONG

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(?:tests/)?((?:[a-z_]+/)+test_\w+\.py)(?:::(test_\w+))?`")


def named() -> list[tuple[str, str, str]]:
    """Return page, file and function of every test that a page names with its folder."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return sorted({(page.name, *found) for page in pages for found in _NAMED.findall(page.read_text(encoding="utf-8"))})


def test_the_pages_of_proofs_name_tests() -> None:
    assert {"reliability.md", "compatibility.md"} <= {page for page, _, _ in named()}


def test_the_files_that_are_begun_first_exist() -> None:
    files = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(LONG) <= files
    assert len(set(LONG)) == len(LONG)


@pytest.mark.parametrize(("page", "file", "function"), named(), ids=str)
def test_a_named_test_exists(page: str, file: str, function: str) -> None:
    path = ROOT / "tests" / file
    assert path.is_file(), page
    assert not function or re.search(rf"^(async )?def {function}\(", path.read_text(encoding="utf-8"), re.MULTILINE)
