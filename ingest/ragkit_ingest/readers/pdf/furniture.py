"""Running headers, footers and page numbers: lines that pages share, or that are at their usual places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ragkit_ingest.readers.pdf.text import Line

_PAGES = 3  # a line on fewer pages than this is not running
_RUNNING_LENGTH = 200
_EDGE = 3  # running headers and footers are among so many lines at either end of a page
_NUMBERS = 4  # numbers of a line that may count pages
_MARGIN = 0.09  # part of the page's height that holds nothing else where a gap sets it apart
_SMALL = 0.93  # letters of a running line on a lone page are at most so high as the body's
_LONE_LENGTH = 110
_TURNED_LENGTH, _NARROW = 8, 0.12  # letters of a line that runs up the page, and their width in letter heights at most
_ENDS = (".", "!", "?", ":", ";")
_LEADING = 1.6  # lines of a paragraph are at most so many letter heights apart
_ROMAN = re.compile(r"[ivxlc]+|[IVXLC]+")
_NUMBER = re.compile(r"(?<![\d.,$€£])\d{1,5}(?![\d%]|[.,]\d)")
_WORD = r"(?:page|seite|página|pagina|strona|sida|side|p\.|pg\.?|стр\.?|sheet|folio)"
_PAGE_NUMBER = re.compile(
    rf"[-–—|·•\[(]*\s*(?:{_WORD}\s*)?\d{{1,4}}\s*(?:(?:of|/|von|de|sur|di|av|из|out of)\s*\d{{1,4}})?\s*[-–—|·•\])]*",
    re.IGNORECASE,
)
_LABELLED_NUMBER = re.compile(
    rf"{_WORD}\s*\d|\d\s*(?:of|/|von|de|sur|из)\s*\d|[-–—|·•\[(]\s*\d{{1,4}}\s*[-–—|·•\])]", re.IGNORECASE
)
_PAGE_WORD = re.compile(rf"\b{_WORD}\s*$", re.IGNORECASE)
_OF = re.compile(r"\s*(?:of|/|von|de|sur|из)\s*\d")
_EDGE_SIGNS = " -–—|·•[]()"
_NOTE = re.compile(r"[\d*†‡¹²³⁴⁵⁶⁷⁸⁹⁰§]")


def running_lines(
    pages: Sequence[list[Line] | None], heights: Sequence[float] = (), body: float = 0.0
) -> list[set[int]]:
    """Return, for each page, the indexes of its running lines.

    These are lines that many pages have at the same end, lines whose number grows with the pages, page numbers that
    are recognised as such, and so is small text in the margin of a page after a gap. heights: of the pages, in points.
    body: height of the letters of running text.
    """
    seen: Counter[str] = Counter()
    keyed: list[dict[int, list[str]]] = []
    for number, page in enumerate(pages):
        keys = {index: _keys(line.text, number) for index, line in _edges(page or [])}
        keyed.append(keys)
        seen.update({key for several in keys.values() for key in several})
    enough = max(_PAGES, sum(bool(page) for page in pages) * 0.25)
    running: list[set[int]] = []
    for number, (page, keys) in enumerate(zip(pages, keyed, strict=True)):
        found = {
            i
            for i, several in keys.items()
            if any(seen[key] >= (_PAGES if key[0] == "@" else enough) for key in several)
        }
        if page:
            height = heights[number] if number < len(heights) else 0.0
            found = {index for index in found if not _goes_on(page, index)}
            found |= _by_place(page, found, height, body)
        running.append(found if page and len(found) < len(page) else set())
    return running


def _goes_on(page: list[Line], index: int) -> bool:
    """Tell whether a line continues a sentence of the line above it, which a running line does not."""
    above, line = page[max(index - 1, 0)], page[index]
    if not line.height or not line.text[:1].islower() or above.text.endswith(_ENDS):
        return False
    step = above.bottom - line.bottom
    return 0 < step < _LEADING * line.height and abs(above.height - line.height) < 0.1 * line.height


def _edges(page: list[Line]) -> list[tuple[int, Line]]:
    """Return the first and last lines of a page, by reading order and by position."""
    numbered = [(index, line) for index, line in enumerate(page) if not line.note]
    if len(numbered) <= 2 * _EDGE:
        return numbered
    placed = sorted((pair for pair in numbered if pair[1].height), key=lambda pair: pair[1].bottom)
    ends = dict([*numbered[:_EDGE], *numbered[-_EDGE:], *placed[:_EDGE], *placed[-_EDGE:]])
    return sorted(ends.items())


def _keys(text: str, page: int) -> list[str]:
    """Return what a running line has in common with those of other pages: its words, or its words with a number that
    grows with the pages, given as its distance from the page number; none for a line too long to be one."""
    if len(text) > _RUNNING_LENGTH or not text:
        return []
    if len(text) <= 6 and _ROMAN.fullmatch(text):
        return ["@roman"]
    text = text.lower()
    keys = ["=" + text]
    for match in list(_NUMBER.finditer(text))[:_NUMBERS]:
        before, behind = text[: match.start()].rstrip(_EDGE_SIGNS), text[match.end() :].strip(_EDGE_SIGNS)
        if before and behind and not (_PAGE_WORD.search(before) or _OF.match(text, match.end())):
            continue
        keys.append(f"@{text[: match.start()]}@{int(match.group()) - page}{text[match.end() :]}")
    return keys


def _by_place(page: list[Line], known: set[int], height: float, body: float) -> set[int]:
    """Return the running lines of a page that its own layout shows."""
    placed = sorted(
        ((index, line) for index, line in enumerate(page) if line.height and not line.note and index not in known),
        key=lambda pair: -pair[1].bottom,
    )
    if len(placed) < 3:
        return set()
    aside = _sideways([pair for pair in enumerate(page) if pair[1].height and not pair[1].note])
    placed = [pair for pair in placed if pair[0] not in aside]
    if not placed:
        return set()
    found = aside | _from_end(placed, height, body, top=True)
    return found | _from_end(placed[::-1], height, body, top=False)


def _sideways(lines: Sequence[tuple[int, Line]]) -> set[int]:
    """Return lines that run up or down the margin, such as an archive's stamp."""
    turned = {index for index, line in lines if _is_turned(line)}
    level = [line for index, line in lines if index not in turned] if turned else []
    if not level:
        return set()
    left, right = min(line.left for line in level), max(line.right for line in level)
    return {index for index, line in lines if index in turned and (line.right <= left or line.left >= right)}


def _is_turned(line: Line) -> bool:
    """Tell whether a line is far too narrow for its letters."""
    letters = len(line.text)
    return line.right - line.left < _NARROW * line.height * letters and letters >= _TURNED_LENGTH and not line.cells


def _from_end(placed: Sequence[tuple[int, Line]], height: float, body: float, *, top: bool) -> set[int]:
    """Check the outermost row of lines: they are removed if all are page numbers or small text in the margin."""
    edge = placed[0][1]
    row = [pair for pair in placed if abs(pair[1].bottom - edge.bottom) < 0.5 * edge.height]
    inner = next((line for _, line in placed if abs(line.bottom - edge.bottom) >= 0.5 * edge.height), None)
    if inner is None or any(line.cells for _, line in row):
        return set()
    gap = abs(edge.bottom - inner.bottom) - min(edge.height, inner.height)
    in_margin = height > 0 and (edge.bottom > height * (1 - _MARGIN) if top else edge.bottom < height * _MARGIN)
    apart = gap > 0.6 * edge.height
    texts = [line.text for _, line in row]
    numbered = [_PAGE_NUMBER.fullmatch(text) is not None for text in texts]
    labelled = any(_LABELLED_NUMBER.search(text) is not None for text in texts)
    if all(numbered) and apart and (labelled or in_margin):
        return {index for index, _ in row}
    small = all(line.height < _SMALL * body and len(line.text) <= _LONE_LENGTH for _, line in row)
    plain = not any(text.endswith((".", ":", "?", "!")) or (_NOTE.match(text) and not top) for text in texts)
    if in_margin and gap > 1.0 * edge.height and plain and (small or (any(numbered) and len(row) > 1)):
        return {index for index, _ in row}
    return set()
