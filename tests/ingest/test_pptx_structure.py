"""Slides are read in the order in which a person reads them, with all that stands on them."""

from __future__ import annotations

from ragkit_ingest.readers.places import Box, reading_order
from tests.support.ingest_files import blocks, extract, headings, page_text
from tests.support.office_files import SPACES, deck, flat_file, relations, shape

IN = 914_400


def at(left: float, top: float, width: float = 2, height: float = 1) -> tuple[int, int, int, int]:
    return int(left * IN), int(top * IN), int(width * IN), int(height * IN)


def order(*boxes: tuple[float, float, float, float]) -> list[int]:
    return reading_order([Box(*at(*box)) for box in boxes])


# --------------------------------------------------------------------- places


def test_rows_come_from_the_top_and_each_from_the_left() -> None:
    assert order((5, 3, 2, 1), (1, 3.1, 2, 1), (5, 1, 2, 1), (1, 1.05, 2, 1)) == [3, 2, 1, 0]


def test_columns_that_no_row_parts_are_read_one_after_the_other() -> None:
    assert order((6, 1, 3, 5), (1, 3.5, 3, 2), (1, 1, 3, 2)) == [2, 1, 0]


def test_a_shape_behind_others_comes_first_and_one_without_a_place_last() -> None:
    boxes = [Box(*at(1, 3)), Box(*at(1, 1)), None, Box(*at(0, 0, 9, 7))]
    assert reading_order(boxes) == [3, 1, 0, 2]


def test_boxes_that_overlap_a_little_are_still_rows() -> None:
    assert order((1, 2.9, 4, 1), (1, 2, 4, 1), (1, 1.1, 4, 1)) == [2, 1, 0]


def test_low_heads_stand_before_what_is_right_below_each_of_them() -> None:
    heads = [(5, 1, 3, 0.6), (1, 1, 3, 0.6)]
    assert order(*heads, (5.1, 1.7, 3, 4), (1, 1.7, 3, 3)) == [1, 3, 0, 2]
    assert order(*heads, (5, 3, 3, 4), (1, 3, 3, 4)) == [1, 0, 3, 2]  # too far below
    assert order(*heads, (5, 1.7, 3, 0.6), (1, 1.7, 3, 0.6)) == [1, 0, 3, 2]  # as low: rows of a table
    table = [(1, 1.7, 3, 2), (5, 1.7, 3, 2), (1, 3.8, 3, 2), (5, 3.8, 3, 2)]
    assert order(*heads, *table) == [1, 0, 2, 3, 4, 5]


def test_shapes_stand_by_place_and_groups_stay_together() -> None:
    group = (
        "<p:grpSp><p:nvGrpSpPr/><p:grpSpPr><a:xfrm><a:off x='914400' y='4000000'/><a:ext cx='900000' cy='900000'/>"
        "<a:chOff x='0' y='0'/><a:chExt cx='100' cy='100'/></a:xfrm></p:grpSpPr>"
        f"{shape('group low', (0, 60, 90, 30))}{shape('group high', (0, 0, 90, 30))}</p:grpSp>"
    )
    found = extract(deck(group + shape("second", at(1, 2)) + shape("first", at(1, 0.5))), "a.pptx")
    assert found.text.split("\n\n") == ["first", "second", "group high", "group low"]


def test_placeholders_stand_where_their_layout_or_master_says() -> None:
    parts = {
        "ppt/slides/_rels/slide1.xml.rels": relations({"l": ("slideLayout", "../slideLayouts/l1.xml")}),
        "ppt/slideLayouts/l1.xml": "<p:sldLayout SPACES><p:cSld><p:spTree>"
        + shape("hint", at(0, 5), ph='type="body" idx="13"')
        + shape("hint", ph='type="subTitle" idx="1"')
        + shape("Yard Ltd", at(8, 7))
        + "</p:spTree></p:cSld></p:sldLayout>",
        "ppt/slideLayouts/_rels/l1.xml.rels": relations({"m": ("slideMaster", "../slideMasters/m1.xml")}),
        "ppt/slideMasters/m1.xml": "<p:sldMaster SPACES><p:cSld><p:spTree>"
        + shape("hint", at(0, 1), ph='type="body" idx="1"')
        + "</p:spTree></p:cSld></p:sldMaster>",
    }
    slide = shape("below", ph='idx="13"') + shape("middle", at(0, 3)) + shape("above", ph='type="subTitle" idx="1"')
    slide += shape("3 of 9", ph='type="ftr" idx="11"') + shape("Head", ph='type="title"')
    found = extract(deck(slide, parts=parts), "a.pptx")
    assert headings(found) == [(1, "Head")]
    assert found.text.split("\n\n") == [
        "Head",
        "above",
        "middle",
        "below",
        "Slide footer: 3 of 9",
        "On every slide: Yard Ltd",
    ]


# --------------------------------------------------------------------- text


def test_automatic_numbers_count_by_level() -> None:
    def line(text: str, level: int, bullet: str) -> str:
        return f"<a:p><a:pPr lvl='{level}'>{bullet}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>"

    roman = "<a:buAutoNum type='romanUcPeriod'/>"
    letter = "<a:buAutoNum type='alphaLcParenBoth' startAt='3'/>"
    lines = line("one", 0, roman) + line("a", 1, letter) + line("b", 1, letter) + line("two", 0, roman)
    lines += line("plain", 0, "<a:buNone/>") + line("again", 0, roman)
    slide = f"<p:sp><p:nvSpPr/><p:txBody>{lines}</p:txBody></p:sp>"
    assert extract(deck(slide), "a.pptx").text == "I. one\n  (c) a\n  (d) b\nII. two\nplain\nI. again"


def test_raised_letters_links_and_equations() -> None:
    def piece(text: str, look: str = "") -> str:
        return f"<a:r>{look}<a:t>{text}</a:t></a:r>"

    link = "<a:rPr><a:hlinkClick r:id='w'/></a:rPr>"
    math = (
        "<mc:AlternateContent><mc:Choice Requires='a14'><m:oMath><m:sSup><m:e><m:r><m:t>r</m:t></m:r></m:e>"
        "<m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></mc:Choice><mc:Fallback><a:r><a:t>?</a:t>"
        "</a:r></mc:Fallback></mc:AlternateContent>"
    )
    text = (
        piece("CO")
        + piece("2", "<a:rPr baseline='-25000'/>")
        + piece(" of 10")
        + piece("6", "<a:rPr baseline='30000'/>")
        + piece(" t, see ")
        + piece("the ", link)
        + piece("plan", link)
        + piece(", area ")
        + math
    )
    slide = f"<p:sp><p:nvSpPr/><p:txBody><a:p>{text}</a:p></p:txBody></p:sp>"
    found = extract(deck(slide, targets={"w": ("hyperlink", "https://plan.example/7")}), "a.pptx")
    assert found.text == "CO₂ of 10⁶ t, see the plan (https://plan.example/7), area r^{2}"


def test_tables_keep_spans_over_rows_and_columns() -> None:
    def cell(text: str, spans: str = "") -> str:
        return f"<a:tc {spans}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"

    rows = [
        cell("Hall") + cell("Opens") + cell("Closes"),
        cell("East", "rowSpan='2'") + cell("06:00") + cell("20:00"),
        cell("", "vMerge='1'") + cell("all day", "gridSpan='2'") + cell("", "hMerge='1'"),
    ]
    table = (
        f"<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{''.join(f'<a:tr>{row}</a:tr>' for row in rows)}"
        "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    )
    assert blocks(extract(deck(table), "a.pptx"), "table") == [
        ("Hall | Opens | Closes", "Hall | Opens | Closes\nEast | 06:00 | 20:00\nEast | all day | all day")
    ]


# --------------------------------------------------------------------- what hangs on a slide


def test_comments_of_both_kinds_and_notes_follow_their_slide() -> None:
    parts = {
        "ppt/commentAuthors.xml": "<p:cmAuthorLst SPACES><p:cmAuthor id='0' name='Uma'/></p:cmAuthorLst>",
        "ppt/comments/c1.xml": "<p:cmLst SPACES><p:cm authorId='0'><p:text>Check the sum</p:text></p:cm></p:cmLst>",
        "ppt/comments/m1.xml": (
            "<t:cmLst xmlns:t='urn:t' SPACES><t:cm authorId='9'><t:replyLst><t:reply authorId='0'><t:txBody>"
            "<a:p><a:r><a:t>Done</a:t></a:r></a:p></t:txBody></t:reply></t:replyLst><t:txBody><a:p><a:r>"
            "<a:t>Too small?</a:t></a:r>"
            "</a:p></t:txBody></t:cm></t:cmLst>"
        ),
        "ppt/notesSlides/n1.xml": "<p:notes SPACES><p:cSld><p:spTree>"
        + shape("Speak up", ph='type="body"')
        + shape("4", ph='type="sldNum"')
        + "</p:spTree></p:cSld></p:notes>",
    }
    targets = {
        "c": ("comments", "../comments/c1.xml"),
        "m": ("comments", "../comments/m1.xml"),
        "n": ("notesSlide", "../notesSlides/n1.xml"),
    }
    found = extract(deck(shape("Sum: 40"), shape("Next"), targets=targets, parts=parts), "a.pptx")
    assert page_text(found, 1).split("\n\n")[:2] == ["Sum: 40", "[Comment by Uma: Check the sum]"]
    assert "[Answer by Uma: Done]" in page_text(found, 1)
    assert "[Comment: Too small?]" in page_text(found, 1)
    assert page_text(found, 1).endswith("Notes: Speak up")
    assert page_text(found, 2) == "Next"


def test_pictures_objects_and_hidden_shapes_are_told() -> None:
    def picture(about: str) -> str:
        return f"<p:pic><p:nvPicPr><p:cNvPr id='4' name='p' {about}/></p:nvPicPr></p:pic>"

    thing = (
        f"<p:graphicFrame><a:graphic><a:graphicData><p:oleObj progId='Visio.Drawing.15'>{picture('')}"
        "</p:oleObj></a:graphicData></a:graphic></p:graphicFrame>"
    )
    slide = shape("Yard") + picture("descr='Two cranes'") + picture("descr='crane.jpg'") + thing
    slide += (
        "<p:sp><p:nvSpPr><p:cNvPr id='5' name='h' hidden='1'/></p:nvSpPr><p:txBody><a:p><a:r><a:t>no</a:t>"
        "</a:r></a:p></p:txBody></p:sp>"
    )
    found = extract(deck(slide), "a.pptx")
    assert found.text == "Yard\n\n[Picture: Two cranes]"
    assert found.warnings == (
        "1 picture without text",
        "1 embedded object (Visio.Drawing.15)",
        "1 hidden shape was left out",
    )


def test_a_presentation_in_one_xml_file_is_read() -> None:
    parts = {
        "_rels/.rels": relations({"m": ("officeDocument", "ppt/presentation.xml")}),
        "ppt/_rels/presentation.xml.rels": relations({"s": ("slide", "slides/slide1.xml")}),
        "ppt/presentation.xml": (
            f"<p:presentation {SPACES}><p:sldIdLst><p:sldId r:id='s'/></p:sldIdLst></p:presentation>"
        ),
        "ppt/slides/slide1.xml": f"<p:sld {SPACES}><p:cSld><p:spTree>{shape('Flat')}</p:spTree></p:cSld></p:sld>",
    }
    assert extract(flat_file(parts), "talk.xml").text == "Flat"
