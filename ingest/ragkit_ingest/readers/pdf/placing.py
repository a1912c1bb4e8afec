"""Puts form values and addresses of links into the rows of a page, at their places."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit_ingest.readers.pdf.annotations import Field, WebLink
from ragkit_ingest.readers.pdf.glyphs import Part
from ragkit_ingest.readers.pdf.rows import Row

_LABEL_GAP = 260.0  # points between a label and its field
_TICK_GAP = 30.0  # points between a box to check and the words behind it


def place_fields(rows: list[Row], fields: Sequence[Field]) -> None:
    """Put the value of each field into the row of its label; a field without a label gets its own row."""
    for field in sorted(fields, key=lambda one: (-one.bottom, one.left)):
        row = _row_of(rows, field)
        if row is None:
            text = f"{field.label}: {field.value}" if field.label else field.value
            part = Part(text, field.left, field.right, field.bottom, min(field.top - field.bottom, 12.0))
            rows.insert(_place(rows, field), Row([part], bold=False))
        elif row.cells:
            _into_cell(row, field)
        else:
            part = Part(field.value, field.left, field.right, row.parts[0].bottom, row.parts[0].height)
            at = next((at for at, one in enumerate(row.parts) if one.left > field.left), len(row.parts))
            row.parts.insert(at, part)


def _row_of(rows: Sequence[Row], field: Field) -> Row | None:
    """Return the row whose text is nearest before a field, or after a check box."""
    best: tuple[float, Row] | None = None
    middle = (field.bottom + field.top) / 2
    for row in rows:
        for part in row.parts:
            level = abs(part.bottom + part.height / 2 - middle) < max(
                0.6 * part.height, 0.4 * (field.top - field.bottom)
            )
            if not part.height or not level:
                continue
            before, behind = field.left - part.right, part.left - field.right
            gap = before if -3 <= before < _LABEL_GAP else behind if field.tick and -3 <= behind < _TICK_GAP else None
            if gap is not None and (best is None or gap < best[0]):
                best = (gap, row)
    return best[1] if best else None


def _place(rows: Sequence[Row], field: Field) -> int:
    for at, row in enumerate(rows):
        if row.parts and row.parts[0].height and row.parts[0].bottom + row.parts[0].height / 2 < field.bottom:
            return at
    return len(rows)


def _into_cell(row: Row, field: Field) -> None:
    before = [part for part in row.parts if part.right <= field.left + 3]
    text = before[-1].text if before else ""
    at = next((at for at, cell in enumerate(row.cells) if text and text in cell), len(row.cells) - 1)
    row.cells = (*row.cells[:at], f"{row.cells[at]} {field.value}".strip(), *row.cells[at + 1 :])


def place_links(rows: Sequence[Row], links: Sequence[WebLink]) -> None:
    """Put the address of each link after its text, unless the text is the address."""
    for link in links:
        bare = link.address.partition(":")[2].strip("/").lower()
        if bare and bare in link.text.replace(" ", "").lower():
            continue
        _place_link(rows, link)


def _place_link(rows: Sequence[Row], link: WebLink) -> None:
    address = f"({link.address})"
    for row in rows:
        for part in row.parts:
            middle = part.bottom + part.height / 2
            if not (link.bottom <= middle <= link.top and part.left < link.right and link.left < part.right):
                continue
            whole = _behind(part.text, link.text, address)
            row.cells = tuple(cell.replace(part.text, whole, 1) for cell in row.cells)
            part.text = whole
            return


def _behind(text: str, words: str, address: str) -> str:
    at = text.find(words) if words else -1
    if at < 0:
        return f"{text} {address}"
    end = at + len(words)
    return f"{text[:end]} {address}{text[end:]}"
