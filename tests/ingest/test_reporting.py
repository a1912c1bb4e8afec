"""What is left out is reported: files by a built-in rule, losses inside files, and the forecast of a dry run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestReport, Warned, ingest_folder
from ragkit_ingest.report import kind_of
from ragkit_ingest.scan.walk import Found, LeftOut, walk


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("package-lock.json", "a lock file"),
        ("sub/Cargo.lock", "a lock file"),
        ("poetry.lock", "a lock file"),
        ("app.min.js", "minified"),
        ("app.css.map", "a source map"),
        ("orders_pb2.py", "generated"),
        ("logo.svg", "a drawing"),
        ("Inter.woff2", "a font"),
    ],
)
def test_what_no_person_wrote_is_ignored_with_a_reason(name: str, kind: str, tmp_path: Path) -> None:
    write(tmp_path, {name: b"x", "lock.md": b"x", "minutes.md": b"x"})
    items = list(walk(os.fsencode(tmp_path)))
    (left,) = [item for item in items if isinstance(item, LeftOut)]
    assert (left.path.decode(), left.reason) == (name, "ignored")
    assert left.detail.startswith(f"ignored by default: {kind} (")
    assert [item.path for item in items if isinstance(item, Found)] == [b"lock.md", b"minutes.md"]


def test_an_ignore_file_takes_them_back(tmp_path: Path) -> None:
    write(tmp_path, {"plan.svg": b"<svg><text>Hall 3</text></svg>", ".ragkitignore": b"!*.svg\n"})
    assert [item.path for item in walk(os.fsencode(tmp_path)) if isinstance(item, Found)] == [b"plan.svg"]


FILES = {
    "a.md": b"# A\n\nalpha words\n",
    "b.md": b"# B\n\nbeta words\n",
    "mail.eml": b"From: a@b\nTo: c@d\nSubject: Oil\nDate: x\n\nUse 5 l.\n",
    "yarn.lock": b"x",
    "photo.gif": b"GIF89a" + bytes(30),
    "book.pdf": b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n",
    "cut.docx": b"PK\x03\x04 and then nothing",
    "old.txt": "Лифт не работает до воскресенья.".encode("koi8_r"),
}


def forecast(shape: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(line["type"], line["reason"]): line["files"] for line in shape["forecast"]}


def test_a_dry_run_foretells_by_type_what_the_run_then_does(tmp_path: Path) -> None:
    write(tmp_path / "docs", FILES)
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder(max_tokens=128)) as kb:
        told = ingest_folder(kb, tmp_path / "docs", dry_run=True)
        done = ingest_folder(kb, tmp_path / "docs")
        listed = {item.source: item for item in kb.documents()}
    assert forecast(told.as_dict()) == {
        ("Markdown", ""): 2,
        ("e-mail", ""): 1,
        ("text", ""): 1,
        (".lock", "ignored"): 1,
        (".gif", "unsupported"): 1,
        (".pdf", "unsupported"): 1,
        (".docx", "damaged"): 1,
    }
    assert [change.source for change in told.changes] == [change.source for change in done.changes]
    assert told.problems == done.problems
    assert "forecast" not in done.as_dict()
    assert listed["old.txt"].warnings == ("not UTF-8, encoding guessed: koi8_r",)
    assert listed["a.md"].as_dict()["warnings"] == []
    assert done.as_dict()["warnings_by_kind"] == {"not UTF-8, encoding guessed": 1}
    assert json.dumps(listed["old.txt"].as_dict())


def test_warnings_are_counted_by_their_kind() -> None:
    assert kind_of("page 12 without text") == kind_of("page 3 without text") == "page # without text"
    assert kind_of("attachments not read: 2: a.png (a PNG picture)") == "attachments not read"
    assert kind_of("1,204 bad bytes became U+FFFD (the file is UTF-8 otherwise)") == "# bad bytes became U+FFFD"
    report = IngestReport(
        paths=("docs",),
        warned=(Warned("a", ("page 1 without text", "page 2 without text")), Warned("b", ("page 9 without text",))),
    )
    assert report.warnings_by_kind() == {"page # without text": 2}
