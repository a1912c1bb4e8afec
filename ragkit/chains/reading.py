"""A chain's file -> steps in the order they run; a fault is refused with its line, before any model is called."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

from ragkit.chains.file_schema import CHAIN, STEPS
from ragkit.chains.steps.answers import read_check, read_generate
from ragkit.chains.steps.base import COLLECTION_MODEL, Frame, Head, Step
from ragkit.chains.steps.rules import read_classify, read_decompose, read_extract
from ragkit.chains.steps.sources import read_query, read_retrieve
from ragkit.chat.loading import is_known, known_models
from ragkit.definitions.grammar import Reference
from ragkit.definitions.json_schema import make_schema
from ragkit.definitions.source import read_source
from ragkit.definitions.yaml_lines import Parsed, parse_yaml
from ragkit.errors import DefinitionError

_READERS: Final[Mapping[str, Callable[[Head, Frame], Step]]] = {
    "classify": read_classify,
    "extract": read_extract,
    "decompose": read_decompose,
    "retrieve": read_retrieve,
    "sql": read_query,
    "generate": read_generate,
    "check": read_check,
}
_SECONDS: Final = 60.0
_CHAIN_SECONDS: Final = 300.0
OK: Final = "ok"
"""A field of every step's output, in addition to its own: whether the step ran and did not fail."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A checked chain. steps: in the order they run. answers: steps whose text may be the answer, the first that ran.

    source: the file's text. digest: its SHA-256 (hex). seconds: the deadline of a whole run.
    """

    name: str
    version: int
    description: str
    seconds: float
    steps: tuple[Step, ...]
    answers: tuple[str, ...]
    path: str
    source: str
    digest: str


def read_chain(path: Path) -> Definition:
    """Return the chain of a YAML file. Raises DefinitionError with file and line."""
    source = read_source(path)
    parsed = parse_yaml(source, path=str(path))
    _check_form(parsed)
    raw = parsed.value
    databases = _databases(parsed, path.parent)
    names = [step["name"] for step in raw["steps"]]
    for number, name in enumerate(names):
        if name in names[:number] or name in ("question", "row", "loop", "true", "false", "none"):
            what = "is there twice" if name in names[:number] else "is taken"
            raise parsed.error(f"the step name {name!r} {what}", ("steps", number, "name"), cure="name it otherwise")
    steps = [_read_step(parsed, number, path.parent, databases) for number in range(len(names))]
    _check_references(parsed, steps)
    return Definition(
        name=raw["name"],
        version=raw["version"],
        description=raw.get("description", ""),
        seconds=float(raw.get("seconds", _CHAIN_SECONDS)),
        steps=_ordered(parsed, steps),
        answers=_answers(parsed, steps),
        path=str(path),
        source=source,
        digest=hashlib.sha256(source.encode()).hexdigest(),
    )


def _check_form(parsed: Parsed) -> None:
    """Compare the file with the schema of chains, then each step with that of its kind."""
    if not isinstance(parsed.value, Mapping):
        raise parsed.error("is no chain", cure="write name: …, version: 1 and steps:")
    _check_schema(parsed, parsed.value, CHAIN, ())
    for number, step in enumerate(parsed.value["steps"]):
        _check_schema(parsed, step, STEPS[step["kind"]], ("steps", number))


@cache
def _form_validator() -> Any:
    """Return jsonschema's validator, to which 2.0 is no whole number: steps take theirs as they are written."""
    import jsonschema

    draft = jsonschema.Draft202012Validator
    types = draft.TYPE_CHECKER.redefine(
        "integer", lambda _checker, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return jsonschema.validators.extend(draft, type_checker=types)


def _check_schema(parsed: Parsed, value: Any, schema: Mapping[str, Any], at: tuple[str | int, ...]) -> None:
    """Raise DefinitionError at the line of the first departure from a schema."""
    errors = _form_validator()(schema).iter_errors(value)
    found = min(errors, key=lambda error: parsed.line((*at, *error.absolute_path)), default=None)
    if found is None:
        return
    place = [*at, *found.absolute_path]
    message = found.message
    if found.validator == "additionalProperties" and isinstance(found.instance, Mapping):
        known = found.schema.get("properties", {})
        extra = next(name for name in found.instance if name not in known)
        raise parsed.error(f"there is no field {extra!r} here", (*place, extra), cure=f"use: {', '.join(known)}")
    raise parsed.error(f"{'.'.join(map(str, place[-2:])) or 'the chain'}: {message[:300]}", place)


def _databases(parsed: Parsed, folder: Path) -> dict[str, Path]:
    found = {}
    for name, file in parsed.value.get("databases", {}).items():
        path = folder / file
        if not path.is_file():
            raise parsed.error(f"there is no file {path}", ("databases", name), cure="name an SQLite file")
        found[name] = path
    return found


def _read_step(parsed: Parsed, number: int, folder: Path, databases: Mapping[str, Path]) -> Step:
    raw = parsed.value["steps"][number]
    frame = Frame(parsed, ("steps", number), folder, databases, raw)
    kind = raw["kind"]
    model = raw.get("model", COLLECTION_MODEL if kind == "generate" else "")
    if model and model != COLLECTION_MODEL and not is_known(model):
        cure = f"use {COLLECTION_MODEL}, {', '.join(known_models())}"
        raise frame.error(f"the model {model!r} is not known", "model", cure=cure)
    if (raw.get("on_error") == "default") != ("default" in raw):
        raise frame.error("on_error: default and default: {…} belong together", "on_error", cure="write both or none")
    head = Head(
        name=raw["name"],
        kind=kind,
        line=parsed.line(("steps", number)),
        when=frame.expression(raw["when"], "when") if "when" in raw else None,
        model=model,
        seconds=float(raw.get("seconds", _SECONDS)),
        retries=raw.get("retries", 0),
        on_error=raw.get("on_error", "stop"),
        default=raw.get("default"),
    )
    step = _READERS[kind](head, frame)
    _check_default(step, frame)
    return step


def _check_default(step: Step, frame: Frame) -> None:
    if step.fields is not None and OK in step.fields:
        raise frame.error(f"the field {OK!r} is taken", "output", cure="name it otherwise")
    default = step.head.default
    if default is None:
        return
    schema = frame.schema() if step.head.kind in ("extract", "generate") else None
    problem = make_schema(dict(schema.value)).problem(dict(default)) if schema else ""
    unknown = sorted(set(default) - step.fields) if step.fields is not None else []
    if unknown or problem:
        raise frame.error(problem or f"the output has no field {unknown[0]!r}", "default")


def _all_references(step: Step) -> tuple[Reference, ...]:
    return (*(step.head.when.references if step.head.when else ()), *step.references)


def _check_references(parsed: Parsed, steps: Sequence[Step]) -> None:
    """Refuse references to steps and fields that do not exist."""
    known = {step.head.name: step for step in steps}
    for number, step in enumerate(steps):
        for reference in _all_references(step):
            if reference.name == "question" and not reference.fields:
                continue
            target = known.get(reference.name)
            if target is None:
                raise DefinitionError(
                    f"step {step.head.name!r} uses {reference.name!r}, which is no step",
                    path=parsed.path,
                    line=reference.line,
                    cure=f"use question, or one of: {', '.join(known)}",
                )
            _check_field(parsed.path, reference, target)
        for at, name in enumerate(step.sources):
            if name not in known or known[name].head.kind not in ("retrieve", "sql"):
                cure = "name steps of the kinds retrieve and sql"
                raise parsed.error(f"the source {name!r} is no such step", ("steps", number, "sources", at), cure=cure)
            if known[name].head.kind == "sql" and not getattr(known[name], "say", None):
                cure = f"write say: … in the step {name}"
                raise parsed.error(
                    f"the rows of {name!r} have no sentences", ("steps", number, "sources", at), cure=cure
                )


def _check_field(path: str, reference: Reference, target: Step) -> None:
    if not reference.fields:
        return
    fields = target.fields
    if fields is not None and reference.fields[0] not in fields | {OK}:
        raise DefinitionError(
            f"the step {reference.name!r} has no field {reference.fields[0]!r}",
            path=path,
            line=reference.line,
            cure=f"its fields are: {', '.join(sorted(fields | {OK}))}",
        )


def _ordered(parsed: Parsed, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps so that each runs after those that it needs, else in the order of the file."""
    places = {step.head.name: number for number, step in enumerate(steps)}
    needs = {
        step.head.name: {
            *(reference.name for reference in _all_references(step) if reference.name != "question"),
            *step.sources,
        }
        for step in steps
    }
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = error.args[1]
        place = ("steps", min(places[name] for name in cycle))
        raise parsed.error(
            f"the steps {' → '.join(reversed(cycle))} need each other", place, cure="take one of the references out"
        ) from error
    order: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=places.__getitem__)
        order.append(ready.pop(0))
        sorter.done(order[-1])
    return tuple(steps[places[name]] for name in order)


def _answers(parsed: Parsed, steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the steps whose text is the answer: those that the file names, else all of the kind generate."""
    texts = [step.head.name for step in steps if step.fields is None or "text" in step.fields]
    named = parsed.value.get("answer")
    if named is None:
        found = [step.head.name for step in reversed(steps) if step.head.kind == "generate" and step.head.name in texts]
        if not found:
            raise parsed.error("no step gives an answer", ("steps",), cure="add a step of the kind generate")
        return tuple(found)
    chosen = [named] if isinstance(named, str) else named
    for name in chosen:
        if name not in texts:
            raise parsed.error(
                f"the answer {name!r} is no step with a text", ("answer",), cure=f"use: {', '.join(texts)}"
            )
    return tuple(chosen)
