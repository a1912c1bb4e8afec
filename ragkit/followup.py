"""A question that leans on the turns before it -> one that stands alone, for searching; without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit.analysis import analyse
from ragkit.types import Message

_TURNS = 2
_FEW_TERMS = 3
_CARRIED = 8
_LEANS = re.compile(
    r"\b(it|its|they|them|their|theirs|this|that|these|those|he|him|his|she|her|hers|there|then|one|ones|same|other"
    r"|former|latter|such|so|er|sie|es|ihn|ihm|ihr|ihre|dies|diese|dieser|dieses|das|dort|davon|dafür|dazu|il|elle|ils"
    r"|elles|cela|ça|celui|celle|lui|leur|eso|esto|ese|esa|ella|ellos)\b",
    re.IGNORECASE,
)
_OPENS = re.compile(r"^\s*(and|but|or|what about|how about|why|und|aber|et|mais|y|pero|e)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_](?:[\w.,'’-]*\w)?")


def standalone(question: str, history: Sequence[Message]) -> str:
    """Return the question with the words of the last user turns that it leans on; as it is when it stands alone.

    A question leans when it has a pronoun, opens like a continuation ("and for …?") or has few words of its own. The
    words carried over are those of the user's last two turns that say something, the latest turn first.
    """
    asked = [message.content for message in history if message.role == "user"][-_TURNS:]
    own = set(analyse(question))
    if not asked or not (_LEANS.search(question) or _OPENS.search(question) or len(own) <= _FEW_TERMS):
        return question
    carried: list[str] = []
    for turn in reversed(asked):
        for word in _WORD.findall(turn):
            terms = analyse(word)
            if terms and not own.issuperset(terms) and len(carried) < _CARRIED:
                own.update(terms)
                carried.append(word)
    return f"{question} {' '.join(carried)}" if carried else question
