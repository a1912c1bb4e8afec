"""Packages with entry points that a user could have installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, group: str, *, points: dict[str, str], code: str) -> None:
    """Put a package `more-models` with some entry points and the module `more_models` on the path of this process."""
    folder.mkdir(exist_ok=True)
    (folder / "more_models.py").write_text(code, encoding="utf-8")
    info = folder / "more_models-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: more-models\nVersion: 1.0\n", encoding="utf-8")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "more_models", raising=False)
