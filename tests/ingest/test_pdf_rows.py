"""PDF: rows that programs draw in their own order: cells one by one, shades in place of lines, raised signs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ragkit_ingest.readers.pdf.furniture import running_lines
from ragkit_ingest.readers.pdf.glyphs import Glyphs, RawLine, rejoined
from ragkit_ingest.readers.pdf.text import Line
from tests.support.ingest_files import blocks, extract
from tests.support.placed_pdf import Placed, lines_drawn, placed_pdf, shown


def table_lines(words: Sequence[Placed], *, before: bytes = b"") -> list[list[str]]:
    """Return the rows of cells in the text of a page of words drawn over what is drawn before."""
    text = extract(placed_pdf([before + b"\n" + shown(words)]), "x.pdf").text
    return [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if "|" in line]


def test_cells_drawn_behind_a_cell_of_several_lines_stay_in_its_row() -> None:
    words: list[Placed] = [(60, 700, "Part"), (130, 700, "Use"), (330, 700, "Stock"), (400, 700, "Price")]
    words += [(60, 680, "R-7"), (130, 680, "Ring of soft brass, turned and"), (130, 668, "polished by hand")]
    words += [(330, 680, "18"), (400, 680, "7.20")]
    words += [(60, 650, "S-2"), (130, 650, "Spring of blue steel"), (330, 650, "4"), (400, 650, "11.90")]
    words += [(60, 630, "T-1"), (130, 630, "Tin for oil, half a pint"), (400, 630, "3.10")]
    assert table_lines(words) == [
        ["Part", "Use", "Stock", "Price"],
        ["R-7", "Ring of soft brass, turned and polished by hand", "18", "7.20"],
        ["S-2", "Spring of blue steel", "4", "11.90"],
        ["T-1", "Tin for oil, half a pint", "", "3.10"],
    ]


def test_blocks_drawn_one_after_the_other_are_not_mixed() -> None:
    sides = (["The mill was closed in spring,", "and its wheel was taken down", "by two men from the village."],
             ["In autumn the owner sold the", "stones to a baker who ground", "rye with them for years."])  # fmt: skip
    words: list[Placed] = [
        (60 + 240 * column, 700 - 13 * at, text) for column, side in enumerate(sides) for at, text in enumerate(side)
    ]
    text = " ".join(extract(placed_pdf([shown(words)]), "x.pdf").text.split())
    assert text == " ".join([*sides[0], *sides[1]])


def test_a_wide_cell_shows_that_a_name_in_the_middle_is_over_it() -> None:
    words: list[Placed] = [(118, 700, "Pier"), (250, 700, "Summer"), (330, 700, "Winter")]
    for y, pier, *prices in [(682, "East", "9.40", "4.70"), (664, "West", "8.10", ""),
                             (646, "Old customs house", "", "3.30")]:  # fmt: skip
        words += [(x, y, text) for x, text in zip((60, 256, 336), (pier, *prices), strict=True) if text]
    assert table_lines(words) == [
        ["Pier", "Summer", "Winter"],
        ["East", "9.40", "4.70"],
        ["West", "8.10"],
        ["Old customs house", "", "3.30"],
    ]


def test_a_shaded_row_of_a_ruled_table_is_a_row() -> None:
    shade = b"0.8 g 60 680 100 20 re f 160 680 140 20 re f 0 g\n"
    lines = lines_drawn([(660, 60, 300), (640, 60, 300)], [(x, 640, 700) for x in (60, 160, 300)])
    words: list[Placed] = [
        (66, 686, "Post"), (166, 686, "Duty at night"), (66, 666, "Gate"), (166, 666, "Checks all papers"),
        (66, 646, "Tower"), (166, 646, "Rings the hours"),
    ]  # fmt: skip
    assert table_lines(words, before=shade + lines) == [
        ["Post", "Duty at night"],
        ["Gate", "Checks all papers"],
        ["Tower", "Rings the hours"],
    ]


def test_a_highlight_inside_a_cell_cuts_no_row() -> None:
    lines = lines_drawn([(700, 60, 300), (660, 60, 300), (620, 60, 300)], [(x, 620, 700) for x in (60, 160, 300)])
    light = b"1 1 0 rg 164 676 90 11 re f 0 g\n"
    words: list[Placed] = [
        (66, 686, "Post"), (166, 686, "Duty at night and"), (166, 673, "on holidays"),
        (66, 646, "Tower"), (166, 646, "Rings the hours"),
    ]  # fmt: skip
    assert table_lines(words, before=light + lines) == [
        ["Post", "Duty at night and on holidays"],
        ["Tower", "Rings the hours"],
    ]


def test_text_behind_a_raised_sign_goes_on_in_its_line() -> None:
    content = (
        b"BT /F1 10 Tf 60 700 Td (The keeper wrote it in a book.) Tj /F1 7 Tf 4.5 Ts (7) Tj /F1 10 Tf 0 Ts "
        b"( Every page was numbered.) Tj ET"
    )
    found = extract(placed_pdf([content]), "x.pdf")
    assert found.text.strip() == "The keeper wrote it in a book.⁷ Every page was numbered."


class Cells:
    """Characters whose cells all stand on the level of running text."""

    def box(self, index: int) -> tuple[float, float, float, float]:
        return (200.0, 206.0, 698.0, 14.0)


def test_a_line_that_begins_with_a_raised_sign_goes_on_with_the_line_before() -> None:
    book = RawLine("He wrote it in a book.", 60, 200, 698, 14, pieces=[(0, 0)])
    rest = RawLine("3 Every page was numbered.", 200.2, 330, 703, 11.6, pieces=[(0, 22)])
    (joined,) = rejoined([book, rest], cast(Glyphs, Cells()))
    assert joined.shown() == "He wrote it in a book.³ Every page was numbered."


def test_a_line_at_the_left_that_begins_with_a_raised_sign_stays_a_line() -> None:
    book = RawLine("He wrote it in a book.", 60, 200, 698, 14, pieces=[(0, 0)])
    note = RawLine("3 The book is lost.", 60, 150, 683, 11.6, pieces=[(0, 22)])
    assert [line.text for line in rejoined([book, note], cast(Glyphs, Cells()))] == [book.text, note.text]


class Levels(Glyphs):
    """Characters five points wide, each with the level of its own."""

    def __init__(self, levels: Sequence[float]) -> None:
        self.levels = levels

    def box(self, index: int) -> tuple[float, float, float, float]:
        return (40.0 + 5 * index, 45.0 + 5 * index, self.levels[index], 10.0)

    def line(self, text: str, offset: int, *, spaced: bool) -> RawLine:
        left, _, bottom, height = self.box(offset)
        _, right, last, _ = self.box(offset + len(text) - 1)
        return RawLine(text, left, right, bottom, height, spaced=spaced, drop=bottom - last, pieces=[(0, offset)])


def test_lines_that_pdfium_takes_for_one_are_told_apart_by_their_levels() -> None:
    texts = ["Rules of", "the pier", "2 Fees"]
    levels = [700.0 - 12 * number for number, text in enumerate(texts) for _ in (*text, " ")]
    found = Levels(levels).lines(" ".join(texts), 0, spaced=False)
    assert [(line.text, line.bottom) for line in found] == [*zip(texts, (700.0, 688.0, 676.0), strict=True)]


def test_a_line_that_climbs_letter_by_letter_stays_one() -> None:
    text = "stamp of the archive"
    assert [line.text for line in Levels([100.0 + 5 * at for at in range(len(text))]).lines(text, 0, spaced=False)] == [
        text
    ]


def test_a_footnote_below_keeps_its_number_and_its_own_line() -> None:
    words: list[Placed] = [(60, 700, "The keeper wrote it in a book, twice a day."), (60, 660, "7", 5),
                           (64, 657, "The book is lost.", 8)]  # fmt: skip
    lines = extract(placed_pdf([shown(words)]), "x.pdf").text.split("\n\n")
    assert lines[0].strip() == "The keeper wrote it in a book, twice a day."
    assert "The book is lost." in lines[1]


def test_the_last_line_of_a_paragraph_is_no_running_line_where_pages_end_alike() -> None:
    pages = []
    for number in range(1, 6):
        page = [Line("Rules of the harbour", 60, 160, 800, 10)]
        page += [
            Line(f"{number}. Boats of class {number} show two lamps to the", 60, 300, 700 - 13 * at, 10)
            for at in range(3)
        ]
        page += [Line("pilot who waits at the mole.", 60, 200, 661, 10), Line(f"{number}", 290, 296, 30, 10)]
        pages.append(page)
    for found in running_lines(pages, [842.0] * 5, 10.0):
        assert found == {0, 5}


def test_a_ruled_table_of_invoices_has_its_header() -> None:
    words: list[Placed] = [(60, 720, "Goods"), (200, 720, "Amount")]
    words += [(60, 702, "Rope"), (206, 702, "12.00"), (60, 684, "Tar"), (206, 684, "9.00")]
    before = lines_drawn([(732, 56, 260), (714, 56, 260), (696, 56, 260), (678, 56, 260)],
                         [(x, 678, 732) for x in (56, 190, 260)])  # fmt: skip
    found = extract(placed_pdf([before + b"\n" + shown(words)]), "x.pdf")
    assert blocks(found, "table")[0][0] == "Goods | Amount"
