"""PDF: Hebrew and Arabic pages, whose letters stand in the file as they stand on the page."""

from __future__ import annotations

import re

import pytest

from tests.support.ingest_files import blocks, extract
from tests.support.placed_pdf import unicode_pdf

TURNED = str.maketrans("()", ")(")


def drawn(text: str) -> str:
    """Return a line as it stands on the page from left to right: numbers and Latin words keep their order."""
    turned = text[::-1].translate(TURNED)
    return re.sub(r"[0-9][0-9.,/:-]*[0-9]|[0-9]|[A-Za-z]+", lambda match: match[0][::-1], turned)


def at_right(edge: float, y: float, text: str) -> tuple[float, float, str]:
    return (edge - 5 * len(text), y, drawn(text))


def test_numbers_and_brackets_stand_where_they_are_read() -> None:
    lines = [
        "הסירה עוגנת במעגן מספר 31 (ליד המגדלור).",
        "התשלום הוא 1,250 שקלים, לפני 15.6.2025",
        "הוקמה בשנת 1887, ושופצה בשנת 1954.",
    ]
    found = extract(unicode_pdf([at_right(540, 760 - 15 * at, line) for at, line in enumerate(lines)]), "h.pdf")
    assert found.text.splitlines() == lines


FORMS = str.maketrans(
    {
        "ب": "\ufe91",
        "ح": "\ufea4",
        "ر": "\ufeae",
        "س": "\ufeb4",
        "ف": "\ufed3",
        "ي": "\ufef4",
        "ن": "\ufee8",
        "ة": "\ufe94",
    }
)  # a form of each letter by its own character, as the fonts of browsers name them


def test_words_are_read_right_where_the_font_names_the_forms_of_letters() -> None:
    lines = ["سفينة بحرية صغيرة", "في ربيع السنة", "حبر"]
    words = [at_right(540, 700 - 15 * at, line.translate(FORMS)) for at, line in enumerate(lines)]
    assert extract(unicode_pdf(words), "a.pdf").text.splitlines() == lines


@pytest.mark.parametrize("line", ["הגמל (הזקן) ישן בצל [ליד הבאר] כל היום", "السعر (بدون ضريبة) 300 درهم"])
def test_brackets_close_the_words_that_they_stand_around(line: str) -> None:
    assert extract(unicode_pdf([at_right(540, 700, line)]), "b.pdf").text == line


def test_words_of_another_script_keep_their_order_and_their_brackets() -> None:
    line = "המפה של חברת Delta Maps (Haifa) נדפסה בשנת 1931"
    shown = f"{drawn('נדפסה בשנת 1931')} Delta Maps (Haifa) {drawn('המפה של חברת')}"
    assert extract(unicode_pdf([(200, 700, shown)]), "d.pdf").text == line


def test_a_number_with_a_hyphen_is_read_group_by_group_behind_arabic_letters_only() -> None:
    hebrew, arabic = "טלפון 04-771 בלבד", "هاتف 04-771 فقط"
    words = [(200.0, 700.0, drawn(hebrew)), (200.0, 680.0, f"{'فقط'[::-1]} 771-04 {'هاتف'[::-1]}")]
    assert extract(unicode_pdf(words), "n.pdf").text.splitlines() == [hebrew, arabic]


def test_a_line_of_another_language_with_a_quoted_word_keeps_its_direction() -> None:
    line = 'The sign says "' + "םולש" + '" and nothing else'
    assert extract(unicode_pdf([(40, 700, line)]), "q.pdf").text == 'The sign says "שלום" and nothing else'


def test_the_right_column_is_read_first() -> None:
    right = [
        "המטבח נפתח בבוקר כאשר הטבחית",
        "מגיעה מן הכפר ומביאה איתה את",
        "הלחם הטרי ואת הגבינה שעשתה",
        "אחותה בלילה הקודם במחלבה",
    ]
    left = [
        "בצהריים מגישים מרק חם וסלט",
        "ירקות מן הגינה שמאחורי הבית",
        "ואחרי הארוחה שותים תה עם נענע",
        "בצל של עץ התאנה הגדול בחצר",
    ]
    words = [
        at_right(edge, 700 - 14 * at, side[at]) for at in range(4) for side, edge in ((left, 260.0), (right, 540.0))
    ]
    text = " ".join(extract(unicode_pdf(words), "h.pdf").text.split())
    assert " ".join(right) in text
    assert text.index(right[-1]) < text.index(left[0])


def test_the_first_column_of_a_table_is_the_right_one_and_blank_cells_stay() -> None:
    rows = [
        ("סוג הדג", "אזור", "משקל"),
        ("בורי גדול", "צפון", "2.4"),
        ("דניס ים", "", "0.9"),
        ("לוקוס אפור", "דרום", ""),
    ]
    words = [
        at_right(edge, 700 - 15 * at, cell)
        for at, row in enumerate(rows)
        for cell, edge in zip(row, (540.0, 400.0, 240.0), strict=True)
        if cell
    ]
    found = extract(unicode_pdf(words), "t.pdf")
    assert blocks(found, "table")[0][0] == "סוג הדג | אזור | משקל"
    assert "דניס ים |  | 0.9" in found.text.splitlines()


def test_running_text_of_a_script_without_capitals_is_read_column_by_column() -> None:
    left = [
        "港口的渡船每天早上七點離開碼頭",
        "穿過海峽到達對岸的小島需要四十",
        "分鐘所以乘客最好帶一件外套因為",
        "甲板上沒有屋頂而且風也常常很冷",
    ]
    right = [
        "回程的船票可以在燈塔旁邊的小亭",
        "子裡買到那裡的看守人餵完山羊以",
        "後才會開門如果他還沒有回來請在",
        "長椅上等一等他通常很快就會來的",
    ]
    words = [(x, 700 - 14 * at, side[at]) for at in range(4) for side, x in ((left, 60.0), (right, 300.0))]
    text = "".join(extract(unicode_pdf(words), "c.pdf").text.split())
    assert "".join(left) in text
    assert "".join(right) in text
