"""Synonym rewrites of a question: a term that documents seldom use is replaced by its parts or other names.

No chunk of an income statement says *operating margin*; its rows say *operating income* and *revenue*. Rules, in the
form of Solr's synonym files, give the words to look for instead. The question is searched as asked and rewritten.
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
    """A rewritten question. text: the question with its terms replaced; meaning: the replacements alone."""

    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Rules. pattern: matches any of the terms, the longest first; meanings: replacements by `_key` of the match."""

    pattern: re.Pattern[str] | None
    meanings: Mapping[str, str]

    def rewrite(self, question: str) -> SynonymRewrite | None:
        """Return the rewrite of a question, None when it has no term of the rules.

        Text after the first sentence that asks or has a term says how to answer: only its terms are used.
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

    A line has terms, separated by commas, then `=>` and what to look for instead; without `=>`, its terms are synonyms.
    `#` begins a comment. A file is read once. Raises ConfigError, naming the file and the line.
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
    """Return the terms of a line, each with its replacement."""
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
    """Return a pattern of a term: spaces match hyphens or nothing, a final s is optional; acronyms match case."""
    parts = _BETWEEN.split(term)
    pattern = "".join(
        re.escape(part) if index % 2 == 0 else (r"[\s-]*" if part.strip(" -") == "" else re.escape(part.strip()))
        for index, part in enumerate(parts)
    )
    pattern += "s?" if term[-1].isascii() else ""
    return f"(?-i:{pattern})" if term.isupper() else pattern


def _key(term: str) -> str:
    """Return the key of a term: its letters and digits in lower case, without a final s."""
    return "".join(_WORD.findall(term)).lower().removesuffix("s")
