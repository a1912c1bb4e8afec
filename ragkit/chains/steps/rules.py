"""Steps by rules, or by a model where no rule applies: classify, extract, decompose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ragkit.chains.decompose import decompose
from ragkit.chains.steps.base import Frame, Head, StepOutput, Tools, data_prompt
from ragkit.chat.followup import standalone
from ragkit.chat.structured import ask_for, json_reader
from ragkit.definitions.grammar import Reference
from ragkit.definitions.json_schema import Schema, make_schema
from ragkit.definitions.patterns import LONGEST_SECONDS, Match, Pattern, compile_pattern
from ragkit.definitions.sandbox import SafeText
from ragkit.types.prompts import Message

_QUESTION: Final = "{{ question }}"
_TYPES: Final[Mapping[str, Any]] = {"integer": int, "number": float, "string": str}


@dataclass(frozen=True, slots=True)
class Rule:
    """A label or field, and the pattern that finds it."""

    name: str
    pattern: Pattern

    def found(self, text: str, tools: Tools) -> Match | None:
        """Return where the pattern matches, None for nowhere. Raises InputError past its time, or the step's."""
        return self.pattern.search(text, seconds=min(LONGEST_SECONDS, tools.left))


@dataclass(frozen=True, slots=True)
class _ByModel:
    """The part of a step that a model does. schema: of its JSON."""

    prompt: SafeText
    schema: Schema

    def ask(self, head: Head, text: str, values: Mapping[str, Any], tools: Tools) -> StepOutput:
        model = tools.chat(head.model)
        prompt = data_prompt(self.prompt.render(values), text, schema=self.schema, counter=tools.counter())
        reply = ask_for(model, prompt, json_reader(self.schema))
        return StepOutput(reply.value, text=reply.text, prompt=prompt, model=model.name)


class _TextStep:
    """A step that reads one text, by rules or by a model that writes JSON."""

    __slots__ = ()
    head: Head
    text: SafeText
    by_model: _ByModel

    @property
    def references(self) -> tuple[Reference, ...]:
        """The values in its texts."""
        return (*self.text.references, *self.by_model.prompt.references)

    @property
    def writes_json(self) -> bool:
        """Whether a model is asked, which then writes JSON."""
        return bool(self.head.model)


@dataclass(frozen=True, slots=True)
class Classify(_TextStep):
    """Gives one of several labels: that of the first rule that matches, else the model's, else `otherwise`."""

    head: Head
    text: SafeText
    rules: tuple[Rule, ...]
    otherwise: str
    by_model: _ByModel
    fields: frozenset[str] | None = frozenset(("label", "by"))
    sources: tuple[str, ...] = ()

    def run(self, values: Mapping[str, Any], tools: Tools) -> StepOutput:
        """Classify the text."""
        text = self.text.render(values)
        for rule in self.rules:
            if rule.found(text, tools):
                return StepOutput({"label": rule.name, "by": "rule"})
        if not self.head.model:
            return StepOutput({"label": self.otherwise, "by": "otherwise"})
        said = self.by_model.ask(self.head, text, values, tools)
        return StepOutput({**said.value, "by": "model"}, text=said.text, prompt=said.prompt, model=said.model)


def read_classify(head: Head, frame: Frame) -> Classify:
    """Read a classify step. Raises DefinitionError."""
    labels = frame.raw["labels"]
    rules = tuple(
        Rule(rule["label"], _pattern(frame, rule["pattern"], "rules", number, "pattern"))
        for number, rule in enumerate(frame.raw.get("rules", ()))
    )
    otherwise = frame.raw.get("otherwise", "")
    for number, rule in enumerate(rules):
        if rule.name not in labels:
            raise frame.error(f"the label {rule.name!r} is not one of the labels", "rules", number, "label")
    if otherwise and otherwise not in labels:
        raise frame.error(f"the label {otherwise!r} is not one of the labels", "otherwise")
    if not head.model and not otherwise:
        raise frame.error("without a model it needs the label for all else", cure="write otherwise: LABEL")
    schema = {
        "type": "object",
        "properties": {"label": {"enum": list(labels)}},
        "required": ["label"],
        "additionalProperties": False,
    }
    default = f"Classify the text. The labels are: {', '.join(labels)}."
    by_model = _ByModel(frame.text("prompt", default), make_schema(schema))
    return Classify(head, frame.text("input", _QUESTION), rules, otherwise, by_model)


@dataclass(frozen=True, slots=True)
class Extract(_TextStep):
    """Gives an object of a schema: fields that patterns find, and a model's object where a required one is missing."""

    head: Head
    text: SafeText
    rules: tuple[Rule, ...]
    schema: Schema
    by_model: _ByModel
    sources: tuple[str, ...] = ()

    @property
    def fields(self) -> frozenset[str] | None:
        """The properties of its schema."""
        return self.schema.fields

    def run(self, values: Mapping[str, Any], tools: Tools) -> StepOutput:
        """Extract the object from the text. Raises AnswerFormatError, and ValueError for one that rules cannot fill."""
        text = self.text.render(values)
        found = {rule.name: _converted(rule, rule.found(text, tools), self.schema) for rule in self.rules}
        given = {name: value for name, value in found.items() if value is not None}
        if self.head.model and self.schema.problem(given):
            return self.by_model.ask(self.head, text, values, tools)
        return StepOutput({**dict.fromkeys(self.fields or ()), **given}, failed=self.schema.problem(given))


def read_extract(head: Head, frame: Frame) -> Extract:
    """Read an extract step. Raises DefinitionError."""
    schema = frame.schema()
    assert schema is not None  # noqa: S101 - the file's own schema requires it
    if schema.fields is None:
        raise frame.error("the output has no properties", "output", cure="write type: object and properties")
    rules = tuple(
        Rule(name, _pattern(frame, pattern, "rules", name)) for name, pattern in frame.raw.get("rules", {}).items()
    )
    for rule in rules:
        if rule.name not in schema.fields:
            raise frame.error(f"there is no field {rule.name!r} in the output", "rules", rule.name)
    if not rules and not head.model:
        raise frame.error("has neither rules nor a model", cure="write rules: {field: pattern} or model: collection")
    default = "Extract the values of the schema from the text. Leave out what it does not say."
    return Extract(head, frame.text("input", _QUESTION), rules, schema, _ByModel(frame.text("prompt", default), schema))


@dataclass(frozen=True, slots=True)
class Decompose(_TextStep):
    """Gives the questions to search for one by one: by the question's words, or by a model."""

    head: Head
    text: SafeText
    most: int
    by_model: _ByModel
    fields: frozenset[str] | None = frozenset(("questions", "kind"))
    sources: tuple[str, ...] = ()

    def run(self, values: Mapping[str, Any], tools: Tools) -> StepOutput:
        """Decompose the text; a part that depends on the one before is rewritten to stand alone."""
        text = self.text.render(values)
        if self.head.model:
            said = self.by_model.ask(self.head, text, values, tools)
            return StepOutput({**said.value, "kind": "model"}, text=said.text, prompt=said.prompt, model=said.model)
        parts = decompose(text, most=self.most)
        alone = [
            standalone(part, [Message("user", parts.questions[0])]) if number and parts.kind == "parts" else part
            for number, part in enumerate(parts.questions)
        ]
        return StepOutput({"questions": alone, "kind": parts.kind})


def read_decompose(head: Head, frame: Frame) -> Decompose:
    """Read a decompose step. Raises DefinitionError."""
    most = frame.raw.get("most", 4)
    questions = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": most}
    schema = {"type": "object", "properties": {"questions": questions}, "required": ["questions"]}
    default = (
        "Write the questions that must be searched for one by one to answer the text: one for each of its parts, or for"
        " each thing that it compares. Each must stand alone."
    )
    by_model = _ByModel(frame.text("prompt", default), make_schema({**schema, "additionalProperties": False}))
    return Decompose(head, frame.text("input", _QUESTION), most, by_model)


def _pattern(frame: Frame, pattern: str, *at: str | int) -> Pattern:
    try:
        return compile_pattern(pattern)
    except ValueError as error:
        raise frame.error(f"the pattern {pattern!r} is wrong: {error}", *at) from error


def _converted(rule: Rule, found: Match | None, schema: Schema) -> Any:
    """Return what a pattern found (its first group, if it has one) in the type of its field.

    None for nothing, and for what is no number of JSON in a field that is a number.
    """
    if found is None:
        return None
    said = next((group for group in found.groups() if group is not None), found.group())
    kind = schema.value["properties"][rule.name].get("type", "string")
    try:
        value = _TYPES.get(kind if isinstance(kind, str) else "string", str)(said)
    except ValueError:
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value
