"""Titles, feet, groups of rows and sections of tables, in every format that has them."""

from __future__ import annotations

import pytest

from tests.support.ingest_files import extract

RST = b"""
.. list-table:: Harbour dues
   :header-rows: 1

   * - Boat
     - Due
   * - Barge
     - 14
"""
ADOC = b"""= Quay

.Harbour dues
[cols="1,2",options="header"]
|===
|Boat |Due
|Barge |14
|===
"""
HTML = b"<table><caption>Harbour dues</caption><tr><th>Boat<th>Due<tr><td>Barge<td>14</table>"


@pytest.mark.parametrize(("data", "name"), [(RST, "a.rst"), (ADOC, "a.adoc"), (HTML, "a.html")])
def test_the_title_of_a_table_stands_above_it_once(data: bytes, name: str) -> None:
    text = extract(data, name).text
    assert "Harbour dues\n\nBoat | Due\nBarge | 14" in text
    assert text.count("Harbour dues") == 1


def test_a_foot_that_comes_first_stands_last() -> None:
    html = (
        b"<table><thead><tr><th>Boat<th>Due</thead><tfoot><tr><td>Sum<td>23</tfoot>"
        b"<tbody><tr><td>Barge<td>14<tr><td>Canoe<td>9</tbody></table>"
    )
    assert extract(html, "a.html").text == "Boat | Due\nBarge | 14\nCanoe | 9\nSum | 23"


def test_a_cell_ends_with_its_group_of_rows() -> None:
    html = (
        b"<table><tbody><tr><td rowspan=9>East<td>Barge<td>14<tr><td>Canoe<td>9</tbody>"
        b"<tbody><tr><td>West<td>Ferry<td>30</tbody></table>"
    )
    assert extract(html, "a.html").text == "East | Barge | 14\nEast | Canoe | 9\nWest | Ferry | 30"


def test_a_name_over_the_whole_width_below_the_names_heads_rows_and_is_no_column() -> None:
    html = (
        b"<table><tr><th>Boat<th>Due</tr><tr><th colspan=2>Rowed</tr><tr><td>Canoe<td>9</tr>"
        b"<tr><th colspan=2>Sailed</tr><tr><td>Ketch<td>21</tr></table>"
    )
    assert extract(html, "a.html").text == "Boat | Due\nRowed\nCanoe | 9\nSailed\nKetch | 21"


ROLES = """
<div role="table"><ul role="rowgroup"><li role="row"><b role="columnheader">Boat</b><b role="columnheader">Due</b>
<b role="columnheader">Fee</b></li></ul>
<div role="rowgroup"><a role="row" href="/b"><i role="rowheader">Barge</i><i role="cell">14</i> <i role="cell">2</i></a>
<div role="row"><p role="gridcell">Canoe</p><p role="gridcell" aria-colspan="2">free</p></div></div></div>
<p role="row">no <b role="cell">table</b></p>
"""


def test_roles_make_a_table_as_its_tags_do() -> None:
    table, outside = extract(ROLES.encode(), "a.html").text.split("\n\n")
    assert table.splitlines() == ["Boat | Due | Fee", "Barge | 14 | 2", "Canoe | free | free"]
    assert outside == "no table"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("<ul><li>salt</li><li>grain </li> <li>tin</li></ul>", "salt; grain; tin"),
        ("Only: <ol start=2><li>salt<li>tin</ol>then go", "Only: 2. salt; 3. tin then go"),
        ("<ul><li>salt<ol type='a'><li>fine</li><li>raw</li></ol></li><li>tin</li></ul>", "salt; a. fine; b. raw; tin"),
        ("<dl><dt>Due</dt><dd>14</dd><dt>Fee</dt><dd>9</dd></dl>", "Due: 14 Fee: 9"),
        ("<p>salt</p><p>tin</p><div>rope</div>", "salt tin rope"),
        ("<b>salt</b>water<br>tin", "saltwater tin"),
    ],
)  # fmt: skip
def test_blocks_of_html_in_a_cell_of_markdown_stay_apart(cell: str, words: str) -> None:
    text = extract(f"| Boat | Load |\n|---|---|\n| Barge | {cell} |\n".encode(), "a.md").text
    assert text.splitlines()[1] == f"Barge | {words}"
