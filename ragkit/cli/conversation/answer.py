"""An answer on the screen: its citations with place and address, what was removed, and its status."""

from __future__ import annotations

import hashlib
import os
import shutil
import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import click

from ragkit.text.cleaning import show
from ragkit.types.answers import Answer, Citation

_VERDICTS = {
    "quoted": "quote verified",
    "supported": "each part found; meaning not checked",
    "unclear": "does not support the sentence",
    "contradicted": "says otherwise",
}
_LARGEST = 1 << 26  # bytes of a file that is worth a hash
_STATUS_COLOURS = {"answered": "green", "partial": "yellow", "unsupported": "red", "abstained": "red"}


def print_answer(answer: Answer, *, roots: Sequence[str], brief: bool = False) -> None:
    """Print the citations and the status of an answer whose text is on the screen already.

    roots: the folders that were ingested, to name the cited files. brief: the places without their quotes.
    """
    if answer.citations:
        click.echo()
    for heading, citations in groupby(answer.citations, key=_heading):
        _print_source(heading, list(citations), roots=roots, brief=brief)
    for item in answer.removed:
        click.echo(click.style(f"removed from the answer: {show(item, 120)}", fg="yellow"))
    status = click.style(answer.status, fg=_STATUS_COLOURS[answer.status])
    click.echo()
    click.echo(
        f"{status} · {answer.model} · prompt {answer.tokens['total']:,} tokens · confidence {answer.confidence:.2f}"
    )


def _heading(citation: Citation) -> tuple[str, str, bool]:
    """Return the number and place of a citation, its verdict, and whether that supports the answer."""
    found = f"decided by {show(citation.judged, 60)}" if citation.judged else _VERDICTS[citation.verdict]
    if citation.matched:
        found += "; matched, not cited"
    return f"[{citation.number}] {show(_place(citation), 300)}", found, citation.supported


def _print_source(
    heading: tuple[str, str, bool], citations: Sequence[Citation], *, roots: Sequence[str], brief: bool
) -> None:
    """Print citations that share a number, a place and a verdict: the place once, then each quote."""
    place, found, supported = heading
    click.echo(click.style(place, bold=True) + click.style(f" ({found})", fg="green" if supported else "yellow"))
    address = address_of(citations[0], roots)
    if address:
        click.echo(click.style(f"    {show(address, 300)}", dim=True))
    if brief:
        return
    for citation in citations:
        if citation.reason:
            click.echo(click.style(f"    {show(citation.reason, 160)}", fg="yellow"))
        click.echo(_indented(f"“{citation.quote}”", "    ", 400))


def _place(citation: Citation) -> str:
    """Return the source, the headings and the page (with its printed label) that a citation names."""
    parts = [citation.source, citation.heading]
    if citation.page is not None:
        label = citation.page_label
        parts.append(f"p. {citation.page}" + (f" [{label}]" if label and label != str(citation.page) else ""))
    return " · ".join(part for part in parts if part)


def _indented(text: str, indent: str, limit: int) -> str:
    """Return text for reading: long lines wrapped to the terminal, each with its own indentation, cut at a limit."""
    width = max(40, min(shutil.get_terminal_size((100, 24)).columns, 110))
    lines: list[str] = []
    for line in text[:limit].split("\n"):
        own = indent + " " * min(len(line) - len(line.lstrip()), width // 2)
        if line.strip():
            lines += textwrap.wrap(
                show(line.strip()), width, initial_indent=own, subsequent_indent=own, break_on_hyphens=False
            )
    if len(text) > limit:
        lines.append(f"{indent}…")
    return "\n".join(lines)


def address_of(citation: Citation, roots: Sequence[str]) -> str:
    """Return the web address of a citation's document, or the path of its file; "" where neither is known.

    roots: the folders that were ingested. A path is returned only if the file there still has the bytes that were read.
    """
    if citation.address:
        return citation.address
    for root in roots:
        for folder in (root, os.path.dirname(root)):  # a source may begin with the name of its folder
            path = Path(folder, citation.source)
            if _is_inside(path, root) and _digest(path) == citation.sha256:
                return str(path)
    return ""


def _is_inside(path: Path, root: str) -> bool:
    return path.is_file() and path.resolve().is_relative_to(Path(root).resolve())


def _digest(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
