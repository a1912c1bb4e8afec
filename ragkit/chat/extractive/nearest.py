"""The answer where the documents have none: an abstention with the nearest passages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ragkit.chat.extractive.layout import bare_of_tags
from ragkit.text.abstention import abstention
from ragkit.text.cleaning import show
from ragkit.text.content_terms import guess_language
from ragkit.types.hits import Hit

_SHOWN: Final = 3
_LENGTH: Final = 160
_ADDRESS: Final = re.compile(r"\S*(?:[^\W\d]\.[^\W\d]{2}|[/\\<>@]|:\S|&#?\w+;)\S*")
"""Words that a program might turn into a link: a heading of a foreign document must not bring one."""

_INTRODUCTIONS: Final[dict[str, str]] = {
    "en": "The nearest passages:",
    "de": "Die nächsten Stellen:",
    "fr": "Les passages les plus proches :",
    "es": "Los pasajes más cercanos:",
    "it": "I passaggi più vicini:",
    "pt": "As passagens mais próximas:",
    "nl": "De dichtstbijzijnde passages:",
    "ja": "最も近い箇所:",
    "zh": "最接近的段落:",
    "ko": "가장 가까운 구절:",
}


def abstention_with_nearest(question: str, passages: Sequence[Hit]) -> str:
    """Return the text of an abstention, then the headings and places of the three nearest passages."""
    lines: list[str] = []
    for hit in passages:
        heading = (
            hit.heading if hit.heading.startswith(hit.title) else " › ".join(filter(None, (hit.title, hit.heading)))
        )
        line = f"- {_plain(_ADDRESS.sub('', heading))} ({_plain(hit.place)})" if heading else f"- {_plain(hit.place)}"
        if line not in lines:
            lines.append(line)
    if not lines:
        return abstention(question)
    opening = _INTRODUCTIONS.get(guess_language(question), _INTRODUCTIONS["en"])
    return "\n".join((abstention(question), "", opening, *lines[:_SHOWN]))


def _plain(text: str) -> str:
    return show(bare_of_tags(text), _LENGTH).replace("[", "(").replace("]", ")").replace("`", "'")
