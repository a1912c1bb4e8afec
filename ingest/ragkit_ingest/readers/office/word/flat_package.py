"""Flat OPC: the parts of an Office file in one XML file (pkg:package); pictures in base64 are never decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from ragkit import ExtractionError
from ragkit_ingest.limits import MIB, ReadLimits
from ragkit_ingest.readers.zip_package import Event, Relation, addresses_of, relations_of, xml_events

_STEP: Final = 1 * MIB
_MAX_PARTS: Final = 20_000
_MAX_DEPTH: Final = 10_000
_DECLARATION: Final = re.compile(rb"\s*<\?xml[^>]*\?>")
_WRAPPER: Final = "part"


@dataclass(frozen=True, slots=True)
class _Span:
    """Where the XML of a part lies in the file, and the prefixes that are declared around it."""

    start: int
    end: int
    prefixes: Mapping[str, str]


class FlatPackage:
    """The parts of a flat OPC file, by name."""

    def __init__(self, data: bytes, limits: ReadLimits) -> None:
        self._data = as_utf8(data)
        self._limits = limits
        self._spans = _Finder(self._data).spans()
        self._folded = {name.lower(): name for name in self._spans}
        self._read = 0

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def names(self) -> list[str]:
        """Return the names of the parts that are XML."""
        return list(self._spans)

    def read(self, name: str) -> bytes:
        """Return the XML of a part as it lies in the file, without the prefixes that are declared around it."""
        span = self._span(name)
        return self._data[span.start : span.end]

    def events(self, name: str) -> Iterator[Event]:
        """Yield the XML events of a part."""
        depth = 0
        for event in xml_events(self._pieces(self._span(name)), name):
            depth += (event.kind == "start") - (event.kind == "end")
            outside = depth < 1 or (depth == 1 and event.kind == "start")
            if not outside:
                yield event

    def relations(self, part: str) -> dict[str, Relation]:
        """Return the relationships of a part by id."""
        return relations_of(self, part)

    def addresses(self, part: str) -> dict[str, str]:
        """Return the addresses outside of the file that a part links to, by id."""
        return addresses_of(self, part)

    def _find(self, name: str) -> _Span | None:
        return self._spans.get(self._folded.get(name.lstrip("/").lower(), ""))

    def _span(self, name: str) -> _Span:
        span = self._find(name)
        if span is None:
            raise ExtractionError("damaged", f"the part {name} is missing")
        self._read += span.end - span.start
        if self._read > self._limits.max_inflated:
            raise ExtractionError("expands_too_much", "its parts refer to each other too often")
        return span

    def _pieces(self, span: _Span) -> Iterator[bytes]:
        prefixes = "".join(
            f" xmlns{f':{prefix}' if prefix else ''}={quoteattr(space)}" for prefix, space in span.prefixes.items()
        )
        yield f"<{_WRAPPER}{prefixes}>".encode()
        for start in range(span.start, span.end, _STEP):
            yield self._data[start : min(start + _STEP, span.end)]
        yield f"</{_WRAPPER}>".encode()


@dataclass(slots=True)
class _Finder:
    """Finds where each pkg:xmlData begins and ends, in one pass."""

    data: bytes
    found: dict[str, _Span] = field(default_factory=dict)
    prefixes: list[tuple[int, str, str]] = field(default_factory=list)  # depth, prefix, namespace
    depth: int = 0
    name: str = ""
    inside: int = 0  # depth of the xmlData that is open
    begin: int = -1

    def spans(self) -> dict[str, _Span]:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = lambda tag, attributes: self._start(parser, tag, attributes)
        parser.EndElementHandler = lambda tag: self._end(parser, tag)
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartDoctypeDeclHandler = _refuse
        try:
            for start in range(0, len(self.data), _STEP):
                parser.Parse(self.data[start : start + _STEP], False)
            parser.Parse(b"", True)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise ExtractionError("damaged", f"not correct XML: {error}") from error
        return self.found

    def _declare(self, prefix: str | None, space: str | None) -> None:
        if not self.inside and self.depth < 5:
            self.prefixes.append((self.depth, prefix or "", space or ""))

    def _start(self, parser: expat.XMLParserType, tag: str, attributes: dict[str, str]) -> None:
        if self.inside and self.begin < 0:
            self.begin = parser.CurrentByteIndex
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ExtractionError("too_deep", f"nested more than {_MAX_DEPTH:,} deep")
        local = tag.rpartition(" ")[2]
        if self.inside:
            return
        if local == "part":
            self.name = next((value for key, value in attributes.items() if key.endswith("name")), "").lstrip("/")
        elif local == "xmlData":
            self.inside, self.begin = self.depth, -1

    def _end(self, parser: expat.XMLParserType, _tag: str) -> None:
        if self.inside == self.depth:
            if self.name and self.begin >= 0 and len(self.found) < _MAX_PARTS:
                prefixes = {prefix: space for _, prefix, space in self.prefixes if space}
                self.found.setdefault(self.name, _Span(self.begin, parser.CurrentByteIndex, prefixes))
            self.inside = 0
        self.depth -= 1
        if not self.inside:
            while self.prefixes and self.prefixes[-1][0] >= self.depth:
                self.prefixes.pop()


def _refuse(*_: object) -> None:
    raise ExtractionError("unsafe_xml", "it has a DOCTYPE, which no such file needs")


def as_utf8(data: bytes) -> bytes:
    """Return XML as UTF-8 without its declaration; ExtractionError `damaged` when its encoding is not known."""
    encoding = "utf-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif data.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    else:
        named = re.match(rb"""\s*<\?xml[^>]{0,200}?encoding=["']([\w.:-]{1,40})["']""", data)
        encoding = named[1].decode("ascii") if named else encoding
    if encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        try:
            data = data.decode(encoding).encode()
        except (LookupError, UnicodeError) as error:
            raise ExtractionError("damaged", f"it cannot be decoded as {encoding}: {error}") from error
    declaration = _DECLARATION.match(data)
    return data[declaration.end() :] if declaration else data
