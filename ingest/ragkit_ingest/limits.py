"""Limits for reading one file (bytes, seconds, memory, pages), as one value that is sent to the child."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from ragkit import ConfigError

MIB: Final = 1 << 20
DEFAULT_SIZE: Final = 100 * MIB
OCR_MEMORY: Final = 6 * 1024 * MIB
"""Bytes of address space that a child may take once it reads by OCR; what it holds is about a quarter of that."""

OcrMode = Literal["auto", "off", "force"]
OCR_MODES: Final[tuple[OcrMode, ...]] = get_args(OcrMode)

CommentMode = Literal["keep", "drop"]
COMMENT_MODES: Final[tuple[CommentMode, ...]] = get_args(CommentMode)

EXTRACTOR_VERSION = "10"
"""The version of the readers; it changes when the same bytes give other text, so that ingest reads them again."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits for one file.

    max_size: bytes of the largest file that is read. timeout: seconds on the clock, and as many of CPU. memory: bytes
    of address space of the child, which bounds what it may hold. max_pages: pages read of a paged file; the rest is
    reported. max_inflated: bytes that compressed parts of one file may unpack to. keep_hidden: sheets, rows, columns
    and slides that the file hides are read as if they were shown. comments: "keep" reads the comments of Office and
    OpenDocument files, "drop" leaves them out and counts them. ocr: "auto" reads scanned pages and pictures where the
    extra `ocr` is installed, "force" reads every page of a PDF by OCR, "off" none. ocr_seconds: more time that OCR of
    one file may take. ocr_pictures: pictures inside documents are read by OCR, too, unless `ocr` is "off".
    """

    max_size: int = DEFAULT_SIZE
    timeout: float = 30.0
    memory: int = 1024 * MIB
    max_pages: int = 10_000
    max_inflated: int = 512 * MIB
    keep_hidden: bool = False
    ocr: OcrMode = "auto"
    ocr_seconds: float = 1_800.0
    ocr_pictures: bool = False
    comments: CommentMode = "keep"

    def __post_init__(self) -> None:
        for name, value, low in (
            ("max_size", self.max_size, 1),
            ("timeout", self.timeout, 0.1),
            ("memory", self.memory, 64 * MIB),
            ("max_pages", self.max_pages, 1),
            ("max_inflated", self.max_inflated, MIB),
            ("ocr_seconds", self.ocr_seconds, 0),
        ):
            if not low <= value <= 1 << 40:
                raise ConfigError(f"read limit {name} is {value!r}", cure=f"it must be from {low:,} to {1 << 40:,}")
        for name, mode, modes in (("ocr", self.ocr, OCR_MODES), ("comments", self.comments, COMMENT_MODES)):
            if mode not in modes:
                raise ConfigError(f"read limit {name} is {mode!r}", cure=f"it must be one of {', '.join(modes)}")

    @property
    def max_part(self) -> int:
        """Bytes that one part (a stream, a ZIP member) may unpack to."""
        return self.max_inflated // 4

    @property
    def max_line(self) -> int:
        """Longest line of plain text, in characters: longer ones are data. It grows with max_size."""
        return self.max_size if self.max_size > DEFAULT_SIZE else 6 * MIB
