"""Part of a sentence without a verb -> that part, filled up with what it leaves out of the clause before it.

"Pump A runs at 1450 rpm and pump B at 2900 rpm" says of pump B that it runs. Gapping and its kin, see Huddleston and
Pullum, The Cambridge Grammar of the English Language, 15.4. English only.
"""

from __future__ import annotations

import re
from typing import Final

from ragkit.citations.clauses.function_words import DETERMINERS, PREPOSITIONS

_WORD: Final = re.compile(r"[^\W_]+(?:[.,:'’-][^\W_]+)*")
_ANCHORS: Final = (PREPOSITIONS - {"of", "about"}) | {"every", "each"}
"""Words of which the same begins what follows the verb in both clauses."""
_PRONOUNS: Final = frozenset(("it", "they", "he", "she", "we", "you", "i", "this", "there"))
_BARE: Final = 2  # words of a subject without an article: "films" after "Books are lent …"
_GROUP: Final = re.compile(r"(?:be|been|not|only|also|always|usually|\w+(?:ed|en|ly)|cut|put|set|kept|held|sold|lent)$")


def filled(left: str, right: str, verb: int) -> str:
    """Return a part without a verb as a clause, "" where it is none.

    left: the clause before. verb: the offset of its finite verb. What follows the verb there begins
    with a preposition, a number or an article; the part must have the same, and what stands before that in the part
    is another subject. A part that begins with it shares the subject.
    """
    words, others = list(_WORD.finditer(left)), list(_WORD.finditer(right))
    after = next((at for at, word in enumerate(words) if word.start() > verb), len(words))
    while after < len(words) and _GROUP.match(words[after].group().lower()):
        after += 1
    if verb < 1 or after >= len(words) or not others:
        return ""
    kind = _kind(words[after].group())
    at = next((at for at, word in enumerate(others) if _kind(word.group()) == kind), -1) if kind else -1
    start, shared = words[after].start(), left[verb : words[after].start()]
    if at > 0 and _is_subject(right[: others[at].start()], left):
        return f"{right[: others[at].start()]}{shared}{right[others[at].start() :]}"
    if at == 0 or (_kind(others[0].group()) in _kinds(words, after) and not _is_determiner(others[0].group())):
        return f"{left[:start]}{right}"
    return ""


def _kind(word: str) -> str:
    """Return what a word begins: a preposition stands for itself, numbers and articles for their kind, else ""."""
    lower = word.lower()
    if lower[0].isdigit():
        return "number"
    if lower in _ANCHORS:
        return lower
    return "article" if lower in DETERMINERS else ""


def _kinds(words: list[re.Match[str]], start: int) -> set[str]:
    return {kind for word in words[start:] if (kind := _kind(word.group()))}


def _is_determiner(word: str) -> bool:
    return word.lower() in DETERMINERS


def _is_subject(phrase: str, left: str) -> bool:
    """Return whether the words before the common word of a part can be a subject: a name, an article's noun, or one
    that begins as the subject before does."""
    first, before = phrase.split(maxsplit=1)[0], left.split(maxsplit=1)[0]
    bare = len(phrase.split()) <= _BARE and not _is_determiner(before) and before.lower() not in _PRONOUNS
    return bare or (
        first[0].isupper()
        or _is_determiner(first)
        or first.lower() in ("that", "those")
        or first.lower() == before.lower()
    )
