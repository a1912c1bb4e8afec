"""Make a question set from the documents of a collection: candidates, the split by document, a choice by seed."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from ragkit import __version__
from ragkit.chat.base import ChatModel
from ragkit.errors import InputError
from ragkit.evaluation.datasets.meta import FORMAT, text_digest
from ragkit.evaluation.datasets.types import PARTS
from ragkit.evaluation.generation.candidates import KINDS, Candidate, Outline, candidates, outline, sentence_key
from ragkit.evaluation.generation.harder import HARDER, UNANSWERABLE, Harder, find_rivals, numbers_of
from ragkit.evaluation.generation.llm_questions import WRITTEN, written
from ragkit.evaluation.generation.splitting import SHARES, near_duplicates, split_documents
from ragkit.evaluation.generation.templates import words
from ragkit.evaluation.measures.abstention import Unanswerable
from ragkit.evaluation.measures.runner import Progress
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.types.documents import Document

_ASKED_ABOUT: Final = 2_000
"""Questions are made from at most this many documents, drawn by the seed."""
_WRITTEN_SHARE: Final = 0.5
_UNANSWERABLE_SHARE: Final = 0.15
"""How many unanswerable questions are made beside the answerable ones, as a share of these."""
ALL_KINDS: Final = (*HARDER, *KINDS)


@dataclass(frozen=True, slots=True)
class MakeOptions:
    """How a set is made. questions: how many, at most. kinds: of those made without a model. chat: writes a half of the
    questions where it is given."""

    questions: int = 200
    seed: int = 0
    kinds: tuple[str, ...] = ALL_KINDS
    chat: ChatModel | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A question of a made set."""

    name: str
    document: str
    part: str
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class MadeSet:
    """A made set: its documents, its questions, the meta file beside them, and questions without an answer."""

    documents: tuple[Document, ...]
    questions: tuple[Made, ...]
    meta: dict[str, Any] = field(default_factory=dict)
    unanswerable: tuple[Unanswerable, ...] = ()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many questions of each kind are in each part."""
        found = Counter((item.part, item.candidate.kind) for item in self.questions)
        return {
            part: {kind: found[part, kind] for kind in (*ALL_KINDS, WRITTEN) if found[part, kind]} for part in PARTS
        }


def make_set(kb: KnowledgeBase, *, options: MakeOptions | None = None) -> MadeSet:
    """Make questions from a collection's documents; the same documents, options and seed give the same set.

    Each part's questions are of that part's documents alone; documents that share much of their text are in one part. A
    question whose sentence, heading or term occurs in more than one document is not asked: it has no single answer.

    Raises InputError where no question can be made, and what the chat model raises.
    """
    options = options or MakeOptions()
    progress = options.progress or (lambda *_: None)
    sources = [info.source for info in kb.documents()]
    documents = []
    for number, source in enumerate(sources):
        progress("reading", number, len(sources))
        documents.append(kb.document(source))
    drawn = set(sorted(sources, key=lambda source: _rank(options.seed, source))[:_ASKED_ABOUT])
    outlines = [outline(document) for document in documents if document.source in drawn]
    split = split_documents(_groups(documents, outlines), seed=options.seed) if documents else {}
    harder = Harder(_rarity(outlines), find_rivals(outlines), options.seed)
    chosen = _chosen(outlines, split, options, harder, progress)
    if not chosen:
        raise InputError(
            f"no question can be made from the {len(documents):,} documents of {kb.collection!r}",
            cure="it takes documents with sentences or headings",
        )
    near = _unanswerable(outlines, split, chosen, harder)
    return MadeSet(tuple(documents), tuple(chosen), _meta(kb, documents, split, chosen, options), near)


def _rank(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}/{text}".encode()).digest()


def _groups(documents: Sequence[Document], outlines: Sequence[Outline]) -> list[list[str]]:
    keys = {document.source: frozenset({text_digest(document.text)}) for document in documents}
    for item in outlines:
        keys[item.document.source] |= {sentence_key(item.sentence(span)) for span in item.sentences}
    return near_duplicates(keys)


def _unanswerable(
    outlines: Sequence[Outline], split: Mapping[str, str], chosen: Sequence[Made], harder: Harder
) -> tuple[Unanswerable, ...]:
    """Return questions with a number that no document has, of every document in turn, in the part of its document."""
    numbers = numbers_of(outlines)
    names = sorted(outlines, key=lambda item: _rank(harder.seed, item.document.source))
    waiting = [(item.document.source, harder.unanswerable(item, numbers)) for item in names]
    found: dict[str, Unanswerable] = {}
    wanted = math.ceil(_UNANSWERABLE_SHARE * len(chosen))
    while waiting and len(found) < wanted:
        left = []
        for source, texts in waiting:
            text = next(texts, "")
            if text and len(found) < wanted:
                name = f"{UNANSWERABLE}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
                found.setdefault(text, Unanswerable(name, text, UNANSWERABLE, split[source]))
            if text:
                left.append((source, texts))
        waiting = left
    return tuple(found.values())


def _chosen(
    outlines: Sequence[Outline],
    split: Mapping[str, str],
    options: MakeOptions,
    harder: Harder,
    progress: Callable[[str, int, int], None],
) -> list[Made]:
    """Return the questions of all parts, in the order of parts, then of documents."""
    pools: dict[str, dict[str, list[Candidate]]] = {part: {} for part in PARTS}
    for source, found in _unambiguous(outlines, options, harder).items():
        pools[split[source]][source] = found
    quotas = _quotas(options.questions, [part for part in PARTS if pools[part]])
    by_source = {item.document.source: item for item in outlines}
    out: list[Made] = []
    for part in PARTS:
        names = sorted((name for name in by_source if split[name] == part), key=lambda name: _rank(options.seed, name))
        quota = quotas.get(part, 0)
        picked: list[tuple[str, Candidate]] = []
        if options.chat is not None:
            asked = [by_source[name] for name in names]
            count = math.ceil(quota * _WRITTEN_SHARE)
            made = written(options.chat, asked, count=count, seed=options.seed, progress=progress)
            picked += [item for item in made if _in_one(item[1].answer, outlines)]
        picked += _round_robin(pools[part], names, options.kinds, count=quota - len(picked))
        out += [Made(_name(source, item), source, part, item) for source, item in picked]
    return _unique(out)


def _quotas(questions: int, parts: Sequence[str]) -> dict[str, int]:
    """Return the number of questions of each part, by its share; the remainder goes to the test part first."""
    total = sum(SHARES[part] for part in parts)
    quotas = {part: int(questions * SHARES[part] / total + 1e-9) for part in parts}
    for part in sorted(parts, key=lambda name: (-SHARES[name], name)):
        if sum(quotas.values()) < questions:
            quotas[part] += 1
    return quotas


def _in_one(quote: str, outlines: Sequence[Outline]) -> bool:
    """Return whether only one document holds a quote."""
    return sum(quote in item.document.text for item in outlines) == 1


def _rarity(outlines: Sequence[Outline]) -> dict[str, float]:
    """Return word -> the logarithm of sentences by sentences that hold it."""
    frequency: Counter[str] = Counter()
    total = 0
    for item in outlines:
        for span in item.sentences:
            frequency.update({word for _, _, word in words(item.sentence(span))})
            total += 1
    return {word: math.log((total + 1) / count) for word, count in frequency.items()}


def _unambiguous(outlines: Sequence[Outline], options: MakeOptions, harder: Harder) -> dict[str, list[Candidate]]:
    """Return the candidates of each document whose subject is in no other document and not twice in its own."""
    found = {
        item.document.source: [
            candidate
            for candidate in chain(harder.candidates(item), candidates(item, rarity=harder.rarity, seed=options.seed))
            if candidate.kind in options.kinds
        ]
        for item in outlines
    }
    subjects = Counter((item.kind, item.subject) for item in chain.from_iterable(found.values()))
    texts = Counter(item.text.lower() for item in chain.from_iterable(found.values()))
    return {
        source: [item for item in items if subjects[item.kind, item.subject] == 1 and texts[item.text.lower()] == 1]
        for source, items in found.items()
    }


def _round_robin(
    pool: Mapping[str, Sequence[Candidate]], names: Sequence[str], kinds: Sequence[str], *, count: int
) -> list[tuple[str, Candidate]]:
    """Take questions from every document in turn, each time of the next kind."""
    waiting = {name: _by_kind(name, pool.get(name, ())) for name in names}
    picked: list[tuple[str, Candidate]] = []
    for turn in range(count):
        before = len(picked)
        for number, name in enumerate(names):
            if len(picked) >= count:
                return picked
            item = _next(waiting[name], kinds, turn + number)
            if item:
                picked.append((name, item))
        if len(picked) == before:
            break
    return picked


def _by_kind(name: str, items: Sequence[Candidate]) -> dict[str, Iterator[Candidate]]:
    """Return an iterator for each kind; a passage that one kind asked about is not asked about again by another."""
    asked: set[tuple[int, int]] = set()

    def fresh(ordered: Sequence[Candidate]) -> Iterator[Candidate]:
        for item in ordered:
            if (item.start, item.end) not in asked:
                asked.add((item.start, item.end))
                yield item

    groups: dict[str, list[Candidate]] = defaultdict(list)
    for item in sorted(items, key=lambda item: _rank(0, f"{name}/{item.kind}/{item.start}")):
        groups[item.kind].append(item)
    return {kind: fresh(ordered) for kind, ordered in groups.items()}


def _next(waiting: Mapping[str, Iterator[Candidate]], kinds: Sequence[str], turn: int) -> Candidate | None:
    for step in range(len(kinds)):
        item = next(waiting.get(kinds[(turn + step) % len(kinds)], iter(())), None)
        if item:
            return item
    return None


def _name(source: str, item: Candidate) -> str:
    digest = hashlib.sha256(f"{source}\n{item.kind}\n{item.start}\n{item.text}".encode()).hexdigest()
    return f"{item.kind}-{digest[:12]}"


def _unique(made: Sequence[Made]) -> list[Made]:
    """Return the questions without those whose text has two answers."""
    counts = Counter(item.candidate.text.lower() for item in made)
    return [item for item in made if counts[item.candidate.text.lower()] == 1]


def _meta(
    kb: KnowledgeBase,
    documents: Sequence[Document],
    split: Mapping[str, str],
    chosen: Sequence[Made],
    options: MakeOptions,
) -> dict[str, Any]:
    parts = Counter(split.values())
    asked = Counter(item.part for item in chosen)
    return {
        "format": FORMAT,
        "made_by": f"ragkit {__version__}",
        "collection": kb.collection,
        "seed": options.seed,
        "kinds": list(options.kinds),
        "written_by": options.chat.name if options.chat else None,
        "split": {
            "by": "document",
            "shares": dict(SHARES),
            "documents": {part: parts[part] for part in PARTS},
            "queries": {part: asked[part] for part in PARTS},
        },
        "documents": {
            document.source: {
                "sha256": document.sha256,
                "text_sha256": text_digest(document.text),
                "part": split[document.source],
            }
            for document in documents
        },
    }
