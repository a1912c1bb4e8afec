"""Tables of PDF pages that no lines are drawn for: names that stand close together, and cells of several lines."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit_ingest.readers.pdf.glyphs import Part
from ragkit_ingest.readers.pdf.tables.levels import put_beside, with_mark
from tests.support.ingest_files import extract
from tests.support.placed_pdf import Placed, lines_drawn, placed_pdf, shown


def rows_of(words: Sequence[Placed]) -> list[str]:
    return extract(placed_pdf([shown(words)]), "t.pdf").text.splitlines()


def row(y: float, *cells: tuple[float, str]) -> list[Placed]:
    return [(x, y, text) for x, text in cells]


def test_a_cell_of_two_lines_beside_cells_in_its_middle_is_one_row() -> None:
    words = row(700, (60, "Part"), (130, "Use"), (330, "Weight"), (430, "Price"))
    words += [(60, 676, "K-4"), (130, 682, "Holds the sail when"), (130, 670, "The wind is strong")]
    words += row(676, (330, "2.4 kg"), (430, "61.00"))
    words += row(652, (60, "K-9"), (130, "Spare rope"), (330, "0.8 kg"), (430, "12.50"))
    assert rows_of(words) == [
        "Part | Use | Weight | Price",
        "K-4 | Holds the sail when The wind is strong | 2.4 kg | 61.00",
        "K-9 | Spare rope | 0.8 kg | 12.50",
    ]


def test_cells_of_several_lines_that_are_drawn_one_after_the_other_are_one_row() -> None:
    words: list[Placed] = [(60, 712, "Boat"), (160, 712, "Longest"), (160, 700, "voyage"), (260, 712, "Crew")]
    words += [(260, 700, "needed"), (360, 712, "Remark")]
    words += row(680, (60, "Tern"), (160, "91 days"), (260, "6"), (360, "Leaks"))
    words += [(60, 662, "Old"), (60, 650, "Heron"), (160, 662, "12 days"), (260, 662, "2"), (360, 662, "No mast")]
    words += row(632, (60, "Skua"), (160, "4 days"), (360, "Sold"))
    assert rows_of(words) == [
        "Boat | Longest voyage | Crew needed | Remark",
        "Tern | 91 days | 6 | Leaks",
        "Old Heron | 12 days | 2 | No mast",
        "Skua | 4 days |  | Sold",
    ]


def test_lines_nearer_to_their_row_than_to_the_next_belong_to_it() -> None:
    words = row(700, (60, "Berth"), (180, "Keeper"), (320, "Vessel"))
    words += row(678, (60, "East"), (180, "Ruth Amsel"), (320, "Heron, a sloop"))
    words += row(666, (180, "Harbour Office"), (320, "Launched in 1961"))
    words += row(644, (60, "West"), (180, "Olaf Dahl"), (320, "Tern"))
    words += row(632, (180, "Pilot Station"))
    assert rows_of(words)[1:] == [
        "East | Ruth Amsel Harbour Office | Heron, a sloop Launched in 1961",
        "West | Olaf Dahl Pilot Station | Tern",
    ]


def test_a_label_over_a_group_of_rows_is_no_part_of_them() -> None:
    words = row(700, (60, "Stock"), (200, "Place"), (340, "State"))
    words += row(676, (60, "Sails"))
    words += row(663, (60, "Main"), (200, "Loft"), (340, "Worn thin"))
    words += row(650, (60, "Jib"), (200, "Shed"), (340, "As new"))
    found = rows_of(words)
    assert "Main | Loft | Worn thin" in found
    assert not any("Sails" in line and "Loft" in line for line in found)


def test_names_that_stand_close_together_are_told_apart_by_their_columns() -> None:
    places = (220, 243, 266, 289, 312)
    words = row(700, (60, "Watch"), *zip(places, ("Mo", "Tu", "We", "Th", "Fr"), strict=True), (350, "Note"))
    words += row(684, (60, "Bow lookout"), (220, "x"), (266, "x"), (350, "By night"))
    words += row(668, (60, "Engine room"), (243, "x"), (312, "x"))
    words += row(652, (60, "Galley"), (289, "x"), (350, "Not at sea"))
    assert rows_of(words) == [
        "Watch | Mo | Tu | We | Th | Fr | Note",
        "Bow lookout | x |  | x |  |  | By night",
        "Engine room |  | x |  |  | x",
        "Galley |  |  |  | x |  | Not at sea",
    ]


def test_words_beside_each_other_that_make_no_table_stay_in_the_order_of_the_file() -> None:
    words: list[Placed] = [(60, 700, "Ask the mate for the"), (60, 688, "key of the chart room."), (300, 694, "Stamp")]
    text = " ".join(rows_of(words))
    assert "Ask the mate for the key of the chart room." in text


def test_lists_that_stand_beside_each_other_stay_lists() -> None:
    """A list in each of two cells: an item of the second list is no cell of a row of the first."""

    def item(text: str, left: float, bottom: float) -> list[Part]:
        return with_mark([Part("•", left, left + 4, bottom, 10.0), Part(text, left + 18, left + 80, bottom, 10.0)])

    rows = [item("pump", 50, 700), item("valve", 50, 686), item("filter", 300, 700), item("hose", 300, 686)]
    kept, bold = put_beside(rows, [False] * 4)
    assert [[part.text for part in row] for row in kept] == [["• pump"], ["• valve"], ["• filter"], ["• hose"]]
    assert len(bold) == 4
    cells = [[Part("pump", 50, 112, 700, 10.0), Part("4", 200, 206, 700, 10.0)], [Part("12 kg", 300, 330, 700, 10.0)]]
    assert with_mark(cells[0]) == cells[0]


def test_two_tables_beside_each_other_are_read_one_after_the_other() -> None:
    words = row(700, (60, "Sail"), (130, "Area"))
    for at, cells in enumerate((("Jib", "12"), ("Genoa", "31"), ("Spare", ""), ("Main", "24"))):
        words += row(682 - 18 * at, *((x, text) for x, text in zip((60, 130), cells, strict=True) if text))
    words += row(700, (220, "Crew"), (320, "Watch"))
    for at, cells in enumerate((("Mate", "1"), ("Cook", ""), ("Ship boy", "3"), ("Bosun", "2"))):
        words += row(682 - 18 * at, *((x, text) for x, text in zip((220, 320), cells, strict=True) if text))
    left = ["Sail Area", "Jib 12", "Genoa 31", "Spare", "Main 24"]
    right = ["Crew Watch", "Mate 1", "Cook", "Ship boy 3", "Bosun 2"]
    assert [line for line in rows_of(words) if line] == [*left, *right]


def test_every_line_of_a_cell_that_is_drawn_last_goes_into_its_row() -> None:
    words = row(700, (60, "Rank"), (140, "Work"), (330, "Leave"))
    words += [(60, 680, "Stoker"), (140, 680, "Feeds both boilers and"), (140, 668, "rakes the ash at the end")]
    words += [(140, 656, "of each watch"), (330, 680, "Two weeks in winter,"), (330, 668, "one in summer")]
    words += row(632, (60, "Purser"), (140, "Pays the crew"), (330, "None at sea"))
    assert rows_of(words)[1:] == [
        "Stoker | Feeds both boilers and rakes the ash at the end of each watch | Two weeks in winter, one in summer",
        "Purser | Pays the crew | None at sea",
    ]


def test_names_of_two_lines_that_are_drawn_one_by_one_name_the_columns() -> None:
    words: list[Placed] = [(60, 712, "Kind of"), (60, 700, "vessel"), (160, 712, "Dues in"), (160, 700, "summer")]
    words += [(260, 712, "Dues in"), (260, 700, "winter"), (360, 712, "Paid by"), (360, 700, "month")]
    words += row(680, (60, "Barge"), (160, "41"), (260, "17"), (360, "390"))
    words += row(662, (60, "Tug"), (160, "28"), (360, "250"))
    words += row(644, (60, "Dinghy"), (160, "5"), (260, "2"))
    assert rows_of(words) == [
        "Kind of vessel | Dues in summer | Dues in winter | Paid by month",
        "Barge | 41 | 17 | 390",
        "Tug | 28 |  | 250",
        "Dinghy | 5 | 2",
    ]


def test_figures_beside_each_other_with_their_words_below_are_no_names() -> None:
    words: list[Placed] = []
    for x, figure, label in (
        (60, "318", "pilots on duty"),
        (220, "64%", "of all berths let"),
        (380, "9", "days of ice"),
    ):
        words += [(x, 700, figure, 20), (x, 680, label)]
    assert [line for line in rows_of(words) if line] == [
        "318", "pilots on duty", "64%", "of all berths let", "9", "days of ice",
    ]  # fmt: skip


def test_stars_in_columns_of_their_own_stay_in_their_columns() -> None:
    words: list[Placed] = []
    for at, (name, *stars) in enumerate((("Deaf people", 220, 320), ("Old sailors", 320), ("Orphans", 220))):
        words += row(682 - 18 * at, (60, name), *((x, "*") for x in stars))
    assert rows_of([*words, *row(600, (60, "Ask the clerk."))])[:3] == [
        "Deaf people | * | *",
        "Old sailors |  | *",
        "Orphans | *",
    ]


def test_boxes_of_a_form_keep_their_labels_and_are_said_once() -> None:
    places = (((60, 700), "Holder of the licence", "Ines Calder"), ((300, 700), "Born on", "8 May 1969"),
              ((60, 660), "Vessel", "Sand eel"), ((180, 660), "Length", "7.2 m"), ((300, 660), "Port", "Leith"),
              ((60, 620), "What else we should know", "She has no engine."))  # fmt: skip
    words: list[Placed] = []
    for (x, y), label, filled in places:
        words += [(x + 3, y - 9, label, 6.5), (x + 3, y - 24, filled)]
    level = [(y, 60, 420) for y in (700, 660, 620, 580)]
    upright = [(60, 580, 700), (420, 580, 700), (300, 620, 700), (180, 620, 660)]
    text = extract(placed_pdf([lines_drawn(level, upright) + b"\n" + shown(words)]), "f.pdf").text
    assert text.splitlines() == [
        "Holder of the licence Ines Calder | Born on 8 May 1969",
        "Vessel Sand eel | Length 7.2 m | Port Leith",
        "What else we should know She has no engine.",
    ]


def test_names_of_uneven_heights_stand_over_their_figures_with_the_years_over_them() -> None:
    words: list[Placed] = [(250, 721, "Season 2031"), (440, 721, "Season 2032"), (60, 690, "Quay")]
    for x in (200, 390):
        words += [
            (x, 702, "Calls of"),
            (x, 690, "liners"),
            (x + 60, 690, "Tonnes"),
            (x + 120, 702, "Tonnes"),
            (x + 120, 690, "a call"),
        ]
    words += row(672, (60, "East"), (205, "41"), (265, "902"), (325, "22"), (395, "44"), (455, "990"), (515, "22"))
    words += row(656, (60, "West"), (205, "17"), (265, "119"), (395, "18"), (455, "126"))
    words += row(640, (60, "Both"), (205, "58"), (265, "1,021"), (325, "18"), (395, "62"), (455, "1,116"), (515, "18"))
    names = ["Calls of liners", "Tonnes", "Tonnes a call"]
    assert rows_of(words) == [
        " | ".join(["Quay", *(f"Season {year} > {name}" for year in (2031, 2032) for name in names)]),
        "East | 41 | 902 | 22 | 44 | 990 | 22",
        "West | 17 | 119 |  | 18 | 126",
        "Both | 58 | 1,021 | 18 | 62 | 1,116 | 18",
    ]


def test_names_of_four_lines_stay_over_columns_with_currency_signs() -> None:
    words: list[Placed] = [(60, 690, "Month"), (200, 702, "Berths"), (200, 690, "let")]
    words += [
        (300, 702, "Dues for"),
        (300, 690, "each"),
        (400, 726, "Dues that"),
        (400, 714, "may still"),
        (400, 702, "fall due"),
        (400, 690, "this year"),
    ]
    for y, *cells in ((670, "May", "31", "7.50", "8,400"), (655, "June", "44", "7.90", "6,100")):
        words += row(y, (60, cells[0]), (205, cells[1]), (285, "$"), (310, cells[2]), (385, "$"), (410, cells[3]))
    assert rows_of(words) == [
        "Month | Berths let | Dues for each | Dues that may still fall due this year",
        "May | 31 | $ 7.50 | $ 8,400",
        "June | 44 | $ 7.90 | $ 6,100",
    ]


def test_years_over_signs_and_figures_are_the_names_and_the_first_row_is_none() -> None:
    words = row(700, (232, "In 2031"), (352, "In 2032"))
    for y, name, *figures in ((685, "Dues", "910", "1,040"), (670, "Fines", "12", "31"), (655, "Rent", "77", "")):
        words += [(60, y, name), *((x, y, "$") for x in (230, 350) if name == "Dues")]
        words += [(x, y, figure) for x, figure in zip((255, 375), figures, strict=True) if figure]
    found = extract(placed_pdf([shown(words)]), "a.pdf")
    assert found.text.split("\n") == [" | In 2031 | In 2032", "Dues | $ 910 | $ 1,040", "Fines | 12 | 31", "Rent | 77"]
    assert [block.header for block in found.blocks if block.kind == "table"] == ["In 2031 | In 2032"]
