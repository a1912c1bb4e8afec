"""People and dates that a question names and documents have in their metadata, not in their text.

Chunks have no metadata in them, and nothing more is stored: the metadata table that filters use is looked up, for
questions with a full name, a date, or a word that no chunk has.
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

Names = Callable[[], Sequence[str]]
"""Returns what to look for in metadata; it is asked only where documents have such metadata."""
Holders = Callable[[Names, Reader], NDArray[np.int64]]
"""Returns the ids of chunks, ascending, of documents whose metadata have any of the names."""

FEW: Final = 50
WEIGHTS: Final = (0.5, 0.15)
"""What a chunk gains whose document has a named person or date in its metadata, where at most `FEW` chunks have, and
where more have; good scores are about 0.3 to 0.8. Chosen by hand; no corpus here has such questions in number."""
_LEAST: Final = 4
_MOST: Final = 6
_PARTICLE: Final = r"(?:van|von|vom|zu|zur|de|del|der|den|di|da|dos|du|la|le|el|al|bin|ibn|ten|ter)"
_FULL_NAME: Final = re.compile(rf"[^\W\d_a-z][\w'’-]+(?: (?:{_PARTICLE} ){{0,2}}[^\W\d_a-z][\w'’.-]+)+")


def names(question: str, lexical: TermIndex) -> list[str]:
    """Return what to look for in metadata: full names, dates as YYYY-MM-DD, and words that no chunk has."""
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
    """Return what each candidate (n,) gains; held: ids of chunks whose documents have the names, ascending."""
    return WEIGHTS[len(held) > FEW] * is_member(ids, held).astype(np.float64)
