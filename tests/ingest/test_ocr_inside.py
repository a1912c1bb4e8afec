# ruff: noqa: E501 (XML as it stands in files)
"""Pictures inside documents by OCR: only where a setting asks for it, each once, with what it could not do."""

from __future__ import annotations

import io
from importlib.util import find_spec

import openpyxl
import pytest
from PIL import Image

from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.base import Budget, Hints, TextBuilder
from ragkit_ingest.readers.ocr import inside
from ragkit_ingest.readers.ocr.engine import OcrLine, OcrPage
from ragkit_ingest.readers.ocr.inside import InnerPictures
from tests.ingest.test_odf import odf
from tests.support.ingest_files import extract
from tests.support.office_files import RELATIONS, SPACES, deck, run, word
from tests.support.rendered_text import drawn, known_text, word_error_rate

needs_ocr = pytest.mark.skipif(find_spec("rapidocr") is None, reason="needs the extra ocr")
WANTED = ReadLimits(ocr_pictures=True)


def png(width: int = 200, height: int = 60, color: str = "white") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), color).save(out, "PNG")
    return out.getvalue()


PICTURE = (
    "<w:r><w:drawing><wp:inline><wp:docPr id='1' name='x'{}/><a:graphic><a:graphicData><pic:pic><pic:nvPicPr><pic:cNvPr id='0' name='x'/></pic:nvPicPr>"
    "<pic:blipFill><a:blip r:embed='P'/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
)


def documents(data: bytes, said: str = "") -> dict[str, bytes]:
    described = f" descr='{said}'" if said else ""
    slide = f"<p:pic><p:nvPicPr><p:cNvPr id='2' name='x'{described}/></p:nvPicPr><p:blipFill><a:blip r:embed='P'/></p:blipFill></p:pic>"
    picture_of_sheet = (
        "<xdr:oneCellAnchor><xdr:from><xdr:row>3</xdr:row></xdr:from><xdr:pic><xdr:nvPicPr>"
        f"<xdr:cNvPr id='2' name='x'{described}/></xdr:nvPicPr><xdr:blipFill><a:blip r:embed='P'/></xdr:blipFill></xdr:pic></xdr:oneCellAnchor>"
    )
    text = f"<svg:desc>{said}</svg:desc>" if said else ""
    return {
        "a.docx": word(
            f"<w:p>{run('Before')}{PICTURE.format(described)}</w:p>",
            {"P": ("image", "media/p.png")},
            **{"media/p__png": data},
        ),
        "a.pptx": _with(
            deck(
                "SHAPE<p:sp><p:txBody><a:p><a:r><a:t>Before</a:t></a:r></a:p></p:txBody></p:sp>".replace(
                    "SHAPE", slide
                ),
                targets={"P": ("image", "../media/p.png")},
            ),
            "ppt/media/p.png",
            data,
        ),
        "a.xlsx": _sheet(picture_of_sheet, data),
        "a.odt": _with(
            odf(
                "odt",
                f"<text:p>Before<draw:frame>{text}<draw:image xlink:href='Pictures/p.png'/></draw:frame></text:p>",
            ),
            "Pictures/p.png",
            data,
        ),
    }


def _with(package: bytes, name: str, data: bytes) -> bytes:
    import zipfile

    out = io.BytesIO(package)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def _sheet(anchor: str, data: bytes) -> bytes:
    book = openpyxl.Workbook()
    book.active["A1"] = "Before"
    out = io.BytesIO()
    book.save(out)
    import zipfile

    made = io.BytesIO()
    links = f"<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'><Relationship Id='{{}}' Type='{RELATIONS}/{{}}' Target='{{}}'/></Relationships>"
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                text = text.replace(b"</worksheet>", f"<drawing xmlns:r='{RELATIONS}' r:id='D'/></worksheet>".encode())
            new.writestr(name, text)
        new.writestr("xl/worksheets/_rels/sheet1.xml.rels", links.format("D", "drawing", "../drawings/d.xml"))
        new.writestr("xl/drawings/d.xml", f"<xdr:wsDr xmlns:xdr='urn:x' {SPACES}>{anchor}</xdr:wsDr>")
        new.writestr("xl/drawings/_rels/d.xml.rels", links.format("P", "image", "../media/p.png"))
        new.writestr("xl/media/p.png", data)
    return made.getvalue()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """An engine that finds two lines in every picture, and remembers their sizes."""
    seen: list[tuple[int, int]] = []

    def read_page(image: Image.Image) -> OcrPage:
        seen.append(image.size)
        lines = (OcrLine("Total due", 5, 5, 90, 20, 0.9), OcrLine("55 euros", 5, 30, 90, 45, 0.7))
        return OcrPage(lines, *image.size)

    monkeypatch.setattr(inside, "read_page", read_page)
    monkeypatch.setattr(inside, "available", lambda: True)
    return seen


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.odt"])
def test_words_of_a_picture_follow_where_it_stands_only_when_asked_for(name: str, reads: list[tuple[int, int]]) -> None:
    plain = extract(documents(png())[name], name)
    assert "Total" not in plain.text
    assert any("picture" in line and "without text" in line for line in plain.warnings)
    assert reads == []
    found = extract(documents(png())[name], name, limits=WANTED)
    assert "[Text in picture: Total due\n55 euros]" in found.text
    assert "pictures read by OCR: 1, mean confidence 0.81" in found.warnings
    assert not any("without text" in line for line in found.warnings)
    assert reads == [(200, 60)]
    described = extract(documents(png(), "The bill")[name], name, limits=WANTED)
    assert described.text.index("The bill") < described.text.index("Total due")


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.odt"])
def test_icons_and_broken_pictures_are_no_text_and_are_told(name: str, reads: list[tuple[int, int]]) -> None:
    icon = extract(documents(png(20, 20))[name], name, limits=WANTED)
    assert any("without text" in line for line in icon.warnings)
    broken = extract(documents(b"\x89PNG\r\n\x1a\nno picture at all")[name], name, limits=WANTED)
    assert "Before" in broken.text
    assert "pictures that OCR cannot open: 1" in broken.warnings
    assert reads == []


def test_each_picture_is_read_once_and_no_more_than_time_and_number_allow(
    reads: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "MOST_PICTURES", 2)
    pictures = InnerPictures(Hints("x", WANTED, Budget(30.0)))
    first, second, third = png(), png(color="red"), png(color="blue")
    assert [bool(pictures.text(data)) for data in (first, first, second, third)] == [True, False, True, False]
    out = TextBuilder()
    pictures.report(out)
    assert out.warnings[-1] == "pictures not read by OCR, for lack of time or above 2: 1"
    assert len(reads) == 2


def test_without_the_extra_the_report_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "available", lambda: False)
    for name, data in documents(png()).items():
        found = extract(data, name, limits=WANTED)
        assert any("ragkit[ocr]" in line for line in found.warnings)
        off = extract(data, name, limits=ReadLimits(ocr_pictures=True, ocr="off"))
        assert not any("ragkit[ocr]" in line for line in off.warnings)


@needs_ocr
def test_a_real_picture_in_a_word_file_is_read() -> None:
    text = known_text(11, words=16)
    out = io.BytesIO()
    drawn(text, dpi=110).crop((0, 0, 909, 200)).save(out, "PNG")
    found = extract(documents(out.getvalue())["a.docx"], "a.docx", limits=WANTED)
    assert word_error_rate(text, found.text.partition("picture: ")[2].rstrip("]")) <= 0.1
