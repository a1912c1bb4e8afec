"""DOCX, PPTX, XLSX and EPUB: structure kept, hidden text out, and every trick with ZIP and XML bounded."""

from __future__ import annotations

import datetime as dt
import io
import struct
import zipfile

import docx
import openpyxl
import pptx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import ExtractionError
from ragkit_ingest.limits import ReadLimits
from tests.support.ingest_files import (
    WORD,
    blocks,
    epub_file,
    extract,
    headings,
    outcome,
    package,
    page_text,
    word_file,
)


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


# --------------------------------------------------------------------- DOCX


def test_a_word_file_keeps_headings_lists_and_tables() -> None:
    file = docx.Document()
    file.core_properties.author = "Ann"
    file.core_properties.title = "The spec"
    file.add_heading("Intro", 1)
    file.add_paragraph("Hello world.")
    file.add_heading("Details", 2)
    file.add_paragraph("first", "List Bullet")
    file.add_paragraph("second", "List Number")
    table = file.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Name", "Qty"
    cells = table.add_row().cells
    cells[0].text, cells[1].text = "bolt\nM4", "12"
    run = file.add_paragraph("shown ").add_run("hidden")
    run.font.hidden = True
    out = io.BytesIO()
    file.save(out)
    found = extract(out.getvalue(), "s.docx")
    assert found.title == "The spec"
    assert found.metadata["author"] == "Ann"
    assert headings(found) == [(1, "Intro"), (2, "Details")]
    assert blocks(found, "list") == [("", "- first\n1. second")]
    assert blocks(found, "table") == [("Name | Qty", "Name | Qty\nbolt M4 | 12")]
    assert found.text.endswith("\n\nshown")


def test_deleted_text_fields_and_fallbacks_are_left_out_and_notes_follow() -> None:
    body = (
        "<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
        '<mc:AlternateContent xmlns:mc="m"><mc:Choice>' + paragraph("box") + "</mc:Choice>"
        "<mc:Fallback>" + paragraph("again") + "</mc:Fallback></mc:AlternateContent>"
    )
    relations = (
        '<Relationships><Relationship Id="a" Type="x/footnotes" Target="footnotes.xml"/>'
        '<Relationship Id="b" Type="x/image" Target="http://169.254.169.254/x" TargetMode="External"/></Relationships>'
    )
    notes = f'<w:footnotes xmlns:w="{WORD}"><w:footnote>{paragraph("a note")}</w:footnote></w:footnotes>'
    data = word_file(body, **{"_rels/document__xml__rels": relations, "footnotes__xml": notes})
    assert extract(data, "a.docx").text == "kept\n\nbox\n\na note"


def test_tables_in_cells_become_words_of_the_cell() -> None:
    inner = "<w:tbl><w:tr><w:tc>" + paragraph("in") + "</w:tc></w:tr></w:tbl>"
    row = "<w:tr><w:tc>" + paragraph("a") + inner + "</w:tc><w:tc>" + paragraph("b") + "</w:tc></w:tr>"
    assert extract(word_file(f"<w:tbl>{row}{row}</w:tbl>"), "t.docx").text == "a in | b\na in | b"


def test_a_word_file_nested_too_deeply_is_refused_and_a_deep_one_is_read() -> None:
    assert outcome(word_file("<w:tbl>" * 20_000 + "</w:tbl>" * 20_000), "d.docx") == "too_deep"
    nested = "<w:tbl><w:tr><w:tc>" * 1_000 + paragraph("needle") + "</w:tc></w:tr></w:tbl>" * 1_000
    assert "needle" in extract(word_file(nested), "d.docx").text


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE w SYSTEM "http://127.0.0.1:9/d.dtd">',
        "<!DOCTYPE w [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>",
    ],
)
def test_xml_with_a_doctype_is_refused(doctype: str) -> None:
    body = f'<?xml version="1.0"?>{doctype}<w:document xmlns:w="{WORD}">{paragraph("x")}</w:document>'
    data = package({"[Content_Types].xml": "<Types/>", "word/document.xml": body})
    assert outcome(data, "x.docx") == "unsafe_xml"


# --------------------------------------------------------------------- ZIP


def test_a_bomb_is_refused_by_its_stated_size_and_by_what_comes_out() -> None:
    body = paragraph("x" + " " * (40 << 20))
    data = word_file(body)
    assert outcome(data, "b.docx") == "expands_too_much"
    small = ReadLimits(max_inflated=4 << 20)
    assert outcome(word_file(paragraph("y" * (2 << 20))), "b.docx", limits=small) == "expands_too_much"
    lying = bytearray(data)
    entry = lying.rindex(b"PK\x01\x02")
    struct.pack_into("<I", lying, entry + 24, 1_000)
    assert outcome(bytes(lying), "b.docx") == "expands_too_much"


def test_damaged_archives_have_a_reason() -> None:
    good = word_file(paragraph("fine"))
    assert outcome(good[:-100], "a.docx") == "damaged"
    wrong = bytearray(good)
    struct.pack_into("<I", wrong, good.rindex(b"PK\x01\x02") + 16, 0xDEADBEEF)
    assert outcome(bytes(wrong), "a.docx") == "damaged"
    assert outcome(package({"[Content_Types].xml": "<Types/>"}), "a.docx") == "damaged"
    assert outcome(package({"a.txt": "x"}), "a.zip") == "unsupported"
    locked = bytearray(good)
    locked[good.rindex(b"PK\x01\x02") + 8] |= 1
    assert outcome(bytes(locked), "a.docx") == "encrypted"


def test_a_part_without_a_name_stands_for_no_other() -> None:
    """A damaged directory may name a part "", as a relationship that is missing would."""
    out = io.BytesIO(workbook())
    with zipfile.ZipFile(out) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    relations = "xl/_rels/workbook.xml.rels"
    parts[relations] = parts[relations].replace(b"/sharedStrings", b"/none").replace(b"/styles", b"/none")
    damaged = package({**parts, "QQQQ": b"<x/>"}).replace(b"QQQQ", b"\0QQQ")  # a name ends at its first NUL
    assert "3.3" in extract(damaged, "a.xlsx").text


@pytest.mark.parametrize("encoding", ["nobody-knows", "shift_jis"])
def test_xml_in_an_encoding_that_is_not_read_is_damaged(encoding: str) -> None:
    good = word_file(paragraph("text"))
    with zipfile.ZipFile(io.BytesIO(good)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    body = parts["word/document.xml"].partition(b"?>")[2] or parts["word/document.xml"]
    parts["word/document.xml"] = f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + body
    with pytest.raises(ExtractionError) as caught:
        extract(package(parts), "a.docx")
    assert caught.value.reason == "damaged"


def test_many_entries_and_odd_names_do_no_harm() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(3_000):
            archive.writestr(f"word/media/{number}.xml", b"x")
        archive.writestr("../../evil.txt", b"evil")
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{WORD}">{paragraph("needle")}</w:document>')
    assert extract(out.getvalue(), "m.docx").text == "needle"


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_damaged_package_gives_text_or_a_reason(data: st.DataObject) -> None:
    good = bytearray(word_file("".join(paragraph(f"line {number}") for number in range(20))))
    for _ in range(data.draw(st.integers(1, 8))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    outcome(bytes(good), "x.docx")


# --------------------------------------------------------------------- XLSX


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Prices"
    sheet.append(["Price list 2024"])
    sheet.append(["Item", "Price", "Since", "Share", "Open"])
    sheet.append(["A", 1.1 + 2.2, dt.date(2024, 3, 1), 0.255, dt.time(9, 30)])
    sheet["D3"].number_format = "0.0%"
    sheet.append(["B", None, dt.datetime(2024, 3, 1, 12, 30), True])  # noqa: DTZ001 (Excel knows no zone)
    hidden = book.create_sheet("Secret")
    hidden.append(["do not show"])
    hidden.sheet_state = "hidden"
    book.create_sheet("More").append(["only", "text"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_sheet_is_a_page_and_a_row_keeps_its_header() -> None:
    found = extract(workbook(), "p.xlsx")
    assert len(found.pages) == 3
    header, text = blocks(found, "table")[0]
    assert header == "Price list 2024: Item | Price | Since | Share | Open"
    assert text.splitlines()[1:] == ["A | 3.3 | 2024-03-01 | 25.5% | 9:30:00", "B |  | 2024-03-01 12:30:00 | TRUE"]
    assert page_text(found, 1).startswith("Prices\n\nPrice list 2024\n\nItem")
    assert page_text(found, 3) == "More\n\nonly | text"
    assert "do not show" not in found.text
    assert found.warnings == ("sheet 'Secret' is hidden and was left out",)


# --------------------------------------------------------------------- PPTX


def test_a_slide_is_a_page_with_its_title_table_and_notes() -> None:
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Results"
    first.placeholders[1].text = "one\ntwo"
    first.notes_slide.notes_text_frame.text = "say it slowly"
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Numbers"
    table = second.shapes.add_table(2, 2, 0, 0, 100, 100).table
    for place, text in (((0, 0), "Key"), ((0, 1), "Value"), ((1, 0), "a"), ((1, 1), "9")):
        table.cell(*place).text = text
    hidden = deck.slides.add_slide(deck.slide_layouts[5])
    hidden.shapes.title.text = "Backup"
    hidden._element.set("show", "0")
    out = io.BytesIO()
    deck.save(out)
    found = extract(out.getvalue(), "d.pptx")
    assert headings(found) == [(1, "Results"), (1, "Numbers")]
    assert page_text(found, 1) == "Results\n\none\ntwo\n\nNotes: say it slowly"
    assert blocks(found, "table") == [("Key | Value", "Key | Value\na | 9")]
    assert len(found.pages) == 3
    assert found.warnings == ("slide 3 is hidden and was left out",)


# --------------------------------------------------------------------- EPUB


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    doctype = '<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "x.dtd">'
    data = epub_file(
        {
            "b": f"{doctype}<html><head><title/></head><body><h1>First</h1><p>One &#8212; x.</p></body></html>",
            "a": "<html><body><h1>Second</h1><p>Two</p></body></html>",
        }
    )
    found = extract(data, "b.epub")
    assert found.title == "A book"
    assert found.metadata == {"author": "Ann", "language": "en"}
    assert headings(found) == [(1, "First"), (1, "Second")]
    assert [page_text(found, number) for number in (1, 2)] == ["First\n\nOne — x.", "Second\n\nTwo"]


def test_a_book_whose_package_file_has_a_doctype_is_refused() -> None:
    data = package(
        {
            "META-INF/container.xml": '<!DOCTYPE c [<!ENTITY a "b">]><container><rootfile full-path="o"/></container>',
            "o": "<package/>",
        }
    )
    assert outcome(data, "b.epub") == "unsafe_xml"
