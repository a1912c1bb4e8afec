"""Another reading of a question: a term that documents seldom name, told by what it is made of or also called.

No chunk of an income statement says *operating margin*; its rows say *operating income* and *revenue*. Rules, in the
form of Solr's synonym files, tell what to look for instead. The question is searched as asked, and as read so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from ragkit.errors import ConfigError

ACCOUNTING: Final = "accounting"
_BUILT_IN: Final = (ACCOUNTING,)
_MOST_BYTES: Final = 4 * 2**20
_WORD: Final = re.compile(r"\w+")
_BETWEEN: Final = re.compile(r"(\W+)")
_BLANKS: Final = re.compile(r"\s+")
_BRACKETS: Final = re.compile(r"[(\[]\s*[)\]]")
_CURE: Final = "write lines of: term, another name of it => what to look for"


@dataclass(frozen=True, slots=True)
class SynonymRewrite:
    """Another way to say a question. text: the question with its terms read; meaning: what they were read as, alone."""

    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Rules that read terms. pattern: finds any of them, the longest first; meanings: by `_key` of what was found."""

    pattern: re.Pattern[str] | None
    meanings: Mapping[str, str]

    def reading(self, question: str) -> SynonymRewrite | None:
        """Return the question with its terms read, None when it has none.

        What comes after the first sentence that asks, or has a term, tells how to answer: only its terms are read.
        """
        if self.pattern is None or not self.pattern.search(question):
            return None
        from ragkit.text.sentences import sentence_spans

        for _, end in sentence_spans(question):
            asked = question[:end]
            if asked.endswith("?") or self.pattern.search(asked):
                break
        meaning = " ".join(dict.fromkeys(self.meanings[_key(found)] for found in self.pattern.findall(question)))
        rest = _BRACKETS.sub(" ", self.pattern.sub(" ", asked)).strip().rstrip("?.!")
        return SynonymRewrite(_BLANKS.sub(" ", f"{rest} {meaning}").strip(), meaning)


def load_vocabulary(sources: Sequence[str]) -> Vocabulary:
    """Return the rules of some sources: "accounting", which comes with ragkit, or paths of UTF-8 files.

    A line has terms, separated by commas, then `=>` and what to look for instead; without `=>`, its terms stand for one
    another. `#` begins a comment. A file is read once. Raises ConfigError, naming the file and the line.
    """
    return _load(tuple(sources))


@cache
def _load(sources: tuple[str, ...]) -> Vocabulary:
    meanings: dict[str, str] = {}
    terms: dict[str, None] = {}
    for source in sources:
        for number, line in enumerate(_text(source).splitlines(), 1):
            for term, meaning in _rule(line, f"{source}, line {number}"):
                meanings[_key(term)] = meaning
                terms[term] = None
    if not meanings:
        return Vocabulary(None, {})
    spellings = "|".join(map(_spelling, sorted(terms, key=len, reverse=True)))
    return Vocabulary(re.compile(rf"(?<!\w)(?:{spellings})(?!\w)", re.IGNORECASE), meanings)


def _text(source: str) -> str:
    if source in _BUILT_IN:
        return files("ragkit.retrieval").joinpath("vocabulary", f"{source}.txt").read_text(encoding="utf-8")
    path = Path(source).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ConfigError(f"the vocabulary {source} is larger than {_MOST_BYTES // 2**20} MiB", cure="shorten it")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"the vocabulary {source} can't be read ({error.strerror or error})",
            cure=f"give the path of a file, or a name that comes with ragkit: {', '.join(_BUILT_IN)}",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the vocabulary {source} is not UTF-8", cure="save it as UTF-8") from error


def _rule(line: str, place: str) -> list[tuple[str, str]]:
    """Return the terms of a line, each with what to look for instead."""
    line = line.split("#", 1)[0].strip()
    if not line:
        return []
    left, arrow, right = line.partition("=>")
    terms = [term.strip() for term in left.split(",") if term.strip()]
    meaning = " ".join(right.replace(",", " ").split())
    if not terms or not all(_WORD.search(term) for term in terms) or (arrow and not meaning):
        raise ConfigError(f"the vocabulary {place} has no term or nothing to look for: {line[:60]!r}", cure=_CURE)
    if arrow:
        return [(term, meaning) for term in terms]
    if len(terms) < 2:
        raise ConfigError(f"the vocabulary {place} has one term and no =>: {line[:60]!r}", cure=_CURE)
    return [(term, " ".join(other for other in terms if other != term)) for term in terms]


def _spelling(term: str) -> str:
    """Return a pattern of a term: its blanks may be hyphens or nothing, a last s may follow; capitals are kept to."""
    parts = _BETWEEN.split(term)
    pattern = "".join(
        re.escape(part) if index % 2 == 0 else (r"[\s-]*" if part.strip(" -") == "" else re.escape(part.strip()))
        for index, part in enumerate(parts)
    )
    pattern += "s?" if term[-1].isascii() else ""
    return f"(?-i:{pattern})" if term.isupper() else pattern


def _key(term: str) -> str:
    """Return a term as it is compared: its letters and digits in lower case, without a last s."""
    return "".join(_WORD.findall(term)).lower().removesuffix("s")
