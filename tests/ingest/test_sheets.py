# ruff: noqa: E501 (XML and codes as they stand in files)
"""XLSX and CSV as a person reads them: tables apart, values beside their names, what is left out counted."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Mapping

import openpyxl
import pytest
from openpyxl.chart import LineChart, Reference
from openpyxl.comments import Comment
from openpyxl.styles import Font

from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.base import Extracted
from ragkit_ingest.readers.office.xlsx_rows import moved
from tests.support.ingest_files import blocks, extract, outcome, package

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def made(fill: Callable[[openpyxl.Workbook], None], *, limits: ReadLimits | None = None) -> Extracted:
    book = openpyxl.Workbook()
    fill(book)
    out = io.BytesIO()
    book.save(out)
    return extract(out.getvalue(), "book.xlsx", limits=limits)


def sheet_of(rows: str, *, around: str = "", parts: Mapping[str, str] | None = None, sheets: int = 1) -> bytes:
    """Return a workbook of raw XML: `rows` inside sheetData, `around` after it."""
    names = range(1, sheets + 1)
    listed = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in names)
    links = "".join(f'<Relationship Id="r{n}" Type="x/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in names)
    sheet = f'<worksheet xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheetData>{rows}</sheetData>{around}</worksheet>'
    return package(
        {
            "[Content_Types].xml": "<Types/>",
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{listed}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f"<Relationships>{links}</Relationships>",
            **{f"xl/worksheets/sheet{n}.xml": sheet for n in names},
            **(parts or {}),
        }
    )


def tables(found: Extracted) -> list[tuple[str, list[str]]]:
    return [(header, text.split("\n")) for header, text in blocks(found, "table")]


# --------------------------------------------------------------------- XLSX


def test_stacked_tables_have_names_and_titles_of_their_own() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        for at, row in enumerate(
            [
                ["Ferries of the lake"],
                [],
                ["Boat", "Seats", "Captain"],
                ["Alba", 120, "Ines"],
                ["Brisa", 80, "Tomas"],
                [],
                ["Fares"],
                ["Zone", "Adult", "Child"],
                ["A", 4.5, 2.25],
                ["B", 6, 3],
            ],
            1,
        ):
            for column, value in enumerate(row, 1):
                sheet.cell(at, column, value)

    found = tables(made(fill))
    assert found == [
        (
            "Ferries of the lake: Boat | Seats | Captain",
            ["Boat | Seats | Captain", "Alba | 120 | Ines", "Brisa | 80 | Tomas"],
        ),
        ("Fares: Zone | Adult | Child", ["Zone | Adult | Child", "A | 4.5 | 2.25", "B | 6 | 3"]),
    ]


def test_rows_after_a_blank_row_keep_the_names_above() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        for row in (["Month", "Income"], ["January", 10], ["February", 20], [], ["March", 30], ["Sum", 60]):
            sheet.append(row)

    assert [header for header, _ in tables(made(fill))] == ["Month | Income", "Month | Income"]


def test_tables_side_by_side_are_told_apart_and_a_spacer_column_parts_none() -> None:
    def beside(book: openpyxl.Workbook) -> None:
        for at, row in enumerate([["Key", "Room", None, None, "Tool", "Drawer"], ["K1", 12, None, None, "Saw", 3]], 1):
            for column, value in enumerate(row, 1):
                book.active.cell(at, column, value)

    assert [lines for _, lines in tables(made(beside))] == [["Key | Room", "K1 | 12"], ["Tool | Drawer", "Saw | 3"]]

    def spaced(book: openpyxl.Workbook) -> None:
        for at, row in enumerate([["Name", "Age", None, "City", "Street"], ["Ann", 30, None, "Rome", "Via 1"]], 1):
            for column, value in enumerate(row, 1):
                book.active.cell(at, column, value)

    assert [lines for _, lines in tables(made(spaced))] == [
        ["Name | Age |  | City | Street", "Ann | 30 |  | Rome | Via 1"]
    ]


def test_tables_side_by_side_with_names_of_another_height_are_told_apart() -> None:
    def plan(book: openpyxl.Workbook) -> None:
        sheet = book.active
        for row in (
            ["Team", "First half", None, "Second half", None, "Code", "Rate"],
            [None, "Spring", "Summer", "Autumn", None, 71, 12.5],
            ["North", 1, 2, 3, None, 72, 14.5],
            ["South", 4, 5, 6, None, 73, 15.5],
        ):
            sheet.append(row)
        for merged in ("B1:C1", "A1:A2"):
            sheet.merge_cells(merged)

    assert [lines for _, lines in tables(made(plan))] == [
        [
            "Team | First half > Spring | First half > Summer | Second half > Autumn",
            "North | 1 | 2 | 3",
            "South | 4 | 5 | 6",
        ],
        ["Code | Rate", "71 | 12.5", "72 | 14.5", "73 | 15.5"],
    ]


def test_merged_names_and_values_stand_in_each_place() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        for row in (
            ["Depot", "Trams", None, "Buses", None],
            [None, "New", "Old", "New", "Old"],
            ["East", 3, 9, 12, 40],
            ["West", 5, 7, 20, 30],
        ):
            sheet.append(row)
        sheet.merge_cells("A1:A2")
        sheet.merge_cells("B1:C1")
        sheet.merge_cells("D1:E1")
        sheet.append(["All closed on Sunday"])
        sheet.merge_cells("A5:E5")

    ((header, lines),) = tables(made(fill))
    assert header == "Depot | Trams > New | Trams > Old | Buses > New | Buses > Old"
    assert lines[1:] == ["East | 3 | 9 | 12 | 40", "West | 5 | 7 | 20 | 30", "All closed on Sunday"]


def test_hidden_rows_and_columns_are_left_out_counted_and_kept_when_asked() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        for row in (["Name", "Wage", "Town"], ["Ann", 10, "Ulm"], ["Bob", 20, "Jena"], ["Cleo", 30, "Bonn"]):
            sheet.append(row)
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions["B"].hidden = True
        sheet["B3"].comment = Comment("secret", "HR")
        sheet["A2"].comment = Comment("on leave", "HR")

    found = made(fill)
    assert tables(found) == [("Name | Town", ["Name | Town", "Ann | Ulm", "Cleo | Bonn"])]
    assert found.warnings == ("comments on hidden cells: 1", "hidden columns: 1", "hidden rows: 1")
    assert "Comment on A2 (Ann) by HR: on leave" in found.text
    assert "secret" not in found.text
    kept = made(fill, limits=ReadLimits(keep_hidden=True))
    assert "Bob | 20 | Jena" in kept.text
    assert not [words for words in kept.warnings if "hidden" in words]


def test_a_merged_cell_over_hidden_columns_and_rows_still_shows_its_value() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        for row in (["Group", None, "Item", "Price"], ["Fruit", None, "Apple", 1], [None, None, "Pear", 2]):
            sheet.append(row)
        sheet.merge_cells("A2:B3")
        sheet.column_dimensions["A"].hidden = True

    assert tables(made(fill))[0][1][1:] == ["Fruit | Apple | 1", "Fruit | Pear | 2"]


def test_a_chart_without_stored_values_takes_them_from_the_cells() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        data = book.active
        data.title = "The data"
        for row in (["Year", "Swans"], [2023, 14], [2024, 19]):
            data.append(row)
        chart = LineChart()
        chart.title = "Swans on the pond"
        chart.add_data(Reference(data, min_col=2, min_row=1, max_row=3), titles_from_data=True)
        chart.set_categories(Reference(data, min_col=1, min_row=2, max_row=3))
        book.create_sheet("Pictures").add_chart(chart)

    found = made(fill)
    assert "Line chart: Swans on the pond" in found.text
    header, lines = tables(found)[-1]
    assert header.startswith("Swans on the pond: ")
    assert lines[1:] == ["2023 | 14", "2024 | 19"]


def test_formulas_without_a_value_are_shown_and_counted() -> None:
    rows = (
        '<row r="1"><c r="A1"><v>2</v></c><c r="B1"><f t="shared" ref="B1:B3" si="0">A1*$C$1</f></c></row>'
        '<row r="2"><c r="A2"><v>3</v></c><c r="B2"><f t="shared" si="0"/></c></row>'
        '<row r="3"><c r="A3"><v>4</v></c><c r="B3"><f>A3*2</f><v>8</v></c></row>'
        '<row r="4"><c r="A4"><v>5</v></c><c r="B4" t="str"><f>IF(A4=1,"x","")</f><v></v></c></row>'
    )
    found = extract(sheet_of(rows), "f.xlsx")
    assert found.text.split("\n")[2:] == ["2 | =A1*$C$1", "3 | =A2*$C$1", "4 | 8", "5"]
    assert found.warnings == ("formulas without a value: 2",)


def test_shared_formulas_move_with_their_cell() -> None:
    assert moved('SUM(A1:B$2)&"A1"', 2, 1) == 'SUM(B3:C$2)&"A1"'
    assert moved("LOG10(Z9)+$AA10", 0, 1) == "LOG10(AA9)+$AA10"
    assert moved("A1", 0, -1) == "#REF!"


def test_links_rich_text_and_formats_of_cells() -> None:
    shared = (
        f'<sst xmlns="{MAIN}"><si><r><t>Area in m</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>2</t></r></si>'
        "<si><t>課</t><rPh><t>か</t></rPh></si></sst>"
    )
    styles = (
        f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="170" formatCode="&quot;Nr. &quot;000"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>'
    )
    rows = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>99</v></c></row>'
        '<row r="2"><c r="A2" s="1"><v>7</v></c><c r="B2" t="e"><v>#DIV/0!</v></c><c r="C2" s="2"><v>1e3</v></c>'
        '<c r="D2" t="inlineStr"><is><t>Home</t></is></c></row>'
    )
    relations = (
        '<Relationships><Relationship Id="a" Type="x/hyperlink" Target="https://example.org/h" TargetMode="External"/>'
        '<Relationship Id="b" Type="x/hyperlink" Target="file:///etc/passwd" TargetMode="External"/></Relationships>'
    )
    book = "<Relationship Id='r1' Type='x/worksheet' Target='worksheets/sheet1.xml'/>"
    data = sheet_of(
        rows,
        around='<hyperlinks><hyperlink ref="D2" r:id="a"/><hyperlink ref="A2" r:id="b"/></hyperlinks>',
        parts={
            "xl/sharedStrings.xml": shared,
            "xl/styles.xml": styles,
            "xl/worksheets/_rels/sheet1.xml.rels": relations,
            "xl/_rels/workbook.xml.rels": f"<Relationships>{book}<Relationship Id='s' Type='x/sharedStrings' "
            "Target='sharedStrings.xml'/><Relationship Id='t' Type='x/styles' Target='styles.xml'/></Relationships>",
        },
    )
    assert (
        extract(data, "l.xlsx").text == "S1\n\nArea in m² | 課\nNr. 007 | #DIV/0! | 1000 | Home (https://example.org/h)"
    )


def test_escapes_are_characters_and_iso_dates_are_dates() -> None:
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>Gate_x000D_ 7 _x00B5_m</t></is></c>'
        '<c r="B1" t="str"><v>_x0041_x_x5f</v></c></row>'
        '<row r="2"><c r="A2" t="d"><v>2027-03-09T00:00:00</v></c><c r="B2" t="d"><v>2027-03-09T14:30:00</v></c></row>'
    )
    assert extract(sheet_of(rows), "a.xlsx").text == "S1\n\nGate 7 µm | Ax_x5f\n2027-03-09 | 2027-03-09 14:30:00"


def test_threaded_comments_text_boxes_and_pictures() -> None:
    drawing = (
        '<wsDr xmlns:a="a" xmlns:r="' + RELATIONS + '"><twoCellAnchor><from><row>0</row></from><sp><nvSpPr>'
        '<cNvPr id="1" name="t"/></nvSpPr><txBody><a:p><a:r><a:t>Mind the </a:t></a:r><a:r><a:t>gap</a:t></a:r></a:p>'
        '</txBody></sp></twoCellAnchor><twoCellAnchor><pic><nvPicPr><cNvPr id="2" name="p" descr="A map of the yard&#xA;AI-generated content may be incorrect."/>'
        '</nvPicPr></pic></twoCellAnchor><twoCellAnchor><pic><nvPicPr><cNvPr id="3" name="q"/></nvPicPr></pic>'
        "</twoCellAnchor></wsDr>"
    )
    relations = (
        '<Relationships><Relationship Id="d" Type="x/drawing" Target="../drawings/d.xml"/>'
        '<Relationship Id="c" Type="x/comments" Target="../comments1.xml"/>'
        '<Relationship Id="t" Type="x/threadedComment" Target="../threads.xml"/></Relationships>'
    )
    old = (
        "<comments><authors><author>tc=1</author></authors><commentList><comment ref='A1' authorId='0'><text><t>"
        "[Threaded comment] Your version of Excel allows you to read this</t></text></comment></commentList></comments>"
    )
    threads = "<x><threadedComment ref='A1' personId='p'><text>Who counted?</text></threadedComment></x>"
    data = sheet_of(
        '<row r="1"><c r="A1"><v>17</v></c></row>',
        around='<drawing r:id="d"/>',
        parts={
            "xl/worksheets/_rels/sheet1.xml.rels": relations,
            "xl/drawings/d.xml": drawing,
            "xl/comments1.xml": old,
            "xl/threads.xml": threads,
        },
    )
    found = extract(data, "t.xlsx")
    assert found.text == "S1\n\n17\n\nMind the gap\n\nPicture: A map of the yard\n\nComment on A1 (17): Who counted?"
    assert found.warnings == ("pictures without text: 1",)


def test_bold_names_tell_a_table_of_words_that_goes_on_after_a_gap() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        rows = [["Guard", "Tower"], ["Ada", "North"], ["Bo", "South"], [], ["Cy", "East"], ["Di", "West"]]
        for row in rows:
            sheet.append(row)
        for cell in sheet[1]:
            cell.font = Font(bold=True)

    assert [header for header, _ in tables(made(fill))] == ["Guard | Tower", "Guard | Tower"]


def test_a_far_cell_and_wide_rows_are_bounded() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c></row>' + "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in (2, 1_048_576)
    )
    assert len(extract(sheet_of(rows), "far.xlsx").text) < 100
    wide = "".join(f"<c><v>{n}</v></c>" for n in range(20_000))
    found = extract(sheet_of(f"<row>{wide}</row>"), "wide.xlsx")
    assert found.warnings == ("cells beyond column 16,384: 3,616",)
    merged = sheet_of(
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="B2"><v>2</v></c></row>',
        around='<mergeCells><mergeCell ref="A1:XFD1048576"/><mergeCell ref="nonsense"/></mergeCells>',
    )
    assert extract(merged, "m.xlsx").text.startswith("S1")


def test_rows_where_their_place_is_not_plain_are_read_all_the_same() -> None:
    rows = "<!-- </sheetData> --><row r='1'><c r='A1'><v>1</v></c><c r='B1'><v>2</v></c></row>"
    assert extract(sheet_of(rows), "c.xlsx").text == "S1\n\n1 | 2"
    data = sheet_of("<row r='1'><c r='A1'><v>1</v></c></row>")
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = ('<?xml version="1.0" encoding="utf-16"?>' + parts[sheet].decode()).encode("utf-16")
    assert extract(package(parts), "u.xlsx").text == "S1\n\n1"


def test_a_million_cells_are_read_in_batches_with_their_names() -> None:
    rows = "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}"><v>{n % 7}</v></c></row>' for n in range(2, 30_000)
    )
    head = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>Id</t></is></c><c r="B1" t="inlineStr"><is><t>Day</t></is></c></row>'
    )
    found = tables(extract(sheet_of(head + rows), "long.xlsx"))
    assert {header for header, _ in found} == {"Id | Day"}
    assert sum(len(lines) for _, lines in found) == 29_999
    assert max(len(lines) for _, lines in found) == 2_000


@pytest.mark.parametrize(
    "rows", ["<row r='x'><c r='??'><v>a</v></c></row>", "<c><v>1</v></c>", "<row><c t='s'><v>-1</v></c></row>"]
)
def test_nonsense_in_rows_gives_text_or_a_reason(rows: str) -> None:
    assert outcome(sheet_of(rows), "n.xlsx") in ("", "no_text")


def test_dates_keep_their_look_in_cells() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        sheet.append(["Due", "Begin"])
        sheet.append([dt.date(2026, 12, 24), dt.time(18, 5)])
        sheet["A2"].number_format = "d mmmm yyyy"
        sheet["B2"].number_format = "h:mm AM/PM"

    assert tables(made(fill))[0][1][1] == "24 December 2026 | 6:05 PM"


# --------------------------------------------------------------------- CSV


@pytest.mark.parametrize(
    ("text", "header", "line"),
    [
        ("Stock of hall 3\nPrinted,2026-01-02\n\nPart,Count,Shelf\nBolt,3,A1\nNut,4,A2\n", "Part | Count | Shelf", "Nut | 4 | A2"),
        ("Report;;\nYear 2026;;\nNom;Prix;Note\nVis;1,50;\nClou;0,10;neuf\n", "Nom | Prix | Note", "Clou | 0,10 | neuf"),
        ("sep=|\na name|a size|a colour\nx|1|red\n", "a name | a size | a colour", "x | 1 | red"),
        ("Totals, in EUR\nname\tcity\tsum\nAnn\tRome\t1,5\nBo\tBern\t2,5\n", "name | city | sum", "Bo | Bern | 2,5"),
        ("Name,Phone\nAnn,1\n\nRoom,Seats\nBlue,12\nRed,8\n", "Room | Seats", "Red | 8"),
        ("id,a,b\n1,,x\n2,y,\n", "id | a | b", "1 |  | x"),
        ("Ship,Due\n\nLark,3\n\nWren,4\n\nTern,5\n", "Ship | Due", "Tern | 5"),
        ("Hall,May,,June,\n,in,out,in,out\nA,1,2,3,4\nB,5,6,7,8\n", "Hall | May > in | May > out | June > in | June > out", "B | 5 | 6 | 7 | 8"),
        ("Pump,Head,Power\n,m,kW\nP1,12,3\nP2,9,4\n", "Pump | Head (m) | Power (kW)", "P1 | 12 | 3"),
        ("Zeit,Pegel\n[h],[cm]\n1,80\n2,90\n", "Zeit [h] | Pegel [cm]", "2 | 90"),
        ("Lamp,Light\nUnit,candles\nL1,12\nL2,9\n", "Lamp > Unit | Light > candles", "L1 | 12"),
        ("Runner,Time\nAnn,lost\nBo,12\nCy,13\n", "Runner | Time", "Ann | lost"),
        ("Shop,2026-03-01,2026-04-01\nNord,5,6\n", "Shop | 2026-03-01 | 2026-04-01", "Nord | 5 | 6"),
        ("Boat,Crew\nLark,3\nWren,4\nHarbours\nPort,Depth\nEl,7\nIm,8\n", "Port | Depth", "Im | 8"),
        ("Tax no,77\nClient,Bo\nPos,Ware,Sum\n1,Tar,9\n2,Rope,8\n3,Oil,7\n", "Pos | Ware | Sum", "2 | Rope | 8"),
    ],
)  # fmt: skip
def test_tables_of_text_know_their_names(text: str, header: str, line: str) -> None:
    found = extract(text.encode(), "t.csv")
    assert header in [own.rpartition(": ")[2] for own, _ in blocks(found, "table")]
    assert line in found.text.split("\n")
    assert "sep=" not in found.text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ware,Sum,,Quay,Depth\nTar,9,,East,7\nOil,8,,West,6\n", ["Ware | Sum", "Quay | Depth"]),
        ("Ware,Sum,,Ware,Sum\nTar,9,,Rope,7\nOil,8,,Hemp,6\n", ["Ware | Sum", "Ware | Sum"]),
        (
            "Boats,,,Crew,\nName,Berth,,Name,Rank\nLark,B,,Ann,mate\nWren,C,,Bo,cook\n",
            ["Boats: Name | Berth", "Crew: Name | Rank"],
        ),
        (
            ",May,,,June,\nHall,in,out,,in,out\nA,1,2,,3,4\nB,5,6,,7,8\n",
            ["Hall | May > in | May > out | June > in | June > out"],
        ),
        ("Head,Flow,,Pump,Power\nm,l/s,,,kW\n4,7,,P1,2\n5,8,,P2,3\n", ["Head (m) | Flow (l/s)", "Pump | Power (kW)"]),
        ("Ware,May,June,,All\nTar,9,1,,10\nOil,8,2,,10\n", ["Ware | May | June | All"]),
        ("Ware,Sum,,State,Rate\nTar,9,,late,1\nOil,8,,late,2\n", ["Ware | Sum | State | Rate"]),
    ],
)
def test_a_blank_column_parts_tables_only_where_the_rows_have_names_of_their_own(text: str, wanted: list[str]) -> None:
    assert [header for header, _ in blocks(extract(text.encode(), "t.csv"), "table")] == wanted


def test_a_row_of_200_000_columns_is_bounded_and_reported() -> None:
    found = extract(",".join(["x"] * 200_000).encode(), "w.csv")
    assert found.warnings == ("cells beyond column 16,384: 183,616",)
