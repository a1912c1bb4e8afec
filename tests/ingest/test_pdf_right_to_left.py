"""PDF: Hebrew and Arabic pages, whose letters stand in the file as they stand on the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from ragkit_ingest.readers.pdf.glyphs import Glyphs, RawLine
from ragkit_ingest.readers.pdf.right_to_left import mend_order
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


class Drawn:
    """Characters whose cells stand at given places from the left, 5 points wide."""

    def __init__(self, lefts: Sequence[float]) -> None:
        self._lefts = lefts

    def box(self, index: int) -> tuple[float, float, float, float]:
        return (self._lefts[index], self._lefts[index] + 5, 700.0, 10.0)


def test_words_given_in_the_order_of_the_page_are_turned_and_others_are_not() -> None:
    words = ["بلغت", "مبيعات", "القسم", "4,120", "صندوقا"]
    turned = (True, False, True, False, True)
    texts, lefts, edge = [], [], 540.0
    for word, whole in zip(words, turned, strict=True):
        texts.append(word[::-1] if whole else word)
        start = edge - 5 * len(word)
        places = [start + 5 * at for at in range(len(word))]
        lefts += [*(places if whole or word[0].isdigit() else places[::-1]), start - 5]
        edge = start - 5
    line = RawLine(" ".join(texts), 0, 540, 700, 10, pieces=[(0, 0)])
    mend_order(line, cast(Glyphs, Drawn(lefts)))
    assert line.text == " ".join(words)


def test_names_in_latin_letters_and_brackets_behind_a_number_keep_their_order() -> None:
    name = "Edna St Vincent"
    lines = [
        ("המחברת, ", name, ", כתבה את הספר בשנת 1920 (ראו עמוד 8)."),
        ("לפי הסוכן ", "Jon Ek", " נמכרו 310 עותקים (פחות מן הצפוי) ב-1921, וב-1922 עוד 20."),
    ]
    words = []
    for at, (before, latin, behind) in enumerate(lines):
        right = 540.0 - 5 * len(before)
        left = right - 5 * len(latin)
        words += [
            at_right(540.0, 700 - 15 * at, before),
            (left, 700 - 15 * at, latin),
            at_right(left, 700 - 15 * at, behind),
        ]
    found = extract(unicode_pdf(words), "h.pdf")
    assert [" ".join(line.split()) for line in found.text.splitlines()] == ["".join(line) for line in lines]
