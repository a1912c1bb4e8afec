"""`ragkit eval FOLDER` of a statement set: how well the check separates supported statements from others."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ragkit import load_chat, load_judge
from ragkit.cli.options import environment_settings, print_json
from ragkit.cli.progress import drawn_progress
from ragkit.evaluation.datasets.files import FileReader, find_file_reader
from ragkit.evaluation.datasets.statements import load_statement_set
from ragkit.evaluation.measures.statements import measure_statements
from ragkit.text.cleaning import show


def evaluate_statements(folder: Path, part: str | None, *, as_json: bool, reader: FileReader | None) -> None:
    """Measure the check on the statements of a folder and print the figures; the test half unless `part` names
    another."""
    dataset = load_statement_set(folder)
    settings = environment_settings()
    judge = load_judge(settings.chat.judge, models=settings.model, chat=lambda: load_chat(settings.chat))
    with drawn_progress(sys.stderr) as progress:
        result = measure_statements(
            dataset, part=part or "test", reader=reader or find_file_reader(), progress=progress, judge=judge
        )
    if as_json:
        print_json(result.as_dict())
        return
    for line in result.as_lines():
        click.echo(show(line))
