"""RTF: visible text with its tables, notes and links; pictures, hidden and deleted text are counted and left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.links import linked
from ragkit_ingest.readers.raised import superscript
from ragkit_ingest.readers.rtf.control_words import ASIDES, CAPTURED, CELL_WORDS, MUTED, SIGNS, STARRED, WRAPPERS
from ragkit_ingest.readers.rtf.groups import Field, Group
from ragkit_ingest.readers.rtf.old_lists import OldList
from ragkit_ingest.readers.rtf.page import Page, whole
from ragkit_ingest.readers.rtf.tokens import CHARSETS, Token, codec_of, tokens
from ragkit_ingest.readers.sniff import RTF
from ragkit_ingest.readers.text.symbols import has_private, is_symbol_font, symbol_text
from ragkit_ingest.readers.titles import squeeze

_CHECK_EVERY: Final = 50_000
_MAX_DEPTH: Final = 5_000
_ADDRESS: Final = re.compile(r'HYPERLINK\s+(?:\\[a-z]\s+)*"?([^"\s]+)', re.IGNORECASE)
_HEADING: Final = re.compile(r"heading (\d)", re.IGNORECASE)


class RtfReader:
    """Reads RTF documents."""

    name = "rtf"
    media_types: tuple[str, ...] = (RTF,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the visible text."""
        parser = _Parser(keep_comments=hints.limits.comments == "keep")
        for count, token in enumerate(tokens(data), 1):
            parser.take(token)
            if count % _CHECK_EVERY == 0 and hints.budget.spent():
                parser.page.out.warn("stopped before the end of the file: out of time")
                break
        return parser.finish(name)


@dataclass(slots=True)
class _Parser:
    """Follows the tokens of a file. keep_comments: comments become text."""

    keep_comments: bool = True
    page: Page = field(default_factory=lambda: Page(TextBuilder()))
    group: Group = field(default_factory=Group)
    stack: list[Group] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    codec: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)
    symbol_fonts: dict[int, str] = field(default_factory=dict)
    font: int = 0
    levels: dict[int, int] = field(default_factory=dict)
    titles: set[int] = field(default_factory=set)
    style: int = -1
    waiting: bytearray = field(default_factory=bytearray)
    to_skip: int = 0
    starred: bool = False
    notes: int = 0
    author: str = ""
    picture: str = ""
    too_deep: int = 0
    furniture: set[str] = field(default_factory=set)

    def take(self, token: Token) -> None:
        """Follow one token."""
        if token.kind == "byte" and not self.to_skip:
            self.waiting += token.data
            return
        if token.kind == "text" and not self.to_skip:
            self._text(token.data)
            return
        if self.to_skip and token.kind in ("byte", "text", "symbol"):
            self._skip(token)
            return
        self._flush_bytes()
        if token.kind == "open":
            self._open()
        elif token.kind == "close":
            self._close()
        elif token.kind == "symbol":
            self._symbol(token.word)
        else:
            self._word(token.word, token.number)

    def finish(self, name: str) -> Extracted:
        """Return what was read."""
        self._flush_bytes()
        while self.stack:
            self._close()
        self.page.close()
        for words, count in sorted((+self.page.counts).items()):
            self.page.out.warn(f"{words}: {count:,}")
        title = self.properties.get("title", "") or self.page.title
        return self.page.out.finish(name=name, title=title, metadata=dict(self.properties))

    def _skip(self, token: Token) -> None:
        """Skip the replacement of a Unicode character for programs without Unicode."""
        if token.kind == "text":
            passed = min(self.to_skip, len(token.data))
            self.to_skip -= passed
            if token.data[passed:]:
                self._text(token.data[passed:])
        else:
            self.to_skip -= 1

    def _text(self, data: bytes) -> None:
        if data.isascii():
            self._flush_bytes()
            self._write(self._sign(data.decode("ascii")))
        else:
            self.waiting += data

    def _flush_bytes(self) -> None:
        if not self.waiting:
            return
        codec = self.group.codec or self.codec
        data = bytes(self.waiting)
        self.waiting.clear()
        if codec == "symbol":
            self._write(self._sign(data.decode("latin-1")))
            return
        text = data.decode(codec, "replace")
        self.page.counts["bad bytes (now U+FFFD)"] += text.count("\ufffd")
        self._write(text)

    def _sign(self, text: str) -> str:
        """Return the signs that a font such as Wingdings has in the places of letters, and other text as it is."""
        return symbol_text(text, self.group.font) if self.group.font or has_private(text) else text

    def _write(self, text: str) -> None:
        group = self.group
        if group.capture is not None:
            group.capture.append(text)
        elif (group.hidden or group.deleted or group.struck) and not group.muted:
            kind = "hidden" if group.hidden else "deleted" if group.deleted else "struck-out"
            self.page.counts[f"{kind} characters"] += len(text.strip())
        elif not group.muted:
            (group.page or self.page).write(text, group.raised)

    def _open(self) -> None:
        if len(self.stack) >= _MAX_DEPTH:
            self.too_deep += 1
            self.page.counts["groups nested too deeply"] += 1
            return
        self.stack.append(self.group)
        self.group = replace(self.group, name="", begins_at=-1)
        self.starred = False
        self.to_skip = 0

    def _close(self) -> None:
        if self.too_deep:
            self.too_deep -= 1
            return
        done = self.group
        if self.stack:
            self.group = self.stack.pop()
        self.to_skip = 0
        self.starred = False
        if done.name:
            self._end_destination(done)

    def _symbol(self, sign: str) -> None:
        if sign == "*":
            self.starred = True
        elif sign == "~":
            self._write("\u00a0")
        elif sign == "_":
            self._write("\u2011")
        elif sign in "{}\\":
            self._write(sign)
        elif sign in "\r\n":
            self._break("par")

    def _word(self, word: str, number: int | None) -> None:
        starred, self.starred = self.starred, False
        if word in CAPTURED or word in ASIDES or word in MUTED or word in WRAPPERS:
            self._destination(word)
        elif starred and word not in STARRED:
            self.group.muted, self.group.capture = True, None
        elif word == "u":
            self._write(self._sign(chr((number or 0) & 0xFFFF)))
            self.to_skip = self.group.skip
        elif word in SIGNS:
            self._write(SIGNS[word])
        elif self.group.muted:
            self._in_tables(word, number)
        elif word in CELL_WORDS:
            (self.group.page or self.page).define(word)
        elif not self._break(word):
            self._format(word, number)

    def _destination(self, word: str) -> None:
        group = self.group
        if word in ASIDES:
            if group.muted and (ASIDES[word] != "Box" or group.fallback):
                return
            group.name, group.muted, group.capture = word, False, None
            group.page = Page(TextBuilder(), self.page.lists)
        elif word in ("field", "fldrslt"):
            group.name = word
            group.field = Field() if word == "field" else group.field
            group.begins_at = len((group.page or self.page).pieces)
        elif word == "shpinst":
            group.muted = True
        else:
            group.muted, group.fallback = True, group.fallback or word == "shprslt"
            group.fonts = word == "fonttbl"
            if word == "pict":
                group.name, self.picture = word, ""
            if word in CAPTURED:
                group.name, group.capture = word, []
            if word == "pn":
                (group.page or self.page).old_list = OldList()

    def _end_destination(self, done: Group) -> None:
        words = squeeze(whole("".join(done.capture))) if done.capture is not None else ""
        if done.name == "fldinst" and done.field is not None:
            match = _ADDRESS.match(words)
            done.field.address = match.group(1) if match is not None else ""
        elif done.name == "fldrslt" and done.field is not None:
            self._end_field(done)
        elif done.name in ("title", "author") and words:
            self.properties.setdefault(done.name, words)
        elif done.name == "atnauthor":
            self.author = words
        elif done.name in ("sn", "sv", "pict"):
            self._end_picture(done.name, words)
        elif done.name in ASIDES and done.page is not None:
            self._end_aside(done.name, done.page)
        elif done.capture is not None:
            self._end_entry(done.name, "".join(done.capture))

    def _end_entry(self, name: str, text: str) -> None:
        """Take the text of an entry of the tables: a level of a list, a font of signs, or what a style is for."""
        words = squeeze(whole(text))
        old_list = (self.group.page or self.page).old_list
        if name == "leveltext":
            self.page.lists.text(whole(text))
            return
        if name in ("pn", "pntxta", "pntxtb"):
            if old_list is not None:
                old_list.text(name, whole(text))
            return
        if name == "fontname":
            self._name_font(words.rstrip("; "))
            return
        match = _HEADING.match(words)
        if match is not None:
            self.levels[self.style] = max(1, int(match.group(1)))
        elif words.rstrip(";").lower() == "title":
            self.titles.add(self.style)

    def _end_field(self, done: Group) -> None:
        page, form = done.page or self.page, done.field
        if form is None or done.begins_at > len(page.pieces):
            return
        if form.address:
            page.write(linked(page.take(done.begins_at), form.address), "")
        elif form.ticked is not None:
            page.write(" [x] " if form.ticked else " [ ] ", "")

    def _end_picture(self, name: str, words: str) -> None:
        """Take the property of a picture that describes it; when the picture ends, keep or count it."""
        if name == "sn":
            self.picture = "?" if words == "wzDescription" else self.picture.replace("?", "")
            return
        if name == "sv":
            self.picture = words if self.picture == "?" else self.picture
            return
        if self.picture not in ("", "?"):
            self.page.later.append(f"Picture: {self.picture}")
        elif not self.group.muted:
            self.page.counts["pictures without text"] += 1
        self.picture = ""

    def _end_aside(self, name: str, inner: Page) -> None:
        inner.close()
        self.page.counts.update(inner.counts)
        text = inner.out.text()
        kind = ASIDES[name]
        if kind == "Note":
            self.notes += 1
            (self.group.page or self.page).write(superscript(str(self.notes)), "")
            self.page.later.append(f"Note {self.notes}: {squeeze(text)}")
        elif kind == "Comment" and text:
            said, self.author = f"Comment{' by ' if self.author else ''}{self.author}: {squeeze(text)}", ""
            self.page.later += [said] if self.keep_comments else []
            self.page.counts["comments left out"] += not self.keep_comments
        elif kind == "Box":
            (self.group.page or self.page).later.append(text)
        elif text not in self.furniture and any(map(str.isalpha, text)):
            self.furniture.add(text)
            start, end = self.page.out.paragraph(text)
            self.page.out.mark_block(start, end, "boilerplate")

    def _begin_font(self) -> None:
        """Begin to collect the name of a font; where each font has no group of its own, the last one ends here."""
        if self.group.name == "fontname" and self.group.capture:
            self._end_entry("fontname", "".join(self.group.capture))
        self.group.capture, self.group.name = [], "fontname"

    def _name_font(self, name: str) -> None:
        """Take the name of a font; known fonts of signs count as such, whatever the file says of their characters."""
        if is_symbol_font(name):
            self.fonts[self.font] = "symbol"
        if self.fonts.get(self.font) == "symbol":
            self.symbol_fonts[self.font] = name if is_symbol_font(name) else "symbol"

    def _in_tables(self, word: str, number: int | None) -> None:
        """Take the tables of fonts and styles, and the check marks of forms."""
        if word == "f" and number is not None:
            if self.group.fonts:
                self._begin_font()
            self.font = number
        elif word == "fcharset" and number is not None:
            self.fonts[self.font] = CHARSETS.get(number, "")
        elif word == "s" and number is not None:
            self.style = number
            self.group.capture, self.group.name = [], "style"
        elif word.startswith("pn") and (old_list := (self.group.page or self.page).old_list) is not None:
            old_list.word(word, number)
        elif word in ("ffres", "ffdefres") and self.group.field is not None and number in (0, 1):
            self.group.field.ticked = number == 1
        else:
            self.page.lists.word(word, number)

    def _break(self, word: str) -> bool:
        """End a paragraph, cell or row; False for any other word."""
        page = self.group.page or self.page
        if word in ("par", "sect", "page"):
            page.paragraph()
        elif word == "cell":
            page.end_cell()
        elif word == "row":
            page.end_row()
        elif word == "intbl":
            page.in_table = True
        elif word == "pard":
            page.in_table, page.level, page.titled = False, 0, False
            page.list_number, page.list_level, page.old_list = 0, 0, None
        elif word in ("listtext", "pntext"):
            page.spelled = True
        else:
            return False
        return True

    def _format(self, word: str, number: int | None) -> None:
        group, on = self.group, number != 0
        page = group.page or self.page
        if word in ("super", "sub"):
            group.raised = ("super" if word == "super" else "sub") if on else ""
        elif word in ("up", "dn"):
            group.raised = ("super" if word == "up" else "sub") if number is None or number >= 4 else ""
        elif word in ("nosupersub", "plain"):
            group.raised = ""
            group.hidden = group.hidden and word != "plain"
            group.struck = group.struck and word != "plain"
        elif word == "v":
            group.hidden = on
        elif word in ("strike", "striked"):
            group.struck = on
        elif word == "deleted":
            group.deleted = on
        elif word == "outlinelevel" and number is not None and 0 <= number < 9:
            page.level = number + 1
        elif word in ("ls", "ilvl") and number is not None:
            page.list_number, page.list_level = (
                (number, page.list_level) if word == "ls" else (page.list_number, number)
            )
        elif word == "s" and number is not None:
            page.level = self.levels.get(number, page.level)
            page.titled = number in self.titles
        else:
            self._encoding(word, number)

    def _encoding(self, word: str, number: int | None) -> None:
        if word == "uc":
            self.group.skip = max(0, min(number if number is not None else 1, 10))
        elif word == "f" and number is not None:
            self.group.codec, self.group.font = self.fonts.get(number, ""), self.symbol_fonts.get(number, "")
        elif word == "ansicpg" and number is not None:
            self.codec = codec_of(number)
        elif word in ("mac", "pc", "pca"):
            self.codec = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[word]
