"""Tables of PDF pages that no lines are drawn for: names that stand close together, and cells of several lines."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit_ingest.readers.pdf.glyphs import Part
from ragkit_ingest.readers.pdf.tables.levels import put_beside, with_mark
from tests.support.ingest_files import extract
from tests.support.placed_pdf import Placed, placed_pdf, shown


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
