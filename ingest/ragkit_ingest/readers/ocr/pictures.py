"""Picture files (PNG, JPEG, TIFF, WEBP) by OCR: a page for each frame, with its confidence in the report."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.ocr.engine import CURE, available, read_page
from ragkit_ingest.readers.ocr.reading_order import ordered_lines
from ragkit_ingest.readers.ocr.report import Confidences, allow_page
from ragkit_ingest.readers.pdf.layout.pages import add_pages
from ragkit_ingest.readers.pdf.text import Line
from ragkit_ingest.readers.sniff import JPEG, PNG, TIFF, WEBP

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS: Final = 100_000_000
"""Pixels of one picture: an A0 sheet at 200 dpi has 62 million."""
_MIN_SIDE: Final = 8
_FORMATS: Final = ("PNG", "JPEG", "TIFF", "WEBP")


class PictureReader:
    """Reads picture files."""

    name = "ocr"
    media_types: tuple[str, ...] = (PNG, JPEG, TIFF, WEBP)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text of all frames with a page table.

        ExtractionError: `unsupported` where OCR is not installed or not wanted, `no_text`, `damaged`,
        `expands_too_much` for more than MAX_PIXELS.
        """
        words = f"a {hints.media_type.partition('/')[2].upper()} picture"
        if hints.limits.ocr == "off":
            raise ExtractionError("unsupported", f"{words}: OCR is off", cure="turn it on: --ocr auto")
        if not available():
            raise ExtractionError("unsupported", f"{words}: reading it needs OCR", cure=CURE)
        builder = TextBuilder()
        seen = Confidences()
        pages: list[list[Line] | None] = []
        heights: list[float] = []
        for frame in frames(data):
            if len(pages) == hints.limits.max_pages or not allow_page(hints):
                builder.warn(f"only its first {len(pages):,} pages were read: out of time or pages")
                break
            page = read_page(frame)
            seen.add(len(pages), page)
            pages.append(ordered_lines(page))
            heights.append(float(page.height))
        if not any(pages):
            raise ExtractionError("no_text", "OCR finds no text in it")
        add_pages(builder, pages, heights=heights)
        for line in seen.warnings():
            builder.warn(line)
        return builder.finish(name=name, metadata=seen.metadata())


def frames(data: bytes) -> Iterator[Image]:
    """Yield the frames of a picture file upright; ExtractionError `damaged` or `expands_too_much`."""
    from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data), formats=_FORMATS)
            sequence = ImageSequence.Iterator(picture) if picture.format == "TIFF" else iter([picture])
            for frame in sequence:
                if frame.width * frame.height > MAX_PIXELS:
                    detail = f"a picture of {frame.width:,} × {frame.height:,} pixels"
                    raise ExtractionError("expands_too_much", detail, cure="make it smaller")
                if min(frame.size) >= _MIN_SIDE:
                    yield _opaque(ImageOps.exif_transpose(frame))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError) as error:
        raise ExtractionError("damaged", f"the picture cannot be read ({type(error).__name__})") from error
    except Image.DecompressionBombError as error:
        raise ExtractionError("expands_too_much", "a picture of too many pixels", cure="make it smaller") from error


def _opaque(image: Image) -> Image:
    """Return a picture on white, where it is transparent, in RGB."""
    from PIL import Image as Images

    if image.mode in ("I;16", "I;16B", "I", "F"):
        low, high = image.getextrema()
        span = max(float(high) - float(low), 1.0)  # type: ignore[arg-type]
        return image.point(lambda value: (value - float(low)) * (255 / span)).convert("L").convert("RGB")  # type: ignore[arg-type]
    if "A" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Images.alpha_composite(Images.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def ocr_image(data: bytes) -> list[str]:
    """Return the lines of text in a picture in reading order; for readers of files that hold pictures.

    ExtractionError: `unsupported` without the extra, `damaged` or `expands_too_much` for a bad picture.
    """
    if not available():
        raise ExtractionError("unsupported", "a picture: reading it needs OCR", cure=CURE)
    return [line.text for frame in frames(data) for line in ordered_lines(read_page(frame))]
