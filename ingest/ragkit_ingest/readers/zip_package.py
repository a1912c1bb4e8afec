"""ZIP packages (DOCX, PPTX, XLSX, EPUB): parts inflated in steps against limits, XML as events without a tree."""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol
from urllib.parse import unquote
from xml.parsers import expat

from ragkit import ExtractionError
from ragkit_ingest.limits import MIB, ReadLimits

_STEP: Final = 1 * MIB  # expat before 2.6 looks at an unfinished token again with every step, so steps are large
_RATIO: Final = 250  # XML deflates 10 to 100 times; more than this in a large part is a bomb
_RATIO_FROM: Final = 16 * MIB
_DEPTH: Final = 10_000
_LOCAL_HEADER: Final = 30
_RELATIONSHIPS: Final = ("/officeDocument/2006/relationships", "/officeDocument/relationships")


class Event(NamedTuple):
    """A step of an XML part. kind: "start", "end" or "text"; name: local name; text: only for "text"."""

    kind: Literal["start", "end", "text"]
    name: str = ""
    attributes: Mapping[str, str] = {}
    text: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship of a part: the last word of its type, and the name of the part that it leads to."""

    kind: str
    target: str


class Parts(Protocol):
    """The parts of an Office file by name, whether they come in a ZIP file or in one XML file."""

    def __contains__(self, name: str) -> bool: ...

    def names(self) -> list[str]:
        """Return the names of all parts."""
        ...

    def read(self, name: str) -> bytes:
        """Return a whole part."""
        ...

    def events(self, name: str) -> Iterator[Event]:
        """Yield the XML events of a part."""
        ...

    def relations(self, part: str) -> dict[str, Relation]:
        """Return the relationships of a part by id."""
        ...

    def addresses(self, part: str) -> dict[str, str]:
        """Return the addresses outside of the file that a part links to, by id."""
        ...


class Package:
    """The parts of a ZIP file, by name; nothing is unpacked to disk, and no declared size is trusted."""

    def __init__(self, data: bytes, limits: ReadLimits) -> None:
        self._data = data
        self._limits = limits
        self._inflated = 0
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                self._entries = {info.filename: info for info in archive.infolist()}
        except (zipfile.BadZipFile, struct.error, ValueError, EOFError, NotImplementedError, OSError) as error:
            raise ExtractionError("damaged", f"not a correct ZIP archive: {error}") from error
        self._folded = {name.lower(): name for name in self._entries}

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def names(self) -> list[str]:
        """Return the names of all parts."""
        return list(self._entries)

    def read(self, name: str) -> bytes:
        """Return a whole part."""
        return b"".join(self.chunks(name))

    def chunks(self, name: str, *, again: bool = False, streamed: bool = False) -> Iterator[bytes]:
        """Yield a part in pieces of at most 1 MiB.

        again: it was read before, and counts once. streamed: it is never held as a whole, so that it may unpack to as
        much as all parts may. ExtractionError: `damaged` when it is missing, cut short or fails
        its checksum, `expands_too_much`, `encrypted`.
        """
        info = self._find(name)
        if info is None:
            raise ExtractionError("damaged", f"the part {name} is missing")
        if info.flag_bits & 0x1:
            raise ExtractionError("encrypted", f"the part {name} is encrypted")
        most = self._limits.max_inflated if streamed else self._limits.max_part
        if info.file_size > most:
            raise _too_much(name, info.file_size)
        checksum = size = 0
        for piece in self._inflate(info):
            size += len(piece)
            self._inflated += 0 if again else len(piece)
            bomb = size > _RATIO_FROM and size > info.compress_size * _RATIO
            if bomb or size > most or self._inflated > self._limits.max_inflated:
                raise _too_much(name, size)
            checksum = zlib.crc32(piece, checksum)
            yield piece
        if checksum != info.CRC:
            raise ExtractionError("damaged", f"the part {name} fails its checksum")

    def events(self, name: str) -> Iterator[Event]:
        """Yield the XML events of a part; ExtractionError `unsafe_xml` at a DOCTYPE, `damaged`, `too_deep`."""
        yield from xml_events(self.chunks(name), name)

    def relations(self, part: str) -> dict[str, Relation]:
        """Return the relationships of a part by id; those that lead out of the package are left out."""
        return relations_of(self, part)

    def addresses(self, part: str) -> dict[str, str]:
        """Return the addresses outside of the package that a part links to, by the id of the relationship."""
        return addresses_of(self, part)

    def _find(self, name: str) -> zipfile.ZipInfo | None:
        name = name.lstrip("/")
        info = self._entries.get(name)
        return info if info is not None else self._entries.get(self._folded.get(name.lower(), ""))

    def _inflate(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        start = info.header_offset
        header = self._data[start : start + _LOCAL_HEADER]
        if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
            raise ExtractionError("damaged", f"the part {info.filename} is not where the directory says")
        name_size, extra_size = struct.unpack_from("<HH", header, 26)
        begin = start + _LOCAL_HEADER + name_size + extra_size
        view = memoryview(self._data)[begin : begin + info.compress_size]
        if info.compress_type == zipfile.ZIP_STORED:
            for position in range(0, len(view), _STEP):
                yield bytes(view[position : position + _STEP])
            return
        if info.compress_type != zipfile.ZIP_DEFLATED:
            raise ExtractionError("damaged", f"the part {info.filename} is compressed in an unusual way")
        machine = zlib.decompressobj(-15)
        try:
            for position in range(0, len(view), _STEP):
                piece = machine.decompress(view[position : position + _STEP], _STEP)
                while piece:
                    yield piece
                    piece = machine.decompress(machine.unconsumed_tail, _STEP)
            tail = machine.flush()
        except zlib.error as error:
            raise ExtractionError("damaged", f"the part {info.filename} does not inflate: {error}") from error
        if tail:
            yield tail


def _refuse_doctype(parser: expat.XMLParserType, name: str) -> None:
    def doctype(*_: object) -> None:
        raise ExtractionError("unsafe_xml", f"{name} has a DOCTYPE, which no such file needs")

    parser.StartDoctypeDeclHandler = doctype


def xml_events(chunks: Iterator[bytes] | tuple[bytes, ...], name: str) -> Iterator[Event]:
    """Yield the events of an XML text with local names; see Package.events for errors."""
    queue: list[Event] = []
    depth = 0
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    locals_: dict[str, str] = {}

    def local(tag: str) -> str:
        known = locals_.get(tag)
        if known is None:
            space, _, name_ = tag.rpartition(" ")
            # id and r:id stand on the same elements: the attributes of relationships keep their prefix
            known = locals_[tag] = f"r:{name_}" if space.endswith(_RELATIONSHIPS) else name_
        return known

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH:
            raise ExtractionError("too_deep", f"{name} is nested more than {_DEPTH:,} deep")
        queue.append(Event("start", local(tag), {local(key): value for key, value in attributes.items()}))

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        queue.append(Event("end", local(tag)))

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda text: queue.append(Event("text", text=text))
    _refuse_doctype(parser, name)
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            yield from queue
            queue.clear()
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: an unknown encoding
        raise ExtractionError("damaged", f"{name} is not correct XML: {error}") from error
    yield from queue


class XmlHandler(Protocol):
    """Takes the steps of an XML part as they come; names are local, attributes as the file has them."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        ...

    def end(self, name: str) -> None:
        """An element ends."""
        ...

    def text(self, data: str) -> None:
        """Take text; it may come in pieces."""
        ...


def feed_xml(chunks: Iterable[bytes], name: str, handler: XmlHandler) -> Iterator[None]:
    """Parse a large part without an object for each step; control comes back after each chunk.

    ExtractionError: as xml_events. A handler must not depend on how deeply elements are nested.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    names: dict[str, str] = {}
    begin, finish = handler.start, handler.end

    def local(tag: str) -> str:
        return names.setdefault(tag, tag.rpartition(":")[2])

    def root(tag: str, attributes: dict[str, str]) -> None:
        if ":" in tag:
            parser.StartElementHandler = lambda tag, attributes: begin(names.get(tag) or local(tag), attributes)
            parser.EndElementHandler = lambda tag: finish(names.get(tag) or local(tag))
        else:  # elements of this kind have no prefix: their handlers need no name of another form
            parser.StartElementHandler = begin
            parser.EndElementHandler = finish
        begin(local(tag), attributes)

    parser.StartElementHandler = root
    parser.CharacterDataHandler = handler.text
    _refuse_doctype(parser, name)
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            yield
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise ExtractionError("damaged", f"{name} is not correct XML: {error}") from error
    yield


def resolve(part: str, target: str) -> str:
    """Return the name of the part that a target, relative to another part, leads to; it cannot leave the package."""
    target = unquote(target.partition("#")[0])
    path = target if target.startswith("/") else posixpath.join("/", posixpath.dirname(part), target)
    return posixpath.normpath(path).lstrip("/")


def _relationships(package: Parts, part: str) -> Iterator[Mapping[str, str]]:
    folder, base = posixpath.split(part)
    name = posixpath.join(folder, "_rels", f"{base}.rels")
    if name in package:
        for event in package.events(name):
            if event.kind == "start" and event.name == "Relationship":
                yield event.attributes


def relations_of(package: Parts, part: str) -> dict[str, Relation]:
    """Return the relationships of a part by id; those that lead out of the package are left out."""
    found: dict[str, Relation] = {}
    for attributes in _relationships(package, part):
        if attributes.get("TargetMode", "").lower() != "external":
            kind = attributes.get("Type", "").rpartition("/")[2]
            found[attributes.get("Id", "")] = Relation(kind, resolve(part, attributes.get("Target", "")))
    return found


def addresses_of(package: Parts, part: str) -> dict[str, str]:
    """Return the addresses outside of the package that a part links to, by the id of the relationship."""
    return {
        attributes.get("Id", ""): attributes.get("Target", "")
        for attributes in _relationships(package, part)
        if attributes.get("TargetMode", "").lower() == "external"
    }


def core_properties(package: Parts) -> dict[str, object]:
    """Return the properties of docProps/core.xml of an Office file, under the names that all readers use."""
    names = {
        "title": "title",
        "creator": "author",
        "created": "created",
        "modified": "modified",
        "subject": "subject",
        "description": "description",
        "keywords": "keywords",
        "language": "language",
        "category": "category",
        "lastModifiedBy": "modified_by",
    }
    part = "docProps/core.xml"
    return properties_of(package.events(part), names) if part in package else {}


def properties_of(events: Iterable[Event], names: Mapping[str, str]) -> dict[str, object]:
    """Return the texts of elements under the names that `names` gives them; others are left out."""
    found: dict[str, object] = {}
    name, words = "", ""
    for event in events:
        if event.kind == "start":
            name, words = names.get(event.name, ""), ""
        elif event.kind == "text":
            words += event.text
        elif name and words.strip():
            found[name] = words
            name = ""
    return found


def _too_much(name: str, size: int) -> ExtractionError:
    return ExtractionError("expands_too_much", f"the part {name} unpacks to more than {size // MIB:,} MiB")
