"""PDF: columns, tables with blank and merged cells, raised signs, page breaks and running lines, by geometry."""

from __future__ import annotations

from tests.ingest.test_pdf import report_pages
from tests.support.ingest_files import blocks, extract, page_text, pages_pdf
from tests.support.placed_pdf import Placed, lines_drawn, placed_pdf, shown

LEFT = [
    "The ferry leaves at seven and",
    "reaches the far island before",
    "the mist lifts. Bring a coat, as",
    "the deck has neither roof nor",
    "wall and the wind is cold.",
]
RIGHT = [
    "Return tickets are sold in the",
    "small kiosk by the lighthouse,",
    "which opens when the keeper",
    "has fed the goats and not a",
    "minute sooner than that.",
]


def text_of(*pages: bytes) -> str:
    return extract(placed_pdf(pages), "x.pdf").text


def test_columns_drawn_row_by_row_are_read_one_after_the_other() -> None:
    words: list[Placed] = [(60, 760, "Notes for guests of the northern harbour", 16)]
    for at, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
        words += [(60, 700 - 13 * at, left), (250, 700 - 13 * at, right)]
    text = " ".join(text_of(shown(words)).split())
    assert " ".join(LEFT) in text
    assert " ".join(RIGHT) in text
    assert text.index("wind is cold") < text.index("Return tickets")


def test_addresses_beside_each_other_stay_whole() -> None:
    left = ["Sold to:", "Pell & Daughters", "5 Quay Street", "Leith EH6 6AB"]
    right = ["Deliver to:", "Pell Warehouse", "Gate 12, North Dock", "Hull HU1 2PQ"]
    words: list[Placed] = []
    for at, pair in enumerate(zip(left, right, strict=True)):
        words += [(60 + 250 * side, 700 - 14 * at, line) for side, line in enumerate(pair)]
    text = " ".join(text_of(shown([*words, (60, 600, "Order 7741 is paid within 30 days.")])).split())
    assert " ".join(left) in text
    assert " ".join(right) in text


def test_blank_cells_keep_their_columns() -> None:
    words: list[Placed] = [(60, 700, "Crew"), (180, 700, "Early"), (260, 700, "Late"), (340, 700, "Night")]
    rows = [("Ines", "x", "", "x"), ("Bram", "", "x", ""), ("Odile", "", "", "x")]
    for at, row in enumerate(rows, 1):
        words += [(x, 700 - 15 * at, text) for x, text in zip((60, 184, 264, 344), row, strict=True) if text]
    found = extract(placed_pdf([shown(words)]), "x.pdf")
    lines = [[cell.strip() for cell in line.split("|")] for line in found.text.splitlines()]
    assert ["Ines", "x", "", "x"] in lines
    assert ["Bram", "", "x"] in lines
    assert ["Odile", "", "", "x"] in lines
    assert blocks(found, "table")[0][0] == "Crew | Early | Late | Night"


def test_rows_of_numbers_without_blank_cells_stay_as_they_are_written() -> None:
    words: list[Placed] = []
    for at, row in enumerate([("Sales", "4,236", "3,844"), ("Costs", "1,120", "1,008"), ("Profit", "3,116", "2,836")]):
        words += [(60 + 120 * column, 700 - 14 * at, text) for column, text in enumerate(row)]
    assert "Sales 4,236 3,844" in text_of(shown(words)).splitlines()


def test_a_merged_cell_of_a_ruled_table_stands_in_every_row() -> None:
    content = lines_drawn(
        [(700, 60, 360), (680, 60, 360), (660, 160, 360), (640, 60, 360), (620, 160, 360), (600, 60, 360)],
        [(x, 600, 700) for x in (60, 160, 260, 360)],
    )
    words: list[Placed] = [
        (70, 686, "Dock"),
        (170, 686, "Boat"),
        (270, 686, "Rate"),
        (70, 656, "North"),
        (70, 616, "South"),
    ]
    for at, (boat, rate) in enumerate([("Sloop", "40"), ("Yawl", "55"), ("Sloop", "38"), ("Ketch", "71")]):
        words += [(170, 666 - 20 * at, boat), (270, 666 - 20 * at, rate)]
    lines = text_of(content + b"\n" + shown(words)).splitlines()
    assert [line for line in lines if "|" in line] == [
        "Dock | Boat | Rate",
        "North | Sloop | 40",
        "North | Yawl | 55",
        "South | Sloop | 38",
        "South | Ketch | 71",
    ]


def test_names_over_several_columns_are_joined_to_the_names_below() -> None:
    words: list[Placed] = [(210, 700, "Winter"), (370, 700, "Summer")]
    for at, row in enumerate(
        [("Route", "Out", "Back", "Out", "Back"), ("A", "7", "9", "6", "8"), ("B", "5", "4", "3", "2")]
    ):
        words += [(x, 686 - 14 * at, text) for x, text in zip((60, 180, 250, 340, 410), row, strict=True)]
    found = extract(placed_pdf([shown(words)]), "x.pdf")
    assert blocks(found, "table")[0][0] == ("Route | Winter > Out | Winter > Back | Summer > Out | Summer > Back")


def test_raised_and_lowered_digits_never_glue() -> None:
    words: list[Placed] = [
        (60, 700, "Storage costs 27"), (136.5, 704, "2", 6), (142, 700, "euro a month, and CO"), (239, 697, "2", 6),
        (245, 700, "is vented at 10"), (313, 704, "5", 6), (318, 700, "pascal or so."),
    ]  # fmt: skip
    text = " ".join(text_of(shown([*words, (60, 686, "The plain number 275 stays a plain number.")])).split())
    assert "27²" in text
    assert "CO₂" in text
    assert "10⁵" in text
    assert "272" not in text
    assert "number 275 stays" in text


def test_a_sentence_goes_on_over_a_page_break_with_the_page_table_right() -> None:
    pages = [
        shown([(60, 780, "The old crane on the western pier was built in 1931 and lifts"), (290, 30, f"- {n} -")])
        if n == 1
        else shown(
            [
                (60, 780, f"nine tonnes on a calm day. Page text {n} ends here with its own words."),
                (290, 30, f"- {n} -"),
            ]
        )
        for n in range(1, 4)
    ]
    found = extract(placed_pdf(pages), "x.pdf")
    assert "1931 and lifts\nnine tonnes on a calm day" in found.text
    assert found.text[found.pages[1].start :].startswith("nine tonnes")
    assert [text for _, text in blocks(found, "boilerplate")] == ["- 1 -", "- 2 -", "- 3 -"]


def test_a_word_cut_at_a_page_break_is_whole() -> None:
    pages = [
        shown([(60, 780, "Harbour dues are paid by the owner, and a transfer of owner-"), (60, 766, "")]),
        shown([(60, 780, "ship ends them. The ownership is proved by a stamped paper.")]),
    ]
    text = " ".join(text_of(*pages).split())
    assert "a transfer of ownership ends them" in text


def test_small_words_in_the_margin_of_one_page_are_furniture_and_a_title_is_not() -> None:
    body: list[Placed] = [
        (60, 640 - 13 * n, f"Body line {n} tells what the harbour master wrote in his long report,") for n in range(20)
    ]
    page = [
        (60, 720, "Annual report of the harbour", 20),
        *body,
        (60, 812, "HARBOUR QUARTERLY · SPRING", 7),
        (290, 26, "17"),
    ]
    found = extract(placed_pdf([shown(page)]), "x.pdf")
    furniture = "\n".join(text for _, text in blocks(found, "boilerplate"))
    assert sorted(furniture.split("\n")) == ["17", "HARBOUR QUARTERLY · SPRING"]
    assert "Annual report of the harbour" in found.text


def test_running_lines_are_kept_apart_where_chapters_count_as_pages_do() -> None:
    found = extract(pages_pdf(report_pages(4)), "r.pdf")
    assert "Chapter 2 on things" in page_text(found, 2)
    assert not any("Chapter" in text for _, text in blocks(found, "boilerplate"))
