"""PDF pages as a person reads them: what must be there, what must not, what comes first, and which cell is whose."""

from __future__ import annotations

import pytest

from ragkit_ingest.readers.base import Extracted
from tests.support.ingest_files import HELVETICA, blocks, extract, page_text
from tests.support.placed_pdf import Placed, lines_drawn, placed_pdf, shown

SHEEP = [
    "The flock is brought down from the",
    "high pasture before the first snow",
    "and counted at the gate by two men",
    "who do not speak while they count.",
]
WOOL = [
    "Wool is washed in the stream below",
    "the mill, dried on the stones, and",
    "carded by hand in the long evenings",
    "when no other work can be done.",
]
LAMBS = [
    "Lambs that are born late stay with",
    "their mothers in the stone barn by",
    "the house until the grass grows and",
    "the nights are no longer so cold.",
]


def read(*pages: bytes) -> Extracted:
    return extract(placed_pdf(pages), "x.pdf")


def flat(found: Extracted) -> str:
    return " ".join(found.text.split())


def furniture(found: Extracted) -> str:
    return "\n".join(text for _, text in blocks(found, "boilerplate"))


def side_by_side(*sides: list[str], top: float = 700, width: float = 180) -> list[Placed]:
    return [(40 + width * n, top - 13 * at, side[at], 9) for at in range(4) for n, side in enumerate(sides)]


def test_three_columns_drawn_row_by_row_are_three_columns() -> None:
    text = flat(read(shown([(40, 760, "A year on the hill farm", 18), *side_by_side(SHEEP, WOOL, LAMBS)])))
    for side in (SHEEP, WOOL, LAMBS):
        assert " ".join(side) in text
    assert text.index("do not speak") < text.index("Wool is washed") < text.index("Lambs that")


def test_a_heading_over_both_columns_parts_what_stands_above_and_below_it() -> None:
    words = side_by_side(SHEEP, WOOL, top=760, width=260)
    words += [(40, 680, "In spring, when the passes open again", 14), *side_by_side(LAMBS, WOOL, top=650, width=260)]
    text = flat(read(shown(words)))
    assert text.index("no other work") < text.index("In spring") < text.index("Lambs that")


def test_a_headline_that_is_drawn_last_is_read_first() -> None:
    body: list[Placed] = [(60, 600 - 13 * at, line) for at, line in enumerate(SHEEP)]
    other: list[Placed] = [(320, 600 - 13 * at, line) for at, line in enumerate(LAMBS)]
    late: list[Placed] = [(60, 720, "Sheep of the upper valley", 20), (60, 695, "told by Morag Innes, shepherd")]
    text = flat(read(shown([*body, *other, *late])))
    assert text.index("Sheep of the upper") < text.index("Morag Innes") < text.index("The flock is")
    assert " ".join(SHEEP) in text


def test_a_column_is_not_put_between_the_parts_of_the_column_before_it() -> None:
    left: list[Placed] = [(60, 740, "First note on the left side"), (60, 560, "Second note on the left side")]
    right: list[Placed] = [(330, 740, "Third note at the right"), (330, 560, "Fourth note at the right")]
    text = flat(read(shown([*left, *right])))
    places = [text.index(word) for word in ("First", "Second", "Third", "Fourth")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "heads", [("Charge to", "Consignee"), ("Bill to:", "Ship to:"), ("Absender", "Empfänger"), ("Owner", "Keeper")]
)
def test_addresses_beside_each_other_stay_whole(heads: tuple[str, str]) -> None:
    left = [heads[0], "Innes Wool Company", "44 Mill Lane", "Moffat DG10 9AB"]
    right = [heads[1], "Tweed Weavers Ltd", "Unit 3, Loom Yard", "Peebles EH45 8RS"]
    words: list[Placed] = [
        (60 + 260 * n, 720 - 14 * at, side[at]) for at in range(4) for n, side in enumerate((left, right))
    ]
    text = flat(read(shown([*words, (60, 620, "Forty bales leave on the ninth of June.")])))
    assert " ".join(left) in text
    assert " ".join(right) in text


def test_values_of_labels_beside_each_other_stay_with_their_labels() -> None:
    rows = [("Lot:", "118", "Weighed:", "9 June 2025"), ("Bales:", "40", "Grader:", "E. Kerr")]
    words: list[Placed] = [
        (x, 700 - 15 * at, cell)
        for at, row in enumerate(rows)
        for x, cell in zip((60, 130, 300, 380), row, strict=True)
    ]
    lines = [line.replace(" | ", " ") for line in read(shown(words)).text.splitlines()]
    assert lines == ["Lot: 118 Weighed: 9 June 2025", "Bales: 40 Grader: E. Kerr"]


def table(rows: list[tuple[str, ...]], places: tuple[int, ...], *, top: float = 700) -> list[Placed]:
    return [
        (x, top - 15 * at, cell) for at, row in enumerate(rows) for x, cell in zip(places, row, strict=True) if cell
    ]


def test_a_table_without_lines_keeps_blank_cells_under_their_names() -> None:
    rows = [("Breed", "Ewes", "Rams", "Wool"), ("Blackface", "212", "", "2.1"), ("Cheviot", "", "7", "3.0")]
    found = read(shown(table([*rows, ("Shetland", "64", "3", "")], (60, 180, 260, 340))))
    assert blocks(found, "table")[0][0] == "Breed | Ewes | Rams | Wool"
    assert "Blackface | 212 |  | 2.1" in found.text.splitlines()
    assert "Cheviot |  | 7 | 3.0" in found.text.splitlines()


def test_cells_of_two_lines_are_one_cell() -> None:
    words: list[Placed] = [(60, 700, "Tool"), (180, 700, "What it does"), (420, 700, "Price")]
    for at, (tool, first, second, price) in enumerate(
        [("Shears", "Cut the fleece close to", "the skin", "31.00"), ("Crook", "Holds a ewe by the", "neck", "24.50")]
    ):
        y = 680 - 30 * at
        words += [(60, y, tool), (180, y, first), (420, y, price), (180, y - 12, second)]
    lines = read(shown(words)).text.splitlines()
    assert "Shears | Cut the fleece close to the skin | 31.00" in lines
    assert "Crook | Holds a ewe by the neck | 24.50" in lines


def test_a_table_that_is_open_at_its_sides_has_its_outer_columns() -> None:
    content = lines_drawn(
        [(720, 60, 400), (700, 60, 400), (660, 60, 400), (620, 60, 400)], [(x, 620, 720) for x in (150, 270)]
    )
    words: list[Placed] = [(70, 706, "Field"), (160, 706, "Grass"), (280, 706, "Hay in tons")]
    words += [(70, 676, "Low meadow"), (160, 682, "Rye and clover"), (160, 668, "since 2019"), (280, 676, "14")]
    words += [(70, 636, "Kirk field"), (160, 642, "Timothy with some"), (160, 628, "white clover"), (280, 636, "9")]
    lines = read(content + b"\n" + shown(words)).text.splitlines()
    assert "Field | Grass | Hay in tons" in lines
    assert "Low meadow | Rye and clover since 2019 | 14" in lines
    assert "Kirk field | Timothy with some white clover | 9" in lines


def test_rows_of_figures_between_two_lines_are_rows_of_their_own() -> None:
    content = lines_drawn(
        [(720, 60, 420), (700, 60, 420), (660, 60, 420), (620, 60, 420)], [(x, 620, 720) for x in (140, 220, 320)]
    )
    words: list[Placed] = [(70, 706, "Barn"), (150, 706, "Year"), (230, 706, "Lambs"), (330, 706, "Lost")]
    words += [(70, 677, "East"), *table([("2023", "81", "4"), ("2024", "90", "2")], (150, 230, 330), top=684)]
    words += [(70, 637, "West"), *table([("2023", "55", "6"), ("2024", "61", "1")], (150, 230, 330), top=644)]
    lines = read(content + b"\n" + shown(words)).text.splitlines()
    assert "East | 2024 | 90 | 2" in lines
    assert "West | 2023 | 55 | 6" in lines


def test_a_frame_with_lines_between_does_not_swallow_columns_that_are_not_drawn() -> None:
    content = lines_drawn([(720, 60, 420), (695, 60, 420), (640, 60, 420)], [(x, 640, 720) for x in (60, 240, 420)])
    words: list[Placed] = [(130, 702, "Home farm"), (300, 702, "Hill farm")]
    words += table([("Ewes", "212", "198"), ("Rams", "10", ""), ("Lambs", "181", "166")], (70, 150, 270), top=680)
    lines = read(content + b"\n" + shown(words)).text.splitlines()
    assert not any("212" in line and "181" in line for line in lines)


def test_a_sentence_passes_header_footer_and_footnote_at_a_page_break() -> None:
    def page(number: int, lines: list[str], note: str = "") -> bytes:
        words: list[Placed] = [(60, 806, "Rules for the common grazing", 8), (280, 28, f"{number} / 3", 8)]
        words += [(60, 760 - 13 * at, line) for at, line in enumerate(lines)]
        return shown([*words, (60, 80, note, 7)] if note else words)

    found = read(
        page(1, ["No flock may enter the common before the", "clerk has counted it, and the count is"], "* By hand."),
        page(2, ["written in the book that lies in the hall.", "The book is open on Fridays."]),
        page(3, ["Dogs stay at home while lambs are young."]),
    )
    assert "the count is\nwritten in the book" in found.text
    assert "* By hand." in page_text(found, 1)
    assert found.text.count("Rules for the common") == furniture(found).count("Rules for the common") == 3


def test_a_sentence_passes_the_footnotes_between_two_columns() -> None:
    words: list[Placed] = [(60, 700 - 13 * at, line) for at, line in enumerate(SHEEP[:3])]
    words += [(60, 600, "1 Both men are chosen by lot.", 7)]
    words += [(320, 700 - 13 * at, line) for at, line in enumerate([SHEEP[3], *LAMBS])]
    text = flat(read(shown(words)))
    assert " ".join(SHEEP) in text
    assert "1 Both men are chosen by lot." in text


def test_headers_that_change_sides_and_page_numbers_are_left_out_of_the_chunks() -> None:
    pages = [
        shown(
            [
                (60 if n % 2 else 420, 808, "Grazing report" if n % 2 else "North district", 8),
                (520 if n % 2 else 60, 808, str(40 + n), 8),
                *(
                    (60, 740 - 13 * at, f"Field {n}.{at} had {n * 3 + at} ewes and was walked twice.")
                    for at in range(5)
                ),
            ]
        )
        for n in range(1, 7)
    ]
    kept = furniture(read(*pages))
    assert kept.count("Grazing report") == kept.count("North district") == 3
    assert all(str(40 + n) in kept for n in range(1, 7))
    assert "ewes" not in kept


def test_a_stamp_that_runs_up_the_margin_is_left_out_and_a_label_beside_a_drawing_is_not() -> None:
    body = shown([(60, 700 - 13 * at, line) for at, line in enumerate(SHEEP + WOOL)])
    stamp = b"\nBT /F1 8 Tf 0 1 -1 0 30 200 Tm (Received by the archive 14 May 2024) Tj ET"
    label = b"\nBT /F1 8 Tf 0 1 -1 0 90 420 Tm (Head of sheep in a year) Tj ET"
    found = read(body + stamp + label)
    assert furniture(found) == "Received by the archive 14 May 2024"
    assert "Head of sheep in a year" in found.text


def test_a_letterhead_in_usual_type_and_a_title_are_kept() -> None:
    words: list[Placed] = [(60, 800, "INNES WOOL COMPANY"), (60, 740, "Offer for forty bales", 16)]
    words += [(60, 700 - 13 * at, line) for at, line in enumerate(WOOL)]
    found = read(shown([*words, (500, 30, "1 / 1", 7)]))
    assert furniture(found) == "1 / 1"
    assert "INNES WOOL COMPANY" in found.text


@pytest.mark.parametrize(
    ("lines", "whole"),
    [
        (
            [
                "Grading is done by an inde-",
                "pendent person. It needs experi-",
                "ence. An independent",
                "view is best.",
            ],
            "by an independent person. It needs experience",
        ),
        (["This is a long-", "term plan and no short-term one. The term", "of the lease is long."], "a long-term plan"),
        (["The non-", "grazing months are told below in", "the list of months."], "The non-grazing months"),
    ],
)
def test_hyphens_at_line_ends_go_or_stay_as_the_document_uses_them(lines: list[str], whole: str) -> None:
    assert whole in flat(read(shown([(60, 700 - 13 * at, line) for at, line in enumerate(lines)])))


def test_a_page_with_nothing_but_a_rule_is_blank_and_wants_no_ocr() -> None:
    found = read(shown([(60, 700, line) for line in SHEEP[:1]]), b"1 w 40 780 m 555 780 l S")
    assert found.warnings == ("page 2 without text",)


def test_signs_of_fonts_that_hold_pictures_are_no_letters() -> None:
    wingdings = HELVETICA.replace(b"Type1/BaseFont/Helvetica", b"TrueType/BaseFont/ABCDEF+Wingdings-Regular")
    lines = [(b"n", b"Cast off"), (b"y", b"Lower the flag"), (b"\\250", b"No"), (b"\\376", b"Yes"), (b"\\203", b"Call")]
    content = b"".join(
        b"BT /F2 10 Tf 72 %d Td (%s) Tj /F1 10 Tf 14 0 Td (%s) Tj ET\n" % (700 - 15 * at, sign, words)
        for at, (sign, words) in enumerate(lines)
    )
    plain = b"BT /F1 10 Tf 72 600 Td (\\247 7 has n items, for y see x) Tj ET"
    found = extract(placed_pdf([content + plain], fonts=(HELVETICA, wingdings)), "a.pdf").text
    assert found.split("\n") == [
        "■ Cast off", "• Lower the flag", "☐ No", "☑ Yes", "③ Call", "", "§ 7 has n items, for y see x",
    ]  # fmt: skip
