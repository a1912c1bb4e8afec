"""Release notes give way to the pages that describe how things are now, unless a question is about a change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.store.rows import ChunkRow

Scores = NDArray[np.float64]

SHARE: Final = 0.6
"""What a chunk of release notes keeps of its score; chosen on five trees of documentation (see docs/evaluation.md)."""

_NUMBER: Final = r"v?\d+(?:\.\d+)+(?:[-.]?(?:a|b|rc|dev|post|alpha|beta)[-.]?\d*)?"
_DATED: Final = r"\s*[-–—:(]\s*\d{4}-\d{2}-\d{2}\)?|\s*\((?:un)?released\b.*\)|\s*[-–—(]\s*\w+ \d{1,2},? \d{4}\)?"
_RELEASE: Final = re.compile(
    rf"(?:[\d.]+\s+)?(?:version|release|versie|versión|版本)\s+{_NUMBER}(?:{_DATED})?"  # "10.31. Version 3.8.2"
    rf"|{_NUMBER}(?:{_DATED})"  # "1.9.2 - 2024-01-21"
    r"|\d+\.\d+\.\d+|\S.*\sv\d+\.\d+(?:\.\d+)?"  # "1.9.2", "Hatch v1.6.0"
    r"|(?:.+\s)?(?:change\s?log|release\s(?:notes|history)|(?:version|revision)\shistory|what['’]s\snew\b.*"
    r"|upgrading\schecklist|änderungsprotokoll|versionshinweise|notes\sde\sversion|notas\sde\sla\sversión)"
    r"|更新日志|变更(?:日志|记录)|发布说明|リリースノート",
    re.IGNORECASE,
)
_ABOUT_CHANGES: Final = re.compile(
    r"""\b(?:when|since|versions?|releases?d?|chang\w+|history|new|newer|newest|latest|current\w*|add(?:ed|itions?)
    |introduc\w+|remov(?:ed|al)|deprecat\w+|renam\w+|upgrad\w+|migrat\w+|updat(?:ed|es)|fix(?:ed|es)?|bugs?|still|no\slonger
    |news|seit|wann|neu\w*|geändert\w*|entfernt\w*|eingeführt\w*|quand|depuis|nouve\w+|ajout\w+|cu[aá]ndo|desde|nuev\w+)\b
    |\d\.\d|版本|何时|什么时候|更新|新增|移除|废弃|变更|バージョン|いつ""",
    re.IGNORECASE | re.VERBOSE,
)
_PARTS: Final = " › "


def asks_about_changes(question: str) -> bool:
    """Return whether a question is about versions, dates of changes or what is new: release notes may answer it."""
    return bool(_ABOUT_CHANGES.search(question))


@lru_cache(maxsize=4_096)  # the same headings come again: 40 are looked at in each search
def is_release_note(heading: str) -> bool:
    """Return whether a heading path names a release, or a list of releases."""
    return any(_RELEASE.fullmatch(part.strip(" ¶#")) for part in heading.split(_PARTS))


def without_release_notes(scores: Scores, rows: Sequence[ChunkRow]) -> Scores:
    """Return the scores of chunks (n,), lower for those of release notes."""
    lower = np.array([is_release_note(row.heading) for row in rows], dtype=np.bool_)
    return np.where(lower, scores * SHARE, scores)
