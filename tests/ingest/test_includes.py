"""Files that Markdown, reStructuredText and AsciiDoc include stand in the text; none from outside the root."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

import ragkit
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, ReadLimits, WorkerPool, extract_file, ingest_folder
from ragkit_ingest.extract import path_job
from ragkit_ingest.jobs import Place
from ragkit_ingest.readers.markup.selection import Selection, split_selection
from ragkit_ingest.readers.neighbours import MOST_DEPTH, NotIncludedError
from ragkit_ingest.scan.included import has_changed, neighbours_of, record
from tests.support.ingest_files import extract_among


def text_of(root: Path, files: Mapping[str, str], page: str) -> tuple[str, tuple[str, ...]]:
    """Write files below a root and read one of them; return its text and warnings."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    neighbours = neighbours_of(Place(os.fsencode(root), os.fsencode(page)).as_dict())
    found = extract_among((root / page).read_bytes(), page, neighbours=neighbours)
    return found.text, found.warnings


MARKDOWN = {
    '--8<-- "parts/fee.md"': "parts/fee.md",
    "{% include fee.md %}": "_includes/fee.md",
    "{% include_relative parts/fee.md %}": "parts/fee.md",
    "{{< readfile file=parts/fee.md >}}": "parts/fee.md",
    "{{#include parts/fee.md}}": "parts/fee.md",
    "<!--@include: ./parts/fee.md-->": "parts/fee.md",
    "[!INCLUDE [fee](parts/fee.md)]": "parts/fee.md",
    "```{include} parts/fee.md\n```": "parts/fee.md",
    "--8<--\nparts/fee.md\n--8<--": "parts/fee.md",
    "{! parts/fee.md !}": "parts/fee.md",
    '!!! note\n    --8<-- "fee.md"': "snippets/fee.md",
    "import Fee from './parts/_fee.mdx';\n\n<Fee />": "parts/_fee.mdx",
}


@pytest.mark.parametrize("syntax", MARKDOWN)
def test_an_included_page_is_text_of_the_page_with_its_own_syntax_rewritten(tmp_path: Path, syntax: str) -> None:
    fee = "---\nowner: me\n---\nThe fee is **12 euros** { #fee }.\n\n:::tip\nPay early.\n:::\n"
    page = "a.mdx" if syntax.startswith("import") else "a.md"
    text, warnings = text_of(
        tmp_path, {f"docs/{page}": f"First.\n\n{syntax}\n\nLast.\n", f"docs/{MARKDOWN[syntax]}": fee}, f"docs/{page}"
    )
    middle = "\n\nNote" if syntax.startswith("!!!") else ""
    assert text == f"First.{middle}\n\nThe fee is 12 euros.\n\nTip\n\nPay early.\n\nLast."
    assert warnings == ()


CODE = "import os\n# --8<-- [start:run]\ndef run():\n    return os.name\n# --8<-- [end:run]\nrun()\n"


@pytest.mark.parametrize(
    ("syntax", "code"),
    [
        ('```py\n--8<-- "x.py"\n```', "import os\ndef run():\n    return os.name\nrun()"),
        ('```py\n--8<-- "x.py:run"\n```', "def run():\n    return os.name"),
        ('```py\n--8<-- "x.py:3:4"\n```', "def run():\n    return os.name"),
        ("<<< @/x.py", "import os\ndef run():\n    return os.name\nrun()"),
        ("{* ../x.py ln[3:4] hl[4] *}", "def run():\n    return os.name"),
        ("```{literalinclude} x.py\n```", "import os\ndef run():\n    return os.name\nrun()"),
    ],
)
def test_included_code_is_code_whole_or_in_part(tmp_path: Path, syntax: str, code: str) -> None:
    text, warnings = text_of(tmp_path, {"docs/a.md": f"Call:\n\n{syntax}\n", "x.py": CODE}, "docs/a.md")
    assert text == f"Call:\n\n{code}"
    assert warnings == ()


def test_a_template_is_included_with_the_words_it_is_given(tmp_path: Path) -> None:
    files = {
        "a.md": 'One.\n\n{% include box.html kind="Beware" content="Wet floor" %}\n\n'
        "Version {% include version.txt %} now.\n",
        "_includes/box.html": "<div><b>{{ include.kind }}:</b> {{ include.content }}</div>\n",
        "_includes/version.txt": "2.4\n",
    }
    assert text_of(tmp_path, files, "a.md") == ("One.\n\nBeware: Wet floor\n\nVersion 2.4 now.", ())


def test_a_template_that_is_missing_leaves_the_words_it_is_given(tmp_path: Path) -> None:
    page = '{% include alert.html content="Wear gloves." %}\n'
    text, warnings = text_of(tmp_path, {"a.md": page}, "a.md")
    assert text == "Wear gloves."
    assert "alert.html (missing)" in warnings[0]


def test_restructuredtext_takes_in_text_with_titles_of_its_own_and_code(tmp_path: Path) -> None:
    files = {
        "doc/a.rst": "Doc\n===\n\n.. include:: ../parts/b.rst\n   :end-before: STOP\n\nNext\n----\n\n"
        ".. literalinclude:: x.py\n   :lines: 3-4\n   :caption: How to run\n",
        "parts/b.rst": "Part\n####\n\nSee :doc:`the rules <rules>`.\n\n.. STOP\n\nNot this.\n",
        "doc/x.py": CODE,
    }
    text, warnings = text_of(tmp_path, files, "doc/a.rst")
    assert text == "Doc\n\nPart\n\nSee the rules.\n\nNext\n\nHow to run\n\ndef run():\n    return os.name"
    assert warnings == ()


def test_asciidoc_takes_in_parts_by_attribute_tag_and_level(tmp_path: Path) -> None:
    files = {
        "m/pages/a.adoc": "= Doc\n:part: fees\n\ninclude::partial${part}.adoc[leveloffset=+1]\n\n"
        "----\ninclude::example$x.sh[tag=go]\n----\n",
        "m/partials/fees.adoc": "= Fees\n\nTwelve *euros*.\n",
        "m/examples/x.sh": "set -e\n# tag::go[]\n./go now\n# end::go[]\n",
    }
    text, warnings = text_of(tmp_path, files, "m/pages/a.adoc")
    assert text == "Doc\n\nFees\n\nTwelve euros.\n\n./go now"
    assert warnings == ()


def test_nothing_from_outside_no_link_nothing_ignored_and_no_circle(tmp_path: Path) -> None:
    outside = tmp_path / "secret.md"
    outside.write_text("SECRET words")
    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    (root / "docs/link.md").symlink_to(outside)
    (root / "folder").symlink_to(tmp_path)
    (root / ".ragkitignore").write_text("private/\n")
    names = [
        "../../secret.md",
        str(outside),
        "link.md",
        "../private/p.md",
        "/folder/secret.md",
        ".hidden.md",
        "loop.md",
        "none.md",
    ]
    files = {
        "docs/a.md": "Start.\n\n" + "\n\n".join(f'--8<-- "{name}"' for name in names),
        "docs/.hidden.md": "SECRET hidden",
        "private/p.md": "SECRET private",
        "docs/loop.md": 'Once.\n\n--8<-- "a.md"\n',
    }
    text, warnings = text_of(root, files, "docs/a.md")
    assert "SECRET" not in text
    assert text.count("Start.") == text.count("Once.") == 1
    (line,) = warnings
    assert line.startswith("include: 8 files that the text includes are named, not read: ")
    assert {"link.md": "link", "../private/p.md": "ignored"}.items() <= dict(_reasons(line)).items()


def test_a_file_with_other_access_labels_is_not_included(tmp_path: Path) -> None:
    files = {
        ".ragkitacl": "hr/ -> hr\n",
        "a.md": 'Open.\n\n--8<-- "hr/pay.md"\n',
        "hr/b.md": 'Staff.\n\n--8<-- "pay.md"\n',
        "hr/pay.md": "Pay 99.",
    }
    assert text_of(tmp_path, files, "a.md")[0].startswith("Open.\n\n(included file")
    assert text_of(tmp_path, files, "hr/b.md")[0] == "Staff.\n\nPay 99."
    root = os.fsencode(tmp_path)
    told = record(root, ["hr/pay.md"], read_at_ns=time.time_ns() + 10**10)
    assert not has_changed(root, told)
    (tmp_path / ".ragkitacl").write_text("hr/ -> board\n")
    assert has_changed(root, told)


def _reasons(line: str) -> list[tuple[str, str]]:
    parts = line.partition("read: ")[2].split(" and ")[0].split(", ")
    return [(part.split(" (")[0], part.partition("(")[2].rstrip(")")) for part in parts]


def test_files_inside_each_other_end_and_are_told(tmp_path: Path) -> None:
    files = {f"{number}.md": f'Step {number}.\n\n--8<-- "{number + 1}.md"\n' for number in range(20)}
    text, warnings = text_of(tmp_path, files, "0.md")
    assert text.count("Step") == MOST_DEPTH + 1
    assert f"more than {MOST_DEPTH} files inside each other" in warnings[0]
    wide = {"w.md": '--8<-- "x.md"\n\n' * 1_000, "x.md": "word"}
    text, warnings = text_of(tmp_path, wide, "w.md")
    assert text.count("word") == 200
    assert "more than 200 inclusions" in warnings[0]


def test_too_much_included_text_and_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "big.md").write_bytes(b"word " * 2_000_000)
    (tmp_path / "bin.md").write_bytes(bytes(range(256)) * 4)
    text, warnings = text_of(tmp_path, {"a.md": 'Here.\n\n--8<-- "big.md"\n\n--8<-- "bin.md"\n'}, "a.md")
    assert len(text) < 100
    assert "big.md (too_big)" in warnings[0]
    assert "bin.md (binary)" in warnings[0]


@pytest.mark.parametrize(
    ("named", "path", "selection"),
    [
        ("a.py", "a.py", Selection()),
        ("a/b.py:3:9", "a/b.py", Selection("3-9")),
        ("a.py:3", "a.py", Selection("3-")),
        ("a.py:1:2,5:6", "a.py", Selection("1-2,5-6")),
        ("a.md:part", "a.md", Selection(region="part")),
        ("a.ts#part", "a.ts", Selection(region="part")),
        ("a.md{3,9}", "a.md", Selection("3-9")),
    ],
)
def test_the_end_of_a_name_selects_a_part(named: str, path: str, selection: Selection) -> None:
    assert split_selection(named) == (path, selection)


def test_a_part_that_is_not_there_is_told() -> None:
    assert Selection("2..3;5").of("a\nb\nc\nd\ne\nf") == "b\nc\ne"
    with pytest.raises(NotIncludedError, match="no part named x"):
        Selection(region="x").of("a\nb")
    with pytest.raises(NotIncludedError, match="no line with x"):
        Selection(before="x").of("a\nb")


def test_a_file_that_somebody_sent_includes_nothing(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("SECRET of another upload")
    page = tmp_path / "a.md"
    page.write_text('Mine.\n\n--8<-- "other.md"\n')
    assert "SECRET" not in extract_file(page).text
    with WorkerPool(ReadLimits(), size=1) as pool:
        assert "SECRET" in pool.read(path_job(page, limits=ReadLimits(), includes=True)).text


def test_a_changed_missing_or_new_included_file_makes_the_page_be_read_again(tmp_path: Path) -> None:
    root = tmp_path / "site"
    root.mkdir()
    (root / "a.md").write_text('Page.\n\n--8<-- "part.md"\n\n--8<-- "late.md"\n')
    (root / "part.md").write_text("Fee 12.")
    os.utime(root / "part.md", (1_700_000_000, 1_700_000_000))

    def changes(kb: ragkit.KnowledgeBase) -> set[tuple[str, str]]:
        time.sleep(0.01)
        report = ingest_folder(kb, root, options=IngestOptions(workers=1))
        return {(change.action, change.source) for change in report.changes}

    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        assert changes(kb) == {("added", "a.md"), ("added", "part.md")}
        (root / "part.md").write_text("Fee 15.")
        assert changes(kb) == {("changed", "a.md"), ("changed", "part.md")}
        assert "Fee 15." in kb.document("a.md").text
        (root / "late.md").write_text("Late words.")
        assert changes(kb) == {("changed", "a.md"), ("added", "late.md")}
        (root / "part.md").unlink()
        assert changes(kb) == {("changed", "a.md"), ("removed", "part.md")}
        assert "Fee" not in kb.document("a.md").text
        (root / "b").mkdir()
        (root / "a.md").rename(root / "b" / "a.md")
        assert changes(kb) == {("removed", "a.md"), ("added", "b/a.md")}


def test_the_record_of_included_files_finds_out_every_change(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    (tmp_path / "x.md").write_text("one")
    names = ["x.md", "gone.md", os.fsdecode(b"odd\xff.md")]
    later = time.time_ns() + 10**10
    told = record(root, names, read_at_ns=later)
    assert told.isascii()
    assert not has_changed(root, told)
    assert has_changed(root, record(root, names, read_at_ns=time.time_ns()))  # it may have changed while it was read
    (tmp_path / "gone.md").write_text("here")
    assert has_changed(root, told)
    assert record(root, [], read_at_ns=later) == ""
    assert not has_changed(root, "")
    assert has_changed(root, "[]")
