"""Source code: the file as it is, one code block, with its classes and functions as headings."""

from __future__ import annotations

from ragkit import ExtractionError, clean_text
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.languages import definitions, language_of
from ragkit_ingest.readers.sniff import CODE
from ragkit_ingest.readers.text.embedded import is_minified, without_embedded


class CodeReader:
    """Reads source code of every language that is known by suffix, file name or shebang."""

    name = "code"
    media_types: tuple[str, ...] = (CODE,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:  # noqa: ARG002 (protocol)
        """Return the source; metadata names the language. ExtractionError `ignored` for minified code."""
        language = language_of(name, data[:8192])
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        if is_minified(source):
            raise ExtractionError(
                "ignored", "minified: written for machines", cure="ingest the source that it is made from"
            )
        text = clean_text(without_embedded(source, builder.warn)).strip("\n")
        start, end = builder.paragraph(text)
        if end > start:
            for offset, level, title in definitions(text, language):
                builder.mark_heading(start + offset, level, title)
            builder.mark_block(start, end, "code")
        base = clean_text(name.rpartition("/")[2])
        metadata = {"programming_language": language} if language else {}
        return builder.finish(name=name, title=base, metadata=metadata)
