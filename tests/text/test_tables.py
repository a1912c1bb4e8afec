"""Rows of tables in plain text: where a cell ends, and what its column is called."""

from __future__ import annotations

import pytest

from ragkit.text.tables import cells, column_names


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Crane | 12 t | pier B", ["Crane", "12 t", "pier B"]),
        ("Crane\t12 t\tpier B", ["Crane", "12 t", "pier B"]),
        (r"ps \| wc | counts", [r"ps \| wc", "counts"]),
    ],
)
def test_bars_and_tabs_part_cells_and_an_escaped_bar_does_not(row: str, expected: list[str]) -> None:
    assert cells(row) == expected


def test_the_row_above_names_the_columns() -> None:
    text = "Command | Use\nls | lists\n" + r"ps \| wc | counts"
    assert column_names(text, text.index("ps"), "") == ["Command", "Use"]
