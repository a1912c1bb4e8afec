"""Frozen settings: those that a collection pins (chunking, model) and those that may vary (retrieval, prompt, chat)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ragkit.errors import ConfigError

FewShot = Literal["off", "fixed", "similar"]
"""Which of a collection's examples a prompt holds."""
RuntimeChoice = Literal["auto", "openvino", "torch"]
"""What runs the embedding model."""
PrecisionChoice = Literal["auto", "fp32", "int8"]
"""In which numbers the compiled model multiplies."""
DEFAULT_MODEL = "all-MiniLM-L6-v2"
QUESTION_LIMIT = 8_000
"""Longest question, in code points, that search, prompt and ask take by default."""


@dataclass(frozen=True, slots=True)
class ChunkSettings:
    """How documents are cut, in tokens of the embedder's own tokenizer. Pinned by a collection.

    max_tokens: of a chunk's text. context_tokens: of the context line before it (0: none). Both and the special tokens
    together never exceed the model's limit. min_tokens: a section shorter than this joins the next one.
    """

    max_tokens: int = 140
    min_tokens: int = 24
    context_tokens: int = 64


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which embedding model, and how it runs. A collection pins `name`; the rest belongs to this machine.

    name: a sentence-transformers name or a folder, "" for the one that the collection was built with, and the default
    model for a new one. runtime: "openvino" is the compiled CPU model, "torch" the original;
    "auto" takes the compiled one on a CPU and torch on a GPU. precision: numbers that the compiled model multiplies:
    "auto" is bf16 where the CPU has it in hardware, else fp32; "int8" is faster on some CPUs, loses some quality, and
    is another model to a collection (see docs/models.md). offline: forbid every download.
    """

    name: str = ""
    runtime: RuntimeChoice = "auto"
    device: str = "auto"
    offline: bool = False
    cache_dir: str = ""
    threads: int = 0
    precision: PrecisionChoice = "auto"

    @property
    def resolved(self) -> str:
        """The name, or the default model's."""
        return self.name or DEFAULT_MODEL


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """How a question becomes hits.

    k: chunks wanted, and passages at most. candidates: how many chunks each of the dense and the lexical search
    proposes. dense_weight: the weight of the dense score in the convex combination, the lexical one has the rest.
    feedback: the weight of relevance feedback (terms and vectors of the best candidates), 0 for none. rerank: a
    CrossEncoder name or folder, "" for none; "embedder" embeds the best candidates with the default model when they
    are found, "embedder:NAME" with another one. mmr: 0 (relevance only) to 1 (diversity only). merge: join neighbours
    among the k into one passage. adapter: use the collection's query adapter where it has one (see `ragkit adapt`).
    vocabulary: rules for terms that documents seldom use, see `ragkit.retrieval.synonyms.load_vocabulary`; none for ().
    question_characters, question_words: the longest question that is searched, in code points and in words; a letter of
    a script without spaces counts as a word, and so do three digits.
    """

    k: int = 5
    candidates: int = 70
    dense_weight: float = 0.55
    feedback: float = 1.0
    rerank: str = ""
    mmr: float = 0.0
    merge: bool = True
    adapter: bool = True
    vocabulary: tuple[str, ...] = ("accounting",)
    question_characters: int = QUESTION_LIMIT
    question_words: int = 2_000

    @property
    def two_tiers(self) -> bool:
        """Whether `rerank` is "embedder" or "embedder:NAME", no cross-encoder."""
        return self.rerank.partition(":")[0] == "embedder"


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """How a prompt is laid out. budget: tokens of the whole prompt. encoding: a tiktoken encoding or model name, "" for
    that of the chat model.
    history_share, examples_share: largest part of the budget that history and examples may take. template: a prompt
    template by name, or a file. schema: the JSON schema of the answer as JSON, "" for prose. few_shot: which of the
    collection's own examples a prompt holds, if it has any: "similar" ones, the first ("fixed"), or none ("off").
    shots: how many at most."""

    budget: int = 3_000
    encoding: str = ""
    history_share: float = 0.25
    examples_share: float = 0.15
    instructions: str = ""
    template: str = "default"
    schema: str = ""
    few_shot: FewShot = "similar"
    shots: int = 5


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Which model answers: "extractive" (no LLM), "openai:NAME" (any compatible server) or "anthropic:NAME".

    deadline: seconds for the whole answer; connect_deadline: until the connection stands; first_deadline: until the
    first sign of an answer; gap_deadline: between two. max_tokens: longest answer. min_confidence: below this
    confidence of the search (0..1) the extractive model abstains. link_hosts: hosts whose addresses may stand in an
    answer as plain text when a source holds them; all others are taken out. strict: abstain instead of an answer that
    its sources do not support as a whole. judge: a model that decides where words cannot whether a source supports a
    sentence: "nli:NAME" (a cross-encoder for natural-language inference, by name or folder) or "chat" (the chat model);
    "" for none.
    """

    model: str = "extractive"
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    deadline: float = 60.0
    connect_deadline: float = 10.0
    first_deadline: float = 60.0
    gap_deadline: float = 30.0
    max_tokens: int = 1_024
    temperature: float = 0.0
    min_confidence: float = 0.0
    link_hosts: tuple[str, ...] = ()
    strict: bool = False
    judge: str = ""


@dataclass(frozen=True, slots=True)
class DenseSettings:
    """Which dense index: "exact", "rabitq" or "ivf"; "auto" chooses by size."""

    kind: Literal["auto", "exact", "rabitq", "ivf"] = "auto"


LOCAL_INDEX = "local"
PGVECTOR_INDEX = "pgvector"
PGVECTOR_BINARY_INDEX = "pgvector:binary"
INDEXES = (LOCAL_INDEX, PGVECTOR_INDEX, PGVECTOR_BINARY_INDEX)
"""What may search a collection, beside a Milvus."""
MILVUS_PREFIX = "milvus:"
"""Stands before the address of a Milvus: milvus:http://HOST:19530, or milvus:FILE.db."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, in one value.

    index: what searches: "local" (FAISS and tantivy, in files on this machine), "pgvector" (the database of a store in
    PostgreSQL), "pgvector:binary" (the same, with one bit a component in its index of vectors), or "milvus:" with the
    address of a Milvus server or a file of Milvus Lite. milvus_token: USER:PASSWORD or the key of that server.
    """

    chunk: ChunkSettings = field(default_factory=ChunkSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    chat: ChatSettings = field(default_factory=ChatSettings)
    dense: DenseSettings = field(default_factory=DenseSettings)
    index: str = LOCAL_INDEX
    milvus_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.index not in INDEXES and not self.index.startswith(MILVUS_PREFIX):
            shown = "not known" if "@" in self.index else repr(self.index[:60])  # an address may hold a password
            known = f"{', '.join(INDEXES)}, {MILVUS_PREFIX}ADDRESS"
            raise ConfigError(f"setting index is {shown}", cure=f"set it to one of: {known}")
        chunk, retrieval, prompt = self.chunk, self.retrieval, self.prompt
        for name, value, low, high in (
            ("chunk.max_tokens", chunk.max_tokens, 32, 100_000),
            ("chunk.min_tokens", chunk.min_tokens, 0, chunk.max_tokens - 1),
            ("retrieval.k", retrieval.k, 1, 1_000),
            ("retrieval.candidates", retrieval.candidates, 1, 10_000),
            ("retrieval.dense_weight", retrieval.dense_weight, 0, 1),
            ("retrieval.feedback", retrieval.feedback, 0, 4),
            ("retrieval.mmr", retrieval.mmr, 0, 1),
            ("prompt.budget", prompt.budget, 256, 10_000_000),
            ("prompt.history_share", prompt.history_share, 0, 0.9),
            ("prompt.examples_share", prompt.examples_share, 0, 0.9),
            ("prompt.shots", prompt.shots, 1, 10),
            ("chat.deadline", self.chat.deadline, 0.001, 86_400),
            ("chat.connect_deadline", self.chat.connect_deadline, 0.001, 86_400),
            ("chat.first_deadline", self.chat.first_deadline, 0.001, 86_400),
            ("chat.gap_deadline", self.chat.gap_deadline, 0.001, 86_400),
            ("chat.min_confidence", self.chat.min_confidence, 0, 1),
            ("chat.max_tokens", self.chat.max_tokens, 1, 1_000_000),
        ):
            if not low <= value <= high:
                raise ConfigError(f"setting {name} is {value!r}", cure=f"it must be from {low:,} to {high:,}")

    def pinned(self) -> dict[str, Any]:
        """Return what a collection pins, as JSON: chunking and the model's name."""
        return {"chunk": asdict(self.chunk), "model": self.model.resolved}

    def public(self) -> dict[str, Any]:
        """Return every setting but secrets, as JSON, for reports."""
        groups = asdict(self)
        groups["chat"].pop("api_key")
        groups.pop("milvus_token")
        return groups


def chunk_settings_from(pinned: Mapping[str, Any]) -> ChunkSettings:
    """Rebuild chunk settings from what a collection pinned; unknown names of a newer version are an error."""
    try:
        return ChunkSettings(**pinned)
    except TypeError as error:
        raise ConfigError(f"the collection pins chunk settings that this version does not know: {error}") from error
