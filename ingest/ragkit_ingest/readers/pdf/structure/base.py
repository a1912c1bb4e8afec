"""Metadata, outline and page labels of a PDF, whichever library reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

OUTLINE_LIMIT: Final = 5_000
"""Entries of an outline that are read."""
_FIELDS: Final = {
    "Title": "title",
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "Creator": "creator",
    "Producer": "producer",
    "CreationDate": "created",
    "ModDate": "modified",
}
_UNSAID = re.compile(r"\(?(?:anonymous|unspecified|untitled|unknown)\)?|paper title", re.IGNORECASE)  # of templates
_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_]\w{2,8})*")


@dataclass(frozen=True, slots=True)
class OutlineItem:
    """An entry of the outline: level from 1, title, and page index from 0 (None without a target)."""

    level: int
    title: str
    page: int | None


@dataclass(slots=True)
class Structure:
    """The metadata, outline and labels that could be read; every part may be empty."""

    labels: list[str] = field(default_factory=list)
    outline: list[OutlineItem] = field(default_factory=list)
    metadata: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def take_metadata(self, value_of: Callable[[str], str | None], language: str | None) -> None:
        """Keep the document information. value_of: returns the value of a key, as "Title"."""
        for key, name in _FIELDS.items():
            value = value_of(key)
            if value and value.strip() and not _UNSAID.fullmatch(value.strip()):
                self.metadata[name] = _iso_date(value) if name in ("created", "modified") else value
        if language and _LANGUAGE.fullmatch(language):
            self.metadata["language"] = language

    def take_labels(self, labels: list[str]) -> None:
        """Keep page labels, unless they equal the page numbers."""
        if labels != [str(number) for number in range(1, len(labels) + 1)]:
            self.labels = labels

    def add_entry(self, item: OutlineItem) -> bool:
        """Add an entry of the outline that has a title; tell whether there is room for more."""
        if item.title:
            self.outline.append(item)
        if len(self.outline) < OUTLINE_LIMIT:
            return True
        self.warnings.append(f"only the first {OUTLINE_LIMIT:,} entries of its outline were read")
        return False


def _iso_date(value: str) -> str:
    """Return a PDF date as ISO 8601 (its zone is left out), or the text as it stands."""
    match = _DATE.match(value.strip())
    if match is None:
        return value
    year, month, day, hour, minute, second = match.groups()
    date = f"{year}-{month or '01'}-{day or '01'}"
    return f"{date}T{hour}:{minute}:{second or '00'}" if hour and minute else date
