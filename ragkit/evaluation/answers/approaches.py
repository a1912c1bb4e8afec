"""Ways to answer a question, behind one protocol: closed-book, few-shot, RAG, RAG with examples, and chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from ragkit.chains.chain import Chain, load_chain
from ragkit.chat.base import ChatModel
from ragkit.chat.reasoning import reasoned_text
from ragkit.citations.checker import check_answer
from ragkit.errors import InputError
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.prompting.instructions import instruction_prompt
from ragkit.prompting.template import FOLDER, PromptTemplate, find_template
from ragkit.text.abstention import abstains, opens_with_abstention
from ragkit.text.token_counter import Counter
from ragkit.types.answers import Answer
from ragkit.types.prompts import Example

CLOSED_BOOK_RULES: Final = """\
You answer questions from what you know, without any documents.

- Answer as briefly as the question allows, in its language. Keep numbers, units, names and dates exact.
- If you do not know the answer, say "I do not know." and nothing else."""
"""The instructions of closed-book and few-shot answers."""


def template_key(template: PromptTemplate) -> str:
    """Return the name under which a run records a prompt template: that of a shipped one, or the path of another."""
    return f"template {template.path or template.name}"


def chain_key(chain: Chain) -> str:
    """Return the name under which a run records a chain: that of a shipped one, or the path of another."""
    return f"chain {chain.place}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer of an approach. answer: with checked citations, None where the approach has none.

    tokens_in, tokens_out: of all calls that it took.
    """

    text: str
    abstained: bool
    tokens_in: int
    tokens_out: int
    answer: Answer | None = None


class Approach(Protocol):
    """A way to answer."""

    @property
    def name(self) -> str:
        """The name in reports, such as "rag"; one line."""

    @property
    def prompts(self) -> Mapping[str, str]:
        """Its instructions by name, for the record of a run: without examples, which are data."""

    @property
    def other_models(self) -> tuple[str, ...]:
        """The models that it calls in addition to the given one."""

    def answer(self, question: str) -> Attempt:
        """Answer a question. Raises ChatError or StepError where a model or a step of a chain fails."""


@dataclass(frozen=True, slots=True)
class Means:
    """The resources of an approach: the collection, the chat model, a counter of tokens, and few-shot examples."""

    kb: KnowledgeBase
    chat: ChatModel
    counter: Counter
    examples: tuple[Example, ...] = ()


class ClosedBook:
    """The model alone: without documents, with few-shot examples if there are any."""

    other_models: tuple[str, ...] = ()

    def __init__(self, name: str, means: Means, examples: Sequence[Example] = ()) -> None:
        self.name = name
        self._means = means
        self.prompts: Mapping[str, str] = {"closed-book": CLOSED_BOOK_RULES}
        shown = "".join(f"\n\nQuestion: {item.question}\nAnswer: {item.answer}" for item in examples)
        self._rules = CLOSED_BOOK_RULES + (f"\n\nExamples of answers:{shown}" if shown else "")

    def answer(self, question: str) -> Attempt:
        """Answer from the model's own knowledge."""
        prompt = instruction_prompt(self._rules, f"Question: {question}", question=question, nonce="")
        count = self._means.counter.count
        tokens = sum(count(message.content) for message in prompt.messages)
        prompt = replace(prompt, tokens={"total": tokens})
        text = reasoned_text(self._means.chat, prompt).strip()
        return Attempt(text, _abstained(text), tokens, count(text))


class Rag:
    """Retrieval, then the model with the passages, then the check of citations; with few-shot examples if there are
    any."""

    other_models: tuple[str, ...] = ()

    def __init__(self, name: str, means: Means, examples: Sequence[Example] = ()) -> None:
        self.name = name
        self._means = means
        self._examples = tuple(examples)
        template = find_template(means.kb.settings.prompt.template, folder=means.kb.folder / FOLDER)
        self.prompts: Mapping[str, str] = {template_key(template): template.source}

    def answer(self, question: str) -> Attempt:
        """Answer from the collection."""
        means, settings = self._means, self._means.kb.settings.chat
        prompt = means.kb.prompt(question, examples=self._examples)
        answer = check_answer(
            prompt,
            reasoned_text(means.chat, prompt),
            model=means.chat.name,
            counter=means.counter,
            link_hosts=settings.link_hosts,
            strict=settings.strict,
        )
        return Attempt(
            answer.text,
            answer.status == "abstained",
            answer.tokens["total"],
            answer.tokens.get("answer", 0),
            answer,
        )


class Chained:
    """A chain of steps, run as a whole. The model takes the place of the collection's in the chain's steps."""

    def __init__(self, name: str, means: Means, chain: Chain) -> None:
        """Use a checked chain. Raises ConfigError, NotFoundError for a model or a template that it lacks."""
        chain.check(means.kb, chat=means.chat)
        self.name = name
        self.other_models = chain.other_models
        self._means = means
        self._chain = chain
        templates = {template_key(template): template.source for template in chain.templates(means.kb)}
        self.prompts: Mapping[str, str] = {chain_key(chain): chain.definition.source, **templates}

    def answer(self, question: str) -> Attempt:
        """Answer by the chain's steps; a fixed text of the chain is an answer without citations."""
        run = self._chain.run(self._means.kb, question, chat=self._means.chat, store=False)
        answer = Answer.from_dict(run.answer) if run.answer else None
        abstained = answer.status == "abstained" if answer else _abstained(run.text)
        return Attempt(run.text, abstained, run.tokens["in"], run.tokens["out"], answer)


Factory = Callable[[str, Means], Approach]
"""Makes the approach of a name for reports ("rag", "rag@openai:gpt-4.1") and what it may use."""


def _closed_book(name: str, means: Means) -> Approach:
    return ClosedBook(name, means)


def _few_shot(name: str, means: Means) -> Approach:
    return ClosedBook(name, means, _examples(means))


def _rag(name: str, means: Means) -> Approach:
    return Rag(name, means)


def _few_shot_rag(name: str, means: Means) -> Approach:
    return Rag(name, means, _examples(means))


def _chain(name: str, means: Means) -> Approach:
    wanted = name.partition("@")[0].partition(":")[2]
    if not wanted:
        raise InputError("the approach chain needs a chain", cure="write chain:NAME or chain:FILE, as chain:decompose")
    return Chained(name, means, load_chain(wanted, folder=means.kb.folder))


def _examples(means: Means) -> Sequence[Example]:
    if not means.examples:
        raise InputError("the few-shot approaches need examples", cure="name a file with --examples")
    return means.examples


APPROACHES: Final[dict[str, Factory]] = {
    "closed-book": _closed_book,
    "few-shot": _few_shot,
    "rag": _rag,
    "few-shot-rag": _few_shot_rag,
    "chain": _chain,
}
"""Name -> a factory; another approach is one more row. A chain's name or file follows "chain:"."""


def factory_of(name: str) -> Factory:
    """Return the factory of an approach; "@MODEL" may follow its name. Raises InputError for an unknown one."""
    kind = name.partition("@")[0]
    kind = "chain" if kind.startswith("chain:") else kind
    if kind not in APPROACHES:
        known = [f"{row}:NAME" if row == "chain" else row for row in APPROACHES]
        raise InputError(f"the approach {kind!r} is not known", cure=f"choose from {', '.join(known)}")
    return APPROACHES[kind]


def _abstained(text: str) -> bool:
    """Return whether an answer without sources says that the model does not know."""
    bare = text.strip().strip("\"'").casefold()
    unknown = ("i do not know", "i don't know", "unknown", "ich weiß es nicht", "je ne sais pas", "no lo sé")
    return not bare or bare.startswith(unknown) or opens_with_abstention(text) or abstains(text)
