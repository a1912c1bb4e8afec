"""Makes Word and PowerPoint files of raw XML for the tests of their readers."""

from __future__ import annotations

from collections.abc import Mapping

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
