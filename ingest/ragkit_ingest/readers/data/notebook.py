"""Jupyter notebooks: Markdown and code cells in order, outputs as text; pictures are counted, never embedded."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.data.json_data import flatten
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.markup.markdown import add_markdown
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import NOTEBOOK
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.web.html import add_html

_OUTPUT_LIMIT = 20_000  # characters of one output
_ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")
_REPR = re.compile(r"\s*<[\w.]+(?: [^<>]{0,200})?>\s*")  # what an object is called that only a picture shows


class NotebookReader:
    """Reads application/x-ipynb+json."""

    name = "notebook"
    media_types: tuple[str, ...] = (NOTEBOOK,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the cells in order; a file that is not a notebook is read as JSON or as text, and reported."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        try:
            notebook = json.loads(source)
        except (ValueError, RecursionError) as error:
            builder.warn(f"not a correct notebook ({error}): kept as text")
            add_plain(builder, without_embedded(source, builder.warn))
            return builder.finish(name=name)
        cells = _cells(notebook)
        if cells is None:
            builder.warn("no notebook: it has no cells")
            for line in flatten(notebook, room=len(data) * 2 + 10_000):
                builder.line(without_embedded(line, builder.warn))
            return builder.finish(name=name)
        info = notebook.get("metadata") if isinstance(notebook.get("metadata"), dict) else {}
        metadata = {"programming_language": _language(info), "author": _authors(info)}
        walk = _Cells(builder, hints, _language(info))
        for cell in cells:
            walk.add(cell)
        walk.report()
        title = info.get("title")
        return builder.finish(name=name, title=title if isinstance(title, str) else "", metadata=metadata)


class _Cells:
    def __init__(self, builder: TextBuilder, hints: Hints, language: str) -> None:
        self._out = builder
        self._hints = hints
        self._language = language
        self._pictures = 0
        self._cut = 0
        self._other = 0

    def add(self, cell: Any) -> None:
        """Add one cell with its outputs."""
        if not isinstance(cell, dict):
            self._other += 1
            return
        kind = cell.get("cell_type")
        source = _text(cell.get("source", cell.get("input")))
        attachments = cell.get("attachments")
        self._pictures += len(attachments) if isinstance(attachments, dict) else 0
        if kind == "markdown":
            add_markdown(self._out, source.replace("\r\n", "\n").replace("\0", ""), self._hints)
        elif kind == "heading":  # of notebooks before version 4
            level = cell.get("level")
            self._out.heading(source, level if isinstance(level, int) else 1)
        elif kind == "code":
            self._out.code(without_embedded(source, self._out.warn), self._language)
            outputs = cell.get("outputs")
            for output in outputs if isinstance(outputs, list) else ():
                self._output(output)
        else:
            add_plain(self._out, without_embedded(source, self._out.warn))

    def report(self) -> None:
        """Warn of what was left out."""
        for number, words in (
            (self._pictures, "pictures and other data of cells left out"),
            (self._cut, f"outputs of more than {_OUTPUT_LIMIT:,} characters cut"),
            (self._other, "cells and outputs that are not as the format says left out"),
        ):
            if number:
                self._out.warn(f"{words}: {number:,}")

    def _output(self, output: Any) -> None:
        if not isinstance(output, dict):
            self._other += 1
            return
        if output.get("output_type") in ("error", "pyerr"):
            self._plain(f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}")
            return
        data = output.get("data")
        if isinstance(data, dict):
            self._rich(data)
            return
        self._pictures += sum(key in output for key in ("png", "jpeg", "svg"))
        self._plain(_text(output.get("text")))

    def _rich(self, data: Mapping[str, Any]) -> None:
        """Add the best text of an output: a table as a table, Markdown and LaTeX before the name of an object."""
        pictures = sum(
            key.startswith(("image/", "video/", "audio/")) or "plotly" in key or "vega" in key for key in data
        )
        self._pictures += pictures
        html, plain = _text(data.get("text/html")), _text(data.get("text/plain"))
        markdown = _text(data.get("text/markdown"))
        if "<table" in html and len(html) <= 10 * _OUTPUT_LIMIT:
            add_html(self._out, html, boilerplate=False)
        elif markdown:
            add_markdown(self._out, self._short(markdown), self._hints)
        elif "text/latex" in data:
            self._plain(_text(data["text/latex"]))
        elif plain and not ((pictures or html) and _REPR.fullmatch(plain)):
            self._plain(plain)
        elif html:
            add_html(self._out, self._short(html), boilerplate=False)
        elif "application/json" in data:
            self._plain("\n".join(flatten(data["application/json"], room=_OUTPUT_LIMIT)))

    def _plain(self, text: str) -> None:
        text = without_embedded(_ESCAPES.sub("", self._short(text)), self._out.warn).strip("\n")
        self._out.code(text, "output")

    def _short(self, text: str) -> str:
        if len(text) <= _OUTPUT_LIMIT:
            return text
        self._cut += 1
        return text[:_OUTPUT_LIMIT].rpartition("\n")[0] or text[:_OUTPUT_LIMIT]


def _cells(notebook: Any) -> list[Any] | None:
    if not isinstance(notebook, dict):
        return None
    cells = notebook.get("cells")
    sheets = notebook.get("worksheets")
    if not isinstance(cells, list) and isinstance(sheets, list):
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or ()]
    return cells if isinstance(cells, list) else None


def _text(value: Any) -> str:
    """Return a text of a notebook, which may be a list of lines."""
    if isinstance(value, list):
        return "".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""


def _language(info: Mapping[str, Any]) -> str:
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        part = info.get(key)
        if isinstance(part, dict) and isinstance(part.get(name), str):
            return str(part[name])[:40]
    return ""


def _authors(info: Mapping[str, Any]) -> list[str]:
    authors = info.get("authors")
    names = [item.get("name") for item in authors if isinstance(item, dict)] if isinstance(authors, list) else []
    return [name for name in names if isinstance(name, str)]
