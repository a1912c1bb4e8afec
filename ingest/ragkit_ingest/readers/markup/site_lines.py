"""Markdown of site generators as plain Markdown, by lines: boxes, tabs, includes, imports; fences stay as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

from ragkit_ingest.readers.markup import site_details
from ragkit_ingest.readers.markup.arguments import fenced, open_brackets, parse_tag, tag_words
from ragkit_ingest.readers.markup.front_matter import split_front_matter
from ragkit_ingest.readers.markup.selection import code_language, imported_part, marks_part, named_file, named_in_code
from ragkit_ingest.readers.markup.site_marks import MarkScanner
from ragkit_ingest.readers.markup.site_notes import SiteNotes, box_title
from ragkit_ingest.readers.markup.site_tags import MYST_BOXES, SILENT_KINDS
from ragkit_ingest.readers.neighbours import Included

_WORDS = re.compile(  # a blank line, a table row, or words, also of a heading or list item: no rule below takes it
    r"(?!import|export)[ \t]*(?:(?:#{1,6}[ \t]|[-*+][ \t]|\d{1,9}[.)][ \t]|\*\*)?[ \t]*[^\W\d_]|\||$)"
)
_FENCE = re.compile(r"((?:[ \t]*>)*[ \t]*(?:[-*+][ \t]+|\d{1,9}[.)][ \t]+)?)(`{3,}|~{3,})[ \t]*([^`]*)$")
_SLASHES = re.compile(r"[ \t]*/{3,}[ \t]*(?:([\w-]+)[ \t]*(?:\|[ \t]*(.*))?)?$")
_COLONS = re.compile(
    r"([ \t]*(?:>[ \t]*)*):{3,}[ \t]*(?:\{([^}\n]{0,200})\}|([\w-]+))?[ \t]*(?:\[([^\]]*)\])?[ \t]*(.*)$"
)
_INDENTED = re.compile(r"[ \t]*(?:!{3}|\?{3}\+?|={3}[!+]?)[ \t]+(?:([\w -]+?)[ \t]*)?(?:\"(.*)\")?[ \t]*$")
_ALERT = re.compile(r"([ \t]*(?:>[ \t]*)+)\[!([A-Za-z-]{2,30})\][-+]?[ \t]*(.*)$")
_SNIP = re.compile(r"[ \t]*-{2,}8<-{2,}[ \t]*$")
_CODE_TAG = re.compile(
    r"[ \t]*\{(?:%-?|\{[<%])[ \t]*(?:highlight|code-block|codeblock)\b[ \t]*([\w+#-]*).*(?:-?%|[>%]\})\}[ \t]*$"
)
_CODE_END = re.compile(
    r"[ \t]*\{(?:%-?|\{[<%])[ \t]*(?:end|/)[ \t]*(?:highlight|code-block|codeblock)[ \t]*(?:-?%|[>%]\})\}[ \t]*$"
)
_RAW = re.compile(r"[ \t]*\{%-?[ \t]*(end)?(raw|verbatim|comment)[ \t]*-?%\}[ \t]*$")
_TAG_LINE = re.compile(r"[ \t]*<(?:/?[A-Z][\w.]*|/?[a-z][a-z0-9]*-[\w.-]+|/?>)")
_MYST = re.compile(r"\{([\w:-]+)\}[ \t]*(.*)$")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_OPTION = re.compile(r"[ \t]*(?::[\w-]+:(?:[ \t].*)?|---)$")


@dataclass(slots=True)
class _Box:
    """An indented box: lines from `inner` columns on belong to it and move to `outer`. tag: it ends by its tag."""

    inner: int
    outer: int
    tag: str = ""


class SiteMarkdown:
    """Rewrites a file; `text` afterwards."""

    def __init__(self, notes: SiteNotes, *, mdx: bool) -> None:
        self._notes = notes
        self._mdx = mdx
        self._done: list[str] = []
        self._open: list[str] = []  # lines outside code that wait for the scanner
        self._boxes: list[_Box] = []
        self._fence = ""  # the mark of the open fence
        self._code_tag = False
        self._myst: list[str] = []
        self._raw = ""
        self._script = 0  # lines of an import or export that are left out, 0 outside one
        self._depth = 0  # open braces of that statement
        self._blank = True
        self._listing = False
        self._slash = False  # options of a /// block may follow
        self._snip = False

    def rewrite(self, text: str) -> str:
        """Return plain Markdown with the same words."""
        lines = text.split("\n")
        index = 0
        while index < len(lines):
            line = lines[index]
            index += 1
            if not self._fence and _TAG_LINE.match(line) and ">" not in line:
                line, index = site_details.joined_tag(lines, index)
            self._line(line)
        self._scan()
        return "\n".join(self._done)

    def _line(self, line: str) -> None:
        line = self._unboxed(line)
        if self._fence or self._code_tag:
            self._in_fence(line)
            return
        if self._raw or self._script:
            self._skipped(line)
            return
        if not self._slash and not self._snip and _WORDS.match(line):
            self._keep(line)
            self._blank = not line.strip()
            return
        fence = _FENCE.match(line)
        if fence is not None and not (fence[2][0] == "`" and "`" in fence[3]):
            self._open_fence(line, fence)
        elif not self._site_line(line):
            self._plain(line)
        self._blank = not line.strip()

    # ------------------------------------------------------------------ code

    def _open_fence(self, line: str, fence: re.Match[str]) -> None:
        myst = _MYST.match(fence[3].strip())
        if self._myst and not fence[3].strip() and fence[2].startswith(self._myst[-1]):
            self._myst.pop()
            self._words("")
        elif myst is not None and myst[1] in MYST_BOXES:
            self._myst.append(fence[2])
            self._slash = True
            self._words(box_title(myst[1], myst[2]))
        elif myst is not None and myst[1] in ("include", "literalinclude"):
            self._fence = fence[2]
            self._insert(self._notes.include(myst[2]), line)
        else:
            title = site_details.code_title(fence[3].strip())
            if title:
                self._words(title, line)
            self._scan()
            self._fence = fence[2]
            opening = f"{fence[1]}{fence[2]}{myst[2]}" if myst is not None and "code" in myst[1] else line
            self._done.append(opening)

    def _in_fence(self, line: str) -> None:
        bare = line.lstrip("> \t").rstrip()
        if self._code_tag and _CODE_END.match(line):
            self._code_tag = False
            self._done.append("~~~~~~")
        elif not self._code_tag and len(bare) >= len(self._fence) and set(bare) == {self._fence[0]}:
            self._scan()
            self._done.append(line)
            self._fence = ""
        else:
            shown = site_details.code_line(line)
            if shown is not None:
                self._done.append(self._in_code(shown))

    def _in_code(self, line: str) -> str:
        """Return a line of code, or the lines of the file that it includes, as deep as it stands."""
        if "8<-" not in line and "{*" not in line:
            return line
        if marks_part(line):
            return ""
        path = named_in_code(line)
        text = self._notes.included(path, raw=True) if path else None
        if text is None:
            return line
        indent = line[: len(line) - len(line.lstrip())]
        return "\n".join(f"{indent}{part}" if part else "" for part in text.split("\n"))

    def _insert(self, text: str, line: str) -> None:
        """Add rewritten text as blocks of their own, as deep as the line that they come from."""
        self._scan()
        indent = line[: len(line) - len(line.lstrip())]
        self._done += ["", *(f"{indent}{part}" if part else "" for part in text.split("\n")), ""]
        self._blank = True

    # ------------------------------------------------------------------ lines with a meaning

    def _site_line(self, line: str) -> bool:
        """Take a line of site syntax; False for one of plain Markdown."""
        return (
            self._box_line(line)
            or self._include_line(line)
            or self._statement(line)
            or self._template_block(line)
            or self._tag_line(line)
            or self._html_line(line)
        )

    def _box_line(self, line: str) -> bool:
        if self._slash and line.strip():
            if _OPTION.match(line) or re.match(r"    \w[\w-]*:(?:\s|$)", line):
                return True
            self._slash = False
        if "///" in line and (match := _SLASHES.match(line)):
            kind = match[1] or ""
            self._slash = bool(kind)
            self._words("" if kind in SILENT_KINDS else box_title(kind, match[2] or ""), line)
            return True
        if ":::" in line and (match := _COLONS.match(line)):
            self._words(match[1] + self._colon_title(match), line if not match[1].strip() else "")
            return True
        if (match := _ALERT.match(line)) is not None:
            self._open.append(f"{match[1]}{box_title(match[2], match[3]) or match[2].capitalize()}")
            self._open.append(match[1].rstrip())
            return True
        if line.lstrip()[:3] in ("!!!", "???", "===") and (match := _INDENTED.match(line)):
            if not match[1] and not match[2]:
                return False
            indent = len(line) - len(line.lstrip())
            kind = (match[1] or "").split(" ")[0]
            title = "" if match[2] == "" else box_title(kind, match[2] or "") or kind.capitalize()
            self._words(title, line)
            box = self._boxes[-1] if self._boxes else None
            self._boxes.append(_Box((indent - box.outer + box.inner if box else indent) + 4, indent))
            return True
        return False

    def _colon_title(self, match: re.Match[str]) -> str:
        kind = (match[3] or "").lower()
        attributes = match[2] or ""
        if not kind and attributes:
            found = re.search(r"\.?((?:callout-)?[\w-]+)", attributes)
            kind = found[1].lower() if found else ""
        words = match[4] or match[5] or ""
        inner = re.fullmatch(r"\s*\{(.*)\}\s*", words)
        named = re.search(r"(?:title|summary|label)\s*=\s*[\"']([^\"']*)", inner[1] if inner else attributes)
        if inner:
            words = ""
        self._slash = bool(match[2])
        return "" if kind in SILENT_KINDS else box_title(kind, named[1] if named else words)

    def _include_line(self, line: str) -> bool:
        if _SNIP.match(line):
            self._snip = not self._snip
            return True
        if self._snip:
            self._insert(self._notes.include(line.strip().lstrip(";")), line)
            return True
        path, selection = named_file(line)
        if not path:
            return marks_part(line)
        self._insert(self._notes.include(path, selection), line)
        return True

    def _statement(self, line: str) -> bool:
        """Leave out an import or export of MDX, and remember constants."""
        if not line.startswith(("import", "export")) or not (self._blank or self._mdx or self._after_statement()):
            return False
        if not site_details.is_statement(line):
            return False
        self._notes.fields.update(site_details.constant_of(line))
        part = imported_part(line)
        if part:
            self._notes.partials.update(part)
        else:
            self._notes.left_out["imports and exports of MDX"] += 1
        self._depth = open_brackets(line)
        self._script = 1 if self._depth > 0 else 0
        self._open.append("")
        return True

    def _after_statement(self) -> bool:
        return bool(self._open) and not self._open[-1].strip()

    def _template_block(self, line: str) -> bool:
        if "{" not in line:
            return False
        code = _CODE_TAG.match(line)
        if code is not None and not _CODE_END.match(line):
            self._scan()
            self._done.append(f"~~~~~~{code[1]}")
            self._code_tag = True
            return True
        raw = _RAW.match(line)
        if raw is None:
            return False
        if not raw[1]:
            self._raw = raw[2]
            self._scan()
        return True

    def _skipped(self, line: str) -> None:
        """A line inside an import or export, or between tags that show or hide it as it is."""
        if self._script:
            self._depth += open_brackets(line)
            self._script = self._script + 1 if self._depth > 0 and self._script < 500 else 0
            return
        raw = _RAW.match(line)
        if raw is not None and raw[1] and raw[2] == self._raw:
            self._raw = ""
        elif self._raw == "comment":
            self._notes.left_out["lines of template comments"] += 1
        else:
            self._done.append(line)

    def _tag_line(self, line: str) -> bool:
        """Take a line that is one tag of a component: its text becomes a paragraph, its content is unindented."""
        if not _TAG_LINE.match(line):
            return False
        indent = len(line) - len(line.lstrip())
        tag = parse_tag(line, indent)
        if tag is None or line[tag.end :].strip():
            return False
        if tag.closing:
            if any(box.tag == tag.name for box in self._boxes):
                while self._boxes.pop().tag != tag.name:
                    pass
            self._words("")
            return True
        if tag.alone and tag.name in self._notes.partials:
            self._insert(self._notes.include(self._notes.partials[tag.name]), line)
            return True
        words = tag_words(tag)
        if not tag.arguments and not tag.alone and not self._mdx and tag.name and not self._blank:
            return False
        self._words(words, " " * indent)
        if not tag.alone:
            box = self._boxes[-1] if self._boxes else None
            source = indent - box.outer + box.inner if box else indent
            self._boxes.append(_Box(-1 - source, indent, tag.name or ">"))
        return True

    def _html_line(self, line: str) -> bool:
        """Take the begin or end of an HTML element that holds Markdown: blank lines part it from what it holds."""
        opened, closed = site_details.html_with_markdown(line)
        boxes = [box.tag for box in self._boxes]
        if not opened and not (closed and closed in boxes):
            return False
        if closed:
            while self._boxes.pop().tag != closed:
                pass
        self._open += ["", line.lstrip(), ""]
        if opened:
            box, indent = (self._boxes[-1] if self._boxes else None), len(line) - len(line.lstrip())
            self._boxes.append(_Box(-1 - (indent - box.outer + box.inner if box else indent), indent, opened))
        return True

    # ------------------------------------------------------------------ plain lines

    def _plain(self, line: str) -> None:
        if site_details.is_contents(line):
            return
        meaning = site_details.meaning_of_term(line)
        if (
            meaning
            and self._open
            and self._open[-1].strip()
            and not self._open[-1].lstrip().startswith(("|", "-", "*"))
        ):
            self._open[-1] = f"{self._open[-1].rstrip(': ')}: {meaning}"
            return
        self._keep(site_details.short_form(line) or line)

    def _keep(self, line: str) -> None:
        """Add an ordinary line: to the text, or to indented code."""
        indent = len(line) - len(line.lstrip())
        if line.strip():
            if indent >= 4 and self._blank and not self._listing and not self._mdx:
                self._scan()
                self._done.append(line)  # indented code
                return
            item = _ITEM.match(line) is not None
            if indent < 4 or item:
                self._listing = item or (self._listing and indent >= 2)
        if indent >= 4 and self._done and not self._open and self._done[-1][:4].isspace() and not self._listing:
            self._done.append(line)
            return
        self._open.append(line)

    def _words(self, words: str, line: str = "") -> None:
        """Add words as a paragraph of their own, as deep as the line that they come from."""
        self._open.append("")
        if words.strip():
            self._open.append(f"{line[: len(line) - len(line.lstrip())]}{words}")
            self._open.append("")
        self._blank = True

    def _unboxed(self, line: str) -> str:
        """Return a line without the indentation of the boxes that it is in; boxes that it does not belong to end."""
        if not self._boxes or not line.strip():
            return line
        line = line.replace("\t", "    ") if line[:1] == "\t" else line
        indent = len(line) - len(line.lstrip(" "))
        while self._boxes and not self._boxes[-1].tag and indent < self._boxes[-1].inner:
            self._boxes.pop()
            self._fence = ""
        if not self._boxes:
            return line
        box = self._boxes[-1]
        if box.inner < 0:  # the first line in a component gives the indentation of its content
            box.inner = indent if not line.lstrip().startswith("</") else -1 - box.inner
        return " " * max(0, box.outer + indent - box.inner) + line.lstrip(" ")

    def _scan(self) -> None:
        if self._open:
            self._done.append(MarkScanner("\n".join(self._open), self._notes, mdx=self._mdx).run())
            self._open = []


def rewrite_site_syntax(text: str, notes: SiteNotes, *, mdx: bool) -> str:
    """Return a site's Markdown as plain Markdown; notes collects what it names and what is left out."""
    notes.render = partial(_included, notes)
    return SiteMarkdown(notes, mdx=mdx).rewrite(text)


def _included(notes: SiteNotes, part: Included) -> str:
    """Return an included file as plain Markdown: prose with its own site syntax rewritten, code in a fence."""
    language = code_language(part.path)
    if language:
        return fenced(part.text, language)
    body = split_front_matter(part.text).body
    return SiteMarkdown(notes, mdx=part.path.endswith(".mdx")).rewrite(body).strip("\n")
