"""`ragkit chat`: a conversation with the documents in the terminal, or line by line through a pipe."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from ragkit import KnowledgeBase
from ragkit.cli.conversation.answer import print_answer
from ragkit.cli.options import (
    Target,
    budget_option,
    chat_option,
    common,
    environment_settings,
    few_shot_option,
    filter_options,
    judge_option,
    note_writer,
    passages_option,
    strict_option,
    template_option,
    with_model,
)
from ragkit.cli.summaries import SUMMARIES
from ragkit.errors import RagkitError
from ragkit.text.cleaning import show
from ragkit.types.answers import Answer
from ragkit.types.prompts import Message

_PROMPT = "> "
_REMEMBERED = 40  # messages; the prompt's budget takes of them what fits
_COMMAND = re.compile(r"/([a-z]+)\s*")
_HELP = "/sources shows the quotes of the last answer, /new forgets the conversation, /quit ends it"


@dataclass(slots=True)
class _Conversation:
    """The turns so far, and the options of the next one."""

    kb: KnowledgeBase
    count: int
    where: Mapping[str, Any] | None
    as_json: bool
    messages: list[Message] = field(default_factory=list)
    last: Answer | None = None
    failed: bool = False

    def turn(self, question: str) -> None:
        """Answer a question with the earlier turns, and print the answer; an error ends the turn only."""
        try:
            answer = self._asked(question)
        except RagkitError as error:
            self.failed = True
            if self.as_json:
                self._line({"question": question, "error": str(error)})
            click.echo(f"ragkit: {show(str(error))}", err=True)
            return
        self.last = answer
        self.messages += [Message("user", question), Message("assistant", answer.text)]
        del self.messages[:-_REMEMBERED]

    def _asked(self, question: str) -> Answer:
        if self.as_json:
            answer = self.kb.ask(question, k=self.count, where=self.where, history=self.messages)
            self._line(answer.as_dict())
            return answer
        for part in self.kb.stream(question, k=self.count, where=self.where, history=self.messages):
            if isinstance(part, Answer):
                click.echo()
                print_answer(part, roots=self.kb.roots(), brief=True)
                click.echo()
                return part
            click.echo("\n".join(show(line) for line in part.split("\n")), nl=False)
        raise AssertionError("a stream ends with an answer")

    def command(self, name: str) -> bool:
        """Carry out a command; return whether the conversation goes on."""
        if name in ("quit", "exit", "q"):
            return False
        if name == "new":
            self.messages, self.last = [], None
            self._say("a new conversation begins")
        elif name == "sources":
            self._sources()
        else:
            self._say(_HELP if name == "help" else f"there is no command /{name}; {_HELP}")
        return True

    def _sources(self) -> None:
        if self.as_json:
            self._line({"citations": [item.as_dict() for item in self.last.citations] if self.last else []})
        elif self.last is None:
            self._say("nothing has been answered yet")
        else:
            print_answer(self.last, roots=self.kb.roots())

    def _say(self, text: str) -> None:
        click.echo(click.style(text, dim=True), err=True)

    def _line(self, value: Mapping[str, Any]) -> None:
        click.echo(json.dumps(value, ensure_ascii=True, allow_nan=False))


@click.command(short_help=SUMMARIES["chat"])
@passages_option
@filter_options
@budget_option
@chat_option
@strict_option
@judge_option
@template_option
@few_shot_option
@common
@click.pass_context
def chat(context: click.Context, /, count: int, where: Mapping[str, Any] | None, target: Target, **model: Any) -> None:
    """Hold a conversation with the documents: each question is read together with the turns before it.

    Without a terminal each line of standard input is a question. /sources shows the quotes of the last answer, /new
    forgets the conversation, /quit or Ctrl-D ends it; Ctrl-C stops an answer. With --json each answer is one line.

    Exit status: 0 done, 1 a question had no answer because of an error.
    """
    settings = with_model(environment_settings(judge=model.pop("judge")), **model)
    terminal = sys.stdin.isatty()
    with target.open(settings=settings) as kb:
        note_writer(kb)
        conversation = _Conversation(kb, count, where, target.as_json)
        if terminal:
            click.echo(click.style(f"{show(target.collection)}: ask away; {_HELP}", dim=True), err=True)
        for line in _typed() if terminal else _piped(echo=not target.as_json):
            command = _COMMAND.fullmatch(line)
            if command:
                if not conversation.command(command[1]):
                    break
                continue
            try:
                conversation.turn(line)
            except KeyboardInterrupt:
                if not terminal:
                    raise
                click.echo("\nragkit: this answer was stopped", err=True)
    context.exit(1 if conversation.failed and not terminal else 0)


def _typed() -> Iterator[str]:
    """Yield what is typed, with line editing and the history of the session."""
    import readline  # noqa: F401  # importing it gives input() its editing

    while True:
        try:
            line = input(_PROMPT)
        except EOFError:
            click.echo(err=True)
            return
        if line.strip():
            yield _readable(line)


def _piped(*, echo: bool) -> Iterator[str]:
    """Yield the lines of standard input; echo: print each before its answer, as a terminal would show it."""
    for line in sys.stdin.buffer:
        text = line.decode("utf-8", "replace").strip()
        if text:
            if echo:
                click.echo(click.style(f"{_PROMPT}{show(text)}", bold=True))
            yield text


def _readable(line: str) -> str:
    """Return a line without surrogates, which stand for bytes that are not UTF-8."""
    return line.encode("utf-8", "replace").decode("utf-8").strip()
