"""Word's automatic numbers are in the text as the page shows them."""

from __future__ import annotations

import pytest

from ragkit_ingest.readers.office.number_formats import formatted
from tests.support.ingest_files import extract, headings
from tests.support.office_files import ABSTRACT, NUM, level, numbered, para, word

NUMBERING = {"n": ("numbering", "numbering.xml")}


def numbers(levels: str, body: str, *nums: str) -> list[str]:
    """Return the lines of a document with one list."""
    lists = ABSTRACT.format(levels) + "".join(nums or [NUM.format(1, "")])
    found = extract(word(body, NUMBERING, numbering__xml=lists), "a.docx").text
    return [line.strip() for line in found.split("\n") if line.strip()]


def test_levels_count_below_each_other_and_begin_anew_after_a_higher_one() -> None:
    levels = level(0, "§ %1") + level(1, "%1.%2") + level(2, "(%3)", "lowerRoman")
    body = "".join(
        numbered(text, at) for text, at in [("A", 0), ("B", 1), ("C", 2), ("D", 2), ("E", 1), ("F", 0), ("G", 1)]
    )
    assert numbers(levels, body) == ["§ 1 A", "1.1 B", "(i) C", "(ii) D", "1.2 E", "§ 2 F", "2.1 G"]


def test_a_level_that_never_restarts_counts_on() -> None:
    levels = level(0, "%1.") + level(1, "Art. %2", more='<w:lvlRestart w:val="0"/>')
    body = "".join(numbered(text, at) for text, at in [("A", 0), ("B", 1), ("C", 0), ("D", 1)])
    assert numbers(levels, body) == ["1. A", "Art. 1 B", "2. C", "Art. 2 D"]


def test_a_level_restarts_after_the_level_that_it_names_only() -> None:
    levels = level(0, "%1.") + level(1, "%1.%2") + level(2, "%3)", more='<w:lvlRestart w:val="1"/>')
    order = [("A", 0), ("B", 1), ("C", 2), ("D", 1), ("E", 2), ("F", 0), ("G", 1), ("H", 2)]
    body = "".join(numbered(text, at) for text, at in order)
    assert numbers(levels, body)[2:5] == ["1) C", "1.2 D", "2) E"]
    assert numbers(levels, body)[-1] == "1) H"


def test_lists_of_one_definition_count_on_and_an_override_starts_anew() -> None:
    override = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride>'
    body = numbered("A") + numbered("B", number=2) + numbered("C", number=3) + numbered("D", number=3)
    assert numbers(level(0, "%1)"), body, NUM.format(1, ""), NUM.format(2, ""), NUM.format(3, override)) == [
        "1) A",
        "2) B",
        "5) C",
        "6) D",
    ]


def test_an_override_may_change_a_level_of_one_list() -> None:
    changed = f'<w:lvlOverride w:ilvl="0">{level(0, "Step %1:", "upperLetter")}</w:lvlOverride>'
    assert numbers(level(0, "%1)"), numbered("Cut"), NUM.format(1, changed)) == ["Step A: Cut"]


def test_legal_numbers_are_arabic_and_a_deleted_or_blank_paragraph_keeps_its_count() -> None:
    levels = level(0, "%1.", "upperRoman") + level(1, "%1.%2", more="<w:isLgl/>")
    body = numbered("A", 0) + numbered("", 1) + numbered("B", 1)
    assert numbers(levels, body) == ["I. A", "1.2 B"]


def test_headings_carry_the_numbers_of_their_styles() -> None:
    styles = (
        '<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="1"/>'
        '</w:numPr></w:pPr></w:style><w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/>'
        '<w:basedOn w:val="H1"/><w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    )
    levels = level(0, "%1", more='<w:pStyle w:val="H1"/>') + level(1, "%1.%2", more='<w:pStyle w:val="H2"/>')
    body = para("Scope", '<w:pStyle w:val="H1"/>') + para("Places", '<w:pStyle w:val="H2"/>')
    body += para("Preface", '<w:pStyle w:val="H1"/><w:numPr><w:numId w:val="0"/></w:numPr>')
    data = word(
        body,
        {**NUMBERING, "s": ("styles", "styles.xml")},
        numbering__xml=ABSTRACT.format(levels) + NUM.format(1, ""),
        styles__xml=styles,
    )
    assert headings(extract(data, "a.docx")) == [(1, "1 Scope"), (2, "1.1 Places"), (1, "Preface")]


def test_bullets_that_are_ticks_stay_and_others_are_dashes() -> None:
    font = '<w:rPr><w:rFonts w:ascii="Wingdings" w:hAnsi="Wingdings"/></w:rPr>'
    assert numbers(level(0, "\uf0fc", "bullet", font), numbered("done")) == ["✓ done"]
    assert numbers(level(0, "\uf0b7", "bullet", font), numbered("item")) == ["- item"]


@pytest.mark.parametrize(
    ("number", "style", "expected"),
    [
        (28, "lowerLetter", "bb"),
        (1994, "upperRoman", "MCMXCIV"),
        (3, "decimalZero", "03"),
        (22, "ordinal", "22nd"),
        (112, "ordinal", "112th"),
        (21, "ordinalText", "Twenty-first"),
        (30, "ordinalText", "Thirtieth"),
        (205, "cardinalText", "Two hundred five"),
        (14, "decimalEnclosedCircle", "⑭"),
        (11, "chineseCounting", "十一"),
        (3, "ideographTraditional", "丙"),
        (16, "hebrew1", "טז"),
        (5, "nobody-knows", "5"),
    ],
)
def test_number_formats(number: int, style: str, expected: str) -> None:
    assert formatted(number, style) == expected
