"""Comments, text boxes, pictures and charts of a sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.ocr.inside import InnerPictures
from ragkit_ingest.readers.office.charts import Chart, add_chart, read_chart
from ragkit_ingest.readers.office.losses import spoken
from ragkit_ingest.readers.office.xlsx_layout import Layout, area, cell_place
from ragkit_ingest.readers.office.xlsx_rows import SheetRows
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Event, Package

_MAX_LOOKED_UP: Final = 100_000
_MAX_DRAWINGS: Final = 500
_OLD_COMMENT: Final = "[Threaded comment]"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a cell. place: (row, column); author: "" when not said."""

    place: tuple[int, int]
    reference: str
    author: str
    text: str


@dataclass(slots=True)
class Drawings:
    """What is drawn on a sheet: texts and charts by the row that they begin at, from 1.

    silent: pictures that no text describes. unread: charts and diagrams that are not in the file.
    """

    items: list[tuple[int, str | Chart]] = field(default_factory=list)
    silent: int = 0
    unread: int = 0

    def add_before(self, row: int, out: TextBuilder) -> None:
        """Add the drawings that begin above a row to a text, and drop them here."""
        while self.items and self.items[0][0] < row:
            item = self.items.pop(0)[1]
            if isinstance(item, Chart):
                add_chart(out, item)
            else:
                out.paragraph(item)


def read_comments(package: Package, part: str, people: dict[str, str]) -> list[Comment]:
    """Return the comments of a sheet, of both kinds, by row and column; people: names by the id of threaded ones."""
    old: list[Comment] = []
    threads: list[Comment] = []
    for relation in package.relations(part).values():
        if relation.target not in package:
            continue
        if relation.kind == "comments":
            old.extend(_comments(package, relation.target, people))
        elif relation.kind == "threadedComment":
            threads.extend(_comments(package, relation.target, people))
    threaded = {comment.reference for comment in threads}
    kept = [c for c in old if c.reference not in threaded or not c.text.startswith(_OLD_COMMENT)]
    return sorted([*kept, *threads], key=lambda comment: comment.place)


def read_people(package: Package, main: str) -> dict[str, str]:
    """Return the names of those who wrote threaded comments, by id."""
    found: dict[str, str] = {}
    for relation in package.relations(main).values():
        if relation.kind == "person" and relation.target in package:
            for event in package.events(relation.target):
                if event.kind == "start" and event.name == "person":
                    found[event.attributes.get("id", "")] = event.attributes.get("displayName", "")
    return found


def _comments(package: Package, part: str, people: dict[str, str]) -> list[Comment]:
    found: list[Comment] = []
    authors: list[str] = []
    words: list[str] = []
    reference = author = ""
    inside = False
    for event in package.events(part):
        attributes = event.attributes
        if event.kind == "text":
            words.append(event.text if inside else "")
        elif event.name in ("t", "text", "author"):
            inside = event.kind == "start"
            if event.name == "author" and inside:
                words.clear()
            elif event.name == "author":
                authors.append(squeeze("".join(words)))
        elif event.kind == "start" and event.name in ("comment", "threadedComment"):
            reference = attributes.get("ref", "")
            index = attributes.get("authorId", "")[:6]
            known = index.isdecimal() and int(index) < len(authors)
            author = people.get(attributes.get("personId", ""), "") or (authors[int(index)] if known else "")
            words.clear()
        elif event.kind == "end" and event.name in ("comment", "threadedComment"):
            text, place = squeeze("".join(words)), cell_place(reference)
            if text and place is not None:
                found.append(Comment(place, reference, author, text.removeprefix(f"{author}:").strip() or text))
    return found


def add_comments(out: TextBuilder, comments: Sequence[Comment], rows: SheetRows, layout: Layout) -> None:
    """Add the comments of a sheet as a list after its cells; those on hidden cells are counted and left out."""
    lines: list[str] = []
    for comment in comments:
        text = rows.noted.get(comment.place, "")
        if comment.place in rows.hidden_places or (comment.place[1] in layout.hidden and not rows.keep_hidden):
            rows.counts["comments on hidden cells"] += 1
            continue
        on = f"{comment.reference} ({text})" if text else comment.reference
        by = f" by {comment.author}" if comment.author else ""
        lines.append(f"Comment on {on}{by}: {comment.text}")
    out.items(lines)


def read_drawings(
    package: Package, part: str, layout: Layout, lookup: Callable[[str], Sequence[str]], pictures: InnerPictures
) -> Drawings:
    """Return what is drawn on a sheet; `lookup` gives the values of cells that a chart names and does not hold."""
    found = Drawings()
    relations = package.relations(part)
    for identity in layout.drawings[:_MAX_DRAWINGS]:
        relation = relations.get(identity)
        if relation is not None and relation.target in package:
            _Drawing(package, relation.target, found, lookup, pictures).read()
    found.items.sort(key=lambda item: item[0])
    return found


class _Drawing:
    """Follows the events of a drawing part."""

    def __init__(
        self,
        package: Package,
        part: str,
        found: Drawings,
        lookup: Callable[[str], Sequence[str]],
        pictures: InnerPictures,
    ) -> None:
        self._pictures = pictures
        self._image = ""
        self._package = package
        self._part = part
        self._relations = package.relations(part)
        self._found = found
        self._lookup = lookup
        self._words: list[str] = []
        self._lines: list[str] = []
        self._words_of_picture = ""
        self._row = 0
        self._inside = False
        self._skip = 0

    def read(self) -> None:
        """Read the part to its end."""
        for event in self._package.events(self._part):
            if self._skip:
                self._skip += (event.kind == "start") - (event.kind == "end")
            elif event.kind == "text":
                if self._inside:
                    self._words.append(event.text)
            elif event.kind == "start":
                self._start(event)
            else:
                self._end(event.name)

    def _start(self, event: Event) -> None:
        name, attributes = event.name, event.attributes
        if name == "Fallback":
            self._skip = 1
        elif name in ("t", "row"):
            self._inside = True
        elif name == "from":
            self._row = 0
        elif name in ("sp", "pic", "graphicFrame"):
            self._lines.clear()
            self._words_of_picture = self._image = ""
        elif name == "blip":
            self._image = attributes.get("r:embed", "")
        elif name == "cNvPr":
            self._words_of_picture = spoken(attributes.get("descr", ""), attributes.get("title", ""))
        elif name == "br":
            self._words.append(" ")
        elif name == "chart":
            self._chart(attributes.get("r:id", "") or attributes.get("id", ""))
        elif name == "relIds":
            self._diagram(attributes.get("r:dm", ""))

    def _end(self, name: str) -> None:
        if name == "t":
            self._inside = False
        elif name == "row":
            self._anchor()
        elif name == "p":
            line = squeeze("".join(self._words))
            self._words.clear()
            if line:
                self._lines.append(line)
        elif name == "sp" and self._lines:
            self._found.items.append((self._row, "\n".join(self._lines)))
        elif name == "pic":
            self._picture()

    def _picture(self) -> None:
        """End a picture: its description and its OCR text are added; without both, it is counted."""
        relation = self._relations.get(self._image)
        known = self._pictures.wanted and relation is not None and relation.target in self._package
        read = self._pictures.text(self._package.read(relation.target)) if relation is not None and known else ""
        said = f"Picture: {self._words_of_picture}" if self._words_of_picture else ""
        self._found.items += [(self._row, text) for text in (said, read) if text]
        self._found.silent += not said and not read

    def _anchor(self) -> None:
        """End a row of an anchor: the first of two is the row where a drawing begins."""
        text = "".join(self._words).strip()
        self._words.clear()
        self._inside = False
        if not self._row and text[:7].isdecimal():
            self._row = int(text[:7]) + 1

    def _chart(self, identity: str) -> None:
        relation = self._relations.get(identity)
        if relation is None or relation.target not in self._package:
            self._found.unread += 1
            return
        chart = read_chart(self._package.events(relation.target))
        chart.fill(self._lookup)
        self._found.items.append((self._row, chart))

    def _diagram(self, identity: str) -> None:
        relation = self._relations.get(identity)
        if relation is None or relation.target not in self._package:
            self._found.unread += 1
            return
        lines: list[str] = []
        words: list[str] = []
        inside = False
        for event in self._package.events(relation.target):
            if event.name == "t":
                inside = event.kind == "start"
            elif event.kind == "text" and inside:
                words.append(event.text)
            elif event.kind == "end" and event.name == "p" and words:
                lines.append(squeeze("".join(words)))
                words.clear()
        if lines:
            self._found.items.append((self._row, "\n".join(lines)))


class CellValues:
    """Values of cells that charts refer to; each sheet is read once for them, and only when a chart asks."""

    def __init__(self, read: Callable[[str], dict[tuple[int, int], str]]) -> None:
        self._read = read
        self._known: dict[str, dict[tuple[int, int], str]] = {}

    def __call__(self, reference: str) -> list[str]:
        """Return the values of a reference such as 'Data'!$B$2:$B$4, row by row; [] for anything but a plain range."""
        sheet, mark, cells = reference.rpartition("!")
        found = area(cells)
        if not mark or found is None:
            return []
        name = sheet.strip()
        if name[:1] == "'" and name[-1:] == "'":
            name = name[1:-1].replace("''", "'")
        if name not in self._known:
            self._known[name] = self._read(name)
        values = self._known[name]
        top, left, bottom, right = found
        if (bottom - top + 1) * (right - left + 1) > _MAX_LOOKED_UP:
            return []
        return [values.get((row, column), "") for row in range(top, bottom + 1) for column in range(left, right + 1)]
