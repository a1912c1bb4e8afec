"""Makes PDFs whose words stand at given places: columns, tables with lines, raised signs, forms and annotations."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from tests.support.ingest_files import BOLD, HELVETICA, pdf, stream

Placed = tuple[float, float, str] | tuple[float, float, str, float]
"""Left and baseline in points from the lower left, the words, and the size of their letters (10 by default)."""


def shown(words: Sequence[Placed]) -> bytes:
    """Return a content stream that shows each piece of text by itself."""
    out = []
    for item in words:
        x, y, text = item[:3]
        size = item[3] if len(item) > 3 else 10
        raw = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode("cp1252")
        out.append(b"BT /F1 %g Tf %g %g Td (%s) Tj ET" % (size, x, y, raw))
    return b"\n".join(out)


def lines_drawn(level: Sequence[tuple[float, float, float]], upright: Sequence[tuple[float, float, float]]) -> bytes:
    """Return strokes: level ones as (y, from x, to x), upright ones as (x, from y, to y)."""
    out = [b"%g %g m %g %g l S" % (low, y, high, y) for y, low, high in level]
    return b"\n".join([*out, *(b"%g %g m %g %g l S" % (x, low, x, high) for x, low, high in upright)])


def placed_pdf(
    pages: Sequence[bytes],
    *,
    annotations: Sequence[bytes] = (),
    catalog: bytes = b"",
    more: Sequence[bytes] = (),
    fonts: tuple[bytes, bytes] = (HELVETICA, BOLD),
) -> bytes:
    """Return a PDF of content streams. Objects: 1 catalog, 2 pages, 3 and 4 fonts, page and content by turns, the
    annotations (all on the first page), then `more`."""
    count = len(pages)
    first = 5 + 2 * count
    kids = b" ".join(b"%d 0 R" % (5 + 2 * i) for i in range(count))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count),
        *fonts,
    ]
    for i, content in enumerate(pages):
        marks = b" ".join(b"%d 0 R" % (first + n) for n in range(len(annotations))) if i == 0 else b""
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R/Annots[%s]"
            b"/Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>>>" % (6 + 2 * i, marks)
        )
        objects.append(stream(content))
    return pdf([*objects, *annotations, *more])


def pictured_pdf(
    words: Sequence[Placed], grey: bytes, size: tuple[int, int], places: Sequence[tuple[float, float, float, float]]
) -> bytes:
    """Return a page of words and a grey picture of so many pixels, drawn at places (left, bottom, width, height)."""
    drawn = b"".join(b"\nq %g 0 0 %g %g %g cm /I Do Q" % (width, high, x, y) for x, y, width, high in places)
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources 7 0 R>>",
            stream(shown(words) + drawn),
            stream(
                zlib.compress(grey),
                b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
                b"/Filter/FlateDecode" % size,
            ),
            HELVETICA,
            b"<</Font<</F1 6 0 R>>/XObject<</I 5 0 R>>>>",
        ]
    )


_EVERY_CODE = (
    b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Plain def /CMapType 2 def "
    b"1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfrange <0000> <FFFF> <0000> endbfrange "
    b"endcmap end end"
)
_PLAIN = (
    b"<</Type/Font/Subtype/CIDFontType2/BaseFont/Plain/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
    b"/Supplement 0>>/DW 500/FontDescriptor<</Type/FontDescriptor/FontName/Plain/Flags 4/FontBBox[0 -200 1000 900]"
    b"/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>>>"
)


def unicode_pdf(words: Sequence[tuple[float, float, str]]) -> bytes:
    """Return a page with letters of any script, each 5 points wide and 10 high, drawn from left to right."""
    out = [
        b"BT /F1 10 Tf %g %g Td <%s> Tj ET" % (x, y, text.encode("utf-16-be").hex().encode()) for x, y, text in words
    ]
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[6 0 R]/Count 1>>",
            b"<</Type/Font/Subtype/Type0/BaseFont/Plain/Encoding/Identity-H/DescendantFonts[4 0 R]/ToUnicode 5 0 R>>",
            _PLAIN,
            stream(_EVERY_CODE),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 7 0 R/Resources<</Font<</F1 3 0 R>>>>>>",
            stream(b"\n".join(out)),
        ]
    )
