"""Plain text: paragraphs as they are, form feeds as pages, and the chapter lines that books have."""

from __future__ import annotations

import re

from ragkit import ExtractionError, clean_text
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.sniff import TEXT
from ragkit_ingest.readers.text.embedded import without_embedded

_PIECE = 1 << 20
_BLANK_RUN = re.compile(r"\n(?:[^\S\n]*\n){2,}")
_CHAPTER = re.compile(
    r"\n\n[ \t]*((?:BOOK|Book|PART|Part|CHAPTER|Chapter|SECTION|Section|ARTICLE|Article|APPENDIX|Appendix)"
    r"[ \t]+(?:[\dIVXLC]{1,8}|[A-Z])\b[^\n]{0,100}|[^\s=~][^\n]{0,118}(?=\n={3,120}[ \t]*(?:\n|\Z)))",
)  # begins with plain newlines, which the regular-expression engine looks for at once
_LEVELS = {"book": 1, "part": 1, "chapter": 2, "appendix": 2, "section": 3, "article": 3}


class TextReader:
    """Reads text/plain."""

    name = "text"
    media_types: tuple[str, ...] = (TEXT,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text; `too_big` for a line that no human wrote."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        text = without_embedded(source, builder.warn)
        del source
        check_lines(text, hints.limits.max_line)
        add_plain(builder, text, pages="\f" in text)
        del text
        return builder.finish(name=name)


def add_plain(builder: TextBuilder, text: str, *, pages: bool = False) -> None:
    """Add text piece by piece, so that memory holds little more than the text; form feeds begin pages if wanted."""
    for page in text.split("\f") if pages else (text,):
        if pages:
            builder.page()
        position = 0
        while position < len(page):
            end = len(page)
            if end - position > _PIECE:
                cut = page.find("\n\n", position + _PIECE)
                end = cut if cut >= 0 else end
            piece = _BLANK_RUN.sub("\n\n", clean_text(page[position:end]))
            start, stop = builder.paragraph(piece)
            if stop > start:
                _mark_chapters(builder, piece.strip("\n"), start)
            position = end


def check_lines(text: str, limit: int) -> None:
    """Raise ExtractionError `too_big` for a line of more than `limit` characters."""
    half = max(1, limit // 2)
    for start in range(0, len(text), half):
        if text.find("\n", start, start + half) < 0 and len(text) - start > half // 2:
            begin, end = text.rfind("\n", 0, start) + 1, text.find("\n", start)
            size = (end if end >= 0 else len(text)) - begin
            if size > limit:
                raise ExtractionError(
                    "too_big", f"a line of {size:,} characters, the limit is {limit:,}", cure="raise the size limit"
                )


def _mark_chapters(builder: TextBuilder, piece: str, start: int) -> None:
    head = _CHAPTER.match("\n\n" + piece[:400])
    if head is not None:
        _mark_chapter(builder, head, start - 2)
    for match in _CHAPTER.finditer(piece):
        _mark_chapter(builder, match, start)


def _mark_chapter(builder: TextBuilder, match: re.Match[str], start: int) -> None:
    word = match[1].split(None, 1)[0].lower()
    follows = match.string[match.end(1) : match.end(1) + 2]
    if word in _LEVELS and follows not in ("\n\n", "", "\n"):
        return  # "Section 5 says ..." begins a paragraph of prose
    builder.mark_heading(start + match.start(1), _LEVELS.get(word, 1), match[1])
