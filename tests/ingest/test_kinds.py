"""Kinds of layout that readers of several formats share: what a person reads in the file, the text says."""

from __future__ import annotations

import io

import pytest
from openpyxl import Workbook

from ragkit_ingest.readers.links import address_after, is_address, linked
from tests.support.ingest_files import blocks, extract
from tests.support.office_files import deck, para, word

NAMES = "Zone | 2027 > Summer > Adult | 2027 > Summer > Child | 2027 > Winter > Adult | 2027 > Winter > Child"


def text_of(name: str, text: str) -> str:
    return extract(text.encode(), name).text


def header_of(name: str, data: bytes) -> str:
    return blocks(extract(data, name), "table")[0][0]


# --------------------------------------------------------------------- three rows of names


def _html() -> bytes:
    return (
        b"<!doctype html><title>Fares</title><table><tr><th rowspan=3>Zone<th colspan=4>2027<tr><th colspan=2>Summer"
        b"<th colspan=2>Winter<tr><th>Adult<th>Child<th>Adult<th>Child<tr><td>A<td>4<td>2<td colspan=2>closed</table>"
    )


def _word() -> bytes:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{para(text)}</w:tc>"

    two, four = '<w:gridSpan w:val="2"/>', '<w:gridSpan w:val="4"/>'
    down, on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    rows = [
        cell("Zone", down) + cell("2027", four),
        cell("", on) + cell("Summer", two) + cell("Winter", two),
        cell("", on) + "".join(map(cell, ["Adult", "Child"] * 2)),
        "".join(map(cell, ["A", "4", "2"])) + cell("closed", two),
    ]
    return word("<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>")


def _slides() -> bytes:
    def cell(text: str, spans: str = "") -> str:
        return f"<a:tc {spans}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"

    beside, below = cell("", 'hMerge="1"'), cell("", 'vMerge="1"')
    rows = [
        cell("Zone", 'rowSpan="3"') + cell("2027", 'gridSpan="4"') + beside * 3,
        below + cell("Summer", 'gridSpan="2"') + beside + cell("Winter", 'gridSpan="2"') + beside,
        below + "".join(map(cell, ["Adult", "Child"] * 2)),
        "".join(map(cell, ["A", "4", "2"])) + cell("closed", 'gridSpan="2"') + beside,
    ]
    table = "".join(f"<a:tr>{row}</a:tr>" for row in rows)
    frame = f"<a:graphic><a:graphicData><a:tbl>{table}</a:tbl></a:graphicData></a:graphic>"
    return deck(f'<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="4" name="t"/></p:nvGraphicFramePr>{frame}'
                "</p:graphicFrame>")  # fmt: skip


def _workbook() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Zone", "2027"], ["", "Summer", "", "Winter"], ["", *["Adult", "Child"] * 2], ["A", 4, 2, "closed"]):
        sheet.append([value or None for value in row])
    for place in ("A1:A3", "B1:E1", "B2:C2", "D2:E2", "D4:E4"):
        sheet.merge_cells(place)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.html", _html()), ("a.docx", _word()), ("a.pptx", _slides()), ("a.xlsx", _workbook())],
    ids=["html", "docx", "pptx", "xlsx"],
)
def test_three_rows_of_names_are_joined_in_every_format(name: str, data: bytes) -> None:
    assert header_of(name, data) == NAMES
    assert "A | 4 | 2 | closed | closed" in extract(data, name).text.splitlines()


def test_rows_of_names_over_the_same_columns_are_joined() -> None:
    page = (
        b"<!doctype html><title>T</title><table><tr><td rowspan=3>Port<td colspan=2>2028<tr><td colspan=2>Export"
        b"<tr><td>May<td>June<tr><td>Riga<td>7<td>8</table>"
    )
    assert header_of("a.html", page) == "Port | 2028 > Export > May | 2028 > Export > June"


def test_names_of_groups_without_merged_cells_reach_to_the_next_one() -> None:
    text = ",Men,,Women,\nTown,2025,2026,2025,2026\nOslo,1,2,3,4\nBergen,5,6,7,8\n"
    names = "Town | Men > 2025 | Men > 2026 | Women > 2025 | Women > 2026"
    assert header_of("a.csv", text.encode()) == names


def test_a_title_with_gaps_above_full_names_is_no_row_of_names() -> None:
    extracted = extract(b"Report,,May\nName,Branch,Qty\nAnn,Oslo,3\nBo,Turku,4\n", "a.csv")
    assert blocks(extracted, "table")[0][0] == "Report | May: Name | Branch | Qty"


def test_names_with_a_gap_stay_names_above_rows_of_text() -> None:
    extracted = extract(b"Item,,Kind\nRope,blue,long\nTape,red,short\nWire,grey,thin\n", "a.csv")
    assert blocks(extracted, "table")[0][0] == "Item | Kind"


def _word_table(rows: list[list[str]]) -> str:
    cells = ("".join(f"<w:tc>{para(text)}</w:tc>" for text in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ("Depth,Salinity\nm,PSU\n4,34.8\n9,35.0\n", "Depth (m) | Salinity (PSU)"),
        ("Ware,Sales,Margin\n,kEUR,%\nTar,31,8\nOil,55,9\n", "Ware | Sales (kEUR) | Margin (%)"),
        ("Site,Flow,Ratio\n,[m3/s],(-)\nA,3,0.4\nB,4,0.5\n", "Site | Flow [m3/s] | Ratio (-)"),
        ("Depth,Ratio,Germs\ncm,-,CFU/ml\n4,0.1,12\n9,0.2,15\n", "Depth (cm) | Ratio (-) | Germs (CFU/ml)"),
        ("Port,2026,2026\n,H1,H2\nHull,3,4\nBergen,5,6\n", "Port | 2026 > H1 | 2026 > H2"),
        ("Name,Size,Colour\nCap,m,red\nHat,4,blue\n", "Name | Size | Colour"),
    ],
)
def test_a_row_of_units_joins_the_names_also_with_units_that_no_table_has(rows: str, names: str) -> None:
    cells = [row.split(",") for row in rows.splitlines()]
    head = "".join(f"<th>{name}" for name in cells[0])
    if "2026" in names:  # a name over two columns
        head = f"<th rowspan=1>{cells[0][0]}<th colspan=2>2026"
    page = f"<table><tr>{head}" + "".join("<tr>" + "".join(f"<td>{one}" for one in row) for row in cells[1:])
    assert header_of("a.html", f"{page}</table>".encode()) == names
    if "2026" not in names:
        assert header_of("a.csv", rows.encode()) == names
        lines = [f"| {' | '.join(row)} |" for row in cells]
        assert header_of("a.md", "\n".join([lines[0], "|--" * len(cells[0]), *lines[1:]]).encode()) == names
        assert header_of("a.docx", word(_word_table(cells))) == names


# --------------------------------------------------------------------- lists and marks


def test_letters_and_romans_of_html_lists_are_shown() -> None:
    page = (
        "<!doctype html><title>L</title><ol type=a start=4><li>four<li>five<ol type=I><li>in</ol></ol>"
        '<ol style="color:red; list-style-type: upper-alpha"><li>x</ol><ol><li>plain</ol>'
    )
    lines = text_of("a.html", page).splitlines()
    assert [line for line in lines if line] == ["d. four", "e. five", "  I. in", "A. x", "1. plain"]


def test_attributes_begin_a_list_of_asciidoc_anew_and_may_count_it_down() -> None:
    text = "= L\n\n. a\n. b\n\n[start=6]\n. f\n\n[%reversed]\n. z\n.. in\n. y\n\n[lowerroman,%reversed,start=4]\n. r\n"
    lines = [line for line in text_of("a.adoc", text).splitlines() if line]
    assert lines == ["L", "1. a", "2. b", "6. f", "2. z", "  a. in", "1. y", "iv. r"]


def test_callouts_of_asciidoc_are_numbered_as_they_say() -> None:
    text = "= Run\n\n----\nstart() # <1>\nstop() # <2>\n----\n<1> Begins\n<2> Ends\n"
    assert text_of("a.adoc", text).endswith("1. Begins\n2. Ends")


def test_shortcodes_on_one_line_keep_words_apart() -> None:
    line = '{{< tab "Day" >}}Eight hours.{{< /tab >}}{{< tab name="Night" >}}Ten hours.{{< /tab >}}'
    assert text_of("a.md", f"# Shifts\n\n{line}\n").endswith("Day: Eight hours. Night: Ten hours.")


# --------------------------------------------------------------------- data


def test_xml_keeps_the_order_of_the_file() -> None:
    text = text_of("a.xml", "<o><buyer>Li</buyer><lines><l><n>Nail</n><q>3</q></l></lines><due>May</due>tail</o>")
    places = [text.index(word) for word in ("Li", "Nail", "3", "May", "tail")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "text",
    [
        "<article><title>B</title><p>At 7<sup>2</sup> and CO<sub>2</sub>.</p></article>",
        "<TEI><text><body><p>At 7<hi rend='superscript'>2</hi> and CO<hi rend='sub'>2</hi>.</p></body></text></TEI>",
        "<note><remark>At 7<superscript>2</superscript> and CO<subscript>2</subscript>.</remark></note>",
    ],
)
def test_raised_words_of_xml_never_glue(text: str) -> None:
    assert "At 7² and CO₂." in text_of("a.xml", f'<?xml version="1.0"?>{text}')


def test_captions_that_grow_stand_once() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:03.000\nGood\n\n00:02.000 --> 00:04.000\nGood evening\n\n"
    again = "00:05.000 --> 00:06.000\nGood evening all\n"
    assert text_of("a.vtt", text + again) == "[0:00:01] Good evening Good evening all"


def test_invitations_say_answers_and_the_last_day() -> None:
    def event(*lines: str) -> str:
        return "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""])

    days = ("SUMMARY:Fair", "DTSTART;VALUE=DATE:20260511", "DTEND;VALUE=DATE:20260514")
    text = text_of("a.ics", event(*days, "ATTENDEE;CN=Li;PARTSTAT=DECLINED:mailto:li@x.example"))
    assert "End: 2026-05-13" in text
    assert "Attendees: Li <li@x.example> (declined)" in text
    one = event("SUMMARY:Drill", "DTSTART;VALUE=DATE:20260511", "DTEND;VALUE=DATE:20260512")
    assert "End" not in text_of("a.ics", one)


# --------------------------------------------------------------------- links


def test_every_reader_writes_an_address_in_one_way() -> None:
    assert linked("form", "https://a.example/x(1)") == "form (https://a.example/x%281%29)"
    assert linked("https://a.example/x(1)", "https://a.example/x(1)") == "https://a.example/x(1)"
    assert linked("", "mailto:a@b.example") == "mailto:a@b.example"
    assert linked("inside", "#part") == "inside"
    assert linked("list", " https://a.example/a b\n") == "list (https://a.example/a%20b)"
    assert linked("https://a.example/a b", "https://a.example/a b") == "https://a.example/a b"
    assert address_after("", "https://a.example") == ""
    assert address_after("old", "ftp://a.example/f") == " (ftp://a.example/f)"
    assert is_address("//a.example/x")
    assert not is_address("../x")
