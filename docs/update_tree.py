"""Rewrite the table of packages in docs/architecture.md from their docstrings: python docs/update_tree.py."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
TOP = ("ragkit", "ingest/ragkit_ingest", "service/ragkit_service")
_PART = re.compile(r"(<!-- tree -->\n).*?(<!-- end of tree -->)", re.DOTALL)


def packages() -> Iterator[tuple[str, str]]:
    """Yield (folder, first sentence of its docstring) of every package, in the order of the folders."""
    for top in TOP:
        for file in sorted((ROOT / top).rglob("__init__.py"), key=lambda path: path.parent.parts):
            meaning = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
            if meaning is None:
                raise SystemExit(f"{file.relative_to(ROOT)}: no docstring; say in one sentence what it holds")
            yield file.parent.relative_to(ROOT).as_posix(), " ".join(meaning.partition("\n\n")[0].split())


def updated(text: str) -> str:
    """Return the page with the table as the packages are now."""
    if not _PART.search(text):
        raise SystemExit("docs/architecture.md has no part <!-- tree -->")
    rows = [f"| `{folder}/` | {meaning} |" for folder, meaning in packages()]
    table = "\n".join(["| package | what it holds |", "| --- | --- |", *rows])
    return _PART.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
