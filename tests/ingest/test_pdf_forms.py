"""PDF: form fields, notes, links, attached files, and fonts that do not tell their characters."""

from __future__ import annotations

import pytest

from ragkit import ExtractionError
from ragkit_ingest.limits import ReadLimits
from tests.support.ingest_files import extract, outcome
from tests.support.placed_pdf import placed_pdf, shown

FORM = b"/AcroForm<</Fields[7 0 R 8 0 R 9 0 R 10 0 R]/DA(/Helv 0 Tf)>>"
FIELDS = [
    b"<</Type/Annot/Subtype/Widget/FT/Tx/T(skipper)/V(Tomas Brandt)/Rect[160 696 300 712]>>",
    b"<</Type/Annot/Subtype/Widget/FT/Ch/Ff 131072/T(hull)/Opt[(Steel)(Oak)(Glass)]/V(Oak)/Rect[160 676 300 692]>>",
    b"<</Type/Annot/Subtype/Widget/FT/Btn/T(insured)/V/Yes/AS/Yes/Rect[60 656 72 668]>>",
    b"<</Type/Annot/Subtype/Widget/FT/Tx/T(berth)/TU(Berth number)/V(D-17)/Rect[60 560 200 576]>>",
]
LABELS = shown([(60, 700, "Name of skipper:"), (60, 680, "Material:"), (78, 658, "Boat is insured")])


def test_values_stand_behind_their_labels_and_marks_before_their_words() -> None:
    lines = extract(placed_pdf([LABELS], annotations=FIELDS, catalog=FORM), "f.pdf").text.splitlines()
    assert "Name of skipper: Tomas Brandt" in lines
    assert "Material: Oak" in lines
    assert "☒ Boat is insured" in lines
    assert "Berth number: D-17" in lines
    assert "Steel" not in " ".join(lines)


def test_an_empty_box_is_shown_empty_and_an_empty_field_says_nothing() -> None:
    fields = [FIELDS[0].replace(b"(Tomas Brandt)", b"()"), FIELDS[1], FIELDS[2].replace(b"/Yes", b"/Off"), FIELDS[3]]
    lines = extract(placed_pdf([LABELS], annotations=fields, catalog=FORM), "f.pdf").text.splitlines()
    assert "☐ Boat is insured" in lines
    assert "Name of skipper:" in lines


def test_notes_links_and_attached_files_are_told() -> None:
    marks = [
        b"<</Type/Annot/Subtype/Text/Rect[400 700 420 720]/Contents(Ask the owner about the mast)>>",
        b"<</Type/Annot/Subtype/FreeText/Rect[400 600 520 640]/DA(/Helv 9 Tf)/Contents(Mast was replaced in May)>>",
        b"<</Type/Annot/Subtype/Link/Rect[60 696 140 712]/A<</S/URI/URI(https://dock.example/fees)>>>>",
        b"<</Type/Annot/Subtype/Text/F 2/Rect[1 1 9 9]/Contents(hidden words)>>",
        b"<</Type/Annot/Subtype/Link/Rect[60 676 140 692]/A<</S/URI/URI(javascript:alert)>>>>",
    ]
    names = b"/Names<</EmbeddedFiles<</Names[(hull.csv)12 0 R]>>>>"
    attached = [b"<</Type/Filespec/F(hull.csv)/UF(hull.csv)/EF<</F 13 0 R>>>>", b"<</Length 3>>stream\na,b\nendstream"]
    page = shown([(60, 700, "See the fees"), (60, 680, "A plain line")])
    found = extract(placed_pdf([page], annotations=marks, catalog=names, more=attached), "n.pdf")
    assert "See the fees (https://dock.example/fees)" in found.text
    assert "[Note: Ask the owner about the mast]" in found.text
    assert "[Note: Mast was replaced in May]" in found.text
    assert "hidden words" not in found.text
    assert "javascript" not in found.text
    assert any("hull.csv" in words for words in found.warnings)


BLIND = (
    b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Type/Encoding/Differences[1"
    + b"".join(b"/g%d" % n for n in range(1, 25))
    + b"]>>>>"
)
BLIND_PAGE = b"BT /F1 12 Tf 60 700 Td (" + bytes(range(1, 9)) + b" " + bytes(range(14, 25)) + b") Tj ET"


def test_a_font_without_characters_is_told_with_the_advice_to_use_ocr() -> None:
    off = ReadLimits(ocr="off")
    assert outcome(placed_pdf([BLIND_PAGE], fonts=(BLIND, BLIND)), "b.pdf", limits=off) == "no_text_layer"
    with pytest.raises(ExtractionError, match=r"font does not tell.*--ocr"):
        extract(placed_pdf([BLIND_PAGE], fonts=(BLIND, BLIND)), "b.pdf", limits=off)
    words = BLIND_PAGE + b"\nBT /F2 12 Tf 60 600 Td (Short words) Tj ET"
    mixed = placed_pdf(
        [BLIND_PAGE, shown([(60, 700, "A page")]).replace(b"/F1", b"/F2")],
        fonts=(BLIND, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"),
    )
    found = extract(mixed, "m.pdf", limits=off)
    assert "A page" in found.text
    assert any("page 1" in line and "OCR" in line for line in found.warnings)
    assert words
