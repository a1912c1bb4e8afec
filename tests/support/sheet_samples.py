# ruff: noqa: E501 (XML as it stands in files)
"""Small workbooks, OpenDocument files and an RTF file, each with every kind of part that a reader looks at."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Final


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
SHEET_SAMPLES: Final[dict[str, bytes]] = {
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
}
