"""The questions of `ragkit advise`, and their answers from a file, with errors that name the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from ragkit.errors import InputError

Kind = Literal["choice", "choices", "number", "flag"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question: its key in files, the words, how it is answered, and what may be chosen."""

    key: str
    text: str
    kind: Kind
    options: tuple[str, ...] = ()


NEEDS: Final = ("facts", "format", "style", "steps", "reasoning", "domain_language", "latency", "cost")
TRIED: Final = ("prompt", "strong_model", "few_shot", "rag", "chain")
QUESTIONS: Final = (
    Question("needs", "What falls short?", "choices", NEEDS),
    Question("change", "How often do the facts change?", "choice", ("never", "yearly", "monthly", "weekly", "daily")),
    Question("deletable", "Must facts be deleted on request, or traced to a source?", "flag"),
    Question("examples", "How many reviewed examples of right answers are there?", "number"),
    Question("held_out", "How many questions with known answers were kept aside for tests?", "number"),
    Question("tasks", "How many kinds of task must one model do?", "number"),
    Question("tried", "What has been tried and measured?", "choices", TRIED),
    Question(
        "strong_model",
        "Does the strongest model with all of that succeed?",
        "choice",
        ("untested", "succeeds", "fails"),
    ),
    Question("volume", "How many interactions a month?", "number"),
    Question("latency_ms", "Within how many milliseconds must the answer begin (0: no limit)?", "number"),
    Question("budget", "How much may it cost a month (0: not known)?", "number"),
    Question("people", "Who can prepare data, train and host?", "choice", ("nobody", "some", "team")),
    Question("gpu_gb", "How many GB of GPU memory are at hand for training (0: none)?", "number"),
)


@dataclass(frozen=True, slots=True)
class Situation:
    """The answers to `QUESTIONS`. budget: a month, in the currency of the price table, 0 if not known."""

    needs: tuple[str, ...] = ("facts",)
    change: str = "monthly"
    deletable: bool = False
    examples: int = 0
    held_out: int = 0
    tasks: int = 1
    tried: tuple[str, ...] = ()
    strong_model: str = "untested"
    volume: int = 1_000
    latency_ms: int = 0
    budget: int = 0
    people: str = "nobody"
    gpu_gb: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the answers as JSON."""
        shape = {item.name: getattr(self, item.name) for item in fields(self)}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in shape.items()}


def read_situation(path: Path, *, defaults: Situation | None = None) -> Situation:
    """Read answers from a YAML or JSON file; missing keys keep their defaults.

    Raises InputError that names the file, the line and what is allowed.
    """
    entries = _entries(path)
    known = {question.key: question for question in QUESTIONS}
    given: dict[str, Any] = {}
    for key, (line, value) in entries.items():
        place = f"{path}:{line}"
        if key not in known:
            raise InputError(f"{place}: {key!r} is no question", cure=f"the keys are {', '.join(known)}")
        if key in given:
            raise InputError(f"{place}: {key!r} is answered twice", cure="keep one of the answers")
        given[key] = checked_answer(known[key], value, place=place)
    return Situation(**{**_fields(defaults or Situation()), **given})


def with_answers(situation: Situation, answers: Mapping[str, Any]) -> Situation:
    """Return a situation with some answers replaced by others, which must be checked."""
    return Situation(**{**_fields(situation), **answers})


def checked_answer(question: Question, value: object, *, place: str) -> Any:
    """Return the value of an answer in the form that `Situation` has. Raises InputError that names the place."""
    if question.kind == "flag":
        if isinstance(value, bool):
            return value
        raise InputError(f"{place}: {question.key} is {value!r}", cure="write true or false")
    if question.kind == "number":
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise InputError(f"{place}: {question.key} is {value!r}", cure="write a whole number from 0")
    allowed = f"the choices are {', '.join(question.options)}"
    if question.kind == "choice":
        if value in question.options:
            return value
        raise InputError(f"{place}: {question.key} is {value!r}", cure=allowed)
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list):
        raise InputError(f"{place}: {question.key} is no list", cure=allowed)
    wrong = [item for item in values if item not in question.options]
    if wrong:
        raise InputError(f"{place}: {question.key} has {wrong[0]!r}", cure=allowed)
    return tuple(dict.fromkeys(values))


def _fields(situation: Situation) -> dict[str, Any]:
    return {item.name: getattr(situation, item.name) for item in fields(situation)}


def _entries(path: Path) -> dict[str, tuple[int, Any]]:
    """Return key -> (line from 1, value) of a file with one mapping. JSON is YAML, so that one parser reads both."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error})", cure="check the path; the file is UTF-8") from error
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise InputError(f"{path} has no mapping of answers", cure="write lines such as examples: 120")
        found: dict[str, tuple[int, Any]] = {}
        for key, value in root.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in found:
                raise InputError(f"{path}:{line}: {name!r} is answered twice", cure="keep one of the answers")
            found[name] = (line, loader.construct_object(value, deep=True))
        return found
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise InputError(f"{path}:{line}: {getattr(error, 'problem', error)}", cure="write YAML or JSON") from error
    finally:
        loader.dispose()
