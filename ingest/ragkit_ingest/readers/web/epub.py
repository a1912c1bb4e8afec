"""EPUB: the XHTML files of the spine in order; each is a page of the document, its title a heading."""

from __future__ import annotations

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.sniff import EPUB
from ragkit_ingest.readers.web.html import add_html, declared_charset
from ragkit_ingest.readers.zip_package import Package, resolve

_CONTAINER = "META-INF/container.xml"
_XHTML = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document"})
_FIELDS = {
    "creator": "author",
    "language": "language",
    "publisher": "publisher",
    "date": "created",
    "description": "description",
    "subject": "subject",
    "identifier": "identifier",
}


class EpubReader:
    """Reads EPUB 2 and 3 books."""

    name = "epub"
    media_types: tuple[str, ...] = (EPUB,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text of the spine; `encrypted` for a book with digital rights management."""
        package = Package(data, hints.limits)
        main = _package_file(package)
        title, metadata, spine = _read_package_file(package, main)
        if "META-INF/encryption.xml" in package and "META-INF/rights.xml" in package:
            raise ExtractionError("encrypted", "the book is protected by digital rights management")
        builder = TextBuilder()
        for number, part in enumerate(spine[: hints.limits.max_pages], 1):
            if hints.budget.spent():
                builder.warn(f"stopped before part {number:,} of {len(spine):,}: out of time")
                break
            builder.page()
            if part not in package:
                builder.warn(f"the part {part} is missing")
                continue
            _add_part(builder, package.read(part))
        return builder.finish(name=name, title=title, metadata=metadata)


def _add_part(builder: TextBuilder, data: bytes) -> None:
    source = decoded_text(data, builder.warn, declared=declared_charset(data))
    add_html(builder, source, boilerplate=False)


def _package_file(package: Package) -> str:
    for event in package.events(_CONTAINER):
        if event.kind == "start" and event.name == "rootfile":
            return resolve("", event.attributes.get("full-path", ""))
    raise ExtractionError("damaged", f"{_CONTAINER} names no book")


def _read_package_file(package: Package, main: str) -> tuple[str, dict[str, object], list[str]]:
    """Return title, metadata, and the parts of the spine in reading order."""
    title, metadata = "", dict[str, object]()
    manifest: dict[str, str] = {}
    spine: list[str] = []
    name, words = "", ""
    for event in package.events(main):
        attributes = event.attributes
        if event.kind == "text":
            words += event.text
        elif event.kind == "end":
            if name == "title" and not title:
                title = words
            elif name in _FIELDS and words.strip():
                metadata.setdefault(_FIELDS[name], words)
            name = ""
        elif event.name == "item" and attributes.get("media-type", "") in _XHTML:
            manifest[attributes.get("id", "")] = resolve(main, attributes.get("href", ""))
        elif event.name == "itemref":
            spine.append(attributes.get("idref", ""))
        else:
            name, words = event.name, ""
    return title, metadata, [manifest[item] for item in spine if item in manifest]
