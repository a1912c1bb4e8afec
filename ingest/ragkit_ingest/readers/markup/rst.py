"""reStructuredText by docutils: no includes, no raw text, nothing configured from outside; bounded in size and time."""

from __future__ import annotations

from typing import Any

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder, TimeLimitError, time_limit
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.markup.rst_syntax import register
from ragkit_ingest.readers.markup.rst_tree import TreeWalk
from ragkit_ingest.readers.markup.site_notes import SiteNotes
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import RST
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.web.html import visible_words

_SIZE_LIMIT = 2_000_000  # characters; docutils reads about 100,000 a second
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": False,
    "syntax_highlight": "none",
    "smart_quotes": False,
    "line_length_limit": 1_000_000,
    "dump_settings": False,
    "traceback": True,  # docutils would end the process otherwise
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "pep_references": False,
    "rfc_references": False,
}


class RstReader:
    """Reads text/x-rst."""

    name = "rst"
    media_types: tuple[str, ...] = (RST,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text of the document tree; what docutils cannot read in time is kept as plain text."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        text = without_embedded(visible_words(source), builder.warn)
        notes = SiteNotes(files=hints.neighbours)
        tree = None if len(text) > _SIZE_LIMIT else _parse(text, min(12.0, hints.budget.left()), notes)
        if tree is None:
            builder.warn("long or deeply nested reStructuredText: read as plain text")
            add_plain(builder, text)
            return builder.finish(name=name)
        walk = TreeWalk(builder)
        walk.run(tree)
        if walk.unread:
            builder.warn(f"places that are no correct reStructuredText, kept as they are: {walk.unread:,}")
        notes.report(builder)
        return builder.finish(name=name, metadata=walk.fields)


def _parse(text: str, seconds: float, notes: SiteNotes) -> Any | None:
    from docutils.core import publish_doctree
    from docutils.utils import SystemMessage

    try:
        with time_limit(seconds):
            register(text, notes)
            return publish_doctree(text, settings_overrides=dict(_SETTINGS))
    except (
        TimeLimitError,
        RecursionError,
        SystemMessage,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        AssertionError,
    ):
        return None
