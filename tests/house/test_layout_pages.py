"""The pages on the layout tell the truth: every path that they name exists, and they name every package."""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("docs/architecture.md", "CONTRIBUTING.md", "AGENTS.md")
BASES = tuple(
    ROOT / name
    for name in (".", "ragkit", "ingest", "service", "ingest/ragkit_ingest", "service/ragkit_service", "docs")
)
ANYWHERE = ("base.py", "ragkit.toml")
"""Names without a folder: the module of a seam's protocols in any package, and the service's file of settings."""
_PATH = re.compile(r"(?:[\w.*-]+/)*[\w.*-]+\.(?:py|md|toml|txt|jinja|yaml)|(?:[\w.*-]+/)+")


def named(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each path in backticks, with those before it in its row, list item or paragraph."""
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-|]|\d+\.) ?)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        before: list[str] = []
        for path in re.findall(r"`([^`\n]+)`", block):
            if _PATH.fullmatch(path) and path not in ANYWHERE:
                yield path, list(before)
                before.append(path)


def stands(path: str, before: list[str]) -> bool:
    """Return whether a path exists below a base, or in a folder that was named before it in its block."""
    folders = [place for name in before for base in BASES for place in base.glob(name.rstrip("/"))]
    places = [*BASES, *(folder if folder.is_dir() else folder.parent for folder in folders)]
    wanted = path.rstrip("/").replace("NAME.py", "__init__.py")
    return any(found.is_dir() or not path.endswith("/") for place in places for found in place.glob(wanted))


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    found = list(named((ROOT / page).read_text(encoding="utf-8")))
    assert len(found) > 10
    assert [path for path, before in found if not stands(path, before)] == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`ragkit/chat/base.py` and `loading.py`", []),
        ("`ragkit/chat/base.py` and `leading.py`", ["leading.py"]),
        ("`ragkit/chat/` is one.\n\n`loading.py` is named in another paragraph", ["loading.py"]),
        ("| `ragkit/retrieval/vocabulary/*.txt` | `ragkit/retrieval/vocabulary/*.csv` |", []),
        ("- `ragkit/citations/`\n- `prose/`", ["prose/"]),
        ("- `ragkit/citations/checker.py/`", ["ragkit/citations/checker.py/"]),
    ],
)
def test_a_path_that_does_not_exist_is_found(text: str, missing: list[str]) -> None:
    assert [path for path, before in named(text) if not stands(path, before)] == missing


def test_the_table_of_packages_is_current() -> None:
    page = (ROOT / PAGES[0]).read_text(encoding="utf-8")
    assert runpy.run_path(str(ROOT / "docs" / "update_tree.py"))["updated"](page) == page, (
        "run: python docs/update_tree.py"
    )


def test_the_table_of_storeys_is_the_contract_of_import_linter() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(each["layers"] for each in contracts if each.get("containers") == ["ragkit"])
    table = (ROOT / PAGES[0]).read_text(encoding="utf-8").partition("| storey |")[2].partition("\n\n")[0]
    shown = [set(re.findall(r"`(\w+)`", row)) for row in table.splitlines()[2:]]
    assert shown == [set(layer.split(" | ")) for layer in layers]


@pytest.mark.parametrize("page", ["docs/architecture.md", "AGENTS.md"])
def test_a_page_names_every_package_of_the_library(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    names = sorted(path.parent.name for path in (ROOT / "ragkit").glob("*/__init__.py"))
    assert [name for name in names if not re.search(rf"`(?:ragkit/)?{name}/?`", text)] == []
