"""What messages of every kind share: the head, plain and HTML bodies with their quotes, invitations, attachments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.mail.calendar import event_groups
from ragkit_ingest.readers.mail.quotes import add_quoted, html_quote_start, split_quotes
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.web.html import add_html

READ_LIMIT: Final = 100
"""Attachments of one file that are read; the others are named."""
_NESTED_LIMIT: Final = 3  # files within files within files
_TEXT_LIMIT: Final = 20_000_000  # characters of attachments together
EARLIER: Final = "Earlier message"
"""The heading over the quoted message that a reply answers."""


@dataclass(slots=True)
class Tally:
    """Counts over a whole file: attachments that were read, their characters, and attachments that were not read."""

    read: int = 0
    characters: int = 0
    names: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    pictures: int = 0
    events: set[str] = field(default_factory=set)

    def report(self, builder: TextBuilder) -> None:
        """Warn of attachments that were not read."""
        if self.unread:
            unread_names = [f"{name} ({why})" if why else name for name, why in list(self.unread.items())[:10]]
            more = f" and {len(self.unread) - 10:,} more" if len(self.unread) > 10 else ""
            builder.warn(f"attachments not read: {len(self.unread):,}: {', '.join(unread_names)}{more}")
        if self.pictures:
            builder.warn(f"pictures inside messages left out: {self.pictures:,}")


class MessageText:
    """Adds one message to a builder. level: of the heading over it."""

    def __init__(self, builder: TextBuilder, hints: Hints, tally: Tally, *, level: int = 1) -> None:
        self.builder = builder
        self.hints = hints
        self.tally = tally
        self.level = level
        self._named: list[str] = []

    def head(self, subject: str, fields: Sequence[tuple[str, str]]) -> None:
        """Add the subject as a heading, and lines such as `From: Ana <ana@firm.example>`."""
        self.builder.heading(subject, self.level)
        self.builder.paragraph("\n".join(f"{title}: {text}" for title, text in fields))

    def plain(self, text: str) -> None:
        """Add a plain body; quotes of other messages become blocks of their own."""
        text = without_embedded(text.replace("\r\n", "\n").replace("\r", "\n"), self.builder.warn)
        for kind, piece in split_quotes(text):
            if kind == "quote":
                add_quoted(self.builder, piece)
            elif kind == "earlier":
                self.builder.heading(EARLIER, self.level + 1)
                add_plain(self.builder, piece)
            else:
                add_plain(self.builder, piece)

    def html(self, html: str) -> None:
        """Add an HTML body; quotes of other messages follow under a heading."""
        cut = html_quote_start(html)
        add_html(self.builder, html[:cut], boilerplate=False)
        if cut < len(html):
            self.builder.heading(EARLIER, self.level + 1)
            add_html(self.builder, html[cut:], boilerplate=False)

    def calendar(self, text: str) -> None:
        """Add the events of an invitation, each once."""
        for uid, lines in event_groups(text):
            key = uid or "\n".join(lines)
            if key not in self.tally.events:
                self.tally.events.add(key)
                self.builder.items(lines)

    def attachment(self, data: bytes, name: str) -> None:
        """Add a file that is attached, as its own reader reads it; one that gives no text is named."""
        self.tally.names.append(name)
        extracted, why = self._read(data, name)
        if extracted is None:
            self.tally.unread.setdefault(name, why)
            self._named.append(name)
            return
        self.tally.read += 1
        self.tally.characters += len(extracted.text)
        self.builder.heading(f"Attachment: {name}", self.level + 1)
        self.builder.add_extracted(extracted, level=self.level + 1)

    def name_unread(self) -> None:
        """Add the names of attachments whose text is not included."""
        if self._named:
            self.builder.paragraph("Attachments: " + ", ".join(self._named))

    def _read(self, data: bytes, name: str) -> tuple[Extracted | None, str]:
        from ragkit_ingest.readers.registry import choose, read

        hints = self.hints
        if self.tally.read >= READ_LIMIT or self.tally.characters > _TEXT_LIMIT:
            return None, "too many"
        if hints.depth >= _NESTED_LIMIT:
            return None, "nested too deeply"
        if hints.budget.left() < 1.0:
            return None, "out of time"
        try:
            media_type, reader = choose(data, name=name)
            inner = replace(hints, media_type=media_type, depth=hints.depth + 1, neighbours=None)
            return read(data, name=name, hints=inner, reader=reader), ""
        except ExtractionError as error:
            return None, squeeze(f"{error.reason}: {error.detail}" if error.detail else error.reason)[:120]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, LookupError, OverflowError) as error:
            return None, f"damaged: {type(error).__name__}"  # a fault of one attachment costs no other text
