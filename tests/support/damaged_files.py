# ruff: noqa: E501 (XML as it stands in files)
"""A sample of every format, and files damaged at random, but the same way on every machine."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from tests.support.ingest_files import pages_pdf

FROZEN: Final = Path(__file__).parents[1] / "data" / "loaders"
"""Packed samples are files: what the libraries of Office formats write differs with their version and the day."""

TAKES_PLACE_OF = [
    b"\x00",
    b"\xff",
    b"<",
    b">",
    b"(",
    b"[",
    b"{",
    b'"',
    b"\\",
    b"&",
    b"%",
    b"/",
    b"\n",
    b"9" * 12,
    b"-1",
]


def _stored(parts: Mapping[str, str]) -> bytes:
    """Return a ZIP file without compression and without a date: the same bytes on every machine."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def _odf(kind: str, body: str) -> bytes:
    """Return an OpenDocument file of a kind with styles, a chart and a footer."""
    return _stored(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": '<d:document-content xmlns:d="d" xmlns:x="x"><d:automatic-styles><d:list-style d:name="L">'
            '<d:list-level-style-number d:level="1" d:num-format="i" d:num-suffix="."/></d:list-style>'
            '<d:style d:name="U">'
            '<d:text-properties d:text-position="super 58%"/></d:style></d:automatic-styles>'
            f"<d:body><d:{kind}>{body}</d:{kind}></d:body></d:document-content>",
            "styles.xml": '<d:document-styles xmlns:d="d"><d:master-styles><d:master-page><d:footer><d:p>Firm</d:p>'
            "</d:footer></d:master-page></d:master-styles></d:document-styles>",
            "Object 1/content.xml": '<d:document-content xmlns:d="d"><d:chart><d:title><d:p>Sales</d:p></d:title>'
            "<d:table><d:table-row><d:table-cell><d:p>2026</d:p></d:table-cell><d:table-cell><d:p>7</d:p></d:table-cell>"
            "</d:table-row></d:table></d:chart></d:document-content>",
            "meta.xml": '<d:document-meta xmlns:d="d"><d:meta><d:title>T</d:title></d:meta></d:document-meta>',
        }
    )


_ODF_TABLE: Final = (
    '<d:table d:name="S"><d:table-column d:visibility="collapse"/><d:table-row><d:table-cell '
    'd:number-columns-spanned="2"><d:p>a</d:p></d:table-cell><d:covered-table-cell/></d:table-row><d:table-row '
    'd:number-rows-repeated="3"><d:table-cell d:value="2.5" d:value-type="float"/><d:table-cell d:formula="of:=[.A1]"/>'
    '<d:table-cell d:number-columns-repeated="5"><d:p>x</d:p></d:table-cell></d:table-row></d:table>'
)
_ODF_TEXT: Final = (
    '<d:h d:outline-level="1">Head</d:h><d:p>One<d:span d:style-name="U">2</d:span><d:note><d:note-citation>1'
    "</d:note-citation><d:note-body><d:p>n</d:p></d:note-body></d:note> <d:a x:href='https://a.example'>l</d:a></d:p>"
    '<d:list d:style-name="L"><d:list-item d:start-value="3"><d:p>i</d:p></d:list-item></d:list>'
    '<d:p><d:frame><d:object x:href="./Object 1"/></d:frame></d:p>'
)
_BOOK: Final = _stored(
    {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": '<w><workbookPr date1904="1"/><sheets><sheet name="S" r:id="a" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"/></sheets></w>',
        "xl/_rels/workbook.xml.rels": '<R><Relationship Id="a" Type="x/worksheet" Target="sheet.xml"/>'
        '<Relationship Id="b" Type="x/styles" Target="styles.xml"/></R>',
        "xl/styles.xml": '<s><numFmts><numFmt numFmtId="170" formatCode="[&gt;9]#,##0.0,&quot;k&quot;;[h]:mm;# ?/?;@"/>'
        '</numFmts><cellXfs><xf numFmtId="170"/><xf numFmtId="31"/></cellXfs></s>',
        "xl/sheet.xml": '<w xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><cols>'
        '<col min="3" max="3" hidden="1"/></cols><sheetData><row r="1"><c r="A1" s="0"><v>12.5</v></c><c r="B1" s="1"><v>46113</v></c>'
        '<c r="C1"><v>1</v></c></row><row r="2"><c r="A2"><f t="shared" si="0">A1*2</f></c><c r="B2"><f t="shared" si="0"/>'
        '</c></row></sheetData><mergeCells><mergeCell ref="A1:A2"/></mergeCells><hyperlinks><hyperlink ref="B1" r:id="h"/>'
        '</hyperlinks><drawing r:id="d"/></w>',
        "xl/_rels/sheet.xml.rels": '<R><Relationship Id="h" TargetMode="External" Target="https://a.example" Type="x/h"/>'
        '<Relationship Id="c" Type="x/comments" Target="comments.xml"/><Relationship Id="d" Type="x/drawing" '
        'Target="drawing.xml"/></R>',
        "xl/comments.xml": '<c><authors><author>A</author></authors><comment ref="A1" authorId="0"><text><t>hm</t></text>'
        "</comment></c>",
        "xl/drawing.xml": '<d><from><row>1</row></from><pic><cNvPr descr="A dog"/></pic><sp><p><t>box</t></p></sp></d>',
    }
)
SAMPLES: Final[dict[str, bytes]] = {
    "a.txt": "Plain text, ä and 返品.\n\nA second paragraph.\n".encode(),
    "b.txt": "Ein Text mit Umlauten: äöü".encode("utf-16"),
    "a.md": b"---\ntitle: T\n---\n# Head\n\n- a\n- b\n\n| x | y |\n| - | - |\n| 1 | 2 |\n"
    b"\n```py\nx = 1\n```\n\n> [l](http://x) *e*\n",
    "a.html": b"<!doctype html><html><head><title>T</title><meta charset=utf-8></head><body><h1>H</h1><p>one<br>two</p>"
    b"<table><tr><th>a<td>b</table><ul><li>x</ul><script>no()</script><pre>c &amp; d</pre></body></html>",
    "a.csv": b'plan,price,"note, with comma"\nStarter,19,"two\nlines"\nTeam,49,\n',
    "a.tsv": b"plan\tprice\tsince\nStarter\t19\t2024-01-31\nTeam\t49\t\n",
    "a.json": b'{"title": "T", "rows": [{"a": 1, "b": "x\\u00e9"}, {"a": 2.5e3, "b": null}], "deep": [[[[1]]]]}',
    "a.jsonl": b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
    "a.rst": b"Title\n=====\n\n.. note:: Mind\n\n* a\n* b\n\n"
    b"===  ===\nx    y\n===  ===\n1    2\n===  ===\n\n``code``\n",
    "a.py": b'"""Doc."""\n\n\ndef f(x: int) -> int:\n    """Add."""\n    return x + 1\n\n\nclass C:\n    pass\n',
    "a.eml": b"From: a@b.c\nTo: d@e.f\nSubject: =?utf-8?q?R=C3=A9?=\nMIME-Version: 1.0\nContent-Type: multipart/mixed;"
    b' boundary="x"\n\n--x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n'
    b"Hello =C3=A9\n--x\nContent-Type: text/html\n\n<p>Hi</p>\n--x--\n",
    **{name: (FROZEN / name).read_bytes() for name in ("a.epub", "a.docx", "a.pptx", "a.xlsx")},
    "b.xlsx": _BOOK,
    "a.odt": _odf("text", _ODF_TEXT + _ODF_TABLE),
    "a.ods": _odf("spreadsheet", _ODF_TABLE),
    "a.odp": _odf(
        "presentation",
        f'<d:page d:name="p"><d:frame d:class="title"><d:text-box><d:p>T</d:p></d:text-box>'
        f"</d:frame><d:frame d:y='2cm'>{_ODF_TABLE}</d:frame><d:notes><d:frame><d:text-box><d:p>n</d:p></d:text-box>"
        "</d:frame></d:notes></d:page>",
    ),
    "a.rtf": rb"{\rtf1\ansi\ansicpg1250{\fonttbl{\f0\fcharset128 G;}}{\stylesheet{\s1 heading 1;}}{\info{\title T}}"
    rb"\s1 Head\par\pard {\f0 \'93\'fa}\u8364? {\field{\*\fldinst HYPERLINK \"https://a.example\"}{\fldrslt l}}"
    rb"{\footnote n}\par\trowd\clvmgf\cellx1\cellx2\intbl a\cell b\cell\row{\pict\bin3 }}}{\*\x y}\v h\v0 end}",
    "a.pdf": pages_pdf(
        [[("Refunds", 18, "F2"), "The refund window is thirty days.", "", "Starter  19 EUR"], ["Page two"]]
    ),
}

LOADERS: Final = {
    "plain": ["a.txt", "b.txt"],
    "code": ["a.py"],
    "markdown": ["a.md"],
    "rst": ["a.rst"],
    "html": ["a.html"],
    "table": ["a.csv", "a.tsv"],
    "json_data": ["a.json", "a.jsonl"],
    "email_message": ["a.eml"],
    "epub": ["a.epub"],
    "docx": ["a.docx"],
    "pptx": ["a.pptx"],
    "xlsx": ["a.xlsx", "b.xlsx"],
    "odf.reader": ["a.odt", "a.ods", "a.odp"],
    "rtf.reader": ["a.rtf"],
    "pdf": ["a.pdf"],
}
"""The modules of readers, and their samples; formats that share a reader share its time."""


def damaged(samples: Mapping[str, bytes], *corpora: Mapping[str, bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged files without end, by turns: one of each sample, then the next file of each corpus.

    Each is made of its file, the number of the turn and the seed alone: where a corpus is not there, the rest is what
    it is elsewhere.
    """
    others = [sorted(corpus.items()) for corpus in corpora if corpus]
    for turn in count():
        for name, data in [*samples.items(), *(files[turn % len(files)] for files in others)]:
            yield f"{turn}-{name}", mutated(data, random.Random(f"{seed}/{turn}/{name}"))


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Change a file in one to four places; of a ZIP file often the members inside it."""
    if data[:2] == b"PK" and chance.random() < 0.6:
        with suppress(zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
            return _inside(data, chance)
    out = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
        _change(out, chance)
    return bytes(out)


def _change(out: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(out) + 1)
    size = min(chance.choice([1, 1, 2, 4, 16, 64]), len(out) - at)
    way = chance.randrange(7)
    if way == 0 and at < len(out):
        out[at] ^= 1 << chance.randrange(8)
    elif way == 1:
        out[at : at + size] = chance.randbytes(size)
    elif way == 2:
        del out[at : at + size]
    elif way == 3:
        out[at:at] = out[at : at + size] * chance.choice([1, 2, 50])
    elif way == 4:
        out[at : at + 1] = chance.choice(TAKES_PLACE_OF)
    elif way == 5:
        del out[at:]
    else:
        other = chance.randrange(len(out) + 1)
        out[at : at + size] = out[other : other + size]


def _inside(data: bytes, chance: random.Random) -> bytes:
    """Change one member, and pack the file again: stored, so that neither the day nor zlib's version shows in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        spoiled = chance.choice(names)
        for name in names:
            part = bytearray(old.read(name))
            if name == spoiled:
                for _ in range(chance.choice([1, 2, 4])):
                    _change(part, chance)
            new.writestr(zipfile.ZipInfo(name), bytes(part))
    return out.getvalue()
