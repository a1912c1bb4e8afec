"""Word documents say what their pages show: numbers, spans, raised letters, equations, notes, forms and drawings."""

from __future__ import annotations

import io
import zipfile

from tests.support.ingest_files import blocks, extract, headings, package
from tests.support.office_files import (
    ABSTRACT,
    NUM,
    SPACES,
    flat_file,
    level,
    numbered,
    para,
    relations,
    run,
    val,
    word,
    word_2003,
)


def text_of(body: str, targets: dict[str, tuple[str, str]] | None = None, **parts: str | bytes) -> str:
    return extract(word(body, targets, **parts), "a.docx").text


# --------------------------------------------------------------------- tables


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{para(text)}</w:tc>"


def test_cells_over_rows_and_columns_stand_in_each_of_them() -> None:
    down, on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    rows = [
        cell("Line") + cell("Weekday", '<w:gridSpan w:val="2"/>') + cell("Note"),
        cell("Red", down) + cell("07:10") + cell("19:40") + cell("stops"),
        cell("", on) + cell("08:15") + cell("20:45") + cell("express"),
    ]
    lines = text_of("<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>").split("\n")
    assert lines[-1] == "Red | 08:15 | 20:45 | express"
    assert lines[-2] == "Red | 07:10 | 19:40 | stops"


def test_a_row_that_starts_late_keeps_its_columns_and_deleted_rows_are_counted() -> None:
    rows = (
        f"<w:tr>{cell('Item')}{cell('Size')}{cell('Price')}</w:tr>"
        f"<w:tr><w:trPr><w:gridBefore w:val='1'/></w:trPr>{cell('M')}{cell('12')}</w:tr>"
        f"<w:tr><w:trPr><w:del w:id='1' w:author='x'/></w:trPr>{cell('Old')}{cell('L')}{cell('99')}</w:tr>"
    )
    found = extract(word(f"<w:tbl>{rows}</w:tbl>"), "a.docx")
    assert blocks(found, "table") == [("Item | Size | Price", "Item | Size | Price\n | M | 12")]
    assert found.warnings == ("1 tracked deletion",)


def test_a_table_in_a_cell_keeps_its_rows() -> None:
    inner = "<w:tbl>" + "".join(
        f"<w:tr>{cell(name)}{cell(price)}</w:tr>" for name, price in (("Bulb", "3"), ("Cord", "5"))
    )
    outer = f"<w:tr>{cell('Lamp')}{cell('Parts')}</w:tr><w:tr>{cell('L4')}<w:tc>{inner}</w:tbl>{para('')}</w:tc></w:tr>"
    assert text_of(f"<w:tbl>{outer}</w:tbl>").split("\n")[-1] == "L4 | Bulb, 3; Cord, 5"


def test_rows_numbered_by_blank_paragraphs_have_their_numbers() -> None:
    rows = "".join(f"<w:tr><w:tc>{numbered('')}</w:tc>{cell(task)}</w:tr>" for task in ("Weld", "Paint"))
    xml = ABSTRACT.format(level(0, "%1.") + level(1, "-", "bullet")) + NUM.format(1, "")
    text = text_of(f"<w:tbl>{rows}</w:tbl>{numbered('')}", {"n": ("numbering", "numbering.xml")}, numbering__xml=xml)
    assert text == "1. | Weld\n2. | Paint"


# --------------------------------------------------------------------- letters and signs


def test_raised_letters_do_not_glue_to_words() -> None:
    styles = (
        '<w:style w:type="character" w:styleId="Ref"><w:name w:val="r"/><w:rPr>'
        '<w:vertAlign w:val="superscript"/></w:rPr></w:style>'
    )
    body = (
        f"<w:p>{run('Area 40 m')}{run('2', val('vertAlign', 'superscript'))}{run(', H')}"
        f"{run('2', val('vertAlign', 'subscript'))}{run('O, valid 12')}"
        f"{run('4', val('rStyle', 'Ref'))}{run(' months')}</w:p>"
    )
    assert text_of(body, {"s": ("styles", "styles.xml")}, styles__xml=styles) == "Area 40 m², H₂O, valid 12⁴ months"


def test_figures_off_the_line_are_raised_or_lowered_and_a_first_letter_is_neither() -> None:
    first = para("T", look=val("position", "-9"))
    body = (
        f"<w:p>{run('Berth 12')}{run('3', val('position', '6'))}{run(' holds 40 m')}{run('3', val('position', '5'))}"
        f"{run(' of CO')}{run('2', val('position', '-4'))}{run(', level 1')}{run('7', val('position', '1'))}</w:p>"
    )
    assert text_of(first + body) == "T\n\nBerth 12³ holds 40 m³ of CO₂, level 17"


def test_symbols_become_unicode() -> None:
    body = (
        '<w:p><w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>' + run(" paid, ") + '<w:r><w:sym w:font="Symbol"'
        ' w:char="F06D"/></w:r>' + run("g ") + run("\uf0b3", '<w:rFonts w:ascii="Symbol"/>') + run(" 5") + "</w:p>"
    )
    assert text_of(body) == "☑ paid, μg ≥ 5"
    boxes = "".join(f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>' for font, code in (
        ("Wingdings", "F0A8"), ("Wingdings", "F06F"), ("Wingdings 2", "F0A3"), ("Webdings", "F063")))  # fmt: skip
    assert text_of(f"<w:p>{boxes}</w:p>") == "☐☐☐☐"


def test_hidden_text_and_changes_are_left_out_and_counted() -> None:
    body = (
        f"<w:p>{run('Seen')}{run('12345', '<w:vanish/>')}{run(' twice', val('vanish', '0'))}"
        "<w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins>" + run(" new") + "</w:ins></w:p>"
        "<w:p><w:pPr><w:rPr><w:del w:id='3'/></w:rPr></w:pPr>" + run("one ") + "</w:p>" + para("line")
    )
    found = extract(word(body), "a.docx")
    assert found.text == "Seen twice new\n\none line"
    assert found.warnings == ("hidden text: 5 characters", "1 tracked deletion")


# --------------------------------------------------------------------- equations


def test_equations_are_linear_text_in_their_place() -> None:
    letter = "<m:r><m:t>{}</m:t></m:r>".format
    integral = (
        f'<m:nary><m:naryPr><m:chr m:val="∫"/></m:naryPr><m:sub>{letter("0")}</m:sub><m:sup>{letter("T")}</m:sup>'
        f"<m:e>{letter('v')}</m:e></m:nary>"
    )
    root = f"<m:rad><m:deg>{letter('3')}</m:deg><m:e>{letter('k')}</m:e></m:rad>"
    matrix = (
        f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr><m:e><m:m><m:mr><m:e>{letter('a')}"
        f"</m:e><m:e>{letter('b')}</m:e></m:mr><m:mr><m:e>{letter('c')}</m:e><m:e>{letter('d')}</m:e></m:mr>"
        "</m:m></m:e></m:d>"
    )
    accent = f"<m:acc><m:accPr><m:chr m:val='\u20d7'/></m:accPr><m:e>{letter('F')}</m:e></m:acc>"
    sine = f"<m:func><m:fName>{letter('sin')}</m:fName><m:e>{letter('x')}</m:e></m:func>"
    body = (
        f"<w:p>{run('Take')}<m:oMath>{integral}</m:oMath>{run('and so on')}</w:p><w:p><m:oMathPara><m:oMath>"
        f"{root}</m:oMath></m:oMathPara></w:p>"
    )
    body += f"<w:p><m:oMath>{matrix}</m:oMath></w:p><w:p><m:oMath>{accent}{letter('=')}{sine}</m:oMath></w:p>"
    assert text_of(body).split("\n\n") == [
        "Take ∫_{0}^{T} v and so on",
        "\\sqrt[3]{k}",
        "[\\begin{matrix}a & b \\\\ c & d\\end{matrix}]",
        "\\vec{F}= sin x",
    ]


# --------------------------------------------------------------------- notes, headers, links


def test_notes_and_comments_follow_their_paragraph() -> None:
    body = (
        f"<w:p>{run('Pay within 30')}<w:r><w:footnoteReference w:id='4'/></w:r>{run(' days')}"
        "<w:r><w:commentReference w:id='0'/></w:r></w:p>" + para("After")
    )
    data = word(
        body,
        {"f": ("footnotes", "footnotes.xml"), "c": ("comments", "comments.xml")},
        footnotes__xml=(
            "<w:footnote w:type='separator' w:id='-1'><w:p/></w:footnote><w:footnote w:id='4'>"
            f"{para('Workdays only.')}</w:footnote>"
        ),
        comments__xml=f"<w:comment w:id='0' w:author='Ida'>{para('Check')}{para('this')}</w:comment>",
    )
    assert extract(data, "a.docx").text == (
        "Pay within 30¹ days\n\nFootnote 1: Workdays only.\n\n[Comment by Ida: Check this]\n\nAfter"
    )


def test_numbers_of_notes_keep_apart_from_powers_and_from_each_other() -> None:
    def mark(number: int) -> str:
        return f"<w:r><w:footnoteReference w:id='{number}'/></w:r>"

    power = run("2", val("vertAlign", "superscript"))
    assert (
        text_of(f"<w:p>{run('12 m')}{power}{mark(1)}{run(' and more')}{mark(2)}{mark(3)}</w:p>")
        == "12 m² ¹ and more²,³"
    )


def test_headers_stand_once_and_those_of_no_page_are_left_out() -> None:
    section = (
        "<w:sectPr><w:headerReference w:type='default' r:id='h1'/><w:headerReference w:type='even' r:id='h2'/>"
        "<w:headerReference w:type='first' r:id='h3'/>{}</w:sectPr>"
    )
    body = f"<w:p><w:pPr>{section.format('')}</w:pPr>{run('One')}</w:p>{para('Two')}{section.format('')}"
    targets = {f"h{number}": ("header", f"header{number}.xml") for number in (1, 2, 3)}
    parts = {f"header{number}__xml": para(f"Head {number}") for number in (1, 2, 3)}
    assert text_of(body, targets, **parts) == "One\n\nTwo\n\nPage header: Head 1"
    both = section.format("<w:titlePg/>")
    settings = {"settings__xml": "<w:evenAndOddHeaders/>"}
    found = text_of(para("One") + both, {**targets, "s": ("settings", "settings.xml")}, **parts, **settings)
    assert found.endswith("Page header: Head 1\n\nPage header: Head 2\n\nPage header: Head 3")


def test_addresses_stand_after_the_text_of_links() -> None:
    targets = {"a": ("hyperlink", "https://x.example/form"), "b": ("hyperlink", "mailto:ann@x.example")}
    field = (
        "<w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r>"
        "<w:instrText> HYPERLINK &quot;http://y.example/z&quot; </w:instrText></w:r>"
        f"<w:r><w:fldChar w:fldCharType='separate'/></w:r>{run('there')}<w:r><w:fldChar w:fldCharType='end'/></w:r>"
    )
    body = (
        f"<w:p><w:hyperlink r:id='a'>{run('The form')}</w:hyperlink>{run(', ')}<w:hyperlink r:id='b'>"
        f"{run('ann@x.example')}"
        f"</w:hyperlink>{run(', ')}{field}{run(', ')}<w:hyperlink w:anchor='top'>{run('up')}</w:hyperlink></w:p>"
    )
    assert text_of(body, targets) == "The form (https://x.example/form), ann@x.example, there (http://y.example/z), up"


# --------------------------------------------------------------------- forms


def test_form_fields_and_controls_show_their_values() -> None:
    def old(data: str) -> str:
        return (
            f"<w:r><w:fldChar w:fldCharType='begin'><w:ffData>{data}</w:ffData></w:fldChar></w:r><w:r>"
            "<w:fldChar w:fldCharType='end'/></w:r>"
        )

    box = old("<w:checkBox><w:default w:val='1'/><w:checked w:val='0'/></w:checkBox>")
    choice = old("<w:ddList><w:result w:val='1'/><w:listEntry w:val='Oak'/><w:listEntry w:val='Ash'/></w:ddList>")
    control = (
        "<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val='1'/></w14:checkbox></w:sdtPr><w:sdtContent>"
        f"{run('?')}</w:sdtContent></w:sdt>"
    )
    body = f"<w:p>{run('Dry ')}{box}{run(', wood ')}{choice}{run(', oiled ')}{control}</w:p>"
    assert text_of(body) == "Dry ☐, wood Ash, oiled ☒"


def test_a_control_shows_the_data_that_it_is_bound_to() -> None:
    bound = (
        "<w:sdt><w:sdtPr><w:showingPlcHdr/>"
        "<w:dataBinding w:xpath='/ns0:order[1]/ns0:client[1]' w:storeItemID='{A}'/><w:text/>"
        f"</w:sdtPr><w:sdtContent>{run('Click here')}</w:sdtContent></w:sdt>"
    )
    data = word(f"<w:p>{run('Client: ')}{bound}</w:p>")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["customXml/item1.xml"] = b"<order xmlns='urn:o'><client>Berg AG</client></order>"
    parts["customXml/itemProps1.xml"] = b"<ds:datastoreItem ds:itemID='{A}' xmlns:ds='urn:d'/>"
    assert extract(package(parts), "a.docx").text == "Client: Berg AG"


def test_code_of_a_damaged_field_hides_its_paragraph_only() -> None:
    body = f"<w:p><w:r><w:fldChar w:fldCharType='begin'/></w:r>{run('lost')}</w:p>{para('kept')}"
    assert text_of(body) == "kept"


# --------------------------------------------------------------------- drawings


def drawing(inside: str, about: str = "") -> str:
    return (
        f"<w:r><w:drawing><wp:inline><wp:docPr id='1' name='x' {about}/><a:graphic><a:graphicData>{inside}"
        "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
    )


CHART = '<c:chart r:id="C"/>'
DIAGRAM = '<dgm:relIds r:dm="D"/>'
PICTURE = "<pic:pic><pic:nvPicPr><pic:cNvPr id='0' name='p' descr=''/></pic:nvPicPr></pic:pic>"


def test_pictures_say_what_is_said_of_them_and_silent_ones_are_counted() -> None:
    spoken = drawing(PICTURE, "descr='Map of the yard'")
    silent = drawing(PICTURE, "descr='image7.png'")
    thing = (
        "<w:r><w:object><v:shape><v:imagedata r:id='q'/></v:shape><o:OLEObject ProgID='Excel.Sheet.12'/>"
        "</w:object></w:r>"
    )
    found = extract(word(f"<w:p>{run('Look:')}{spoken}{silent}{silent}{thing}</w:p>"), "a.docx")
    assert found.text == "Look: [Picture: Map of the yard]"
    assert found.warnings == ("2 pictures without text", "1 embedded object (Excel.Sheet.12)")


def test_charts_and_diagrams_follow_their_paragraph() -> None:
    points = "".join(f"<c:pt idx='{at}'><c:v>{value}</c:v></c:pt>" for at, value in enumerate(["0.25", "0.5"]))
    names = "".join(f"<c:pt idx='{at}'><c:v>{value}</c:v></c:pt>" for at, value in enumerate(["Hay", "Oats"]))
    chart = (
        "<c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Feed</a:t></a:r></a:p></c:rich></c:tx></c:title>"
        "<c:plotArea><c:pieChart><c:ser>"
        "<c:tx><c:strRef><c:strCache><c:pt idx='0'><c:v>Share</c:v></c:pt></c:strCache></c:strRef></c:tx>"
        f"<c:cat><c:strRef><c:strCache>{names}</c:strCache></c:strRef></c:cat>"
        f"<c:val><c:numRef><c:numCache><c:formatCode>0%</c:formatCode>{points}</c:numCache></c:numRef></c:val>"
        "</c:ser></c:pieChart></c:plotArea></c:chart>"
    )

    def point(name: str, text: str) -> str:
        return f"<dgm:pt modelId='{name}'><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>"

    def link(source: str, target: str, order: int) -> str:
        return f"<dgm:cxn modelId='x{source}{target}' srcId='{source}' destId='{target}' srcOrd='{order}' destOrd='0'/>"

    tree = (
        f"<dgm:ptLst><dgm:pt modelId='d' type='doc'/>{point('b', 'Second')}{point('a', 'First')}"
        f"{point('c', 'Under first')}</dgm:ptLst>"
        f"<dgm:cxnLst>{link('d', 'b', 1)}{link('d', 'a', 0)}{link('a', 'c', 0)}</dgm:cxnLst>"
    )
    body = f"<w:p>{run('See')}{drawing(CHART)}{drawing(DIAGRAM)}</w:p>{para('End')}"
    targets = {"C": ("chart", "chart1.xml"), "D": ("diagramData", "data1.xml")}
    assert text_of(body, targets, chart1__xml=chart, data1__xml=tree) == (
        "See\n\nPie chart: Feed\n\nCategory | Share\nHay | 25%\nOats | 50%\n\n- First\n  - Under first\n- Second\n\nEnd"
    )


def test_the_title_of_the_axis_of_values_heads_no_categories() -> None:
    def axis(kind: str, place: str, title: str) -> str:
        words = f"<c:title><c:tx><c:rich><a:p><a:r><a:t>{title}</a:t></a:r></a:p></c:rich></c:tx></c:title>"
        return f"<c:{kind}><c:axPos c:val='{place}' val='{place}'/>{words if title else ''}</c:{kind}>"

    def chart(kind: str, x: str, y: str, axes: str) -> str:
        series = (
            f"<c:ser><c:tx><c:strRef><c:strCache><c:pt idx='0'><c:v>Well</c:v></c:pt></c:strCache></c:strRef></c:tx>"
            f"<c:{x}><c:strCache><c:pt idx='0'><c:v>3</c:v></c:pt></c:strCache></c:{x}>"
            f"<c:{y}><c:numCache><c:pt idx='0'><c:v>8</c:v></c:pt></c:numCache></c:{y}></c:ser>"
        )
        xml = f"<c:chart><c:plotArea><c:{kind}>{series}</c:{kind}>{axes}</c:plotArea></c:chart>"
        body = f"<w:p>{run('See')}{drawing(CHART)}</w:p>"
        return text_of(body, {"C": ("chart", "chart1.xml")}, chart1__xml=xml).split("\n")[-2]

    values = axis("valAx", "l", "Litres")
    assert chart("lineChart", "cat", "val", axis("catAx", "b", "") + values) == "Category | Well"
    assert chart("lineChart", "cat", "val", values + axis("dateAx", "b", "Day")) == "Day | Well"
    assert chart("scatterChart", "xVal", "yVal", values + axis("valAx", "b", "Depth")) == "Depth | Well"


def test_text_boxes_stand_once_and_after_their_paragraph() -> None:
    box = f"<w:txbxContent>{para('In the box')}</w:txbxContent>"
    both = (
        f"<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>{box}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )
    only = (
        f"<w:r><mc:AlternateContent><mc:Fallback><w:pict><v:textbox><w:txbxContent>{para('Old box')}"
        "</w:txbxContent></v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )
    assert text_of(f"<w:p>{both}{only}{run('Anchor')}</w:p>") == "Anchor\n\nIn the box\n\nOld box"


# --------------------------------------------------------------------- embedded documents, other forms of Word files


def test_embedded_documents_are_read_by_their_own_readers() -> None:
    inner = word(para("Inner ") + "<w:altChunk r:id='self'/>", {"self": ("aFChunk", "x.txt")}, x__txt=b"Deep text")
    targets = {"h": ("aFChunk", "a.html"), "d": ("aFChunk", "b.docx"), "n": ("aFChunk", "none.rtf")}
    body = para("Start") + "<w:altChunk r:id='h'/><w:altChunk r:id='d'/><w:altChunk r:id='n'/>" + para("End")
    html = b"<html><body><h2>Terms</h2><p>No dogs.</p></body></html>"
    found = extract(word(body, targets, a__html=html, b__docx=inner), "a.docx")
    assert found.text == "Start\n\nTerms\n\nNo dogs.\n\nInner\n\nDeep text\n\nEnd"
    assert headings(found) == [(2, "Terms")]
    assert found.warnings == ("1 embedded file could not be read (none.rtf)",)


def test_embedded_mail_pages_and_fragments_of_html_are_read_as_html() -> None:
    page = (
        b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\n"
        b"Content-Type: text/html; charset=utf-8\n"
        b"Content-Transfer-Encoding: quoted-printable\n\n<html><body><p>Gr=C3=BC=C3=9Fe</p></body></html>\n--x--\n"
    )
    targets = {"m": ("aFChunk", "a.mht"), "f": ("aFChunk", "b.dat")}
    found = text_of(
        "<w:altChunk r:id='m'/><w:altChunk r:id='f'/>", targets, a__mht=page, b__dat=b"<p>One</p><p>Two</p>"
    )
    assert found.endswith("Gr\u00fc\u00dfe\n\nOne\n\nTwo")


def test_flat_files_are_read_as_packages() -> None:
    parts = {
        "_rels/.rels": relations({"m": ("officeDocument", "word/document.xml")}),
        "word/_rels/document.xml.rels": relations({"n": ("numbering", "numbering.xml")}),
        "word/document.xml": f"<w:document {SPACES}><w:body>{numbered('Grüße')}</w:body></w:document>",
        "word/numbering.xml": (
            f"<w:numbering {SPACES}>{ABSTRACT.format(level(0, 'No. %1'))}{NUM.format(1, '')}</w:numbering>"
        ),
    }
    assert extract(flat_file(parts), "plan.xml").text == "No. 1 Grüße"
    sixteen = flat_file(parts).decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert extract(sixteen, "plan.doc").text == "No. 1 Grüße"


def test_word_2003_files_count_their_lists() -> None:
    body = "".join(
        f"<w:p><w:pPr><w:listPr><w:ilvl w:val='0'/><w:ilfo w:val='2'/></w:listPr></w:pPr>{run(text)}</w:p>"
        for text in "xy"
    )
    assert extract(word_2003(body), "a.xml").text == "A) x\nB) y"


def test_word_2003_files_keep_numbers_notes_links_and_no_base64() -> None:
    body = (
        "<w:p><w:pPr><w:listPr><w:ilvl w:val='0'/><w:ilfo w:val='1'/><wx:t wx:val='IV.'/></w:listPr></w:pPr>"
        + run("Lifts")
        + "</w:p>"
        f"<w:p>{run('Call ')}<w:hlink w:dest='https://lift.example/'>{run('the desk')}</w:hlink>"
        f"<w:r><w:footnote>{para('Day and night.')}</w:footnote></w:r>"
        f"<aml:annotation aml:id='1' w:type='Word.Deletion'><aml:content>{run('never')}</aml:content></aml:annotation>"
        f"<aml:annotation aml:id='2' w:type='Word.Insertion'><aml:content>{run(' now')}</aml:content>"
        "</aml:annotation></w:p>"
        "<w:p><w:r><w:pict><w:binData w:name='a.png'>QUJDREVGR0hJSktMTU5PUA==</w:binData></w:pict></w:r></w:p>"
        f"<w:sectPr><w:hdr w:type='odd'>{para('Head')}</w:hdr></w:sectPr>"
    )
    data = word_2003(body)
    found = extract(data, "rules.xml")
    assert found.text == (
        "IV. Lifts\n\nCall the desk (https://lift.example/)¹ now\n\nFootnote 1: Day and night.\n\nPage header: Head"
    )
    assert found.title == "House rules"
    assert found.warnings == ("1 tracked deletion", "1 picture without text")
