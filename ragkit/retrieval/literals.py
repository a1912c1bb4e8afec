"""Operators, options, dotted names and quoted text of a question, matched character by character in the candidates.

The analysis of terms drops what is not a letter or a digit: `~=` has no term, and `--autosquash` the term of a plain
word. Nothing more is stored for them: the texts of the candidates are looked at, for questions that have such parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.base import TermIndex
from ragkit.numeric.sorted_ids import is_member
from ragkit.store.base import Reader
from ragkit.text.analyzer import question_parts
from ragkit.text.notations import notations

Scores = NDArray[np.float64]

WEIGHT: Final = 0.2
"""The gain of a candidate that has all literals of a question; scores are 0..1, the best ones about 0.3 to 0.8."""
_MOST: Final = 6
_LONGEST: Final = 80
_SCANNED: Final = 50_000
_FOUND: Final = 50
"""Collections of at most so many chunks are read through for a literal without letters, up to so many finds."""
_SIGNS: Final = frozenset("~=<>*+&|^%$#@\\/{}[]()_-!:.?;`")
_QUOTED: Final = re.compile(
    r"`([^`\n]{1,80})`|\"([^\"\n]{2,80})\"|“([^”\n]{2,80})”|«([^»\n]{2,80})»|„([^“”\n]{2,80})[“”]"
)
_CODE: Final = re.compile(
    r"[^\w\s\"'`“”„«».,;?…–—-]{2,}|[-+*/%<>=&|^~!]=|->|=>|<-"  # operators
    r"|--[A-Za-z][\w-]*(?:=\S+)?|-[A-Za-z]{1,2}"  # options
    r"|\w*__\w+|_\w+|\.[A-Za-z]\w+"  # names that begin or end with signs
    r"|(?:[A-Za-z_][\w*-]+|\*)(?:(?:\.|::|->)(?:[A-Za-z_][\w*-]+|\*))+(?:\(\))?|\w+\(\)"  # dotted names, calls
    r"|[$@#][A-Za-z_]\w+|[A-Za-z]\w*(?:\+\+|#)"
)


def literals(question: str) -> list[str]:
    """Return the parts of a question that must be matched as written, each once, at most six."""
    quoted = ["".join(groups) for groups in _QUOTED.findall(question)]
    rest = _QUOTED.sub(" ", question)
    found = [text.strip() for text in quoted]
    for token in rest.split():
        bare = token.strip("\"'“”„«»,;?…").rstrip(".:!") if token.strip(".,;:?!…") else ""
        if bare.startswith("(") and bare.endswith(")"):
            bare = bare[1:-1]
        if bare and not _SIGNS.isdisjoint(bare) and _CODE.fullmatch(bare):
            found.append(bare)
    return [text for text in dict.fromkeys(found) if 1 < len(text) <= _LONGEST or (text and text in "%&|^~")][:_MOST]


def holders(wanted: Sequence[str], reader: Reader, *, chunks: int) -> NDArray[np.int64]:
    """Return ids of chunks that hold literals without letters or digits, which no term finds; none for large ones."""
    silent = [text for text in wanted if not any(map(str.isalnum, text))]
    if not silent or chunks > _SCANNED:
        return np.empty(0, dtype=np.int64)
    return reader.chunks.holding(silent, limit=_FOUND)


def literal_scores(wanted: Sequence[str], ids: NDArray[np.int64], reader: Reader) -> Scores:
    """Return the gain of each candidate (n,): `WEIGHT` times the share of the literals that its text holds."""
    rows = reader.chunks.rows(ids)
    patterns = [_pattern(text) for text in wanted]
    counts = [sum(bool(pattern.search(rows[int(item)].text)) for pattern in patterns) for item in ids]
    held = np.array(counts, dtype=np.float64)
    return WEIGHT * held / len(wanted)


def _pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of a literal outside longer names and operators."""
    before = r"(?<!\w)" if text[0].isalnum() or text[0] == "_" else r"(?<![-~=<>*+&|^%!])"
    word_end = r"(?![\w-])" if text[0] == "-" else r"(?!\w)"
    after = word_end if text[-1].isalnum() or text[-1] == "_" else r"(?![-~=<>*+&|^%!])"
    return re.compile(f"{before}{re.escape(text)}{after}", re.IGNORECASE if text.replace(" ", "").isalpha() else 0)


Names = Callable[[], Sequence[str]]
"""Returns the names to search for in metadata; called only where documents have such metadata."""
Holders = Callable[[Names, Reader], NDArray[np.int64]]
"""Returns the ids of chunks, ascending, of documents whose metadata have any of the names."""

FEW: Final = 50
WEIGHTS: Final = (0.5, 0.15)
"""The gain of a chunk whose document has a named person or date in its metadata, where at most `FEW` chunks have, and
where more have; good scores are about 0.3 to 0.8. Chosen by hand; no corpus here has such questions in number."""
_LEAST: Final = 4
_PARTICLE: Final = r"(?:van|von|vom|zu|zur|de|del|der|den|di|da|dos|du|la|le|el|al|bin|ibn|ten|ter)"
_FULL_NAME: Final = re.compile(rf"[^\W\d_a-z][\w'’-]+(?: (?:{_PARTICLE} ){{0,2}}[^\W\d_a-z][\w'’.-]+)+")


def names(question: str, lexical: TermIndex) -> list[str]:
    """Return the names to search for in metadata: full names, dates as YYYY-MM-DD, and words that no chunk has."""
    dates = notations(question, languages=lexical.languages, known=list)
    found = ["-".join(form) for notation in dates for form in notation.forms if _is_date(form)]
    for match in _FULL_NAME.finditer(question):
        parts = match.group().split(" ")
        found += [" ".join(parts[at:]) for at in range(len(parts) - 1)]
    words = [
        (written, terms)
        for written, forms in question_parts(question, languages=lexical.languages)
        if len(written) >= _LEAST and written.isalpha()
        for terms in [{term for form in forms.values() for term in form}]
    ]
    known = lexical.idf({term for _, terms in words for term in terms})
    found += [written for written, terms in words if not terms & known.keys()]
    return list(dict.fromkeys(found))[:_MOST]


def _is_date(form: Sequence[str]) -> bool:
    return tuple(map(len, form)) == (4, 2, 2) and all(part.isdigit() for part in form)


def metadata_scores(ids: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the gain of each candidate (n,); held: ids of chunks whose documents have the names, ascending."""
    return WEIGHTS[len(held) > FEW] * is_member(ids, held).astype(np.float64)
