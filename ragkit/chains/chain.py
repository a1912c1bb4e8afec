"""A chain that can be run: loaded from a file or by name, made ready for a collection, run, and its trace stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from ragkit.chains.reading import Definition, read_chain
from ragkit.chains.running import Runner
from ragkit.chains.steps.base import COLLECTION_MODEL, ChainCollection
from ragkit.chains.trace import ChainRun, StepTrace
from ragkit.chains.trace_files import store_trace
from ragkit.chat.base import ChatModel
from ragkit.chat.loading import load_chat, settings_for
from ragkit.errors import ConfigError, DefinitionError, NotFoundError, StepError
from ragkit.prompting.template import FOLDER as TEMPLATES
from ragkit.prompting.template import PromptTemplate, find_template
from ragkit.retrieval.questions import checked_question
from ragkit.text.cleaning import show

FOLDER: Final = "chains"
"""Folder of a collection's own chains, below the collection's folder."""
_ENDINGS: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain that was checked when it was loaded. Immutable; concurrent runs share no state."""

    definition: Definition

    @property
    def name(self) -> str:
        """The chain's name, from its file."""
        return self.definition.name

    @property
    def place(self) -> str:
        """The name or path by which `load_chain` finds the chain from any folder: its name if it comes with ragkit,
        else its path."""
        path = Path(self.definition.path).resolve()
        shipped = _shipped().get(path.stem)
        return path.stem if shipped is not None and shipped.resolve() == path else str(path)

    @property
    def other_models(self) -> tuple[str, ...]:
        """The models that its steps name in addition to the collection's, each once."""
        named = dict.fromkeys(step.head.model for step in self.definition.steps)
        return tuple(name for name in named if name not in ("", COLLECTION_MODEL))

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit chain list --json`: what the chain is, and its steps in order."""
        definition = self.definition
        return {
            "name": definition.name,
            "version": definition.version,
            "description": definition.description,
            "path": definition.path,
            "digest": definition.digest,
            "steps": [
                {"name": step.head.name, "kind": step.head.kind, "model": step.head.model} for step in definition.steps
            ],
        }

    def check(self, kb: ChainCollection, *, chat: ChatModel | None = None) -> None:
        """Raise ConfigError, NotFoundError or DefinitionError for models and templates that a run would lack."""
        self._models(kb, chat)

    def templates(self, kb: ChainCollection) -> tuple[PromptTemplate, ...]:
        """Return the prompt templates of its steps, each once. Raises NotFoundError, DefinitionError."""
        names = dict.fromkeys(
            getattr(step, "template", "") or kb.settings.prompt.template
            for step in self.definition.steps
            if step.head.kind == "generate"
        )
        return tuple(find_template(name, folder=kb.folder / TEMPLATES) for name in names)

    def run(self, kb: ChainCollection, question: str, *, chat: ChatModel | None = None, store: bool = True) -> ChainRun:
        """Answer a question and return the run with every step.

        chat: takes the place of the collection's model. store: keep the trace in the collection's folder.
        Raises StepError when a step failed that ends the chain, ConfigError, NotFoundError and DefinitionError before
        any model is asked, QueryError for the question.
        """
        run = next(part for part in self.stream(kb, question, chat=chat, store=store) if isinstance(part, ChainRun))
        if run.status == "failed":
            failed = next((step for step in run.steps if step.status == "failed"), run.steps[-1])
            raise StepError(failed.error or run.error, step=failed.name, cure=f"see its trace {run.id}".strip())
        return run

    def stream(
        self, kb: ChainCollection, question: str, *, chat: ChatModel | None = None, store: bool = True
    ) -> Iterator[StepTrace | ChainRun]:
        """Yield each step when it has ended, then the whole run, also a failed one; see `run` for the options.

        What is wrong with the models, the prompt templates or the question is raised by the call itself.
        """
        runner = Runner(self.definition, kb, checked_question(question, kb.settings.retrieval), self._models(kb, chat))
        return self._stored(runner, kb) if store else runner.stream()

    def _stored(self, runner: Runner, kb: ChainCollection) -> Iterator[StepTrace | ChainRun]:
        for part in runner.stream():
            yield store_trace(kb.folder, part) if isinstance(part, ChainRun) else part

    def _models(self, kb: ChainCollection, chat: ChatModel | None) -> dict[str, ChatModel]:
        """Return the models of all steps, loaded; check the templates. Raises ConfigError, NotFoundError."""
        self.templates(kb)
        models: dict[str, ChatModel] = {}
        for step in self.definition.steps:
            name = step.head.model
            if not name or getattr(step, "said", None) is not None:
                continue
            if name not in models:
                models[name] = (
                    chat or kb.chat if name == COLLECTION_MODEL else load_chat(settings_for(name, kb.settings.chat))
                )
            if step.writes_json and models[name].name == "extractive":
                raise ConfigError(
                    f"step {step.head.name!r} needs a model that writes, and its model is the extractive one",
                    cure="set RAGKIT_CHAT or --model, or give the step rules",
                )
        return models


def load_chain(path: str | Path, *, folder: Path | None = None) -> Chain:
    """Return the chain of a YAML file, or of a name: one in a collection's folder, or one that comes with ragkit.

    Raises DefinitionError with file and line, NotFoundError for an unknown name.
    """
    return Chain(read_chain(_found(str(path), folder)))


def _found(name: str, folder: Path | None) -> Path:
    if "/" in name or name.endswith(_ENDINGS):
        own = Path(name)
        shipped = _shipped().get(own.stem) if own.name == name and not own.exists() else None
        return shipped or own
    known = {**_shipped(), **_own(folder)}
    if name not in known:
        raise NotFoundError(f"there is no chain {name!r}", cure=f"use a file, or one of: {', '.join(sorted(known))}")
    return known[name]


def installed_chain(name: str, *, folder: Path) -> Chain:
    """Return a chain of the collection, or one that comes with ragkit, by its name, never by a path.

    Raises NotFoundError, DefinitionError with file and line.
    """
    path = {**_shipped(), **_own(folder)}.get(name)
    if path is None:
        raise NotFoundError(f"there is no chain {show(name, 80)!r}", cure="use one of the list of chains")
    return Chain(read_chain(path))


def list_chains(folder: Path | None = None) -> list[Chain | DefinitionError]:
    """Return a collection's own chains and those that come with ragkit, by file name; an error for an invalid one."""
    found: list[Chain | DefinitionError] = []
    for _, path in sorted({**_shipped(), **_own(folder)}.items()):
        try:
            found.append(Chain(read_chain(path)))
        except DefinitionError as error:
            found.append(error)
    return found


def _own(folder: Path | None) -> dict[str, Path]:
    place = folder / FOLDER if folder else None
    return {path.stem: path for path in place.iterdir() if path.suffix in _ENDINGS} if place and place.is_dir() else {}


def _shipped() -> dict[str, Path]:
    """Return the chains of the package. They are files in a folder, because their databases are opened by path."""
    library = Path(str(resources.files("ragkit.chains").joinpath("library")))
    return {path.stem: path for path in library.glob("*.yaml")}
