"""Makes PDFs whose words stand at given places: columns, tables with lines, raised signs, forms and annotations."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.ingest_files import BOLD, HELVETICA, pdf, stream

Placed = tuple[float, float, str] | tuple[float, float, str, float]
"""Left and baseline in points from the lower left, the words, and the size of their letters (10 unless told)."""


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
