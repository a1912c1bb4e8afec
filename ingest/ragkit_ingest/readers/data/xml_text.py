"""Any XML as text: `name: value` lines under their records, or prose where the vocabulary is one of documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.data.xml_prose import ProseLayout
from ragkit_ingest.readers.data.xml_records import RecordLayout
from ragkit_ingest.readers.data.xml_words import NO_ATTRIBUTES, PROSE_ROOTS
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import XML
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.titles import squeeze

_STEP: Final = 1 << 18
_DEPTH: Final = 1_000
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_TAGS = re.compile(r"<(?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*')*>?")


class XmlReader:
    """Reads application/xml of any vocabulary."""

    name = "xml"
    media_types: tuple[str, ...] = (XML,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text; entities other than the five of XML stay as they are written, and are reported.

        What comes after a mistake in the XML is kept as text without its tags.
        """
        declared = _ENCODING.match(data[:400].lstrip())
        builder = TextBuilder()
        source = decoded_text(data, builder.warn, declared=declared[1].decode("ascii") if declared else "")
        text = without_embedded(source, builder.warn).lstrip()
        del source
        events = _Events(builder)
        rest = _parse(text, events, hints)
        if rest >= 0:
            lines = map(squeeze, _TAGS.sub("\n", text[rest:]).split("\n"))
            add_plain(builder, "\n".join(filter(None, lines)))
        return builder.finish(name=name, title=events.title)


class Layout(Protocol):
    """Turns the events of XML into text."""

    title: str

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Open an element."""
        ...

    def text(self, words: str) -> None:
        """Add characters to the element that is open."""
        ...

    def end(self) -> None:
        """Close the element that is open."""
        ...


class _Events:
    """Receives expat's events; the root decides about the layout."""

    def __init__(self, builder: TextBuilder) -> None:
        self._out = builder
        self._layout: Layout | None = None
        self._depth = 0
        self._entities = 0

    @property
    def title(self) -> str:
        return self._layout.title if self._layout else ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._depth >= _DEPTH:
            raise ExtractionError("too_deep", f"XML nested more than {_DEPTH:,} deep")
        self._depth += 1
        name = tag.rpartition(" ")[2]
        if self._layout is None:
            prose = name.lower() in PROSE_ROOTS
            self._layout = (
                ProseLayout(self._out) if prose else RecordLayout(self._out, bare=name.lower() in NO_ATTRIBUTES)
            )
        self._layout.start(name, attributes)

    def text(self, words: str) -> None:
        if self._layout is not None and self._depth:
            self._layout.text(words)

    def end(self, _tag: str) -> None:
        self._depth -= 1
        if self._layout is not None:
            self._layout.end()

    def other(self, source: str) -> None:
        """Keep an entity other than XML's five as it is written."""
        if source.startswith("&") and source.endswith(";"):
            self._entities += 1
            self.text(source)

    def stop(self, words: str) -> None:
        """End before the end of the XML: open elements are added as they are."""
        self._out.warn(words)
        while self._depth:
            self.end("")
        self.finish()

    def finish(self) -> None:
        """Report the entities that were not resolved."""
        if self._entities:
            self._out.warn(
                f"entities of the DOCTYPE are not resolved, and stay as they are written: {self._entities:,}"
            )


def _parse(text: str, events: _Events, hints: Hints) -> int:
    """Feed the events of an XML text; return the offset of a syntax error, -1 for none."""
    from xml.parsers import expat

    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = events.start
    parser.EndElementHandler = events.end
    parser.CharacterDataHandler = events.text
    # With this handler expat expands no entity of a DOCTYPE: it hands them over as they are written.
    parser.DefaultHandler = events.other
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    done = 0
    try:
        while done < len(text):
            parser.Parse(text[done : done + _STEP].encode("utf-8", "replace"), False)
            done += _STEP
            if hints.budget.spent():
                events.stop(f"stopped after {done // 1024:,} KiB: out of time")
                return -1
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        events.stop(f"not correct XML ({error}): the rest is kept as text")
        return _offset(text, error.lineno, error.offset)
    events.finish()
    return -1


def _offset(text: str, line: int, column: int) -> int:
    position = 0
    for _ in range(line - 1):
        position = text.find("\n", position) + 1
    return min(position + column, len(text))
