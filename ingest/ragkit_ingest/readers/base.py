"""What every reader shares: the Reader protocol, what it returns, the builder of canonical text, and its budget."""

from __future__ import annotations

import re
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final, Protocol, runtime_checkable

from ragkit import Block, BlockKind, ExtractionError, Heading, Metadata, MetadataValue, Page, clean_text
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.links import ADDRESS
from ragkit_ingest.readers.neighbours import Neighbours
from ragkit_ingest.readers.titles import _TITLE_LIMIT, choose_title, squeeze

_VALUE_LIMIT: Final = 1_000
_HEADER_LIMIT: Final = 400
_MOST_THREADS: Final = 2
_SOFT_SHARE: Final = 0.75  # a reader stops of itself after this part of its time, and keeps what it has


@dataclass(frozen=True, slots=True)
class Extracted:
    """A file as text with its structure; every offset counts code points of `text`, as in Document."""

    text: str
    title: str = ""
    pages: tuple[Page, ...] = ()
    headings: tuple[Heading, ...] = ()
    blocks: tuple[Block, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Budget:
    """The time that a reader has left: it can stop before it is killed, and keep what it has read."""

    def __init__(self, seconds: float) -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
        used = usage.ru_utime + usage.ru_stime
        left = seconds if soft == resource.RLIM_INFINITY else max(soft - used, 0.1)
        self._extra = 0.0
        self._until = time.monotonic() + seconds * _SOFT_SHARE
        self._cpu_until = time.process_time() + min(left, seconds) * _SOFT_SHARE

    def left(self) -> float:
        """Seconds left, of wall-clock or of CPU time, whichever is less; 0 when none are left."""
        return max(0.0, min(self._until - time.monotonic(), self._cpu_until - time.process_time()))

    def granted(self, seconds: float, *, limit: float) -> float:
        """Give so many more seconds, or what is left of `limit`; return how many."""
        seconds = min(seconds, limit - self._extra)
        if seconds <= 0:
            return 0.0
        self._extra += seconds
        self._until += seconds
        self._cpu_until += seconds * _MOST_THREADS
        return seconds

    def spent(self) -> bool:
        """Tell whether it is time to stop."""
        return self.left() <= 0


@dataclass(frozen=True, slots=True)
class Hints:
    """What a reader gets in addition to the bytes.

    media_type: what detection says. limits, budget: what reading may cost. careful: an earlier attempt brought the
    process down, so native code that can be done without is left out. depth: how many files this one lies in.
    grant: tells the parent of more seconds, and of how many threads use them; None where there is no parent.
    neighbours: files that its text may include; None where its folder is not known.
    """

    media_type: str
    limits: ReadLimits
    budget: Budget
    careful: bool = False
    depth: int = 0
    grant: Callable[[float, int], None] | None = None
    neighbours: Neighbours | None = None

    def ask_time(self, seconds: float, *, threads: int = 1) -> None:
        """Add time for a page that needs OCR, as far as the limits allow."""
        seconds = self.budget.granted(seconds, limit=self.limits.ocr_seconds)
        if seconds and self.grant is not None:
            self.grant(seconds, threads)


@runtime_checkable
class Reader(Protocol):
    """Turns the bytes of one format into text with structure."""

    name: str
    media_types: tuple[str, ...]

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text; ExtractionError with a typed reason when there is none. `name` is the file's own name."""
        ...


@runtime_checkable
class DetectingReader(Reader, Protocol):
    """A reader that users add by the entry-point group `ragkit.readers`; it is asked before the built-in rules."""

    def detect(self, data: bytes, *, name: str) -> str:
        """Return the media type of a file that this reader takes, "" for any other."""
        ...


class TimeLimitError(BaseException):
    """Raised inside `time_limit`; not an Exception, so that a library's own handlers do not swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt Python code in this block by TimeLimitError; outside the main thread, or with no time, do nothing."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise TimeLimitError

    if threading.current_thread() is not threading.main_thread() or seconds <= 0:
        yield
        return
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class TextBuilder:
    """Builds canonical text piece by piece; each piece is cleaned as it comes, so that offsets hold at once.

    Pieces are joined by newlines only, and no composition or run of marks crosses a newline: cleaning the whole text
    again changes nothing.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._waiting: list[str | None] = []
        self._pages: list[Page] = []
        self._headings: list[Heading] = []
        self._blocks: list[Block] = []
        self._region = -2  # start of an open region, -1 before its first text, -2 for none
        self.warnings: list[str] = []

    @property
    def size(self) -> int:
        """Code points so far."""
        return self._size

    def page(self, label: str | None = None) -> None:
        """Begin a page: it starts at the next piece of text."""
        self._waiting.append((squeeze(clean_text(label))[:40] or None) if label else None)

    def paragraph(self, text: str) -> tuple[int, int]:
        """Add text after a blank line; return its span, empty when nothing is left of it."""
        return self._put(text, "\n\n")

    def line(self, text: str) -> tuple[int, int]:
        """Add text on a new line; return its span."""
        return self._put(text, "\n")

    def heading(self, text: str, level: int) -> None:
        """Add a heading on a line of its own; addresses of links stand at its end, and are no part of its words."""
        words = squeeze(text)
        bare = squeeze(ADDRESS.sub("", words))
        start, end = self.paragraph(bare + "".join(ADDRESS.findall(words)) if bare != words else words)
        if end > start and self._region == -2:
            said = self._parts[-1] if bare == words else squeeze(clean_text(bare))
            self._headings.append(Heading(start, max(1, min(level, 9)), said[:_TITLE_LIMIT]))

    def mark_heading(self, offset: int, level: int, text: str) -> None:
        """Record a heading at an offset that is not before the last one; its text has been added already."""
        self._headings.append(Heading(offset, max(1, min(level, 9)), squeeze(clean_text(text))[:_TITLE_LIMIT]))

    def mark_heading_at(self, offset: int, level: int, text: str) -> None:
        """Record a heading at an offset of its own; one before the last heading moves down to it."""
        self.mark_heading(max(offset, self.last_heading()), level, text)

    def page_start(self) -> int:
        """Offset of the last page that has text, 0 when there is none."""
        return self._pages[-1].start if self._pages else 0

    def last_heading(self) -> int:
        """Offset of the last heading, 0 when there is none."""
        return self._headings[-1].offset if self._headings else 0

    def mark_block(self, start: int, end: int, kind: BlockKind, header: str = "") -> None:
        """Record a block over text that was added after the last block."""
        if end > start and self._region == -2:
            self._blocks.append(Block(start, end, kind, squeeze(clean_text(header))[:_HEADER_LIMIT]))

    def open_region(self) -> None:
        """Begin a region that will be one block: headings and blocks in it are not recorded."""
        self._region = -1

    def close_region(self, kind: BlockKind) -> None:
        """End the region, and record it as a block when text came into it."""
        start, self._region = self._region, -2
        if start >= 0:
            self.mark_block(start, self._size, kind)

    def text(self) -> str:
        """Return what was built so far."""
        return "".join(self._parts)

    def table(self, rows: Iterable[Sequence[str]], *, header: bool | None = None, caption: str = "") -> None:
        """Add a table, one row a line, cells joined by " | "; empty rows and empty tail cells are left out.

        header: the first row names the columns; None to judge by its looks.
        """
        lines: list[str] = []
        names: Sequence[str] = ()
        for row in rows:
            cells = [cell_text(cell) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if not cells:
                continue
            if not lines and (header or (header is None and looks_like_header(cells))):
                names = cells
            lines.append(" | ".join(cells))
        if not lines:
            return
        label = " | ".join(bare for name in names if (bare := ADDRESS.sub("", name)))
        start, end = self.paragraph("\n".join(lines))
        self.mark_block(start, end, "table", f"{caption}: {label}" if caption and label else caption or label)

    def items(self, lines: Sequence[str]) -> None:
        """Add a list, one item a line."""
        start, end = self.paragraph("\n".join(lines))
        self.mark_block(start, end, "list")

    def code(self, text: str, language: str = "") -> None:
        """Add preformatted text, with its lines and indentation kept."""
        start, end = self.paragraph(text)
        self.mark_block(start, end, "code", language)

    def add_extracted(self, part: Extracted, *, level: int = 0) -> None:
        """Add an embedded file, with its headings below `level` and its blocks."""
        shift, end = self.paragraph(part.text)
        if end == shift:
            return
        for heading in part.headings:
            self.mark_heading(shift + heading.offset, level + heading.level, heading.text)
        for block in part.blocks:
            self.mark_block(shift + block.start, shift + block.end, block.kind, block.header)
        for words in part.warnings:
            self.warn(words)

    def warn(self, words: str) -> None:
        """Record a loss or a guess, once, for the report."""
        words = squeeze(clean_text(words))
        if words not in self.warnings:
            self.warnings.append(words)

    def has_heading(self) -> bool:
        """Tell whether a heading was added."""
        return bool(self._headings)

    def finish(self, *, name: str, title: str = "", metadata: Mapping[str, object] | None = None) -> Extracted:
        """Return what was built; ExtractionError `no_text` when it is blank."""
        text = "".join(self._parts)
        if not text or text.isspace():
            raise ExtractionError("no_text", "there is no text in it")
        self._pages.extend(Page(self._size, label) for label in self._waiting)
        self._waiting.clear()
        return Extracted(
            text=text,
            title=choose_title(title, self._headings, name),
            pages=tuple(self._pages),
            headings=tuple(self._headings),
            blocks=self._useful_blocks(),
            metadata=clean_metadata(metadata or {}),
            warnings=tuple(self.warnings),
        )

    def _useful_blocks(self) -> tuple[Block, ...]:
        """Return the blocks; where boilerplate is most of the text, it is kept as ordinary text."""
        repeated = sum(block.end - block.start for block in self._blocks if block.kind == "boilerplate")
        if repeated * 5 > self._size * 4:
            return tuple(block for block in self._blocks if block.kind != "boilerplate")
        return tuple(self._blocks)

    def _put(self, text: str, gap: str) -> tuple[int, int]:
        text = clean_text(text).strip("\n")
        if not text or text.isspace():
            return self._size, self._size
        if self._size:
            self._parts.append(gap)
            self._size += len(gap)
        start = self._size
        self._region = start if self._region == -1 else self._region
        self._pages.extend(Page(start, label) for label in self._waiting)
        self._waiting.clear()
        self._parts.append(text)
        self._size += len(text)
        return start, self._size


_BAR = re.compile(r"(?<!\S)\|(?!\S)")
_NUMBER = re.compile(r"[($€£¥+\-–−]*\s*\d[\d\s.,:/'’%)\-–]*[a-zA-Z%€£¥]{0,3}")


def cell_text(cell: str) -> str:
    """Return a cell on one line; a bar that stands alone in it is escaped, since bars part the cells of a row."""
    words = squeeze(cell)
    return _BAR.sub(r"\|", words) if "|" in words else words


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number, also with a sign, a currency, a unit of three letters or parts of a date."""
    return _NUMBER.fullmatch(cell) is not None


def looks_like_header(cells: Sequence[str]) -> bool:
    """Tell whether a row names columns: at least two cells, nearly all filled, distinct, short and not numbers."""
    filled = [cell for cell in cells if cell]
    if len(filled) < 2 or len(filled) * 3 < len(cells) * 2 or len(set(filled)) < len(filled):
        return False
    return not any(is_number(cell) and not _is_year(cell) for cell in filled) and all(
        len(cell) <= 80 for cell in filled
    )


def _is_year(cell: str) -> bool:
    return len(cell) == 4 and cell.isdecimal() and "1900" <= cell <= "2100"


def clean_metadata(raw: Mapping[str, object]) -> dict[str, MetadataValue]:
    """Return metadata as scalars and tuples of text: blank values are dropped, keys become snake_case, text is cut at
    1,000."""
    clean: dict[str, MetadataValue] = {}
    for key, value in raw.items():
        name = re.sub(r"[^\w.]+", "_", clean_text(str(key)).strip().lower()).strip("_")[:60]
        kept: MetadataValue
        if isinstance(value, bool | int | float):
            kept = value
        elif isinstance(value, list | tuple):
            kept = tuple(text for item in list(value)[:100] if (text := _short(item)))
        else:
            kept = _short(value) if value is not None else ""
        if name and kept not in ("", ()):
            clean.setdefault(name, kept)
        if len(clean) == 60:
            break
    return clean


def _short(value: object) -> str:
    return squeeze(clean_text(str(value)[: 4 * _VALUE_LIMIT]))[:_VALUE_LIMIT]
