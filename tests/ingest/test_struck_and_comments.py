# ruff: noqa: E501 (XML and codes as they stand in files)
"""Struck-out words are no statement of the document, and comments are kept or left out as a setting says."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Font

from ragkit import ConfigError
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.options import IngestOptions
from tests.ingest.test_odf import odf
from tests.support.ingest_files import extract
from tests.support.office_files import deck, para, run, shape, word, word_2003

DROP = ReadLimits(comments="drop")


def sheet(fill: Callable[[openpyxl.Workbook], None]) -> bytes:
    book = openpyxl.Workbook()
    fill(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def priced(book: openpyxl.Workbook) -> None:
    page = book.active
    page.append(["Item", "Price", "Note"])
    page.append(["Oak door", 480, CellRichText("sold by ", TextBlock(InlineFont(strike=True), "Anna"), "Ben")])
    page.append(["Ash door", 395, "in stock"])
    page["B2"].font = Font(strike=True)


STRUCK = {
    "prices.docx": (
        word(
            f"<w:p>{run('The fee is ')}{run('40 euros', '<w:strike/>')}{run(' 55 euros')}"
            f"{run(' net', '<w:dstrike w:val=&quot;0&quot;/>'.replace('&quot;', chr(34)))}.</w:p>"
        ),
        "The fee is 55 euros net",
        "40",
        "struck-out text left out: 8 characters",
    ),
    "prices.pptx": (
        deck(
            shape("Rate").replace(
                "</a:p>", "<a:r><a:rPr strike='sngStrike'/><a:t>7 %</a:t></a:r><a:r><a:t> is 9 %</a:t></a:r></a:p>"
            )
        ),
        "Rate is 9 %",
        "7",
        "struck-out text left out: 3 characters",
    ),
    "prices.xlsx": (
        sheet(priced),
        "Oak door |  | sold by Ben\nAsh door | 395",
        "480",
        "struck-out text left out (characters): 7",
    ),
    "prices.odt": (
        odf(
            "odt",
            "<text:p>Pay in <text:span text:style-name='X'>30</text:span> 14 days</text:p><text:p text:style-name='X'>Old clause</text:p>",
            styles="<style:style style:name='X'><style:text-properties style:text-line-through-style='solid'/></style:style>",
        ),
        "Pay in 14 days",
        "30",
        "struck-out text left out (characters): 12",
    ),
    "prices.ods": (
        odf(
            "ods",
            "<table:table table:name='S'><table:table-row><table:table-cell><text:p>Door</text:p></table:table-cell>"
            "<table:table-cell table:style-name='X'><text:p>480</text:p></table:table-cell><table:table-cell><text:p>395</text:p></table:table-cell></table:table-row></table:table>",
            styles="<style:style style:name='X'><style:text-properties style:text-line-through-type='single'/></style:style>",
        ),
        "Door |  | 395",
        "480",
        "struck-out text left out (characters): 3",
    ),
    "prices.rtf": (
        rb"{\rtf1\ansi The fee is {\strike 40} 55 euros{\strike0  net}.\par}",
        "The fee is 55 euros net.",
        "40",
        "struck-out characters: 2",
    ),
    "prices.html": (
        (
            b"<style>.old { text-decoration: line-through } p .old.kept { text-decoration: none }</style>"
            b"<p>Doors: <s>480</s> <del>470</del> <span class=old>460 <b>(list)</b></span> <span style='color:red; text-decoration:line-through'>450</span>"
            b" 395 euros, <span class='old kept'>delivered</span> <u>free</u>.</p>"
        ),
        "Doors: 395 euros, delivered free.",
        "480|470|460|450",
        "struck-out text left out: 18 characters",
    ),
    "prices.md": (
        b"The fee is ~~40~~ 55 euros, <del>due in **30** days</del> paid at once. A file is ~/notes.\n",
        "The fee is 55 euros, paid at once. A file is ~/notes.",
        "40|30",
        "struck-out text left out: 16 characters",
    ),
    "prices.adoc": (
        b"= Fees\n\nThe fee is [.line-through]#40# 55 euros, [.old.line-through]##due##paid [.big]#at once#.\n",
        "The fee is 55 euros, paid at once.",
        "40",
        "struck-out text left out: 5 characters",
    ),
}


@pytest.mark.parametrize("name", sorted(STRUCK))
def test_words_that_are_struck_out_are_left_out_and_counted(name: str) -> None:
    data, kept, gone, warning = STRUCK[name]
    found = extract(data, name)
    assert " ".join(kept.split()) in " ".join(found.text.split())
    assert not re.search(rf"\b(?:{gone})\b", found.text)
    assert warning in found.warnings


def test_a_style_of_word_strikes_out_and_a_run_takes_it_back() -> None:
    styles = (
        '<w:style w:type="character" w:styleId="Old"><w:rPr><w:strike/></w:rPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="Gone"><w:rPr><w:dstrike/></w:rPr></w:style>'
    )
    body = (
        f"<w:p>{run('Keep ')}{run('drop', '<w:rStyle w:val=' + chr(34) + 'Old' + chr(34) + '/>')}</w:p>"
        + para("Nothing of this", '<w:pStyle w:val="Gone"/>')
        + para("But this", '<w:pStyle w:val="Gone"/>', '<w:dstrike w:val="0"/>')
    )
    found = extract(word(body, {"S": ("styles", "styles.xml")}, styles__xml=f"<w:styles>{styles}</w:styles>"), "a.docx")
    assert found.text == "Keep\n\nBut this"


COMMENTED = {
    "a.docx": word(
        f"<w:p>{run('The limit is 5.')}<w:r><w:commentReference w:id='3'/></w:r></w:p>",
        {"C": ("comments", "comments.xml")},
        comments__xml=f"<w:comments><w:comment w:id='3' w:author='Zoe'>{para('Ask legal')}</w:comment></w:comments>",
    ),
    "old.xml": word_2003(
        f"<w:p>{run('The limit is 5.')}<w:r><aml:annotation w:type='Word.Comment' aml:author='Zoe'><aml:content>{para('Ask legal')}</aml:content></aml:annotation></w:r></w:p>"
    ),
    "a.pptx": deck(
        shape("The limit is 5."),
        targets={"c": ("comments", "../comments/c1.xml")},
        parts={"ppt/comments/c1.xml": "<p:cmLst SPACES><p:cm authorId='0'><p:text>Ask legal</p:text></p:cm></p:cmLst>"},
    ),
    "a.odt": odf(
        "odt",
        "<text:p>The limit is 5.<office:annotation><dc:creator>Zoe</dc:creator><text:p>Ask legal</text:p></office:annotation></text:p>",
    ),
    "a.ods": odf(
        "ods",
        "<table:table table:name='S'><table:table-row><table:table-cell><office:annotation><text:p>Ask legal</text:p></office:annotation>"
        "<text:p>The limit is 5.</text:p></table:table-cell></table:table-row></table:table>",
    ),
    "a.rtf": rb"{\rtf1\ansi The limit is 5.{\*\atnauthor Zoe}{\*\annotation Ask legal}\par}",
}


def commented_sheet(book: openpyxl.Workbook) -> None:
    book.active["A1"] = "The limit is 5."
    book.active["A1"].comment = Comment("Ask legal", "Zoe")


@pytest.mark.parametrize("name", [*sorted(COMMENTED), "a.xlsx"])
def test_comments_are_kept_and_a_setting_leaves_them_out_with_their_number(name: str) -> None:
    data = COMMENTED.get(name) or sheet(commented_sheet)
    assert "Ask legal" in extract(data, name).text
    found = extract(data, name, limits=DROP)
    assert "legal" not in found.text
    assert "The limit is 5." in found.text
    assert found.warnings == ("comments left out: 1",)


def test_hidden_slides_are_read_where_the_setting_keeps_them() -> None:
    data = deck(shape("First"), shape("Second"))
    hidden = _with_hidden_first(data)
    assert extract(hidden, "a.pptx").text == "Second"
    kept = extract(hidden, "a.pptx", limits=ReadLimits(keep_hidden=True))
    assert kept.text == "First\n\nSecond"
    assert kept.warnings == ()


def _with_hidden_first(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, text.replace(b"<p:sld ", b'<p:sld show="0" ') if name.endswith("slide1.xml") else text)
    return out.getvalue()


def test_a_changed_setting_reads_files_again() -> None:
    settings = [ReadLimits(), ReadLimits(keep_hidden=True), DROP, ReadLimits(ocr_pictures=True)]
    assert len({IngestOptions(limits=limits).extractor for limits in settings}) == 4
    with pytest.raises(ConfigError, match="keep, drop"):
        ReadLimits(comments="some")  # type: ignore[arg-type]


def test_a_numbered_list_of_one_item_keeps_its_number_on_a_slide() -> None:
    body = "<draw:page><draw:frame><draw:text-box><text:list text:style-name='N'><text:list-item><text:p>Only step</text:p></text:list-item></text:list></draw:text-box></draw:frame></draw:page>"
    styles = "<text:list-style style:name='N'><text:list-level-style-number text:level='1' style:num-suffix='.' style:num-format='1'/></text:list-style>"
    assert extract(odf("odp", body, styles=styles), "a.odp").text == "1. Only step"


def test_a_preformatted_text_keeps_the_addresses_of_its_links() -> None:
    prose = b"<table><tr><th>What</th><th>Where</th></tr><tr><td>Help</td><td><pre>See <a href='https://h.example/a'>the docs</a> first</pre></td></tr></table>"
    assert "Help | See the docs (https://h.example/a) first" in extract(prose, "a.html").text
    code = b"<p>Call</p><pre class='highlight'>x = <a href='https://h.example/open'>open</a>(<a href='https://h.example/open'>open</a>)</pre>"
    assert extract(code, "b.html").text == "Call\n\nx = open(open)\n\nopen (https://h.example/open)"


def test_the_caption_of_a_web_table_is_text() -> None:
    page = b"<table><caption>Duck weights</caption><tr><th>Kind</th><th>kg</th></tr><tr><td>Teal</td><td>0.3</td></tr></table>"
    assert extract(page, "a.html").text == "Duck weights\n\nKind | kg\nTeal | 0.3"
