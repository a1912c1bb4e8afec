# ruff: noqa: E501 (XML and codes as they stand in files)
"""RTF as a person reads it; the expected texts are written by hand after the specification (1.9.1)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.ingest_files import blocks, extract, headings, media_type, outcome

HEAD = (
    r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset238 Arial CE;}{\f2\fcharset129 Batang;}}"
    r"{\colortbl;\red1\green2\blue3;}{\stylesheet{\ql Normal;}{\s3\b heading 2;}{\s4 Title;}}"
)


def rtf(body: str) -> bytes:
    return (HEAD + body + "}").encode("cp1252")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"Na\'efve \'80 5 \'96 caf\'e9", "Naïve € 5 – café"),
        (r"{\f1 P\'f8\'edli\'9a}, {\f2 \'b0\'a1}", "Příliš, 가"),
        (r"\u1055?\u1088?\u1080? \uc2\u1074\'e2\'e2!\uc0\u1090 end", "При в!тend"),
        (r"{\uc1\u55356?\u57217?} party", "🎁 party"),
        (r"one\line two\tab three\~four", "one\ntwo three four"),
        (r"a\{b\}c\\d \emdash \ldblquote q\rdblquote", "a{b}c\\d —“q”"),
        (r"seen{\v unseen}{\*\unknown lost}{\*\bkmkstart b}{\*\bkmkend b} end", "seen end"),
        (r"E = mc{\super 2}, x{\sub i}, 1{\super st}", "E = mc², x_i, 1st"),
        (r"{\pntext\f0 a)\tab}{\*\pn\pnlvlbody}clause", "a) clause"),
        (r"{\listtext 2.1\tab}Invoices\par", "2.1 Invoices"),
        (
            (
                r"{\*\pn\pnlvlbody\pndec\pnstart7{\pntxta )}}oil\par tar\par\pard rest\par"
                r"{\*\pn\pnlvlbody\pndec\pnstart7{\pntxta )}}salt\par"
            ),
            "7) oil\n\n8) tar\n\nrest\n\n7) salt",
        ),
        (
            (
                r"{\*\pn\pnlvl1\pnucrm{\pntxtb Part }{\pntxta .}}A\par\pard words\par{\*\pn\pnlvl2\pnprev\pnlcltr}B\par"
                r"\pard{\*\pn\pnlvl1\pnucrm{\pntxtb Part }{\pntxta .}}C\par\pard{\*\pn\pnlvl2\pnprev\pnlcltr}D\par"
            ),
            "Part I. A\n\nwords\n\nPart I.a B\n\nPart II. C\n\nPart II.a D",
        ),
        (
            (
                r"{\*\pn\pnlvlbody\pnlcltr}p\par\pard{\*\pn\pnlvlcont}more\par\pard{\*\pn\pnlvlbody\pnlcltr}q\par"
                r"\pard{\*\pn\pnlvlblt\pnf2{\pntxtb\'a7}}dot\par"
            ),
            "a p\n\nmore\n\nb q\n\n- dot",
        ),
        ("raw ü\r\nbroken", "raw übroken"),
        (r"{\field{\*\fldinst { HYPERLINK \\l \"mark\" }}{\fldrslt here}}", "here"),
        (r"{\field{\*\fldinst DATE}{\fldrslt 5 May}}", "5 May"),
        (r"{\object\objemb{\*\objdata 01050000}{\result{\pard seen\par}}} rest", "seen\n\nrest"),
        (r"{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt \pard boxed\par}}{\shprslt{\pard boxed\par}}}x", "x\n\nboxed"),
    ],
)
def test_the_words_of_a_document(body: str, text: str) -> None:
    assert extract(rtf(body), "a.rtf").text == text


LISTS = (
    r"{\*\listtable{\list{\listlevel\levelnfc0\levelstartat4{\leveltext\'02\'00.;}{\levelnumbers\'01;}}"
    r"{\listlevel\levelnfc4\levelstartat1{\leveltext\'05\'00-(\'01);}{\levelnumbers\'01\'04;}}\listid9}"
    r"{\list{\listlevel\levelnfc23{\leveltext\'01\u-3913 ?;}{\levelnumbers;}}\listid3}}"
    r"{\*\listoverridetable{\listoverride\listid9\listoverridecount0\ls1}{\listoverride\listid9\listoverridecount1"
    r"{\lfolevel\listoverridestartat\levelstartat20}\ls2}{\listoverride\listid3\listoverridecount0\ls7}"
    r"{\listoverride\listid3\listoverridecount1{\lfolevel\listoverrideformat{\listlevel\levelnfc2\levelstartat1"
    r"{\leveltext\'04art.\'00;}{\levelnumbers\'04;}}}\ls8}}"
)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            r"\pard\ls1 Berth\par Crane\par\pard\ls1\ilvl1 hook\par rope\par\pard\ls1 Tug\par",
            "4. Berth\n\n5. Crane\n\n5-(a) hook\n\n5-(b) rope\n\n6. Tug",
        ),
        (
            r"\pard\ls1 Berth\par\pard plain\par\pard\ls2 Other\par\pard\ls1 Tug\par",
            "4. Berth\n\nplain\n\n20. Other\n\n21. Tug",
        ),
        (r"\pard\ls7 Rope\par\pard\ls8 Scope\par Fees\par", "- Rope\n\nart.i Scope\n\nart.ii Fees"),
        (r"{\listtext 4.\tab}\pard\ls1 told\par\pard\ls1 counted\par", "4. told\n\n5. counted"),
        (r"\trowd\cellx9\cellx19\pard\intbl\ls1 Red\cell\pard\intbl 5 kg\cell\row\pard end", "4. Red | 5 kg\n\nend"),
    ],
)
def test_numbers_of_lists_that_the_file_does_not_spell_out(body: str, text: str) -> None:
    assert extract(rtf(LISTS + body), "a.rtf").text == text


def test_fonts_of_signs_and_old_text_boxes() -> None:
    fonts = r"{\fonttbl{\f7\fnil\fcharset2{\*\panose 0500000000}Wingdings;}{\f8\fcharset2 Symbol;}}"
    body = r"{\f7 \'fe} paid {\f7\u-3844 ?x} done, {\f8 b} = 2{\*\do{\dptxbxtext \pard boxed\par}}{\shprslt{\*\do{\dptxbxtext again\par}}}"
    assert extract(rtf(fonts + body), "a.rtf").text == "☑ paid ✓☒ done, β = 2\n\nboxed"


@pytest.mark.parametrize(
    "fonts",
    [
        r"{\f0 Arial;}{\f7\fnil Wingdings{\*\falt Symbol};}{\f8 Symbol;}",
        r"{\f0 Arial;}{\f7\fcharset0{\*\panose 0500}Wingdings;}{\f8\fcharset0 Symbol{\*\falt Arial};}",
        r"\f0\fswiss Arial;\f7\fnil Wingdings;\f8\fcharset2 Symbol;",
    ],
)
def test_fonts_of_signs_are_known_by_their_name(fonts: str) -> None:
    styles = r"{\stylesheet{\s1\f0 Symbol;}{\*\cs2\f0 Wingdings;}}"
    body = r"{\f7 \'fe} paid, {\f8 b} = 2 {\f0 b}"
    assert extract(rtf(rf"{{\fonttbl{fonts}}}{styles}{body}"), "a.rtf").text == "☑ paid, β = 2 b"


def test_links_have_their_address() -> None:
    link = r'see {\field{\*\fldinst{HYPERLINK "https://x.example/a?b=1" \\o "tip"}}{\fldrslt{\ul the \b map}}}, please'
    assert extract(rtf(link), "a.rtf").text == "see the map (https://x.example/a?b=1), please"


def test_headings_titles_and_properties() -> None:
    body = (
        r"{\info{\title Guide}{\author Ann}{\operator x}}{\pard\s4 The guide\par}{\pard\s3 Tools\par}"
        r"\pard\plain A saw.\par\pard\outlinelevel0 Rules\par\pard end"
    )
    found = extract(rtf(body), "a.rtf")
    assert headings(found) == [(1, "The guide"), (2, "Tools"), (1, "Rules")]
    assert (found.title, found.metadata["author"]) == ("Guide", "Ann")
    assert found.text.endswith("A saw.\n\nRules\n\nend")


def table_row(*cells: str, defined: str = "") -> str:
    ends = defined or "".join(rf"\cellx{1000 * n}" for n in range(1, len(cells) + 1))
    return r"\trowd" + ends + r"\pard\intbl " + "".join(rf"{cell}\cell " for cell in cells) + r"\row "


def test_tables_keep_cells_apart_and_merged_values_in_each_row() -> None:
    down, on = r"\clvmgf\cellx1000\cellx2000", r"\clvmrg\cellx1000\cellx2000"
    across = r"\cellx1000\clmgf\cellx2000\clmrg\cellx3000"
    body = (
        "Before\\par " + table_row("Side", "Lamp") + table_row("Port", r"red\par lamp", defined=down)
        + table_row("", "spare", defined=on) + r"\pard Between\par " + table_row("Q", "both", "", defined=across)
        + table_row("x", "1", "") + r"\pard After"
    )  # fmt: skip
    found = extract(rtf(body), "a.rtf")
    assert [text for _, text in blocks(found, "table")] == [
        "Side | Lamp\nPort | red lamp\nPort | spare",
        "Q | both | both\nx | 1",
    ]
    assert found.text.startswith("Before\n\nSide")
    assert found.text.endswith("x | 1\n\nAfter")


def test_notes_comments_headers_and_what_is_left_out() -> None:
    body = (
        r"{\header \pard Firm X\par}{\footer\pard \chpgn\par}{\pard A claim{\footnote\pard{\super\chftn} Proof.} holds"
        r"{\*\atnauthor Kim}\chatn{\*\annotation\pard Is it so?} well.\par}{\deleted old}"
        r"{\*\shppict{\pict{\*\picprop{\sp{\sn wzDescription}{\sv A blue door}}}\pngblip 8950aa}}{\nonshppict{\pict 77}}"
        r"{\pict\wmetafile8 0102}End of it, with enough words to be most of the text."
    )
    found = extract(rtf(body), "a.rtf")
    assert found.text == (
        "Firm X\n\nA claim¹ holds well.\n\nNote 1: Proof.\n\nComment by Kim: Is it so?\n\n"
        "End of it, with enough words to be most of the text.\n\nPicture: A blue door"
    )
    assert blocks(found, "boilerplate") == [("", "Firm X")]
    assert found.warnings == ("deleted characters: 3", "pictures without text: 1")


def test_ticks_of_forms() -> None:
    box = r"{\field{\*\fldinst FORMCHECKBOX {\*\ffdata\fftype1\ffres%d}}{\fldrslt }}"
    assert extract(rtf(box % 1 + " paid, " + box % 0 + " sent"), "a.rtf").text == "[x] paid, [ ] sent"


def test_binary_data_and_bad_files_do_no_harm() -> None:
    data = rtf(r"a{\pict\bin20 @@}c")
    data = data.replace(b"@@", b"}}}}\\par{{{{\x00\xff12345678")
    assert extract(data, "a.rtf").text == "ac"
    assert outcome(rtf(r"{\pict\bin99999999 "), "a.rtf") == "no_text"
    assert media_type(rtf("x"), "a.txt") == "application/rtf"
    deep = extract(rtf("{" * 20_000 + "needle" + "}" * 20_000), "a.rtf")
    assert "needle" in deep.text
    assert extract(rtf("}}}}after"), "a.rtf").text == "after"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_text_or_a_reason(data: bytes) -> None:
    outcome(rtf("").rstrip(b"}") + data, "a.rtf")
