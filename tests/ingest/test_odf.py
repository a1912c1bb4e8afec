# ruff: noqa: E501 (XML and codes as they stand in files)
"""ODT, ODS and ODP as a person reads them; every file is written here, and so is its expected text."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import pytest

from ragkit import ExtractionError
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.base import Extracted
from ragkit_ingest.readers.odf.styles import numeral
from tests.support.ingest_files import blocks, extract, headings, media_type, outcome, package, page_text

SPACES = (
    " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for prefix, name in (
            ("office", "office"),
            ("text", "text"),
            ("table", "table"),
            ("style", "style"),
            ("draw", "drawing"),
            ("presentation", "presentation"),
            ("svg", "svg-compatible"),
            ("chart", "chart"),
            ("form", "form"),
        )
    )
    + ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
KINDS = {"odt": "text", "ods": "spreadsheet", "odp": "presentation"}


def stored(parts: Mapping[str, str]) -> bytes:
    """Return a ZIP file whose parts are not compressed, as "mimetype" must not be."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def odf(kind: str, body: str, *, styles: str = "", page: str = "", **parts: str) -> bytes:
    """Return a file of a kind: automatic styles, the master page of styles.xml, further parts with / as __."""
    return stored(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{KINDS[kind]}",
            "content.xml": f"<office:document-content {SPACES}><office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:{KINDS[kind]}>{body}</office:{KINDS[kind]}></office:body></office:document-content>",
            "styles.xml": f"<office:document-styles {SPACES}><office:master-styles>{page}</office:master-styles>"
            "</office:document-styles>",
            **{name.replace("__", "/") + ".xml": text for name, text in parts.items()},
        }
    )


def read(kind: str, body: str, *, styles: str = "", page: str = "", **parts: str) -> Extracted:
    return extract(odf(kind, body, styles=styles, page=page, **parts), f"a.{kind}")


def p(text: str, style: str = "") -> str:
    return f'<text:p text:style-name="{style}">{text}</text:p>'


# --------------------------------------------------------------------- ODT


def test_kinds_are_told_by_their_bytes() -> None:
    for kind, name in KINDS.items():
        assert media_type(odf(kind, ""), "a.zip") == f"application/vnd.oasis.opendocument.{name}"
    formula = stored({"mimetype": "application/vnd.oasis.opendocument.formula", "content.xml": "<x/>"})
    assert outcome(formula, "a.odf") == "unsupported"


OUTLINE = (
    '<text:outline-style style:name="O"><text:outline-level-style text:level="1" style:num-format="1" style:num-suffix="."/>'
    '<text:outline-level-style text:level="2" style:num-format="a" text:display-levels="2"/></text:outline-style>'
)


def h(text: str, level: int, more: str = "") -> str:
    return f'<text:h text:outline-level="{level}" {more}>{text}</text:h>'


def test_headings_have_the_numbers_of_the_outline() -> None:
    body = (
        h("Scope", 1) + h("Goods", 2) + h("Services", 2) + h("Annex", 1, 'text:is-list-header="true"') + h("Terms", 1)
    )
    found = read("odt", body + h("Price", 2), styles=OUTLINE)
    assert headings(found) == [
        (1, "1. Scope"),
        (2, "1.a Goods"),
        (2, "1.b Services"),
        (1, "Annex"),
        (1, "2. Terms"),
        (2, "2.a Price"),
    ]


LISTS = (
    '<text:list-style style:name="N"><text:list-level-style-number text:level="1" style:num-format="i" '
    'style:num-prefix="(" style:num-suffix=")" text:start-value="3"/><text:list-level-style-bullet text:level="2"/>'
    '</text:list-style><text:list-style style:name="L"><text:list-level-style-number text:level="1" '
    'style:num-format="1" style:num-suffix="."/><text:list-level-style-number text:level="2" style:num-format="1" '
    'text:display-levels="2"/></text:list-style>'
)


def item(*inner: str, more: str = "") -> str:
    return f"<text:list-item {more}>{''.join(inner)}</text:list-item>"


def test_lists_are_numbered_as_shown() -> None:
    inner = f"<text:list>{item(p('deep'))}</text:list>"
    roman = f'<text:list text:style-name="N">{item(p("one"), inner)}{item(p("two"), p("more of two"))}</text:list>'
    steps = f"<text:list>{item(p('a step'))}{item(p('next'))}</text:list>"
    plain = (
        f'<text:list text:style-name="L">{item(p("first"), steps)}<text:list-header>{p("aside")}</text:list-header>'
        f"{item(p('jump'), more='text:start-value=' + chr(34) + '7' + chr(34))}</text:list>"
    )
    goes_on = f'<text:list text:style-name="L" text:continue-numbering="true">{item(p("last"))}</text:list>'
    found = read("odt", roman + p("between") + plain + p("again") + goes_on, styles=LISTS)
    assert [text for _, text in blocks(found, "list")] == [
        "(iii) one\n  - deep\n(iv) two\n  more of two",
        "1. first\n  1.1 a step\n  1.2 next\naside\n7. jump",
        "8. last",
    ]


def test_numerals() -> None:
    assert [numeral(n, "a") for n in (1, 26, 27)] == ["a", "z", "aa"]
    assert [numeral(n, "I") for n in (4, 1999)] == ["IV", "MCMXCIX"]


def test_words_notes_comments_links_and_fields() -> None:
    styles = (
        '<style:style style:name="up"><style:text-properties style:text-position="super 58%"/></style:style>'
        '<style:style style:name="dn"><style:text-properties style:text-position="-33% 58%"/></style:style>'
        '<style:style style:name="no"><style:text-properties text:display="none"/></style:style>'
        '<style:style style:name="wd"><style:text-properties style:font-name="Wingdings"/></style:style>'
    )
    body = p(
        'Area 12 m<text:span text:style-name="up">2</text:span>, CO<text:span text:style-name="dn">2</text:span>'
        "<text:note><text:note-citation>4</text:note-citation><text:note-body>"
        + p("As of May.")
        + "</text:note-body></text:note>"
        "<office:annotation><dc:creator>Eve</dc:creator><dc:date>2026-01-01</dc:date>"
        + p("check this")
        + "</office:annotation>"
        ' at <text:a xlink:href="https://a.example/">our page</text:a>, <text:a xlink:href="mailto:x@a.example">x@a.example</text:a>'
        ', <text:a xlink:href="#top">top</text:a>.<text:span text:style-name="no">hidden</text:span><text:s text:c="3"/>End'
        "<text:line-break/>new\n   line "
        '<text:span text:style-name="wd">\uf0fc</text:span>'
    ) + p("gone", "no")
    found = read("odt", body, styles=styles)
    assert found.text == (
        "Area 12 m², CO₂⁴ at our page (https://a.example/), x@a.example, top. End\nnew line ✓\n\nNote 4: As of May.\n\n"
        "Comment by Eve: check this"
    )
    assert found.warnings == ("hidden passages: 2",)


def test_deleted_text_sections_indexes_and_ruby() -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion>" + p("old words") + "</text:deletion>"
        "</text:changed-region></text:tracked-changes>"
        f'<text:section text:display="none">{p("not shown")}</text:section><text:section>{p("shown")}</text:section>'
        "<text:table-of-content><text:table-of-content-source><text:index-title-template>Template</text:index-title-template>"
        f"</text:table-of-content-source><text:index-body>{p('Scope 1')}</text:index-body></text:table-of-content>"
        + p("<text:ruby><text:ruby-base>漢字</text:ruby-base><text:ruby-text>かんじ</text:ruby-text></text:ruby>")
    )
    found = read("odt", body)
    assert found.text == "shown\n\nScope 1\n\n漢字(かんじ)"
    assert found.warnings == ("deleted passages (tracked changes): 1", "hidden passages: 1")


def cell(text: str, more: str = "") -> str:
    return f"<table:table-cell {more}>{p(text) if text else ''}</table:table-cell>"


def row(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


COVERED = "<table:covered-table-cell/>"


def test_tables_have_merged_cells_header_rows_and_repeats() -> None:
    top = row(cell("Gate", 'table:number-rows-spanned="2"'), cell("Hours", 'table:number-columns-spanned="2"'), COVERED)
    second = row(COVERED, cell("from"), cell("to"))
    body = row(cell("West"), cell("8:00", 'table:number-columns-repeated="2"')) + row(
        cell("East"), cell(""), cell("<text:span>20</text:span>:00")
    )
    found = read(
        "odt", f"<table:table><table:table-header-rows>{top}{second}</table:table-header-rows>{body}</table:table>"
    )
    ((header, text),) = blocks(found, "table")
    assert header == "Gate | Hours > from | Hours > to"
    assert text.split("\n")[1:] == ["West | 8:00 | 8:00", "East |  | 20:00"]


def test_a_table_in_a_cell_keeps_its_rows() -> None:
    inner = f"<table:table>{row(cell('Bulb'), cell('3'))}{row(cell('Cord'), cell('5'))}</table:table>"
    outer = row(cell("Lamp"), cell("Parts")) + row(cell("L4"), f"<table:table-cell>{inner}</table:table-cell>")
    assert read("odt", f"<table:table>{outer}</table:table>").text.split("\n")[-1] == "L4 | Bulb, 3; Cord, 5"


def test_headers_and_footers_stand_once_and_page_numbers_do_not() -> None:
    page = (
        f"<style:master-page><style:header>{p('House rules 2026')}</style:header><style:header-left>{p('House rules 2026')}"
        f"</style:header-left><style:footer>{p('Page <text:page-number>3</text:page-number>')}{p('Firm X, Oslo')}"
        f'</style:footer><style:footer-first style:display="false">{p("never")}</style:footer-first></style:master-page>'
    )
    found = read(
        "odt", p("A long enough text of the page, so that it is most of it, and more than its header."), page=page
    )
    assert [text for _, text in blocks(found, "boilerplate")] == ["House rules 2026", "Firm X, Oslo"]
    assert found.text.count("House rules") == 1
    assert "never" not in found.text


def test_frames_pictures_charts_formulas_and_forms() -> None:
    frame = "<draw:frame><draw:text-box>" + p("In a box") + "</draw:text-box></draw:frame>"
    described = "<draw:frame><draw:image/><svg:title>T</svg:title><svg:desc>A red barn</svg:desc></draw:frame>"
    silent = "<draw:frame><draw:image/></draw:frame>"
    chart = '<draw:frame><draw:object xlink:href="./Object 1"/><draw:image/></draw:frame>'
    maths = '<draw:frame><draw:object xlink:href="./Object 2"/></draw:frame>'
    lost = '<draw:frame><draw:object xlink:href="./Object 9"/></draw:frame>'
    forms = (
        '<office:forms><form:form><form:checkbox form:id="c" form:label="Agreed" form:current-state="checked"/>'
        '<form:text form:id="t" form:name="Town" form:current-value="Graz"/></form:form></office:forms>'
    )
    body = (
        forms + p(f"Before {frame} after.") + p(described + silent) + p(chart) + p(f"So {maths} holds.") + p(lost)
        + p('<draw:control draw:control="c"/> and <draw:control draw:control="t"/>')
    )  # fmt: skip
    drawn = (
        f"<office:document-content {SPACES}><office:body><office:chart><chart:chart chart:class='chart:bar'><chart:title>"
        f"{p('Hay')}</chart:title><chart:plot-area><chart:axis><chart:title>{p('Year')}</chart:title></chart:axis>"
        "</chart:plot-area><table:table><table:table-header-rows>"
        f"{row(cell(''), cell('Tons'))}</table:table-header-rows><table:table-rows>{row(cell('2025'), cell('31'))}"
        "</table:table-rows></table:table></chart:chart></office:chart></office:body></office:document-content>"
    )
    formula = "<math><mrow><mi>v</mi><mo>=</mo><mfrac><mi>s</mi><mi>t</mi></mfrac></mrow></math>"
    found = read("odt", body, **{"Object 1__content": drawn, "Object 2__content": formula})
    assert found.text == (
        "Before after.\n\nIn a box\n\nPicture: A red barn\n\nBar chart: Hay\nAxes: Year\n\n | Tons\n2025 | 31\n\n"
        "So v = s/t holds.\n\n[x] Agreed and Town: Graz"
    )
    assert found.warnings == ("embedded objects not read: 1", "pictures without text: 1")


# --------------------------------------------------------------------- ODS


def sheet(rows: str, name: str = "Sheet", more: str = "") -> str:
    return f'<table:table table:name="{name}" {more}>{rows}</table:table>'


def test_sheets_show_values_as_displayed_and_repeats_within_bounds() -> None:
    rows = (
        row(cell("Code"), cell("Price"), cell("Share"), cell("Left"))
        + row(cell("A-1"), cell("1.234,50 €", 'office:value="1234.5"'), '<table:table-cell office:value-type="percentage" '
              'office:value="0.5"/>', '<table:table-cell office:value-type="float" office:value="7" table:formula="of:=1"/>')
        + row(cell("A-2"), '<table:table-cell table:formula="of:=SUM([.B2:.B2])"/>', cell("5 %"), cell(""),
              more='table:number-rows-repeated="2"')
        + row('<table:table-cell table:number-columns-repeated="16384"/>', more='table:number-rows-repeated="1048000"')
        + row(cell("far below"))
    )  # fmt: skip
    found = read("ods", sheet(rows, "Stock"))
    ((header, text),) = blocks(found, "table")
    assert header == "Code | Price | Share | Left"
    assert text.split("\n")[1:] == ["A-1 | 1.234,50 € | 50% | 7", "A-2 | =SUM(B2:B2) | 5 %", "A-2 | =SUM(B2:B2) | 5 %"]
    assert found.text.endswith("\n\nfar below")
    assert found.warnings == ("formulas without a value: 1",)


def test_hidden_sheets_rows_and_columns_are_counted_and_kept_when_asked() -> None:
    styles = '<style:style style:name="off"><style:table-properties table:display="false"/></style:style>'
    columns = '<table:table-column/><table:table-column table:visibility="collapse"/><table:table-column/>'
    rows = (
        row(cell("Name"), cell("Pin"), cell("Desk")) + row(cell("Ann"), cell("99"), cell("4"))
        + row(cell("Bo"), cell("88"), cell("5"), more='table:visibility="filter"')
        + row(cell("Cy", 'table:number-columns-spanned="2"'), COVERED, cell("6"))
    )  # fmt: skip
    body = sheet(columns + rows) + sheet(row(cell("secret")), "Notes", 'table:style-name="off"')
    data = odf("ods", body, styles=styles)
    found = extract(data, "h.ods")
    assert [text for _, text in blocks(found, "table")] == ["Name | Desk\nAnn | 4\nCy | 6"]
    assert found.warnings == ("sheet 'Notes' is hidden and was left out", "hidden columns: 1", "hidden rows: 1")
    kept = extract(data, "h.ods", limits=ReadLimits(keep_hidden=True))
    assert "Bo | 88 | 5" in kept.text
    assert "secret" in kept.text


def test_comments_and_charts_of_sheets_follow_their_cells() -> None:
    note = f"<office:annotation><dc:creator>Li</dc:creator>{p('too low')}</office:annotation>"
    chart = '<table:shapes><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></table:shapes>'
    drawn = f"<office:document-content {SPACES}><chart:chart><chart:title>{p('Empty')}</chart:title></chart:chart></office:document-content>"
    rows = row(cell("k"), f"<table:table-cell>{note}{p('3')}</table:table-cell>")
    found = read("ods", sheet(chart + rows), **{"Object 1__content": drawn})
    assert "k | 3" in found.text
    assert "Comment on B1 by Li: too low" in found.text
    assert "Chart: Empty" in found.text
    assert found.warnings == ("charts without data: 1",)


def test_an_endless_sheet_is_bounded() -> None:
    wide = f'<table:table-cell table:number-columns-repeated="1000000">{p("x")}</table:table-cell>'
    found = read("ods", sheet(row(cell("a")) + row(wide) + row(cell("b"), more='table:number-rows-repeated="900000"')))
    assert len(found.text) < 10_000
    assert found.warnings == ("cells beyond column 16,384: 1,000,000", "repeated rows left out: 899,000")


# --------------------------------------------------------------------- ODP


def shape(text: str, place: str = "", more: str = "") -> str:
    return f"<draw:frame {place} {more}><draw:text-box>{p(text)}</draw:text-box></draw:frame>"


def test_slides_are_read_by_place_with_notes_and_hidden_ones_reported() -> None:
    styles = (
        '<style:style style:name="gone"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
    )
    first = (
        shape("right", 'svg:x="14cm" svg:y="5.1cm"') + shape("bottom", 'svg:x="1cm" svg:y="12cm"')
        + shape("left", 'svg:x="1cm" svg:y="50mm"') + shape("Plan", more='presentation:class="title"')
        + shape("7", more='presentation:class="page-number"')
        + f"<presentation:notes>{shape('Speak slowly')}{shape('1', more='presentation:class=' + chr(34) + 'page-number' + chr(34))}"
        "</presentation:notes>"
    )  # fmt: skip
    body = f'<draw:page>{first}</draw:page><draw:page draw:style-name="gone">{shape("secret")}</draw:page><draw:page/>'
    found = read("odp", body, styles=styles)
    assert page_text(found, 1) == "Plan\n\nleft\n\nright\n\nbottom\n\nNotes: Speak slowly"
    assert headings(found) == [(1, "Plan")]
    assert found.warnings == ("slide 2 is hidden and was left out", "slide 3 has no text")


def test_columns_of_a_slide_are_read_one_after_the_other() -> None:
    body = (
        shape("second of left", 'svg:x="1cm" svg:y="9cm" svg:height="4cm"')
        + shape("all of right", 'svg:x="14cm" svg:y="3cm" svg:height="12cm"')
        + shape("first of left", 'svg:x="1.1cm" svg:y="4cm" svg:height="4cm"')
        + shape("below", 'svg:x="1cm" svg:y="16cm" svg:height="1cm"')
    )
    assert (
        read("odp", f"<draw:page>{body}</draw:page>").text == "first of left\n\nsecond of left\n\nall of right\n\nbelow"
    )


def test_heads_of_a_slide_stand_before_what_is_below_each_of_them() -> None:
    places = {
        "Pump": (1, 3, 1), "Fan": (12, 3, 1), "moves water": (1, 4.2, 5), "moves air": (12, 4.2, 5),
    }  # fmt: skip
    body = "".join(
        shape(text, f'svg:x="{x}cm" svg:y="{y}cm" svg:width="10cm" svg:height="{height}cm"')
        for text, (x, y, height) in places.items()
    )
    assert read("odp", f"<draw:page>{body}</draw:page>").text == "Pump\n\nmoves water\n\nFan\n\nmoves air"


# --------------------------------------------------------------------- bad files


def test_bad_files_have_a_reason() -> None:
    assert (
        outcome(package({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<a>"}), "a.odt")
        == "damaged"
    )
    unsafe = "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"
    data = package({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": unsafe})
    assert outcome(data, "a.odt") == "unsafe_xml"
    manifest = "<m><file-entry><encryption-data/></file-entry></m>"
    with pytest.raises(ExtractionError) as caught:
        extract(odf("odt", p("x"), **{"META-INF__manifest": manifest}), "a.odt")
    assert caught.value.reason == "encrypted"
    assert outcome(odf("odt", ""), "a.odt") == "no_text"


def test_deep_nesting_keeps_its_text() -> None:
    deep = "<text:section>" * 2_000 + p("needle") + "</text:section>" * 2_000
    assert "needle" in read("odt", deep).text
    frames = "<draw:frame><draw:text-box>" * 60 + p("bottom") + "</draw:text-box></draw:frame>" * 60
    read("odt", p("top") + frames)
