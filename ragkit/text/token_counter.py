"""Counting and cutting text by the tokens of the model that will read it, with no download for any known encoding.

tiktoken fetches its tables at first use, which fails or hangs on a machine without a network. The tables of every
encoding that tiktoken 0.14 knows are packaged in `ragkit/text/encodings` (see its NOTICE.txt), so counts for OpenAI's
models are exact and offline. A model whose tokenizer is not public (or not tiktoken's) is counted by `cl100k_base`
with a margin, and the counter says `estimated`.
"""

from __future__ import annotations

import hashlib
import logging
import lzma
import math
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final, Protocol

from ragkit.errors import ConfigError, InputError

if TYPE_CHECKING:
    import tiktoken

DOWNLOAD_SECONDS: Final = 3.0
"""How long an encoding that is not packaged may take to arrive before the estimate is used, in seconds."""

ESTIMATE_MARGIN: Final = 1.3
"""The assumed count of an unknown tokenizer, as a multiple of the `cl100k_base` count."""

ESTIMATE_FIGURE: Final = 0.4
"""The count added for every digit: many tokenizers make each a token.

With both, the estimate is not under the counts of the tokenizers of Claude 2, Llama 2, Llama 3 and Mistral 7B on
English, German, Japanese, source code and tables."""

_FIGURE = re.compile("[0-9]")
_log = logging.getLogger(__name__)
_SPACE_RUN = re.compile(r"\s{10000}")  # the regex engine of tiktoken overflows its stack on a million blanks in a row
_CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_GPT2_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
_CL100K_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
    r"|\s+(?!\S)|\s"
)
_O200K_PATTERN = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + _CONTRACTION,
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + _CONTRACTION,
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)


@dataclass(frozen=True, slots=True)
class _Table:
    """A packaged table: its file, how many ids it has, the SHA-256 of its unpacked bytes, how text is pre-split."""

    file: str
    size: int
    sha256: str
    pattern: str


_O200K = _Table(
    "o200k_base.xz", 199_998, "440741350e7cfa1c0f4869ce742d1b043550adbda5187adcac9e787edac6fba9", _O200K_PATTERN
)
_CL100K = _Table(
    "cl100k_base.xz", 100_256, "18288f996f452d44e0e65996176591a4b712a3eb1b42afd6f0511e735c099480", _CL100K_PATTERN
)
_P50K = _Table(
    "p50k_base.xz", 50_281, "730a54e914665304d3ef583f98331b3e3d89ebae3f556170e3496df752921b3b", _GPT2_PATTERN
)
_PACKAGED: Final[dict[str, tuple[_Table, int]]] = {  # encoding -> its table and how many of the table's ids it uses
    "o200k_base": (_O200K, 199_998),
    "o200k_harmony": (_O200K, 199_998),
    "cl100k_base": (_CL100K, 100_256),
    "p50k_base": (_P50K, 50_281),
    "p50k_edit": (_P50K, 50_281),
    "r50k_base": (_P50K, 50_256),
    "gpt2": (_P50K, 50_256),
}
_GUESS: Final = "cl100k_base"  # counts more than o200k_base in most languages, as most tokenizers do


class Counter(Protocol):
    """Counts and cuts text by tokens.

    encoding: the tiktoken encoding that counts. estimated: True when the model has another encoding; counts then
    include a margin.
    """

    @property
    def encoding(self) -> str: ...

    @property
    def estimated(self) -> bool: ...

    def count(self, text: str) -> int:
        """Return the number of tokens of a text. Words that look like special tokens count as plain text."""
        ...

    def cut(self, text: str, limit: int) -> str:
        """Return the longest start of a text that counts at most `limit` tokens and ends at a whole character."""
        ...


class TableCounter:
    """A counter over one tiktoken encoding; with `estimated`, it adds a margin for another tokenizer."""

    def __init__(self, encoding: tiktoken.Encoding, *, estimated: bool = False) -> None:
        self._encoding = encoding
        self._estimated = estimated

    @property
    def encoding(self) -> str:
        return self._encoding.name

    @property
    def estimated(self) -> bool:
        return self._estimated

    def count(self, text: str) -> int:
        size = sum(len(self._encoding.encode_ordinary(part)) for part in _parts(text))
        if not self._estimated:
            return size
        return math.ceil(size * ESTIMATE_MARGIN + len(_FIGURE.findall(text)) * ESTIMATE_FIGURE)

    def cut(self, text: str, limit: int) -> str:
        if limit <= 0:
            return ""
        tokens: list[int] = []
        for part in _parts(text):
            tokens.extend(self._encoding.encode_ordinary(part))
            if len(tokens) > limit:
                break
        if len(tokens) <= limit and self.count(text) <= limit:
            return text
        room = min(limit, len(tokens))
        while room > 0:
            kept = text[: len(self._encoding.decode_bytes(tokens[:room]).decode("utf-8", "ignore"))]
            size = self.count(kept)
            if size <= limit:
                return kept
            # The start of a text can count a little more on its own than within it, and an estimate more than tokens.
            room = min(room - 1, room * limit // size)
        return ""


_BY_NAME: Final = frozenset(("openai", "anthropic", "ollama", "vllm", "llamacpp"))
"""Prefixes of chat models whose names say how they count; names that tiktoken does not know are estimated."""


def encoding_for(chat_model: str) -> str:
    """Return the name to count by for a chat model as the settings name it; o200k_base where there is no LLM."""
    kind, _, name = chat_model.partition(":")
    return name.partition("@http")[0] if kind in _BY_NAME and name else "o200k_base"


def load_counter(encoding: str, *, offline: bool = False) -> Counter:
    """Return the counter for an encoding or model by name ("o200k_base", "gpt-4o", "openai:gpt-4o").

    Encodings that are packaged never touch the network. One that only the installed tiktoken knows is fetched by it
    within `DOWNLOAD_SECONDS`, unless `offline`; a fetch that failed is not tried again in this process. Any other name
    is treated as a model whose tokenizer is not available: its counts are `estimated`. Raises ConfigError for an empty
    name.
    """
    if not encoding.strip():
        raise ConfigError("no encoding is set", cure='name a tiktoken encoding or model, such as "o200k_base"')
    name = _encoding_of(encoding)
    if name in _PACKAGED:
        return TableCounter(_packaged(name))
    found = None if offline or not name else _fetched(name)
    return TableCounter(found) if found else TableCounter(_packaged(_GUESS), estimated=True)


def decode_tokens(tokens: Sequence[int], *, encoding: str = "cl100k_base") -> str:
    """Return the text of tokens of a packaged encoding; bytes that are no UTF-8 become U+FFFD.

    Raises InputError for a number that is no token, ConfigError for an encoding that is not packaged.
    """
    if encoding not in _PACKAGED:
        raise ConfigError(f"the encoding {encoding!r} is not packaged", cure=f"use one of {', '.join(_PACKAGED)}")
    try:
        return _packaged(encoding).decode(tokens)
    except (KeyError, OverflowError) as error:
        raise InputError(f"the tokens hold a number that {encoding} does not have", cure="send text") from error


def _encoding_of(name: str) -> str:
    """Return the tiktoken encoding of an encoding or model name, or "" when tiktoken knows neither."""
    import tiktoken

    bare = name.removeprefix("openai:")
    if bare in _PACKAGED or bare in tiktoken.list_encoding_names():
        return bare
    try:
        return tiktoken.encoding_name_for_model(bare)
    except KeyError:
        return ""


_loading = threading.Lock()


def _packaged(name: str) -> tiktoken.Encoding:
    with _loading:  # two threads at the start would build the same 60 MB twice
        return _build(name)


@cache
def _build(name: str) -> tiktoken.Encoding:
    import tiktoken

    table, size = _PACKAGED[name]
    return tiktoken.Encoding(name, pat_str=table.pattern, mergeable_ranks=_ranks(table, size), special_tokens={})


def _ranks(table: _Table, size: int) -> dict[bytes, int]:
    """Unpack a table: the length of each token as a byte (0: no such id), then all tokens one after another, by id."""
    packed = resources.files("ragkit.text").joinpath("encodings", table.file).read_bytes()
    data = lzma.decompress(packed)
    if hashlib.sha256(data).hexdigest() != table.sha256:
        raise ConfigError(f"the packaged encoding {table.file} is damaged", cure="install ragkit again")
    ranks: dict[bytes, int] = {}
    end = table.size
    for rank in range(size):
        start, end = end, end + data[rank]
        if end > start:
            ranks[data[start:end]] = rank
    return ranks


def is_common_word(word: str) -> bool:
    """Return whether a word (mostly English), with or without an ending, is so frequent that it is a token."""
    low, common = word.lower(), _common_words()
    bases = [low, *(low.removesuffix(ending) for ending in _ENDINGS if low.endswith(ending) and len(low) > 6)]
    return any(base.encode() in common for base in bases)


_ENDINGS: Final = ("s", "es", "d", "ed", "ing", "ly", "er", "ers")


@cache
def _common_words() -> frozenset[bytes]:
    """Return the words of the smallest packaged table; it loads in some 30 ms."""
    table, size = _PACKAGED["gpt2"]
    return frozenset(token[1:].lower() for token in _ranks(table, size) if token[:1] == b" " and token[1:].isalpha())


@cache
def _fetched(name: str) -> tiktoken.Encoding | None:
    """Let tiktoken read its cache or download a table, for a few seconds at most; None when that did not work."""
    found: list[tiktoken.Encoding] = []

    def fetch() -> None:
        import tiktoken

        try:
            found.append(tiktoken.get_encoding(name))
        except Exception as error:  # noqa: BLE001 - a thread's edge: requests, OSError and ValueError all mean "not here"
            _log.debug("tiktoken could not load %s: %s", name, error)

    thread = threading.Thread(target=fetch, name=f"tiktoken {name}", daemon=True)
    thread.start()
    thread.join(DOWNLOAD_SECONDS)
    if not found:
        _log.warning("the encoding %s is not available; token counts are estimated", name)
    return found[0] if found else None


def _parts(text: str) -> Iterator[str]:
    """Cut a text within its very long runs of blanks, so that each part is safe to encode."""
    start = 0
    for run in _SPACE_RUN.finditer(text) if len(text) >= 10_000 else ():
        yield text[start : run.end()]
        start = run.end()
    if start < len(text):
        yield text[start:]
