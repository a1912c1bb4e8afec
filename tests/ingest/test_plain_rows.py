"""Rows that are read without the XML parser give what the parser gives, in the same order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit_ingest.readers.office import xlsx_rows
from ragkit_ingest.readers.sheets.plain_rows import PlainCell, without_plain_rows
from tests.ingest.test_sheets import sheet_of
from tests.support.ingest_files import extract, outcome

CELLS = (
    '<c r="{}"><v>{}</v></c>',
    '<c r="{}" s="1"><v>{}</v></c>',
    '<c r="{}" t="n"><v>{}.5</v></c>',
    '<c r="{}"><v>{}E+11</v></c>',
    '<c r="{}" t="inlineStr"><is><t>Word {}  of  text</t></is></c>',
    '<c r="{}" t="inlineStr"><is><t xml:space="preserve"> kept {} </t></is></c>',
    '<c r="{}" t="inlineStr"><is><t>A &amp; B {}</t></is></c>',
    '<c r="{}" t="str"><f>A1</f><v>made {}</v></c>',
    '<c r="{}" t="s"><v>{}</v></c>',
    '<c r="{}"><f>1+{}</f></c>',
    '<c r="{}" s="1"/><!-- <row r="9"><c r="A9"><v>{}</v></c></row> -->',
    '<c r="{}" t="b"><v>{}</v></c>',
)
ROWS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 30), st.sampled_from(CELLS), st.integers(0, 99)), max_size=5),
        st.sampled_from(["", ' hidden="1"', ' ht="9"']),
    ),
    min_size=1,
    max_size=12,
)


def written(rows: list[tuple[list[tuple[int, str, int]], str]]) -> str:
    lines = []
    for number, (cells, more) in enumerate(rows, 1):
        placed = {column: cell.format(f"{_letters(column)}{number}", value) for column, cell, value in cells}
        lines.append(f'<row r="{number}"{more}>{"".join(placed[column] for column in sorted(placed))}</row>')
    return '<row r="1"><c r="A1"><v>0</v></c></row>' + "".join(lines) + '<row r="50"/>'


def _letters(column: int) -> str:
    return chr(65 + column) if column < 26 else f"A{chr(65 + column - 26)}"


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(1, 400))
def test_both_ways_give_the_same_text_and_warnings(
    rows: list[tuple[list[tuple[int, str, int]], str]], piece: int
) -> None:
    data = sheet_of(written(rows))

    def by_xml(chunks: Iterator[bytes], _take: object) -> Iterator[bytes]:
        yield from chunks

    def in_pieces(chunks: Iterator[bytes], take: object) -> Iterator[bytes]:
        whole = b"".join(chunks)
        yield from without_plain_rows((whole[at : at + piece] for at in range(0, len(whole), piece)), take)  # type: ignore[arg-type]

    found = []
    for way in (by_xml, in_pieces):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(xlsx_rows, "without_plain_rows", way)
            read = extract(data, "a.xlsx")
        found.append((read.text, read.warnings, read.blocks))
    assert found[0] == found[1]


def test_plain_rows_do_not_reach_the_parser_and_all_others_do() -> None:
    plain = '<row r="2"><c r="A2"><v>7</v></c><c r="B2" t="s"><v>1</v></c></row>'
    other = '<row r="3"><c r="A3" t="str"><v>x</v></c></row>'
    part = f"<worksheet><sheetData>{plain}{other}{plain}</sheetData><end/></worksheet>".encode()
    taken: list[tuple[int, list[PlainCell]]] = []

    def take(number: int, cells: Iterator[PlainCell]) -> bool:
        taken.append((number, list(cells)))
        return True

    left = b"".join(without_plain_rows([part], take))
    assert left == f"<worksheet><sheetData>{other}</sheetData><end/></worksheet>".encode()
    assert taken == [(2, [("A", None, None, "7", None), ("B", None, "s", "1", None)])] * 2


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c>',
        '<row r="1"><c r="A1"><v>1</v></c></row></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>\xff</t></is></c></x></row>',
    ],
)
def test_a_sheet_that_is_no_correct_xml_is_damaged_as_before(rows: str) -> None:
    assert outcome(sheet_of(rows), "a.xlsx") == "damaged"


def test_another_encoding_is_left_to_the_parser() -> None:
    rows = '<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>'
    part = f'<?xml version="1.0" encoding="windows-1252"?><worksheet>{rows}</worksheet>'
    assert b"".join(without_plain_rows([part.encode()], lambda _number, _cells: True)) == part.encode()
