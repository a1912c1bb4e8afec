# ruff: noqa: E501 (expected words of whole pages)
"""A tree of documentation in the syntaxes of seven generators: its chunks say what a reader of the site sees, no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

import ragkit
from ragkit.chunking.chunker import chunk_document
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, ingest_folder

SITE: Final = Path(__file__).parents[1] / "data" / "site"
SHOWN: Final = {
    "mkdocs/docs/index.md": (
        "How to run the Aurora cache in production. | Aurora keeps hot rows in memory.[1] Press ctrl+alt+del to reset. Done. | "
        "Do not restart | Restarting loses the cache. | Drain first | Linux | apt install aurora | Use the CLI | "
        "Faster than the console. | Term: What it means | The limit is 5 GiB per node. | Free | 0 new | Pro | 12 net | run.py | "
        "aurora.run(port=7070) | An annotation of the code. | In five minutes. | [1]: Rows that were read lately."
    ),
    "docusaurus/docs/install.mdx": (
        "Back up first | Nothing can be undone. | macOS | Run brew install zephyr. | Windows: Use the installer. | "
        "Shared paragraph about licences. | Shared note. | The port is 8080. | Why 8080? | History. | "
        'Quick start: Five steps to a server. | src/App.js | function App() {} | print("serve") | diagram of the flow'
    ),
    "hugo/content/guide.md": (
        "Vega starts in Vega mode. | Only admins may do this. | Shell | vega start --all | docker run vega | "
        'Dashboard of Vega: The dashboard | At most 40 nodes. | fmt.Println("hi") | Limits'
    ),
    "jekyll/_posts/2026-02-03-release.md": (
        'It is fast. It is slow. | Version 9.1 of Lyra. | Note: Upgrade **before** May. | puts "x" | {{ shown as is }} | '
        "A paragraph with class."
    ),
    "sphinx/index.rst": (
        "Nova 3.2 is a scheduler. See the limits, nova.run and usage. | Keep backups. | apt install nova | Use the MSI. | "
        "first.py | Free | 0 | Nodes | 40 | Common words about jobs. | The API | The parts of Nova. | New in version 3.1 | "
        "run(port: int = 80) -> None | Only on the web. | Term: Its meaning [1]. | E = mc^2"
    ),
    "adoc/guide.adoc": (
        "Orion is at the site (https://orion.example). See the limits and Other. | Keep this in mind. | Warning: Hot surface. | "
        "1. First | 2. Second | int x = 1; | A counter | Nodes | 40 | The best way. | — Alan Kay | A map of Orion | "
        "Ctrl+C Save File > Open | Term: Its meaning | [x] done | Contact help desk (mailto:help@orion.example)."
    ),
    "vitepress/guide.md": (
        "Good to know | Words. | npm | npm i | yarn | yarn add | export const a = 1 | Part of the guide. | Read this. | "
        "Counter of visits | a^2 + b^2"
    ),
}
SIGNS: Final = re.compile(
    r"\{\{|\{%|%\}|\}\}|:::|!!!|\?\?\?|^///|^\.\. |--8<--|<<<|@include|</?[A-Z]\w+|\{ ?[#.:]|:octicons|:material|\[TOC\]|==\w"
    r"|^import .* from |^export const port|include::|ifdef|\|===|highlight-next-line|item\.name|:ref:|:py:|not shown|hidden comment",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def chunks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The texts of the chunks of each document of the tree."""
    embedder = HashEmbedder()
    with ragkit.open(tmp_path_factory.mktemp("kb"), embedder=embedder) as kb:
        report = ingest_folder(kb, SITE, options=IngestOptions(workers=1))
        assert report.problems == ()
        return {name: [c.text for c in chunk_document(kb.document(name), embedder=embedder)] for name in SHOWN}


@pytest.mark.parametrize("source", SHOWN)
def test_a_page_says_what_its_reader_sees_in_that_order(chunks: dict[str, list[str]], source: str) -> None:
    text = " ".join(" ".join(chunks[source]).split())
    at = 0
    for words in SHOWN[source].split(" | "):
        found = text.find(words, at)
        assert found >= 0, (words, text[at : at + 200])
        at = found + len(words)


@pytest.mark.parametrize("source", SHOWN)
def test_no_sign_of_a_template_is_in_a_chunk(chunks: dict[str, list[str]], source: str) -> None:
    for text in chunks[source]:
        found = SIGNS.search(text.replace("{{ shown as is }}", ""))
        assert found is None, (found[0], text) if found else ""
