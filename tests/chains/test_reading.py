"""A chain is valid or refused when it is read, with the line of the fault; nothing is asked for that."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import ragkit
from ragkit.chains.chain import list_chains, load_chain
from ragkit.errors import DefinitionError, NotFoundError

GOOD = """\
name: tram
version: 2
databases:
  trams: trams.db
steps:
  - name: kind
    kind: classify
    labels: [late, other]
    rules:
      - {label: late, pattern: '(?i)late'}
    otherwise: other
  - name: reply
    kind: generate
    sources: [timing, found]
  - name: timing
    kind: sql
    when: kind.label == "late" and ids.line
    database: trams
    query: SELECT line, late FROM trams WHERE line = :line
    params: {line: ids.line}
    say: "Line {{ row.line }} is {{ row.late }} minutes late."
  - name: ids
    kind: extract
    output: {type: object, properties: {line: {type: string}}}
    rules: {line: 'line ([A-Z])'}
  - name: found
    kind: retrieve
    query: "{{ question }} {{ kind.label }}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "trams.db") as connection:
        connection.execute("CREATE TABLE trams (line TEXT, late REAL)")
    connection.close()
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "tram.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_steps_run_after_those_that_they_need(folder: Path) -> None:
    chain = load_chain(written(folder, GOOD))
    assert [step["name"] for step in chain.as_dict()["steps"]] == ["kind", "ids", "timing", "found", "reply"]
    assert (chain.name, chain.definition.version, chain.definition.answers) == ("tram", 2, ("reply",))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("name: tram\n", "", 1, "'name' is a required property"),
        ("version: 2", "version: two", 2, "version"),
        ("kind: classify", "kind: guess", 7, "'guess' is not one of"),
        ("    labels: [late, other]\n", "", 6, "'labels' is a required property"),
        ("    otherwise: other", "    otherwise: third", 11, "'third' is not one of the labels"),
        ("    otherwise: other\n", "", 6, "the label for all else"),
        ("label: late,", "label: early,", 10, "'early' is not one of the labels"),
        ("'(?i)late'", "'(late'", 10, "the pattern"),
        ("    sources: [timing, found]", "    source: [timing]", 14, "no field 'source'"),
        ("sources: [timing, found]", "sources: [timing, lost]", 14, "the source 'lost' is no such step"),
        ("sources: [timing, found]", "sources: [timing, kind]", 14, "the source 'kind' is no such step"),
        (
            "    sources: [timing, found]",
            "    model: gtp:4\n    sources: [timing]",
            14,
            "the model 'gtp:4' is not known",
        ),
        ('kind.label == "late" and ids.line', "kind.lable", 17, "no field 'lable'"),
        ('kind.label == "late" and ids.line', "kinds.label", 17, "uses 'kinds'"),
        ('kind.label == "late" and ids.line', "kind.label ==", 17, "is no template"),
        ('kind.label == "late" and ids.line', "kind.label.upper()", 17, "is not allowed"),
        ("database: trams\n    query", "database: buses\n    query", 18, "no database 'buses'"),
        ("trams: trams.db", "trams: gone.db", 4, "there is no file"),
        ("SELECT line, late FROM trams WHERE", "DELETE FROM trams WHERE", 19, "not one SELECT"),
        ("SELECT line, late FROM trams WHERE", "SELECT line, lat FROM trams WHERE", 19, "no such column: lat"),
        ("WHERE line = :line", "WHERE line = 'A'", 20, ":line is in params and not in the query"),
        ("WHERE line = :line", "WHERE line = :line AND late > :most", 20, ":most is bound in the query"),
        ("params: {line: ids.line}", "params: {line: ids.number}", 20, "no field 'number'"),
        ('"Line {{ row.line }} is', '"Line {{ row.__class__ }} is', 21, "underscore"),
        ("{type: string}}}", "{type: text}}}", 24, "the schema is wrong"),
        ("rules: {line: 'line ([A-Z])'}", "rules: {tram: 'line'}", 25, "no field 'tram' in the output"),
        ("    rules: {line: 'line ([A-Z])'}\n", "", 22, "neither rules nor a model"),
        ("{{ question }} {{ kind.label }}", "{{ found.count }}", 26, "need each other"),
        ("  - name: found", "  - name: kind", 26, "is there twice"),
        ("  - name: found", "  - name: question", 26, "is taken"),
        ("    kind: retrieve", "    kind: retrieve\n    k: 0", 28, "less than the minimum"),
        ("    kind: retrieve", "    kind: retrieve\n    where: {type: near, key: a, value: b}", 28, "near"),
        ("    kind: retrieve", "    kind: retrieve\n    on_error: default", 28, "belong together"),
        (
            "    kind: retrieve",
            "    kind: retrieve\n    on_error: default\n    default: {hits: 1}",
            29,
            "no field 'hits'",
        ),
        ("    kind: retrieve", "    kind: retrieve\n    retries: 9", 28, "greater than the maximum"),
        ("    kind: retrieve", "    kind: retrieve\n    k: 3.0", 28, "3.0 is not of type 'integer'"),
        ("    kind: retrieve", "    kind: retrieve\n    seconds: .nan", 28, "no number of JSON"),
        ("'(?i)late'", "'(a{1000}){1000}'", 10, "counts multiply"),
        ("version: 2", "version: 2\nanswer: kind", 3, "is no step with a text"),
        ("version: 2", "version: 2\nversion: 3", 3, "twice"),
    ],
)
def test_a_fault_is_named_by_its_line(folder: Path, old: str, new: str, line: int, said: str) -> None:
    assert GOOD.count(old) == 1, old
    path = written(folder, GOOD.replace(old, new))
    with pytest.raises(DefinitionError, match=said) as caught:
        load_chain(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)


def test_a_cycle_of_several_steps_is_named(folder: Path) -> None:
    text = GOOD.replace("when: kind.label ==", "when: found.count and kind.label ==").replace(
        "{{ question }} {{ kind.label }}", "{{ reply.text }}"
    )
    with pytest.raises(DefinitionError, match="need each other") as caught:
        load_chain(written(folder, text))
    assert all(name in caught.value.message for name in ("found", "reply"))


@pytest.mark.parametrize(
    ("steps", "line", "said"),
    [
        ("- {name: a, kind: generate}", 4, "has no prompt"),
        ("- {name: a, kind: generate, text: hi, prompt: x}", 4, "a fixed text and prompt"),
        ("- {name: a, kind: generate, prompt: x, questions: question}", 4, "questions without sources"),
        ("- {name: a, kind: check}", 4, "checks nothing"),
        ("- {name: a, kind: retrieve}", 3, "no step gives an answer"),
        ("- {name: a, kind: retrieve, query: x, queries: question}", 4, "both query and queries"),
        ("- {name: a, kind: generate, template: no/such.jinja, prompt: x}", 0, "cannot be read"),
        ("- {name: a, kind: generate, prompt: x, output: {properties: {ok: {}}}}", 4, "'ok' is taken"),
        ("- {name: A-1, kind: generate, prompt: x}", 4, "does not match"),
        ("- just text", 4, "is not of type 'object'"),
    ],
)
def test_a_fault_of_a_small_chain(tmp_path: Path, steps: str, line: int, said: str) -> None:
    path = written(tmp_path, f"name: small\nversion: 1\nsteps:\n  {steps}\n")
    with pytest.raises(DefinitionError, match=said) as caught:
        load_chain(path)
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["", "just text", "[1, 2]", "steps: {}", "name: x\nversion: 1\nsteps: []"])
def test_what_is_no_chain(tmp_path: Path, text: str) -> None:
    with pytest.raises(DefinitionError):
        load_chain(written(tmp_path, text))


def test_chains_are_found_by_name_path_and_folder(folder: Path) -> None:
    (folder / "chains").mkdir()
    assert [chain.name for chain in list_chains() if isinstance(chain, ragkit.Chain)] == ["decompose", "support"]
    assert load_chain("support.yaml").name == load_chain("support").name == "support"
    own = "name: mine\nversion: 1\nsteps:\n  - {name: a, kind: generate, text: Mine.}\n"
    (folder / "chains" / "support.yaml").write_text(own)
    (folder / "chains" / "broken.yml").write_text("name: x")
    assert load_chain("support", folder=folder).name == "mine"
    listed = list_chains(folder)
    assert [type(item).__name__ for item in listed] == ["DefinitionError", "Chain", "Chain"]
    with pytest.raises(NotFoundError, match="use a file, or one of: broken, decompose, support"):
        load_chain("other", folder=folder)
