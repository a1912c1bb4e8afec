"""Rewrite the parts of README.md that are made from the code: python docs/update_readme.py."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

from click.testing import CliRunner

from ragkit.cli.app import cli
from ragkit.environment import ENVIRONMENT_VARIABLES

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def help_text() -> str:
    """Return the help of the command line, as a terminal of 80 columns shows it."""
    result = CliRunner().invoke(cli, ["--help"], prog_name="ragkit", terminal_width=80)
    return f"```text\n{result.output.rstrip()}\n```"


def settings_table() -> str:
    """Return the environment variables and what they mean."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in ENVIRONMENT_VARIABLES.items()]
    return "\n".join(["| variable | meaning |", "| --- | --- |", *rows])


def chatbot() -> str:
    """Return the example of a chatbot backend."""
    return f"```python\n{(ROOT / 'docs' / 'examples' / 'chatbot.py').read_text(encoding='utf-8').rstrip()}\n```"


def demo() -> str:
    """Return what `make demo` prints as its answer, without the token count: a prompt has a random fence."""
    with tempfile.TemporaryDirectory() as data, contextlib.chdir(ROOT):
        _run("ingest", "sample_docs", "--data", data)
        shown = _run("ask", _question(), "--data", data)
    shown = re.sub(r"prompt \d+ tokens", "prompt … tokens", shown.replace(f"{ROOT}/", ""))
    return f"```text\n{shown.rstrip()}\n```"


def _question() -> str:
    found = re.search(r"^QUESTION \?= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit("Makefile has no QUESTION")
    return found[1]


def _run(*words: str) -> str:
    """Return what a command prints to its output. Raises SystemExit where it fails."""
    result = CliRunner().invoke(cli, list(words), prog_name="ragkit", env={"COLUMNS": "100"})
    if result.exit_code != 0:
        raise SystemExit(f"ragkit {' '.join(words)}: {result.output}")
    return result.stdout


PARTS = {"demo": demo, "help": help_text, "settings": settings_table, "chatbot": chatbot}


def updated(text: str) -> str:
    """Return the README with every made part as it is now."""
    for name, make in PARTS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"README.md has no part <!-- {name} -->")
        made = make()
        text = pattern.sub(lambda match, made=made: f"{match[1]}{made}\n{match[2]}", text)
    return text


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
