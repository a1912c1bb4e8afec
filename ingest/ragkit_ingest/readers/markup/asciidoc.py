"""AsciiDoc, line by line: headings, lists, tables, boxes, attributes, code and links, with the files it includes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.grid import add_grid
from ragkit_ingest.readers.markup.asciidoc_text import AsciidocLists, AsciidocText, table_cells
from ragkit_ingest.readers.markup.asciidoc_titles import one_line_titles
from ragkit_ingest.readers.markup.front_matter import split_front_matter
from ragkit_ingest.readers.markup.selection import Selection
from ragkit_ingest.readers.markup.site_notes import SiteNotes
from ragkit_ingest.readers.sniff import ASCIIDOC
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.web.html import visible_words

_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?[ \t]*$")
_ATTRIBUTE = re.compile(r":(!?[\w][\w-]*!?):(?:[ \t]+(.*))?$")
_BLOCK_ATTRIBUTES = re.compile(r"\[([^\[\]]*(?:\[[^\]]*\][^\[\]]*)*)\][ \t]*$")
_DELIMITER = re.compile(r"(-{4,}|={4,}|\*{4,}|_{4,}|\.{4,}|\+{4,}|/{4,}|--|`{3,}[\w+-]*)[ \t]*$")
_TABLE = re.compile(r"([|,:!])={3,}[ \t]*$")
_ITEM = re.compile(r"[ \t]*(\*{1,5}|-|\.{1,5}|\d{1,4}\.|<\.>|<\d+>)[ \t]+(\S.*)$")
_TERM = re.compile(r"[ \t]*(\S.*?)(?::{2,4}|;;)(?:[ \t]+(\S.*))?$")
_ADMONITION = re.compile(r"(NOTE|TIP|IMPORTANT|WARNING|CAUTION):[ \t]+(\S.*)$")
_TITLE = re.compile(r"\.(?![.\s])(\S.*)$")
_AUTHOR = re.compile(r"([^\W\d][\w .'-]{1,80})(?:<([^<>\s]{3,100})>)?[ \t]*$")
_REVISION = re.compile(r"v?\d[\w.]{0,20}(?:,[ \t].{1,80})?$|\d{4}-\d\d-\d\d$")
_INCLUDE = re.compile(r"include::([^\[\]\s]+)\[([^\]]*)\][ \t]*$")
_FAMILY = re.compile(r"^(partial|example|page|attachment)\$")
_TITLE_LINE = re.compile(r"={1,5}[ \t]+\S")
_MACRO = re.compile(r"(image|video|audio|toc|icon)::([^\[\]\s]*)\[([^\]]*)\][ \t]*$")
_BREAK = re.compile(r"(?:'{3,}|<{3}|-{3}|\*{3}|- - -|\* \* \*)[ \t]*$")
"""Rules across the page, and the ends of pages."""
_CONDITION = re.compile(r"(?:ifdef|ifndef|ifeval|endif)::[^\[]*\[(.*)\][ \t]*$")
_KINDS: Final = frozenset({"note", "tip", "important", "warning", "caution"})


class AsciidocReader:
    """Reads text/asciidoc."""

    name = "asciidoc"
    media_types: tuple[str, ...] = (ASCIIDOC,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text without its marks; attributes stand where the text names them, and are metadata."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        text = visible_words(source.replace("\r\n", "\n").replace("\r", "\n"))
        front = split_front_matter(text)
        for words in front.describing():
            builder.paragraph(words)
        page = _Page(builder, hints)
        page.run([*one_line_titles(front.body.split("\n"))])
        page.notes.report(builder)
        fields = {**{key: value for key, value in page.attributes.items() if value}, **front.fields}
        return builder.finish(name=name, title=front.title or page.title, metadata=fields)


class _Page:
    """Reads the lines of a file."""

    def __init__(self, builder: TextBuilder, hints: Hints) -> None:
        self.notes = SiteNotes(files=hints.neighbours)
        self.attributes: dict[str, str] = {}
        self.title = ""
        self._out = builder
        self._hints = hints
        self._text = AsciidocText(self.attributes)
        self._paragraph: list[str] = []
        self._lists = AsciidocLists()
        self._style = ""  # block attributes that wait for their block
        self._caption = ""
        self._by = ""  # whom the quote that is open is by
        self._header = 0  # lines since the title, while they may name author and revision; 0 elsewhere
        self._is_item = False  # the paragraph begins an item of a list
        self._term = False  # the paragraph explains a term
        self._continued = False  # the next block belongs to the list item before it

    def run(self, lines: list[str]) -> None:
        source = self._with_included(lines)
        for raw in source:
            line = raw.rstrip()
            if self._block(line, source):
                continue
            if not line.strip():
                self._header = 0
                self._end_paragraph()
            elif not self._marked(line):
                self._paragraph.append(line)
        self._end_paragraph()
        self._end_list()
        if self._text.struck:
            self._out.warn(f"struck-out text left out: {self._text.struck:,} characters")

    def _with_included(self, lines: Iterable[str], offset: int = 0) -> Iterator[str]:
        """Yield lines, in place of each include those of its file; offset: how much deeper its headings stand."""
        for line in lines:
            macro = _INCLUDE.match(line)
            if macro is None:
                yield f"{'=' * offset}{line}" if offset and _TITLE_LINE.match(line) else line
                continue
            named = self._text.values(macro[1])
            path = _FAMILY.sub(lambda match: f"{match[1]}s/", named.rpartition(":")[2] if "$" in named else named)
            with self.notes.entered(path, _selection(macro[2])) as part:
                if part is None:
                    yield f"(included file: {path})"
                else:
                    deeper = re.search(r"leveloffset=\"?\+?(\d)", macro[2])
                    yield from self._with_included(part.text.split("\n"), offset + (int(deeper[1]) if deeper else 0))

    # ------------------------------------------------------------------ blocks

    def _block(self, line: str, source: Iterator[str]) -> bool:
        """Take a block with delimiters, with its lines; False for another line."""
        if line.startswith("//"):
            if line.startswith("////") and set(line) == {"/"}:
                self._skip_comment(line, source)
            return not line.startswith("///") or set(line) == {"/"}
        table = _TABLE.match(line)
        if table is not None:
            self._end_paragraph()
            self._end_list()
            self._add_table(line.strip(), table[1], source)
            return True
        fence = _DELIMITER.match(line)
        if fence is None or (
            self._paragraph
            and line.startswith(("=", "-", "+", ".", "*", "_"))
            and len(self._paragraph) == 1
            and len(line) != 4
        ):
            return False
        self._end_paragraph()
        mark = fence[1]
        if mark[0] in "-.`+" and mark != "--":
            self._end_list()
            closing = "```" if mark[0] == "`" else mark
            self._code([*_until(source, closing)], mark)
        elif self._style.lower().startswith(("source", "listing")) and mark == "--":
            self._code([*_until(source, mark)], mark)
        else:
            self._begin_box()
        return True

    def _skip_comment(self, mark: str, source: Iterator[str]) -> None:
        self.notes.left_out["lines of comments"] += sum(1 for _ in _until(source, mark))

    def _code(self, lines: list[str], mark: str) -> None:
        style, self._style = self._style, ""
        self._emit_caption()
        if mark[0] == "+" and "stem" not in style:
            from ragkit_ingest.readers.web.html import html_to_text

            self._out.paragraph(html_to_text("\n".join(lines)))
            return
        names = [part.strip() for part in style.split(",")]
        language = (
            names[1] if len(names) > 1 and names[0] in ("source", "") else mark.strip("`") if mark[0] == "`" else ""
        )
        self._out.code("\n".join(lines), language if language.replace("-", "").isalnum() else "")

    def _begin_box(self) -> None:
        """Begin or end a box: its kind and title become text, its content is read as usual."""
        named, self._style = self._style, ""
        style = named.lower().lstrip("%").split(",")[0].split("#")[0].split(".")[0]
        if style in ("quote", "verse"):
            self._by = ", ".join(filter(None, (part.strip().strip('"') for part in named.split(",")[1:])))
        elif self._by:
            self._end_paragraph()
            by, self._by = self._by, ""
            self._put(f"— {self._text.words(by)}")
        if style in _KINDS and not self._caption:
            self._caption = style.capitalize()
        self._emit_caption()

    def _add_table(self, mark: str, sign: str, source: Iterator[str]) -> None:
        style, self._style = self._style, ""
        caption, self._caption = self._text.words(self._caption), ""
        separator = {",": ",", ":": ":"}.get(sign, "|" if sign == "|" else "!")
        rows = table_cells([*_until(source, mark)], style, separator, self._text.words)
        add_grid(self._out, rows, header=None, caption=caption)

    # ------------------------------------------------------------------ single lines

    def _marked(self, line: str) -> bool:
        """Take a line that begins with markup; False for a line of prose."""
        if self._header and not self._paragraph and self._author(line):
            return True
        return self._set_attribute(line) or self._heading(line) or self._macro(line) or self._listed(line)

    def _author(self, line: str) -> bool:
        """Take the line of the author or of the revision under the title."""
        author = _AUTHOR.match(line)
        revision = _REVISION.match(line)
        self._header += 1
        if author is not None and self._header == 2 and (author[2] or len(author[1].split()) in (2, 3)):
            self.attributes["author"] = author[1].strip()
        elif revision is not None and self._header <= 3:
            self.attributes["revision"] = line.strip()
        else:
            self._header -= 1
            return False
        self._out.paragraph(line)
        return True

    def _set_attribute(self, line: str) -> bool:
        match = _ATTRIBUTE.match(line) if line.startswith(":") else None
        if match is not None and not self._paragraph:
            name = match[1].strip("!").lower()
            self.attributes[name] = "" if "!" in match[1] else self._text.values((match[2] or "").strip())
            if name in ("description", "summary", "abstract"):
                self._out.paragraph(self.attributes[name])
            return True
        block = _BLOCK_ATTRIBUTES.match(line) if line.startswith("[") else None
        if block is not None and not self._paragraph:
            if not line.startswith("[["):
                self._style = block[1] if not self._style else f"{self._style},{block[1]}"
            return True
        return False

    def _heading(self, line: str) -> bool:
        match = _HEADING.match(line) if line[:1] in "=#" and not self._paragraph else None
        if match is None:
            title = _TITLE.match(line) if line.startswith(".") and not self._paragraph else None
            if title is None or _ITEM.match(line):
                return False
            self._caption = title[1]
            return True
        self._end_list()
        words = self._text.words(match[2])
        level = len(match[1])
        if level == 1 and not self.title:
            self.title, self._header = words, 1
        self._style = ""
        self._out.heading(words, level)
        return True

    def _macro(self, line: str) -> bool:
        condition = _CONDITION.match(line) if line.startswith(("if", "endif")) else None
        if condition is not None:
            if condition[1] and not line.startswith(("ifeval", "endif")):
                self._paragraph.append(condition[1])
            return True
        match = _MACRO.match(line)
        if match is None:
            return _BREAK.match(line) is not None and not self._paragraph
        self._end_paragraph()
        if match[1] == "image":
            caption, self._caption = self._caption, ""
            words = [self._text.words(_first(match[3])), self._text.words(caption)]
            self._put(". ".join(filter(None, dict.fromkeys(words))))
        elif match[1] in ("video", "audio"):
            self.notes.left_out["embedded media"] += 1
        return True

    def _listed(self, line: str) -> bool:
        admonition = _ADMONITION.match(line) if not self._paragraph else None
        if admonition is not None:
            self._paragraph.append(f"{admonition[1].capitalize()}: {admonition[2]}")
            return True
        if line.strip() == "+":
            self._end_paragraph()
            self._continued = len(self._lists) > 0
            return True
        item = _ITEM.match(line)
        if item is not None and (not self._paragraph or self._lists or self._term):
            self._end_paragraph()
            self._item(item[1], item[2])
            return True
        term = _TERM.match(line) if "::" in line or ";;" in line else None
        if (
            term is not None
            and (not self._paragraph or self._term or self._is_item)
            and "://" not in term[1]
            and not term[1].endswith(":")
        ):
            names = term[1]
            if self._term and len(self._paragraph) == 1 and self._paragraph[0].endswith(":"):
                names = f"{self._paragraph.pop()[:-1]}, {names}"  # several terms share one explanation
            self._end_paragraph()
            self._end_list()
            self._caption = ""
            self._paragraph.append(f"{names}: {term[2] or ''}".rstrip())
            self._term = True
            return True
        return False

    def _item(self, mark: str, words: str) -> None:
        callout = mark.strip("<>")
        mark = "1." if mark[0].isdigit() else "<.>" if mark[0] == "<" else mark
        if self._style and self._lists.knows(mark):  # attributes begin a list anew
            self._end_list()
        if not self._lists.knows(mark):
            self._emit_caption()
        lead = self._lists.item(mark, callout, self._style)
        self._style = ""
        self._paragraph.append(f"{lead}{words}")
        self._is_item = True

    # ------------------------------------------------------------------ what was collected

    def _end_paragraph(self) -> None:
        lines, self._paragraph = self._paragraph, []
        term, self._term = self._term, False
        is_item, self._is_item = self._is_item, False
        if not lines:
            return
        first = lines[0]
        indent = first[: len(first) - len(first.lstrip())]
        literal = bool(indent) and not self._lists and not is_item
        if literal:
            self._emit_caption()
            self._out.code("\n".join(lines))
            return
        joined = " ".join(map(str.strip, lines)) if term or self._lists else "\n".join(lines)
        text = self._text.words(joined)
        if is_item:
            self._lists.add(indent + squeeze(text), begins=True)
            return
        if self._continued:
            self._continued = False
            self._lists.add(f"{'  ' * len(self._lists)}{squeeze(text)}", begins=False)
            return
        if self._style.lower() in _KINDS:
            text, self._style = f"{self._style.capitalize()}: {text}", ""
        self._end_list()
        self._emit_caption()
        self._style = ""
        self._out.paragraph(text)

    def _put(self, words: str) -> None:
        self._end_list()
        self._out.paragraph(words)

    def _emit_caption(self) -> None:
        caption, self._caption = self._caption, ""
        if caption:
            self._end_list()
            self._out.paragraph(self._text.words(caption))

    def _end_list(self) -> None:
        if items := self._lists.take():
            self._out.items(items)
        if not self._continued:
            self._lists.close()
        self._continued = False


def _selection(attributes: str) -> Selection:
    """Return what the attributes of an include select: lines=1..5;8, tag=name, tags=name."""
    lines = re.search(r"\blines=\"?([^\"\]]+?)\"?(?:,\s*[a-z]+=|$)", attributes)
    tag = re.search(r"\btags?=\"?([\w.-]+)", attributes)
    return Selection(lines=lines[1] if lines else "", region=tag[1] if tag else "")


def _until(source: Iterator[str], mark: str) -> Iterator[str]:
    """Yield the lines up to the one that closes a block."""
    for line in source:
        if line.rstrip() == mark:
            return
        yield line


def _first(attributes: str) -> str:
    """Return the first attribute by position, or the one named alt."""
    named = re.search(r"alt=\"?([^\",]*)", attributes)
    if named:
        return named[1]
    quoted = re.match(r"\"([^\"]*)\"", attributes)
    first = quoted[1] if quoted else attributes.split(",", maxsplit=1)[0]
    return "" if "=" in first else first
