"""The values that flow: Document -> Chunk -> Hit -> Prompt -> Answer, one frozen dataclass for each stage.

Every offset is a count of Unicode code points into `Document.text`; every span is half-open, `[start, end)`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

from ragkit.errors import InputError
from ragkit.text.addresses import spans_without_addresses, without_addresses
from ragkit.text.cleaning import clean_text, marked_headings
from ragkit.text.digests import text_sha256

Scalar = str | int | float | bool | None
MetadataValue = Scalar | tuple[Scalar, ...]
Metadata = Mapping[str, MetadataValue]
BlockKind = Literal["table", "list", "code", "boilerplate"]

UPLOAD_PREFIX: Final = "upload:"
"""The beginning of the source of every uploaded document; no ingested file has such a source."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page starts in the text, and the label printed on it ("iv", "A-3") where the file has one."""

    start: int
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its offset in the text, its level (1 is the highest) and its text."""

    offset: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A span that a chunker treats in its own way; text outside every block is prose.

    `table`: one row a line, `header` holds the column names (and caption) that give a row its meaning.
    `list`: one item a line. `code`: source code or preformatted text.
    `boilerplate`: text repeated on every page (running headers and footers); it is not embedded.
    """

    start: int
    end: int
    kind: BlockKind
    header: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One source, as text with its structure.

    source: a stable URI, unique in a collection (a path relative to the ingested root, or `upload:` and the name
    of an upload). It may hold any character but NUL and surrogates: pass it through `ragkit.text.show` before it
    reaches a terminal.
    sha256: hex digest of the file's bytes (of the UTF-8 text where there is no file).
    pages: ascending by start, the first at 0, empty when the format has no pages.
    metadata: the file's own and the user's; values are scalars or tuples of scalars.
    warnings: what was lost or guessed at extraction, for the report ("page 3 has no text").
    """

    source: str
    text: str
    sha256: str = ""
    media_type: str = "text/plain"
    title: str = ""
    pages: tuple[Page, ...] = ()
    headings: tuple[Heading, ...] = ()
    blocks: tuple[Block, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.source or _UNSTORABLE.search(self.source):
            raise InputError(f"document source {self.source!r} is empty or not text", cure="name it otherwise")
        if clean_text(self.text) != self.text:
            raise InputError(
                f"the text of {self.source!r} holds control characters or is not NFC", cure="pass it through clean_text"
            )
        if not self.sha256:
            object.__setattr__(self, "sha256", text_sha256(self.text).hexdigest())
        self._check_spans()

    def _check_spans(self) -> None:
        size = len(self.text)
        starts = [page.start for page in self.pages]
        offsets = [heading.offset for heading in self.headings]
        if starts and (starts[0] != 0 or starts != sorted(starts) or starts[-1] > size):
            raise InputError(f"page starts of {self.source!r} do not ascend from 0 within the text")
        if offsets != sorted(offsets) or (offsets and not 0 <= offsets[0] <= offsets[-1] <= size):
            raise InputError(f"heading offsets of {self.source!r} do not ascend within the text")
        end = 0
        for block in self.blocks:
            if not end <= block.start <= block.end <= size:
                raise InputError(f"blocks of {self.source!r} overlap or leave the text at {block.start}")
            end = block.end

    @classmethod
    def from_text(
        cls,
        source: str,
        text: str,
        *,
        title: str = "",
        media_type: str = "text/plain",
        metadata: Metadata | None = None,
    ) -> Document:
        """Make a document of plain text: cleans it, and takes its digest from the UTF-8 of the cleaned text.

        Heading lines are recognised by their marks: "== History ==", and "## History" where media_type is
        text/markdown.
        """
        cleaned = clean_text(text)
        marked = marked_headings(cleaned, markdown=media_type == "text/markdown")
        return cls(
            source=source,
            text=cleaned,
            title=clean_text(title),
            media_type=media_type,
            headings=tuple(Heading(*heading) for heading in marked),
            metadata=metadata or {},
        )

    def page_at(self, offset: int) -> int | None:
        """Return the number (from 1) of the page that holds an offset, or None in a document without pages."""
        return bisect_right(self.pages, offset, key=lambda page: page.start) or None

    def page_label(self, number: int | None) -> str | None:
        """Return the printed label of a page number, or None where the file has none."""
        return None if number is None else self.pages[number - 1].label

    def heading_path(self, offset: int) -> tuple[str, ...]:
        """Return the headings above an offset, from the highest level to the nearest one."""
        return HeadingPaths(self).at(offset)

    def renamed(self, source: str) -> Document:
        """Return the same document under another source."""
        return replace(self, source=source)


class HeadingPaths:
    """The headings above every offset of a document, for many questions about one."""

    def __init__(self, document: Document) -> None:
        self._starts = [heading.offset for heading in document.headings]
        self._paths: list[tuple[str, ...]] = [()]
        open_: list[Heading] = []
        for heading in document.headings:
            while open_ and open_[-1].level >= heading.level:
                open_.pop()
            open_.append(heading)
            self._paths.append(tuple(item.text for item in open_))

    def at(self, offset: int) -> tuple[str, ...]:
        """Return the headings above an offset, from the highest level to the nearest one."""
        return self._paths[bisect_right(self._starts, offset)]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of one document: `document.text[start:end] == text`, always.

    context: the line of title › headings (and table header) that is embedded before the text; never in offsets.
    tokens: size of `embedded`, counted by the embedder's own tokenizer, special tokens included.
    ordinal: position among the document's chunks, from 0.
    page, page_end: numbers from 1 of the pages of the first and last character, None without pages.
    units: the sentences, rows or items in it, as spans relative to `start`, ascending; () means one unit.
    """

    ordinal: int
    start: int
    end: int
    text: str
    context: str
    tokens: int
    heading: str = ""
    page: int | None = None
    page_end: int | None = None
    units: tuple[tuple[int, int], ...] = ()

    @property
    def embedded(self) -> str:
        """The text that is embedded: the context line, then the text without the addresses of its links."""
        text = without_addresses(self.text)
        return f"{self.context}\n{text}" if self.context else text

    @property
    def embedded_spans(self) -> list[tuple[int, int]]:
        """The units as spans of `embedded`; the whole text where the chunk is one unit."""
        shift = len(self.context) + 1 if self.context else 0
        spans = spans_without_addresses(self.text, self.units or ((0, len(self.text)),))
        return [(start + shift, end + shift) for start, end in spans]

    @property
    def embedded_whole(self) -> str:
        """The text that was embedded before link addresses were left out: the text with them."""
        return f"{self.context}\n{self.text}" if self.context else self.text


class ChunkText(NamedTuple):
    """The searched texts of a chunk: title, context line (headings where there is none), text, and spans of its units.

    A tuple, because a collection has millions of them and caches hash them as JSON lists.
    """

    title: str
    context: str
    text: str
    units: tuple[tuple[int, int], ...] = ()
