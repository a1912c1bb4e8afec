"""Makes Word and PowerPoint files of raw XML for the tests of their readers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Final

from tests.support.ingest_files import WORD, package

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SPACES = (
    f'xmlns:w="{WORD}" xmlns:r="{RELATIONS}"'
    ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    ' xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
    ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    ' xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
    ' xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
)


ABSTRACT: Final = '<w:abstractNum w:abstractNumId="7">{}</w:abstractNum>'
NUM: Final = '<w:num w:numId="{}"><w:abstractNumId w:val="7"/>{}</w:num>'


def para(text: str, properties: str = "", look: str = "") -> str:
    """A paragraph of Word with one run."""
    inside = f"<w:pPr>{properties}</w:pPr>" if properties else ""
    return f"<w:p>{inside}{run(text, look)}</w:p>"


def run(text: str, look: str = "") -> str:
    """A run of Word."""
    return f'<w:r>{f"<w:rPr>{look}</w:rPr>" if look else ""}<w:t xml:space="preserve">{text}</w:t></w:r>'


def val(element: str, value: str) -> str:
    """An element of Word that has a value."""
    return f'<w:{element} w:val="{value}"/>'


def relations(targets: Mapping[str, tuple[str, str]]) -> str:
    """A part of relationships: id -> (kind, target); a target with a colon is an address outside."""
    lines = "".join(
        f'<Relationship Id="{identity}" Type="{RELATIONS}/{kind}" Target="{target}"'
        f"{' TargetMode=' + chr(34) + 'External' + chr(34) if ':' in target else ''}/>"
        for identity, (kind, target) in targets.items()
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'
    )


def word(body: str, targets: Mapping[str, tuple[str, str]] | None = None, **parts: str | bytes) -> bytes:
    """A DOCX; further parts below word/ by name, with `__` for the dot; their inner XML gets all namespaces."""
    more = {f"word/{name.replace('__', '.')}": _whole(name, text) for name, text in parts.items()}
    return package(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": f"<w:document {SPACES}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": relations(targets or {}),
            **more,
        }
    )


_ROOTS = {
    "numbering": "w:numbering",
    "styles": "w:styles",
    "footnotes": "w:footnotes",
    "endnotes": "w:endnotes",
    "comments": "w:comments",
    "settings": "w:settings",
    "header": "w:hdr",
    "footer": "w:ftr",
    "chart": "c:chartSpace",
    "data": "dgm:dataModel",
}


def _whole(name: str, text: str | bytes) -> str | bytes:
    root = _ROOTS.get(name.partition("__")[0].rstrip("0123456789"))
    return f"<{root} {SPACES}>{text!s}</{root}>" if root and isinstance(text, str) else text


def level(at: int, text: str, form: str = "decimal", more: str = "", start: int = 1) -> str:
    """A level of numbering.xml."""
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>{more}<w:lvlText w:val="'
        f'{text}"/></w:lvl>'
    )


def numbered(text: str, at: int = 0, number: int = 1, style: str = "") -> str:
    """A paragraph in a list."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return para(text, f'{named}<w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="{number}"/></w:numPr>')


def shape(text: str, place: tuple[int, int, int, int] | None = None, *, ph: str = "", look: str = "") -> str:
    """A shape of a slide; text is split into paragraphs at newlines. ph: attributes of its placeholder."""
    box = (
        f'<a:xfrm><a:off x="{place[0]}" y="{place[1]}"/><a:ext cx="{place[2]}" cy="{place[3]}"/></a:xfrm>'
        if place
        else ""
    )
    lines = "".join(f"<a:p>{look}<a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="x"/><p:nvPr>{f"<p:ph {ph}/>" if ph else ""}</p:nvPr></p:nvSpPr>'
        f"<p:spPr>{box}</p:spPr><p:txBody><a:bodyPr/>{lines}</p:txBody></p:sp>"
    )


def deck(
    *slides: str, targets: Mapping[str, tuple[str, str]] | None = None, parts: Mapping[str, str] | None = None
) -> bytes:
    """A PPTX of slides, each the XML of its shapes; targets: relationships of the first slide."""
    names = {f"s{number}": ("slide", f"slides/slide{number}.xml") for number in range(1, len(slides) + 1)}
    ids = "".join(f'<p:sldId r:id="{name}"/>' for name in names)
    own = {
        f"ppt/slides/slide{number}.xml": f"<p:sld {SPACES}><p:cSld><p:spTree>{xml}</p:spTree></p:cSld></p:sld>"
        for number, xml in enumerate(slides, 1)
    }
    return package(
        {
            "[Content_Types].xml": "<Types/>",
            "ppt/presentation.xml": f"<p:presentation {SPACES}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations({**names, "au": ("commentAuthors", "commentAuthors.xml")}),
            "ppt/slides/_rels/slide1.xml.rels": relations(targets or {}),
            **own,
            **{name: text.replace("SPACES", SPACES) for name, text in (parts or {}).items()},
        }
    )


# --------------------------------------------------------------------- samples with every kind of part


def stored(parts: Mapping[str, str]) -> bytes:
    """A package whose bytes are the same with every version of zlib, on every day."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


_MATH = (
    "<m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:rad><m:deg/><m:e><m:r><m:t>b</m:t>"
    "</m:r></m:e></m:rad>"
    "</m:den></m:f><m:nary><m:naryPr><m:chr m:val='\u2211'/></m:naryPr><m:sub/><m:sup/><m:e><m:sSup><m:e>"
    "<m:r><m:t>x</m:t>"
    "</m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:e></m:nary></m:oMath>"
)
_FORM = (
    "<w:r><w:fldChar w:fldCharType='begin'><w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r>"
    "<w:r><w:fldChar w:fldCharType='end'/></w:r><w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r>"
    "<w:instrText>HYPERLINK"
    " &quot;http://x.example&quot;</w:instrText></w:r><w:r><w:fldChar w:fldCharType='separate'/></w:r>"
    f"{run('link')}<w:r><w:fldChar w:fldCharType='end'/></w:r><w:sdt><w:sdtPr><w:dataBinding w:xpath='/o[1]/c[1]'/>"
    f"<w:text/></w:sdtPr><w:sdtContent>{run('bound')}</w:sdtContent></w:sdt>"
)
_ROW = (
    f"<w:tr><w:trPr><w:gridBefore w:val='1'/></w:trPr><w:tc><w:tcPr><w:gridSpan w:val='2'/><w:vMerge w:val='restart'/>"
    f"</w:tcPr>{para('cell')}</w:tc><w:tc>{para('other')}</w:tc></w:tr>"
    f"<w:tr><w:tc>{para('row')}</w:tc><w:tc><w:tcPr><w:gridSpan w:val='2'/><w:vMerge/></w:tcPr>{para('')}</w:tc></w:tr>"
)
_BODY = (
    numbered("Scope")
    + numbered("Part", 1)
    + f"<w:p>{run('m', val('vertAlign', 'superscript'))}{run('gone', '<w:vanish/>')}<w:del><w:r>"
    "<w:delText>old</w:delText>"
    f"</w:r></w:del><w:r><w:footnoteReference w:id='1'/><w:commentReference w:id='2'/></w:r>{_FORM}{_MATH}</w:p>"
    f"<w:tbl>{_ROW}</w:tbl><w:p><w:r><w:drawing><wp:docPr descr='Map'/><c:chart r:id='c'/><dgm:relIds r:dm='d'/>"
    f"<w:txbxContent>{para('box')}</w:txbxContent></w:drawing></w:r></w:p><w:altChunk r:id='h'/>"
    "<w:sectPr><w:headerReference w:type='default' r:id='p'/></w:sectPr>"
)
_CHART = (
    "<c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>T</a:t></a:r></a:p></c:rich></c:tx></c:title><c:ser>"
    "<c:cat><c:strCache>"
    "<c:pt idx='0'><c:v>k</c:v></c:pt></c:strCache></c:cat><c:val><c:numCache>"
    "<c:formatCode>0%</c:formatCode><c:pt idx='0'>"
    "<c:v>0.5</c:v></c:pt></c:numCache></c:val></c:ser></c:chart>"
)
_TREE = (
    "<dgm:ptLst><dgm:pt modelId='d' type='doc'/><dgm:pt modelId='a'><dgm:t><a:p><a:r><a:t>point</a:t>"
    "</a:r></a:p></dgm:t>"
    "</dgm:pt></dgm:ptLst><dgm:cxnLst><dgm:cxn srcId='d' destId='a' srcOrd='0'/></dgm:cxnLst>"
)
_WORD_PARTS = {
    "[Content_Types].xml": "<Types/>",
    "_rels/.rels": relations({"m": ("officeDocument", "word/document.xml")}),
    "word/_rels/document.xml.rels": relations(
        {
            "n": ("numbering", "numbering.xml"),
            "f": ("footnotes", "footnotes.xml"),
            "k": ("comments", "comments.xml"),
            "c": ("chart", "chart1.xml"),
            "d": ("diagramData", "data1.xml"),
            "h": ("aFChunk", "a.html"),
            "p": ("header", "header1.xml"),
        }
    ),
    "word/document.xml": f"<w:document {SPACES}><w:body>{_BODY}</w:body></w:document>",
    "word/numbering.xml": f"<w:numbering {SPACES}><w:abstractNum w:abstractNumId='7'>{level(0, '%1.')}"
    f"{level(1, '%1.%2', 'upperRoman')}</w:abstractNum><w:num w:numId='1'><w:abstractNumId w:val='7'/><w:lvlOverride"
    " w:ilvl='0'><w:startOverride w:val='3'/></w:lvlOverride></w:num></w:numbering>",
    "word/footnotes.xml": f"<w:footnotes {SPACES}><w:footnote w:id='1'>{para('note')}</w:footnote></w:footnotes>",
    "word/comments.xml": (
        f"<w:comments {SPACES}><w:comment w:id='2' w:author='A'>{para('why')}</w:comment></w:comments>"
    ),
    "word/chart1.xml": f"<c:chartSpace {SPACES}>{_CHART}</c:chartSpace>",
    "word/data1.xml": f"<dgm:dataModel {SPACES}>{_TREE}</dgm:dataModel>",
    "word/a.html": "<html><body><p>chunk</p></body></html>",
    "word/header1.xml": f"<w:hdr {SPACES}>{para('head')}</w:hdr>",
    "customXml/item1.xml": "<o><c>value</c></o>",
}
_NUMBERED = '<a:pPr lvl="1"><a:buAutoNum type="arabicPeriod"/></a:pPr>'
_FIRST = 'idx="1"'
_SLIDE = (
    "<p:grpSp><p:grpSpPr><a:xfrm><a:off x='9' y='9'/><a:ext cx='9' cy='9'/></a:xfrm></p:grpSpPr>"
    f"{shape('in', (1, 2, 3, 4))}"
    "</p:grpSp>"
    f"{shape('list', (5, 6, 7, 8), look=_NUMBERED)}"
    "<p:graphicFrame><p:xfrm><a:off x='1' y='99'/><a:ext cx='9' cy='9'/></p:xfrm><a:tbl><a:tr>"
    "<a:tc rowSpan='2'><a:txBody>"
    "<a:p><a:r><a:t>x</a:t></a:r></a:p></a:txBody></a:tc><a:tc gridSpan='2'><a:txBody><a:p><a:r>"
    "<a:rPr baseline='30000'/>"
    "<a:t>2</a:t></a:r></a:p></a:txBody></a:tc></a:tr><a:tr><a:tc vMerge='1'><a:txBody><a:p/></a:txBody>"
    "</a:tc></a:tr></a:tbl>"
    "</p:graphicFrame><p:graphicFrame><c:chart r:id='c'/></p:graphicFrame>"
)
_DECK_PARTS = {
    "[Content_Types].xml": "<Types/>",
    "ppt/presentation.xml": f"<p:presentation {SPACES}><p:sldIdLst><p:sldId r:id='s'/></p:sldIdLst></p:presentation>",
    "ppt/_rels/presentation.xml.rels": relations({"s": ("slide", "slide1.xml")}),
    "ppt/_rels/slide1.xml.rels": relations(
        {"c": ("chart", "chart1.xml"), "k": ("comments", "c1.xml"), "l": ("slideLayout", "l1.xml")}
    ),
    "ppt/slide1.xml": f"<p:sld {SPACES}><p:cSld><p:spTree>{_SLIDE}</p:spTree></p:cSld></p:sld>",
    "ppt/l1.xml": (
        f"<p:sldLayout {SPACES}><p:cSld><p:spTree>{shape('all', ph=_FIRST)}</p:spTree></p:cSld></p:sldLayout>"
    ),
    "ppt/chart1.xml": f"<c:chartSpace {SPACES}>{_CHART}</c:chartSpace>",
    "ppt/c1.xml": f"<p:cmLst {SPACES}><p:cm authorId='0'><p:text>remark</p:text></p:cm></p:cmLst>",
}


def flat_file(parts: Mapping[str, str]) -> bytes:
    """Parts as one XML file (flat OPC), with a picture in base64."""
    inner = "".join(
        f'<pkg:part pkg:name="/{name}"><pkg:xmlData>{xml}</pkg:xmlData></pkg:part>' for name, xml in parts.items()
    )
    picture = '<pkg:part pkg:name="/word/a.png"><pkg:binaryData>QUJDREVGR0hJSktMTU5PUA==</pkg:binaryData></pkg:part>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?><?mso-application progid="Word.Document"?>'
        f'<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">{inner}{picture}</pkg:package>'
    ).encode()


def word_2003(body: str) -> bytes:
    """A Word 2003 XML file with a title and one list."""
    return (
        "<?xml version='1.0'?><w:wordDocument xmlns:w='http://schemas.microsoft.com/office/word/2003/wordml'"
        " xmlns:wx='urn:wx' xmlns:aml='urn:aml' xmlns:o='urn:o'><o:DocumentProperties><o:Title>House rules</o:Title>"
        "</o:DocumentProperties><w:lists><w:listDef w:listDefId='0'><w:lvl w:ilvl='0'><w:start w:val='1'/>"
        "<w:nfc w:val='3'/>"
        "<w:lvlText w:val='%1)'/></w:lvl></w:listDef><w:list w:ilfo='2'><w:ilst w:val='0'/></w:list></w:lists>"
        f"<w:body>{body}</w:body></w:wordDocument>"
    ).encode()


SAMPLES: Final = {
    "b.docx": stored(_WORD_PARTS),
    "b.pptx": stored(_DECK_PARTS),
    "f.xml": flat_file({name: text for name, text in _WORD_PARTS.items() if name.endswith((".xml", ".rels"))}),
    "w.xml": word_2003(
        "<w:p><w:pPr><w:listPr><w:ilvl w:val='0'/><w:ilfo w:val='2'/></w:listPr></w:pPr>" + run("Doors") + "</w:p>"
        f"<w:p>{run('Call')}<w:hlink w:dest='https://x.example'>{run('us')}</w:hlink><w:r><w:footnote>{para('Day.')}"
        f"</w:footnote></w:r><aml:annotation w:type='Word.Deletion'><aml:content>{run('no')}</aml:content>"
        "</aml:annotation>"
        "</w:p><w:p><w:r><w:pict><w:binData w:name='a.png'>QUJDREVG</w:binData></w:pict></w:r></w:p>"
    ),
}
