"""Read settings from environment variables: once, at the edges (command line, service)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast, get_args

from ragkit.errors import ConfigError
from ragkit.settings import (
    INDEXES,
    LOCAL_INDEX,
    MILVUS_PREFIX,
    ChatSettings,
    FewShot,
    ModelSettings,
    PrecisionChoice,
    PromptSettings,
    RetrievalSettings,
    RuntimeChoice,
    Settings,
)

T = TypeVar("T")
DEFAULT_DATA = ".ragkit"

ENVIRONMENT_VARIABLES: Mapping[str, str] = {
    "RAGKIT_DATA": "data folder (default ./.ragkit), or postgresql://USER@HOST/DATABASE",
    "RAGKIT_LOCAL": "folder of what a shared store keeps on this machine (default: ragkit in the user's data folder)",
    "RAGKIT_INDEX": "what searches: local (files on this machine), pgvector, pgvector:binary, or milvus:ADDRESS",
    "RAGKIT_MILVUS_TOKEN": "USER:PASSWORD or the key of the Milvus server that RAGKIT_INDEX names",
    "RAGKIT_MODEL": "embedding model: a sentence-transformers name or a folder",
    "RAGKIT_RUNTIME": "auto, openvino or torch",
    "RAGKIT_PRECISION": "of the compiled model: auto (bf16 where the CPU has it, else fp32), fp32 or int8",
    "RAGKIT_DEVICE": "auto (CUDA where there is one), cpu, cuda; mps and xpu are not tested",
    "RAGKIT_CACHE": "folder of compiled models (default: the user's cache folder)",
    "RAGKIT_OFFLINE": "1 forbids every download",
    "RAGKIT_RERANK": "cross-encoder name or folder; embedder: a second tier, see docs/models.md",
    "RAGKIT_ADAPTER": "0 ignores a collection's query adapter",
    "RAGKIT_VOCABULARY": "files of terms and their meanings (default accounting), separated by commas, or none",
    "RAGKIT_CHAT": "extractive, openai:NAME, anthropic:NAME, ollama:NAME, vllm:NAME@URL …",
    "RAGKIT_CHAT_BASE_URL": "address of an OpenAI-compatible server",
    "RAGKIT_CHAT_API_KEY": "key of the chat model's endpoint",
    "RAGKIT_CHAT_DEADLINE": "seconds for a whole answer",
    "RAGKIT_CHAT_CONNECT_DEADLINE": "seconds until the connection to the model's endpoint stands",
    "RAGKIT_CHAT_FIRST_DEADLINE": "seconds until the model's first sign of an answer",
    "RAGKIT_CHAT_GAP_DEADLINE": "seconds between two pieces of an answer",
    "RAGKIT_CHAT_MIN_CONFIDENCE": "0 to 1; below this confidence the extractive model abstains",
    "RAGKIT_CHAT_LINK_HOSTS": "hosts, separated by commas, whose addresses may stand in an answer",
    "RAGKIT_STRICT": "1 abstains instead of an answer that is not supported as a whole",
    "RAGKIT_JUDGE": "nli:NAME (a cross-encoder) or chat: decides where words cannot if a source supports a sentence",
    "RAGKIT_PROMPT_BUDGET": "tokens of a whole prompt",
    "RAGKIT_PRICES": "price file of ragkit cost and ragkit eval answers",
    "RAGKIT_PROMPT_ENCODING": "a tiktoken encoding or model name",
    "RAGKIT_PROMPT": "prompt template: a name or a file (default `default`)",
    "RAGKIT_FEW_SHOT": "which examples of the collection a prompt holds: similar, fixed or off",
}
"""Every variable that the library's settings are read from, with its meaning."""


def settings_from_env(environ: Mapping[str, str]) -> Settings:
    """Return settings with what the environment sets; an unreadable value is a ConfigError that names the variable."""
    model = ModelSettings(
        name=environ.get("RAGKIT_MODEL", ""),
        runtime=cast("RuntimeChoice", _choice(environ, "RAGKIT_RUNTIME", "auto", get_args(RuntimeChoice))),
        precision=cast("PrecisionChoice", _choice(environ, "RAGKIT_PRECISION", "auto", get_args(PrecisionChoice))),
        device=environ.get("RAGKIT_DEVICE", "") or "auto",
        offline=_flag(environ, "RAGKIT_OFFLINE"),
        cache_dir=environ.get("RAGKIT_CACHE", ""),
    )
    chat = ChatSettings(
        model=environ.get("RAGKIT_CHAT", "") or "extractive",
        base_url=environ.get("RAGKIT_CHAT_BASE_URL", ""),
        api_key=environ.get("RAGKIT_CHAT_API_KEY", ""),
        deadline=_number(environ, "RAGKIT_CHAT_DEADLINE", float, ChatSettings().deadline),
        connect_deadline=_number(environ, "RAGKIT_CHAT_CONNECT_DEADLINE", float, ChatSettings().connect_deadline),
        first_deadline=_number(environ, "RAGKIT_CHAT_FIRST_DEADLINE", float, ChatSettings().first_deadline),
        gap_deadline=_number(environ, "RAGKIT_CHAT_GAP_DEADLINE", float, ChatSettings().gap_deadline),
        min_confidence=_number(environ, "RAGKIT_CHAT_MIN_CONFIDENCE", float, ChatSettings().min_confidence),
        link_hosts=_names(environ, "RAGKIT_CHAT_LINK_HOSTS"),
        strict=_flag(environ, "RAGKIT_STRICT"),
        judge=environ.get("RAGKIT_JUDGE", ""),
    )
    prompt = replace(
        PromptSettings(),
        budget=_number(environ, "RAGKIT_PROMPT_BUDGET", int, PromptSettings().budget),
        encoding=environ.get("RAGKIT_PROMPT_ENCODING", "") or PromptSettings().encoding,
        template=environ.get("RAGKIT_PROMPT", "") or PromptSettings().template,
        few_shot=cast("FewShot", _choice(environ, "RAGKIT_FEW_SHOT", "similar", get_args(FewShot))),
    )
    retrieval = RetrievalSettings(
        rerank=environ.get("RAGKIT_RERANK", ""),
        adapter=_flag(environ, "RAGKIT_ADAPTER", default=RetrievalSettings().adapter),
        vocabulary=_vocabulary(environ),
    )
    return Settings(
        model=model,
        chat=chat,
        prompt=prompt,
        retrieval=retrieval,
        index=_index(environ),
        milvus_token=environ.get("RAGKIT_MILVUS_TOKEN", ""),
    )


def _index(environ: Mapping[str, str]) -> str:
    value = environ.get("RAGKIT_INDEX", "")
    if value.startswith(MILVUS_PREFIX):
        return value
    if "@" in value:  # an address without its prefix may hold a password
        raise ConfigError("RAGKIT_INDEX is not known", cure=f"write {MILVUS_PREFIX}http://HOST:19530 for a Milvus")
    return _choice(environ, "RAGKIT_INDEX", LOCAL_INDEX, (*INDEXES, f"{MILVUS_PREFIX}ADDRESS"))


def _flag(environ: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    value = environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"0", "false", "no", "off"}:
        return False
    if value in {"1", "true", "yes", "on"}:
        return True
    raise ConfigError(f"{name} is {value!r}", cure="set it to 1 or 0")


def _choice(environ: Mapping[str, str], name: str, default: str, known: tuple[str, ...]) -> str:
    """Return one of the known values; an unknown one is a ConfigError that lists them."""
    value = environ.get(name, "") or default
    if value not in known:
        raise ConfigError(f"{name} is {value!r}", cure=f"set it to {', '.join(known[:-1])} or {known[-1]}")
    return value


def _names(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in environ.get(name, "").split(",") if part.strip())


def _vocabulary(environ: Mapping[str, str]) -> tuple[str, ...]:
    named = tuple(part.strip() for part in environ.get("RAGKIT_VOCABULARY", "").split(",") if part.strip())
    return () if named == ("none",) else named or RetrievalSettings().vocabulary


def _number(environ: Mapping[str, str], name: str, kind: Callable[[Any], T], default: T) -> T:
    value = environ.get(name, "").strip()
    if not value:
        return default
    try:
        return kind(value)
    except ValueError as error:
        raise ConfigError(f"{name} is {value!r}", cure="set it to a number") from error
