"""Numbers as Excel shows them. Expected texts are from Excel's own documentation and from what it displays."""

from __future__ import annotations

import pytest

from ragkit_ingest.readers.office.charts import shown as chart_value
from ragkit_ingest.readers.sheets.number_formats import built_in, compiled, general


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("0000", 12, "0012"),
        ('"INV-"0000"/26"', 37, "INV-0037/26"),
        (r"\#000", 5, "#005"),
        ("00-00-00", 10203, "01-02-03"),
        ("+0.0;-0.0;0.0", 3.25, "+3.3"),
        ("#,##0.00 [$kr-41D]", 9876543.215, "9,876,543.22 kr"),
        ("[$£-809]#,##0;[Red]-[$£-809]#,##0", -1500, "-£1,500"),
        ('_-* #,##0.00\\ "zł"_-;\\-* #,##0.00\\ "zł"_-', -12.5, "-12.50 zł"),
        ("0.00,,", 12345678, "12.35"),
        ('#,##0,"K"', 987654, "988K"),
        ("0%", 0.345, "35%"),
        ("0.00%", 1.5, "150.00%"),
        ("0.00E+00", 0.000123, "1.23E-04"),
        ("0E-0", 150000, "2E5"),
        ("##0.0E+0", 0.00012345, "123.5E-6"),
        ("# ?/?", 2.5, "2 1/2"),
        ("# ??/??", -0.125, "-1/8"),
        ("# ?/4", 1.7, "1 3/4"),
        ("?/?", 1.5, "3/2"),
        ("# ?/?", 1.99, "2"),
        ("0.###", 2.5, "2.5"),
        ("#,###", 1234.5, "1,235"),
        ("[h]:mm:ss", 2.0, "48:00:00"),
        ("[mm]:ss", 0.0625, "90:00"),
        ("[ss]", 0.5, "43200"),
        ("h:mm AM/PM", 0.0, "12:00 AM"),
        ("hh:mm:ss.00", 0.5 + 1.25 / 86_400, "12:00:01.25"),
        ("mm:ss", 125 / 86_400, "02:05"),
        ("d/m/yy", 46127, "2026-04-15"),
        ("mm/dd/yyyy hh:mm", 46127.25, "2026-04-15 06:00"),
        ("dddd d mmmm yyyy", 46127, "Wednesday 15 April 2026"),
        ("[$-40C]d mmmm yyyy", 46127, "15 avril 2026"),
        ("[$-407]dddd, d. mmm. yyyy", 46127, "Mittwoch, 15. Apr. 2026"),
        ('yyyy"年"mm"月"', 46127, "2026年04月"),
        ("[$-411]gge.m.d", 46127, "令8.4.15"),
        ("[$-415]d mmmm yyyy", 46127, "2026-04-15"),
        ("mmm yyyy", 46127, "Apr 2026"),
        ("yyyy", 46127, "2026"),
        ("[>=1000000]0.0,,\"M\";[>=1000]0.0,\"K\";0", 2_500_000, "2.5M"),
        ("[>=1000000]0.0,,\"M\";[>=1000]0.0,\"K\";0", 2_500, "2.5K"),
        ("[>=1000000]0.0,,\"M\";[>=1000]0.0,\"K\";0", 25, "25"),
        ('[=1]"yes";[=0]"no";"?"', 0, "no"),
        ('"up";"down";"flat"', -2, "down"),
        ("0;;", -5, ""),
        ("@", 12.5, "12.5"),
        ('General" m"', 0.25, "0.25 m"),
        ("0.0", -0.04, "0.0"),
        ("[Blue]0.0;[Red](0.0)", -2.25, "(2.3)"),
    ],
)  # fmt: skip
def test_a_number_is_shown_as_its_format_says(code: str, value: float, shown: str) -> None:
    assert " ".join(compiled(code).shown(value).split()) == shown


@pytest.mark.parametrize(
    ("number", "value", "shown"),
    [
        (0, 12.0, "12"),
        (4, 1234.5, "1,234.50"),
        (10, 0.125, "12.50%"),
        (11, 1500, "1.50E+03"),
        (12, 0.75, "3/4"),
        (14, 46127, "2026-04-15"),
        (15, 46127, "15-Apr-26"),
        (20, 0.75, "18:00"),
        (27, 46127, "2026-04-15"),
        (32, 0.25, "6:00:00"),
        (36, 46127, "2026-04-15"),
        (37, -1234, "(1,234)"),
        (46, 1.25, "30:00:00"),
        (50, 46127, "2026-04-15"),
        (58, 46127.5, "2026-04-15 12:00:00"),
        (49, 7, "7"),
        (999, 7, "7"),
    ],
)
def test_built_in_formats_are_known(number: int, value: float, shown: str) -> None:
    assert " ".join(built_in(number).shown(value).split()) == shown


def test_workbooks_of_1904_and_the_day_that_never_was() -> None:
    assert compiled("yyyy-mm-dd", date1904=True).shown(44665) == "2026-04-15"
    assert built_in(31, date1904=True).shown(44665) == "2026-04-15"
    assert compiled("yyyy-mm-dd").shown(59) == "1900-02-28"
    assert compiled("yyyy-mm-dd").shown(60) == "1900-02-29"
    assert compiled("yyyy-mm-dd").shown(61) == "1900-03-01"
    assert compiled("yyyy-mm-dd").shown(-1) == "-1"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1 / 7, "0.142857143"),
        (2 / 3 * 1000, "666.6666667"),
        (1234567.891234, "1234567.891"),
        (5012345678900.0, "5012345678900"),
        (6.02214076e23, "6.02214E+23"),
        (0.1 + 0.7, "0.8"),
        (-0.5, "-0.5"),
        (1.25e-12, "1.25E-12"),
    ],
)
def test_general_shows_no_noise_and_keeps_whole_numbers(value: float, shown: str) -> None:
    assert general(value) == shown


def test_formats_of_text() -> None:
    assert compiled('0;0;0;"Room "@').shown_text("12b") == "Room 12b"
    assert compiled("0.00").shown_text("n/a") == "n/a"
    assert compiled(";;;").shown_text("x") == ""


@pytest.mark.parametrize(
    "code", ["[", '"', "\\", "_", "*", "[$", "0/0", "E+", "[<", ";;;;;;", "?/", "#" * 5_000, "[h", "@@@"]
)
def test_broken_codes_show_something_or_nothing_and_never_fail(code: str) -> None:
    for value in (0.0, -1.5, 1e300, 1e-300, 46127.5):
        assert isinstance(compiled(code).shown(value), str)


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("88.5", '#,##0.00 "SEK"', "88.50 SEK"),
        ("4300", "[$¥-411]#,##0", "¥4300"),
        ("4300", "#,##0", "4300"),
        ("6.25", '0 "t"', "6.25"),  # the format would round it
        ("0.4", "0%", "40%"),
    ],
)
def test_values_of_charts_keep_their_unit_and_their_digits(value: str, code: str, text: str) -> None:
    assert chart_value(value, code) == text
