"""Makes small files of many formats for the tests of ingest."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

from ragkit import Document, ExtractionError
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.base import Budget, Extracted, Hints
from ragkit_ingest.readers.neighbours import Neighbours
from ragkit_ingest.readers.registry import choose, read

HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
BOLD = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold/Encoding/WinAnsiEncoding>>"


def extract(data: bytes, name: str, *, limits: ReadLimits | None = None) -> Extracted:
    """Read bytes in this process, and check that what comes out makes a Document."""
    limits = limits or ReadLimits()
    media_type, reader = choose(data, name=name)
    extracted = read(data, name=name, hints=Hints(media_type, limits, Budget(30.0)), reader=reader)
    document = Document(
        source=name,
        text=extracted.text,
        title=extracted.title,
        media_type=media_type,
        pages=extracted.pages,
        headings=extracted.headings,
        blocks=extracted.blocks,
        metadata=extracted.metadata,
    )
    for heading in document.headings:
        assert document.text[heading.offset] != "\n"
    return extracted


def extract_among(data: bytes, name: str, *, neighbours: Neighbours | None) -> Extracted:
    """Read bytes that may include neighbours."""
    media_type, reader = choose(data, name=name)
    hints = Hints(media_type, ReadLimits(), Budget(30.0), neighbours=neighbours)
    return read(data, name=name, hints=hints, reader=reader)


def outcome(data: bytes, name: str, *, limits: ReadLimits | None = None) -> str:
    """Return the reason why a file gives no text, "" when it gives some."""
    try:
        extract(data, name, limits=limits)
    except ExtractionError as error:
        return error.reason
    return ""


def media_type(data: bytes, name: str) -> str:
    return choose(data, name=name)[0]


def blocks(extracted: Extracted, kind: str) -> list[tuple[str, str]]:
    """Return (header, text) of the blocks of a kind."""
    return [(block.header, extracted.text[block.start : block.end]) for block in extracted.blocks if block.kind == kind]


def page_text(extracted: Extracted, number: int) -> str:
    starts = [page.start for page in extracted.pages] + [len(extracted.text)]
    return extracted.text[starts[number - 1] : starts[number]].strip()


def headings(extracted: Extracted) -> list[tuple[int, str]]:
    return [(item.level, item.text) for item in extracted.headings]


# --------------------------------------------------------------------- PDF


def pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """Number the objects from 1 (the catalog) and add a cross-reference table."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start))
    return out.getvalue()


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def draw(lines: Sequence[str | tuple[str, int, str]]) -> bytes:
    """Return a content stream of lines from top to bottom; a tuple is (text, size, font F1 or F2), "" a gap."""
    out, y = [], 740
    for line in lines:
        text, size, font = line if isinstance(line, tuple) else (line, 10, "F1")
        y -= max(size + 4, 14)
        if text:
            raw = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode("cp1252")
            out.append(b"BT /%s %d Tf 72 %d Td (%s) Tj ET" % (font.encode(), size, y, raw))
    return b"\n".join(out)


def pages_pdf(
    pages: Sequence[Sequence[str | tuple[str, int, str]]],
    *,
    catalog: bytes = b"",
    trailer: bytes = b"",
    more: Sequence[bytes] = (),
) -> bytes:
    """A PDF of drawn pages. Objects: 1 catalog, 2 pages, 3 and 4 fonts, then page and content by turns, then `more`."""
    count = len(pages)
    kids = b" ".join(b"%d 0 R" % (5 + 2 * i) for i in range(count))
    objects = [b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog, b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)]
    objects += [HELVETICA, BOLD]
    for i, lines in enumerate(pages):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>>>" % (6 + 2 * i)
        )
        objects.append(stream(draw(lines)))
    return pdf([*objects, *more], trailer)


# --------------------------------------------------------------------- ZIP packages


def package(parts: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def word_file(body: str, **parts: str) -> bytes:
    """A DOCX whose body is the given WordprocessingML; further parts by name, dots as `__`."""
    more = {f"word/{name.replace('__', '.')}": data for name, data in parts.items()}
    return package(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
            **more,
        }
    )


def epub_file(chapters: Mapping[str, str], *, title: str = "A book") -> bytes:
    items = "".join(f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>' for name in chapters)
    refs = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    return package(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="O/b.opf"/></rootfiles></container>',
            "O/b.opf": (
                '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
                f"<dc:title>{title}</dc:title><dc:creator>Ann</dc:creator><dc:language>en</dc:language></metadata>"
                f"<manifest>{items}</manifest><spine>{refs}</spine></package>"
            ),
            **{f"O/{name}.xhtml": html for name, html in chapters.items()},
        }
    )
