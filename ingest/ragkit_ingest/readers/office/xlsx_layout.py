"""The part of a sheet besides its rows: merged ranges, hidden columns, links, drawings, headers and footers.

It stands before and after the rows, and merged ranges are needed with the first row; so the part is inflated twice, and
the rows are cut out before it is parsed the first time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.links import is_address
from ragkit_ingest.readers.sheets.tables import Merge
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Event, Package, xml_events

COLUMN_LIMIT: Final = 16_384
_MOST: Final = 100_000
_HEAD_LIMIT: Final = 8 << 20
_ROWS: Final = b"sheetData"
_REFERENCE: Final = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_PAGE_CODES: Final = re.compile(r'&"[^"]*"|&K[0-9A-Fa-f]{6}|&K\d\d[+-]\d{3}|&\d+|&[BIUEXYSLCRGPNDTZFAO]|&[A-Za-z]')


@dataclass(slots=True)
class Layout:
    """A sheet without its rows. links: address by (row, column); drawings: ids of relationships.

    furniture: headers and footers of its pages. named: rows that the file itself calls names of columns. last_row: as
    the file states it. cut: it has too many merged ranges.
    """

    merges: list[Merge] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    links: dict[tuple[int, int], str] = field(default_factory=dict)
    drawings: list[str] = field(default_factory=list)
    furniture: list[str] = field(default_factory=list)
    named: set[int] = field(default_factory=set)
    last_row: int = 0
    cut: bool = False


def read_layout(package: Package, part: str) -> Layout:
    """Return the layout of a worksheet: everything but its rows."""
    head, tail = _around_rows(package.chunks(part, streamed=True))
    addresses = {key: target for key, target in package.addresses(part).items() if is_address(target)}
    layout = Layout()
    if head:
        try:
            layout = _read(xml_events((head, tail), part), addresses)
        except ExtractionError as error:
            if error.reason != "damaged":
                raise
            head = b""
    if not head:
        layout = _read(xml_events(package.chunks(part, again=True, streamed=True), part), addresses)
    layout.named = _named_rows(package, part)
    return layout


def _named_rows(package: Package, part: str) -> set[int]:
    """Return the header rows of a sheet's declared tables (Excel's "Format as Table")."""
    found: set[int] = set()
    for relation in package.relations(part).values():
        if relation.kind != "table" or relation.target not in package or len(found) > _MOST:
            continue
        for event in package.events(relation.target):
            if event.kind == "start" and event.name == "table":
                place = area(event.attributes.get("ref", ""))
                if place is not None and event.attributes.get("headerRowCount", "1") != "0":
                    found.add(place[0])
    return found


def _around_rows(chunks: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Return a part up to its rows, and from after them; ("", "") when the place of the rows is not plain."""
    buffer = b""
    at = end = -1
    for chunk in chunks:
        buffer += chunk
        at = buffer.find(_ROWS)
        end = buffer.find(b">", at) if at >= 0 else -1
        if end >= 0 or len(buffer) > _HEAD_LIMIT:
            break
    start = buffer.rfind(b"<", 0, max(at, 0))
    if end < 0 or start < 0:
        for _ in chunks:  # to the end, so that its checksum is looked at
            pass
        return b"", b""
    if buffer[end - 1 : end] == b"/":
        return buffer[:start], b"".join(chain([buffer[end + 1 :]], chunks))
    return buffer[:start], _after(b"".join([_ROWS, b">"]), chain([buffer[end + 1 :]], chunks))


def _after(mark: bytes, chunks: Iterable[bytes]) -> bytes:
    """Return the text after the first occurrence of a mark."""
    kept: list[bytes] = []
    carry = b""
    for chunk in chunks:
        if kept:
            kept.append(chunk)
            continue
        carry += chunk
        at = carry.find(mark)
        if at >= 0:
            kept.append(carry[at + len(mark) :])
        carry = carry[-len(mark) :]
    return b"".join(kept)


def _read(events: Iterable[Event], addresses: dict[str, str]) -> Layout:
    layout = Layout()
    words: list[str] = []
    for event in events:
        if event.kind == "text":
            words.append(event.text)
        elif event.kind == "start":
            words.clear()
            _start(layout, event, addresses)
        elif event.name.endswith(("Header", "Footer")) and event.name != "headerFooter":
            text = squeeze(_PAGE_CODES.sub(" ", "".join(words)).replace("&&", "&"))
            if any(map(str.isalpha, text)) and text not in layout.furniture:
                layout.furniture.append(text)
            words.clear()
    layout.merges.sort(key=lambda merge: (merge.top, merge.left))
    return layout


def _start(layout: Layout, event: Event, addresses: dict[str, str]) -> None:
    name, attributes = event.name, event.attributes
    if name == "mergeCell":
        found = area(attributes.get("ref", ""))
        if found is not None and len(layout.merges) < _MOST:
            layout.merges.append(Merge(*found))
        layout.cut = layout.cut or len(layout.merges) >= _MOST
    elif name == "col" and attributes.get("hidden") in ("1", "true"):
        first, last = _count(attributes.get("min", "")), _count(attributes.get("max", ""))
        layout.hidden.update(range(max(first, 1), min(last, COLUMN_LIMIT) + 1))
    elif name == "hyperlink":
        _link(layout, attributes.get("ref", ""), addresses.get(attributes.get("r:id", ""), ""))
    elif name == "drawing":
        layout.drawings.append(attributes.get("r:id", ""))
    elif name == "dimension":
        found = area(attributes.get("ref", ""))
        layout.last_row = found[2] if found is not None else 0


def _link(layout: Layout, reference: str, address: str) -> None:
    found = area(reference)
    if found is None or not address:
        return
    top, left, bottom, right = found
    for row in range(top, min(bottom, top + 999) + 1):
        for column in range(left, min(right, left + 99) + 1):
            if len(layout.links) < _MOST:
                layout.links[row, column] = address


def _count(text: str) -> int:
    return int(text) if text[:7].isdecimal() and len(text) <= 7 else 0


def cell_place(reference: str) -> tuple[int, int] | None:
    """Return (row, column), from 1, of a reference such as B6 or $B$6; None for anything else."""
    match = _REFERENCE.fullmatch(reference.strip())
    if match is None:
        return None
    return int(match.group(2)), column_number(match.group(1).upper())


def column_number(letters: str) -> int:
    """Return the number of a column: 1 for A, 27 for AA; 0 for anything else."""
    number = 0
    for letter in letters[:4]:
        if not "A" <= letter <= "Z":
            return 0
        number = number * 26 + ord(letter) - 64
    return number


def area(reference: str) -> tuple[int, int, int, int] | None:
    """Return (top, left, bottom, right) of a reference such as A1 or A1:C3; None for anything else."""
    first, _, last = reference.partition(":")
    begin, end = cell_place(first), cell_place(last or first)
    if begin is None or end is None:
        return None
    return min(begin[0], end[0]), min(begin[1], end[1]), max(begin[0], end[0]), max(begin[1], end[1])
