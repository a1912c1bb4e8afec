"""A question of several parts or a comparison -> questions that can be searched for one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["single", "parts", "comparison"]
_ASKS: Final = (
    r"how|what|when|where|which|who|whom|whose|why|is|are|was|were|do|does|did|can|could|may|must|should|will|would|has"
    r"|have|had"
)
_PLACED: Final = r"(?:(?:for|in|at|by|to|from|of|on)\s+)?"
_JOIN: Final = re.compile(
    rf"\s*(?:[,;]\s*)?\b(?:and|as well as|but|then)\s+(?:also\s+)?(?={_PLACED}(?:{_ASKS})\b)|\s*;\s*", re.IGNORECASE
)
_ENDS: Final = re.compile(r"(?<=\?)\s+(?=\S)")
_SIDES: Final = r"(?P<left>[^?]+?)\s+(?:and|with|to|versus|vs\.?|against|or)\s+(?P<right>[^?]+?)"
_TOPIC: Final = r"(?:\s+(?:in terms of|with respect to|with regard to|regarding|on|in|for|by)\s+(?P<topic>[^?]+?))?"
_COMPARISONS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:please\s+)?compare\s+(?:the\s+)?{_SIDES}{_TOPIC}\s*[.?]*",
        rf"(?:what\s+(?:is|are)\s+(?:the\s+)?)?(?:difference|differences)\s+between\s+{_SIDES}{_TOPIC}\s*[.?]*",
        rf"how\s+(?:does|do)\s+(?P<left>[^?]+?)\s+(?:compare\s+(?:to|with)|differ\s+from)\s+(?P<right>[^?]+?){_TOPIC}\s*[.?]*",
    )
)
_PLURAL_OF: Final = re.compile(
    r"(?:the\s+)?(?P<topic>[^?]+?)\s+(?:of|in|for|according to)\s+(?P<left>.+)", re.IGNORECASE
)
_SHORTEST: Final = 2  # words of a part


@dataclass(frozen=True, slots=True)
class Parts:
    """The questions to search for, in their order, and what kind of question they come from."""

    kind: Kind
    questions: tuple[str, ...]


def decompose(question: str, *, most: int = 4) -> Parts:
    """Return the parts of a question by its words alone (English); the question itself where it has only one.

    A comparison becomes one question for each side, with what is compared. Parts end at question marks, semicolons and
    at "and" before a question word; a part that depends on the one before ("and who pays for it?") keeps its words.
    """
    text = " ".join(question.split())
    sides = _comparison(text)
    if sides:
        return Parts("comparison", sides)
    parts = [part.strip(" ,;") for piece in _ENDS.split(text) for part in _JOIN.split(piece)]
    kept = [part if part.endswith("?") else f"{part}?" for part in parts if len(part.split()) >= _SHORTEST]
    if len(kept) < 2:
        return Parts("single", (text,))
    return Parts("parts", tuple(dict.fromkeys(kept))[:most])


def _comparison(text: str) -> tuple[str, ...]:
    for pattern in _COMPARISONS:
        found = pattern.fullmatch(text)
        if found is None:
            continue
        left, right, topic = (" ".join((found[name] or "").split()) for name in ("left", "right", "topic"))
        shared = _PLURAL_OF.fullmatch(left)
        if shared and not topic:  # "compare the warranty of A and B"
            topic, left = shared["topic"], shared["left"]
        topic = topic.removeprefix("the ")
        return tuple(f"What is the {topic} of {side}?" if topic else f"What is {side}?" for side in (left, right))
    return ()
