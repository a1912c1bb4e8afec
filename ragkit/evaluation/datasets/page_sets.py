"""Read a page-level set: a folder `pdfs/` and `questions.jsonl` with the pages that hold the evidence."""

from __future__ import annotations

import os
from pathlib import Path

from ragkit.evaluation.datasets.lines import DatasetError, Line, Names, file_digest, read_jsonl
from ragkit.evaluation.datasets.types import PageSet, Query, read_part

FILES = "pdfs"
_CURE = 'write {"_id", "question", "evidence": [{"document": FILE, "page_index": from 0}]}, one a line'


def load_page_set(folder: Path, *, skip_unjudged: bool = False) -> PageSet:
    """Read the questions and the names of the files; the files themselves are read when they are indexed.

    Evidence counts pages from 0 (`page_index`), everything else here from 1. skip_unjudged: leave out questions
    without evidence, instead of raising. Raises DatasetError.
    """
    path = folder / "questions.jsonl"
    files = _files(folder / FILES)
    queries: dict[str, Query] = {}
    evidence: dict[str, frozenset[tuple[str, int]]] = {}
    lines: dict[str, Line] = {}
    names = Names()
    for line in read_jsonl(path, cure=_CURE):
        name = names.claim(line)
        lines[name] = line
        question = Query(line.question("question", "text"), read_part(line), line.text("type", default=""))
        pages = frozenset(_page(item, files) for item in line.objects("evidence"))
        if pages:
            queries[name], evidence[name] = question, pages
        elif not skip_unjudged:
            raise line.error(f"the question {name!r} has no evidence", cure="judge it, or pass --skip-unjudged")
    if not queries:
        raise DatasetError(f"{path} holds no question with evidence", cure=_CURE)
    digest = file_digest([path, *files.values()])
    return PageSet(folder.resolve().name, queries, files, evidence, digest, lines)


def _files(folder: Path) -> dict[str, Path]:
    """Return every regular file below a folder by its path in it, sorted; links and hidden files are left out."""
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                found[path.relative_to(folder).as_posix()] = path
    if not found:
        raise DatasetError(f"{folder} holds no file", cure="put the PDFs there")
    return dict(sorted(found.items()))


def _page(line: Line, files: dict[str, Path]) -> tuple[str, int]:
    document = line.text("document")
    if document not in files:
        raise line.error(f"no file {document!r} in {FILES}/")
    return document, line.whole("page_index") + 1


def check_pages(dataset: PageSet, counts: dict[str, int]) -> None:
    """Raise DatasetError where evidence names a page that a file does not have. counts: pages of the files read."""
    for name in dataset.queries:
        for document, page in dataset.evidence[name]:
            if page > counts.get(document, page):
                raise dataset.lines[name].error(
                    f"page_index {page - 1} is not in {document!r}, which has {counts[document]:,} pages",
                    cure="page_index counts from 0",
                )
