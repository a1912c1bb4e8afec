"""Steps that end a chain: generate a text or an answer from sources, and check outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ragkit.chains.steps.base import Frame, Head, StepOutput, Tools, data_prompt
from ragkit.chains.steps.sources import after_each_other, question_list
from ragkit.chat.base import ChatModel
from ragkit.chat.reasoning import without_reasoning
from ragkit.chat.structured import ask_for, json_reader
from ragkit.citations.checker import check_answer
from ragkit.citations.json_check import JsonCheck
from ragkit.definitions.grammar import Reference
from ragkit.definitions.json_schema import Schema
from ragkit.definitions.sandbox import SafeExpression, SafeText
from ragkit.prompting.builder import build_prompt
from ragkit.prompting.template import FOLDER, find_template
from ragkit.text.abstention import opens_with_abstention
from ragkit.types.answers import Answer
from ragkit.types.hits import Hits
from ragkit.types.prompts import Prompt

_ANSWER: Final = ("text", "status", "citations", "data", "unanswered")


@dataclass(frozen=True, slots=True)
class Generate:
    """Gives a fixed text, a model's text, or, with sources, an answer whose citations are checked.

    said: a text without a model. question: what is asked, the chain's question by default. questions: a list of
    questions that are answered one by one, from the same sources. prompt: instructions. schema: of the answer, in
    JSON. template: the prompt template, "" for the collection's.
    """

    head: Head
    said: SafeText | None
    question: SafeText
    questions: SafeExpression | None
    prompt: SafeText
    schema: Schema | None
    sources: tuple[str, ...]
    template: str

    @property
    def fields(self) -> frozenset[str] | None:
        """Those of an answer, or of its schema."""
        if self.sources or self.said is not None:
            return frozenset(_ANSWER)
        return self.schema.fields if self.schema else frozenset(("text",))

    @property
    def references(self) -> tuple[Reference, ...]:
        """The values in its texts."""
        if self.said is not None:
            return self.said.references
        listed = self.questions.references if self.questions else ()
        return (*self.question.references, *listed, *self.prompt.references)

    @property
    def writes_json(self) -> bool:
        """Whether the step needs a model other than the extractive one: for JSON, or without sources."""
        return self.said is None and (self.schema is not None or not self.sources)

    def run(self, values: Mapping[str, Any], tools: Tools) -> StepOutput:
        """Make the text. Raises ChatError, BudgetError."""
        if self.said is not None:
            text = self.said.render(values).strip()
            return StepOutput({**dict.fromkeys(_ANSWER), "text": text, "status": "answered", "citations": []})
        if not self.sources:
            return self._without_sources(values, tools)
        hits = after_each_other([tools.hits[name] for name in self.sources if name in tools.hits])
        questions = self._asked(values)
        prompts = [self._grounded(question, hits, values, tools) for question in questions]
        whole = self._grounded(self.question.render(values), hits, values, tools) if len(prompts) > 1 else prompts[0]
        model = tools.chat(self.head.model)
        if self.schema is not None:
            return self._in_json(whole, self.schema, model, tools)
        said = [self._said(model, prompt) for prompt in prompts]
        return _joined(whole, questions, said, model.name, tools)

    def _asked(self, values: Mapping[str, Any]) -> list[str]:
        """Return the questions that are answered one by one; one where the step names no list."""
        if self.questions is None:
            return [self.question.render(values)]
        return question_list(self.questions, values)

    def _said(self, model: ChatModel, prompt: Prompt) -> Said:
        text = "".join(model.stream(prompt))
        return Said(prompt, text, text if model.name == "extractive" else without_reasoning(text))

    def _in_json(self, prompt: Prompt, schema: Schema, model: ChatModel, tools: Tools) -> StepOutput:
        chat = tools.kb.settings.chat
        check = JsonCheck(prompt, hosts=chat.link_hosts, strict=chat.strict)
        reply = ask_for(model, prompt, json_reader(schema, clean=check.clean))
        answer = check.answer(reply.value, model=model.name, counter=tools.counter())
        return StepOutput(_value(answer, ()), text=reply.text, prompt=prompt, model=model.name, answer=answer)

    def _without_sources(self, values: Mapping[str, Any], tools: Tools) -> StepOutput:
        model = tools.chat(self.head.model)
        prompt = data_prompt(
            self.prompt.render(values), self.question.render(values), schema=self.schema, counter=tools.counter()
        )
        if self.schema is not None:
            reply = ask_for(model, prompt, json_reader(self.schema))
            value = reply.value if isinstance(reply.value, dict) else {"value": reply.value}
            return StepOutput(value, text=reply.text, prompt=prompt, model=model.name)
        text = without_reasoning("".join(model.stream(prompt))).strip()
        return StepOutput({"text": text}, text=text, prompt=prompt, model=model.name)

    def _grounded(self, question: str, hits: Hits, values: Mapping[str, Any], tools: Tools) -> Prompt:
        """Return the prompt of a question with the hits of the source steps as its numbered passages."""
        template = find_template(self._template_name(tools), folder=tools.kb.folder / FOLDER)
        own = tools.kb.settings.prompt
        instructions = "\n\n".join(text for text in (own.instructions, self.prompt.render(values).strip()) if text)
        settings = replace(
            own,
            instructions=instructions,
            template=template.path or template.name,
            schema=self.schema.text if self.schema else "",
        )
        return build_prompt(question, hits, counter=tools.counter(), settings=settings)

    def _template_name(self, tools: Tools) -> str:
        return self.template or tools.kb.settings.prompt.template


@dataclass(frozen=True, slots=True)
class Said:
    """A model's reply to a prompt. text: without its reasoning."""

    prompt: Prompt
    raw: str
    text: str


def _joined(whole: Prompt, questions: Sequence[str], said: Sequence[Said], model: str, tools: Tools) -> StepOutput:
    """Return the checked answer of all questions' texts; those that the sources do not answer are named.

    Every prompt has the passages of `whole` in its order, or the first of them, so that the numbers mean the same.
    """
    chat, counter = tools.kb.settings.chat, tools.counter()
    answered = [part.text for part in said if not opens_with_abstention(part.text)]
    unanswered = [question for question, part in zip(questions, said, strict=True) if opens_with_abstention(part.text)]
    text = "\n\n".join(dict.fromkeys(answered)) if answered else said[0].text
    answer = check_answer(whole, text, model=model, counter=counter, link_hosts=chat.link_hosts, strict=chat.strict)
    if answered and unanswered and answer.status == "answered":
        answer = replace(answer, status="partial")
    tokens = {
        "in": sum(part.prompt.tokens["total"] for part in said),
        "out": sum(counter.count(part.raw) for part in said),
    }
    return StepOutput(
        _value(answer, unanswered if answered else ()),
        text=text,
        prompt=said[0].prompt,
        model=model,
        answer=answer,
        tokens=tokens,
    )


def _value(answer: Answer, unanswered: Sequence[str]) -> dict[str, Any]:
    return {
        "text": answer.text,
        "status": answer.status,
        "citations": [citation.as_dict() for citation in answer.citations],
        "data": answer.data,
        "unanswered": list(unanswered),
    }


def read_generate(head: Head, frame: Frame) -> Generate:
    """Read a generate step. Raises DefinitionError."""
    sources = tuple(frame.raw.get("sources", ()))
    said = frame.text("text") if "text" in frame.raw else None
    more = [name for name in ("prompt", "question", "questions", "output", "sources", "template") if name in frame.raw]
    if said is not None and more:
        raise frame.error(f"has a fixed text and {more[0]}", more[0], cure="leave one of them out")
    if "questions" in frame.raw and (not sources or "output" in frame.raw):
        raise frame.error("has questions without sources, or with an output", "questions", cure="write question: …")
    if said is None and not sources and "prompt" not in frame.raw:
        raise frame.error("has no prompt", cure="write prompt: …, sources: [step] or text: …")
    template = frame.raw.get("template", "")
    if template.endswith(".jinja") or "/" in template:
        template = str(frame.folder / template)
        find_template(template)
    return Generate(
        head,
        said,
        frame.text("question", "{{ question }}"),
        frame.expression(frame.raw["questions"], "questions") if "questions" in frame.raw else None,
        frame.text("prompt"),
        frame.schema(),
        sources,
        template,
    )


@dataclass(frozen=True, slots=True)
class Check:
    """Checks conditions on earlier outputs, and a text against the collection; it fails where one does not hold."""

    head: Head
    expect: tuple[SafeExpression, ...]
    text: SafeText | None
    accept: tuple[str, ...]
    fields: frozenset[str] | None = frozenset(("passed", "failed", "status"))
    sources: tuple[str, ...] = ()
    writes_json: bool = False

    @property
    def references(self) -> tuple[Reference, ...]:
        """The values in its conditions and its text."""
        said = self.text.references if self.text else ()
        return (*(reference for item in self.expect for reference in item.references), *said)

    def run(self, values: Mapping[str, Any], tools: Tools) -> StepOutput:
        """Check. A failed check is an output with `passed` false."""
        failed = [item.source for item in self.expect if not item.value(values)]
        status = ""
        if self.text is not None:
            found = tools.kb.check(self.text.render(values))
            status = found.status
            if status not in self.accept:
                failed.append(f"the documents' support of the text is {status!r}")
        value = {"passed": not failed, "failed": failed, "status": status}
        return StepOutput(value, failed="; ".join(failed))


def read_check(head: Head, frame: Frame) -> Check:
    """Read a check step. Raises DefinitionError."""
    expect = tuple(frame.expression(text, "expect", number) for number, text in enumerate(frame.raw.get("expect", ())))
    if not expect and "text" not in frame.raw:
        raise frame.error("checks nothing", cure="write expect: [condition] or text: …")
    text = frame.text("text") if "text" in frame.raw else None
    return Check(head, expect, text, tuple(frame.raw.get("accept", ("answered", "abstained"))))
