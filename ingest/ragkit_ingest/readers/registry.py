"""The choice of the reader for a file: users' readers by their `detect`, then the built-in ones by media type."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from ragkit import ExtractionError
from ragkit_ingest.readers.base import DetectingReader, Extracted, Hints, Reader
from ragkit_ingest.readers.sniff import (
    ASCIIDOC,
    CALENDAR,
    CODE,
    CSV,
    DOCX,
    EMAIL,
    EPUB,
    HTML,
    JPEG,
    JSON,
    JSONL,
    MARKDOWN,
    MBOX,
    MHTML,
    NOTEBOOK,
    ODP,
    ODS,
    ODT,
    OUTLOOK,
    PDF,
    PNG,
    PPTX,
    RST,
    RTF,
    SRT,
    TEXT,
    TIFF,
    TOML,
    TSV,
    VTT,
    WEBP,
    WORD_XML,
    XLSX,
    XML,
    YAML,
    detect,
    named_otherwise,
    suffix_of,
)

ENTRY_POINTS = "ragkit.readers"

_READERS = {
    PDF: "pdf.reader:PdfReader",
    DOCX: "office.docx:DocxReader",
    PPTX: "office.pptx:PptxReader",
    XLSX: "office.xlsx:XlsxReader",
    ODT: "odf.reader:OdfReader",
    ODS: "odf.reader:OdfReader",
    ODP: "odf.reader:OdfReader",
    RTF: "rtf.reader:RtfReader",
    WORD_XML: "office.word_xml:WordXmlReader",
    EPUB: "web.epub:EpubReader",
    HTML: "web.html:HtmlReader",
    MARKDOWN: "markup.markdown:MarkdownReader",
    RST: "markup.rst:RstReader",
    ASCIIDOC: "markup.asciidoc:AsciidocReader",
    MHTML: "web.mhtml:MhtmlReader",
    CSV: "table:TableReader",
    TSV: "table:TableReader",
    JSON: "data.json_data:JsonReader",
    JSONL: "data.json_data:JsonReader",
    EMAIL: "mail.message:EmailReader",
    MBOX: "mail.mbox:MailboxReader",
    OUTLOOK: "mail.outlook:OutlookReader",
    CALENDAR: "mail.calendar:CalendarReader",
    NOTEBOOK: "data.notebook:NotebookReader",
    VTT: "data.subtitles:SubtitleReader",
    SRT: "data.subtitles:SubtitleReader",
    XML: "data.xml_text:XmlReader",
    YAML: "data.keyed:KeyedReader",
    TOML: "data.keyed:KeyedReader",
    CODE: "code:CodeReader",
    TEXT: "plain:TextReader",
    **dict.fromkeys((PNG, JPEG, TIFF, WEBP), "ocr.pictures:PictureReader"),
}
"""Media type -> module and class; a module loads when the first file of its format comes."""


@cache
def reader_for(media_type: str) -> Reader:
    """Return the built-in reader of a media type."""
    module, _, name = _READERS[media_type].partition(":")
    reader: Reader = getattr(import_module(f"ragkit_ingest.readers.{module}"), name)()
    return reader


@cache
def user_readers() -> tuple[tuple[DetectingReader, ...], tuple[str, ...]]:
    """Return the readers of the entry-point group `ragkit.readers`, and a line for each that does not load."""
    readers: list[DetectingReader] = []
    problems: list[str] = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            loaded = point.load()
            reader = loaded() if isinstance(loaded, type) else loaded
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            problems.append(f"the reader {point.name} of {ENTRY_POINTS} does not load: {error}")
            continue
        if isinstance(reader, DetectingReader):
            readers.append(reader)
        else:
            problems.append(f"the reader {point.name} of {ENTRY_POINTS} lacks name, media_types, detect or read")
    return tuple(readers), tuple(problems)


def choose(data: bytes, *, name: str) -> tuple[str, Reader]:
    """Return the media type of a file and the reader that takes it; ExtractionError when none does."""
    for reader in user_readers()[0]:
        media_type = reader.detect(data, name=name)
        if media_type:
            return media_type, reader
    media_type = detect(data, name=name)
    return media_type, reader_for(media_type)


def read(data: bytes, *, name: str, hints: Hints, reader: Reader) -> Extracted:
    """Read a file with the chosen reader; add a warning where its name promises another format."""
    extracted = reader.read(data, name=name, hints=hints)
    if not extracted.text or extracted.text.isspace():
        raise ExtractionError("no_text", "there is no text in it")
    promised = named_otherwise(hints.media_type, name)
    more = [*user_readers()[1]]
    if promised:
        more.append(f"it is named .{suffix_of(name)}, and its bytes are {hints.media_type}")
    if not more:
        return extracted
    return Extracted(
        text=extracted.text,
        title=extracted.title,
        pages=extracted.pages,
        headings=extracted.headings,
        blocks=extracted.blocks,
        metadata=extracted.metadata,
        warnings=(*more, *extracted.warnings),
    )
