"""Marks of site generators within text: shortcodes, template tags, JSX, anchors, formulas; code spans stay."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final

from ragkit_ingest.readers.markup.arguments import Argument, parse_tag, readable, tag_words, template_arguments
from ragkit_ingest.readers.markup.site_details import (
    critic_mark,
    footnote,
    highlighted,
    inline_note,
    verbatim,
    without_comments,
)
from ragkit_ingest.readers.markup.site_notes import SiteNotes
from ragkit_ingest.readers.markup.site_tags import CONTROL, HOLDERS, INCLUDES, MEDIA
from ragkit_ingest.readers.raised import subscript, superscript
from ragkit_ingest.readers.titles import squeeze

_LIMIT: Final = 4_000  # characters of one mark
_TRIGGER = re.compile(  # each branch begins with one certain character, so that `re` looks for those alone
    r"\\[!-/:-@\[-`{-~]|``*|\{|<|\^\^(?=\S)|==(?=[^\s=])|\^(?=[\w+\-−\[(])|~(?=[\w+\-−(])|\$|!\[\[|\[\[|\[[!^]"
    r"|:(?=[a-z]+-[a-z0-9-]+:)|\+\+(?=[a-z\"])"
)
_ATTRIBUTE = r"[#.][^\s{}\"'=]{1,200}|[\w-]{1,60}=(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'|[^\s}\"']{1,200})"
_ANCHOR = re.compile(
    rf"\{{:?[ \t]*(?:{_ATTRIBUTE}|unlisted|unnumbered|-)(?:[ \t]+(?:{_ATTRIBUTE}|[\w-]{{1,60}})){{0,20}}[ \t]*\}}"
)
_RAISED = re.compile(r"\^(\[?[\w+\-−()*,]{1,20}\]?)\^(?!\w*\^)")
_LOWERED = re.compile(r"(?<!~)~([\w+\-−()]{1,12})~(?!~)")
_FORMULA = re.compile(r"\$(?=[^\s$])([^$\n]{0,300}?[^\s$\\])\$(?!\d)")
_ICON = re.compile(r":(?:material|octicons|fontawesome|simple|mdi|fa|fas|fab|bi)-[\w-]{1,80}:(?:\{[^}\n]{0,100}\})?")
_KEYS = re.compile(r"\+\+([a-z0-9\"-]{1,30}(?:\+[\w\"-]{1,30}){0,5})\+\+(?!\+)")
_WIKI = re.compile(r"(!?)\[\[([^\[\]|\n]{1,200})(?:\\?\|([^\[\]\n]{1,300}))?\]\]")
_ALERT = re.compile(r"\[!(?:INCLUDE|include|code)[\w-]*\s*\[([^\]\n]{0,200})\]\(([^)\n]{1,300})\)\]")
_LITERAL = re.compile(r"\{\s*([\"'`])([^\"'`{}$\n]{1,300})\1\s*\}")
_CONSTANT = re.compile(r"\{\s*([\w$.]{1,100})\s*\}")
_NAME = re.compile(r"/?\s*([\w./:-]*)")
_IDENTIFIER = re.compile(r"[\w$][\w$.?\[\]'\"-]{0,100}")


class MarkScanner:
    """Rewrites one stretch of Markdown outside code as plain Markdown; linear in its size."""

    def __init__(self, text: str, notes: SiteNotes, *, mdx: bool = False) -> None:
        """mdx: braces hold expressions, of which a literal text is read."""
        text = without_comments(text)
        self._text = text
        self._notes = notes
        self._mdx = mdx
        self._runs: dict[int, list[int]] = {}
        for match in re.finditer("``*", text):
            self._runs.setdefault(len(match[0]), []).append(match.start())
        self._blank = -1  # the next blank line, where it is known
        self._work = 20 * len(text) + 1_000_000  # characters that tags may be tried on
        self._last_comment = text.rfind("-->")  # a comment that begins after it has no end
        self._parts: list[str] = []
        self._addresses: list[tuple[str, str]] = []  # of open tags: their names, and where they lead

    def run(self) -> str:
        """Return the rewritten text."""
        at = 0
        while (match := _TRIGGER.search(self._text, at)) is not None:
            start = match.start()
            self._parts.append(self._text[at:start])
            end, words = self._mark(match[0], start)
            self._parts.append(words)
            at = end
        self._parts.append(self._text[at:])
        return "".join(self._parts)

    def _mark(self, mark: str, start: int) -> tuple[int, str]:
        """Return where a mark ends and what stands for it."""
        if mark[0] == "\\" and self._text[start + 1] not in "{<":
            return start + 2, mark
        if mark[0] == "\\":
            return start + 2, mark if mark[1] == "<" else "{"
        handler = {
            "`": self._code,
            "{": self._brace,
            "<": self._angle,
            "$": self._formula,
            ":": self._icon,
            "+": self._keys,
            "[": self._bracket,
            "!": self._bracket,
        }.get(mark[0])
        if mark in ("==", "^^"):
            return highlighted(self._text, start) or (start + 2, mark)
        found = handler(start) if handler is not None else self._script(start)
        return found if found is not None else (start + len(mark), mark)

    def _code(self, start: int) -> tuple[int, str] | None:
        size = 1
        while self._text.startswith("`", start + size):
            size += 1
        starts = self._runs.get(size, [])
        index = bisect_left(starts, start + size)
        if index == len(starts):
            return None
        end = starts[index] + size
        if self._blank < start:
            found = self._text.find("\n\n", start)
            self._blank = found if found >= 0 else len(self._text)
        return (end, self._text[start:end]) if starts[index] < self._blank else None

    def _brace(self, start: int) -> tuple[int, str] | None:
        text = self._text
        found = verbatim(text, start) or critic_mark(text, start)
        if found is not None:
            return found
        found = self._template_mark(start)
        if found is not None:
            return found
        anchor = _ANCHOR.match(text, start)
        if anchor is not None:
            before = self._parts[-1] if self._parts else ""
            if before.endswith((" ", "\t")):
                self._parts[-1] = before.rstrip(" \t")
            return anchor.end(), ""
        literal = _LITERAL.match(text, start) if self._mdx else None
        if literal is not None:
            return literal.end(), literal[2]
        constant = _CONSTANT.match(text, start)
        if constant is not None and constant[1] in self._notes.partials:
            return constant.end(), self._included(self._notes.partials[constant[1]])
        if constant is not None and constant[1].rpartition(".")[2].lower() in self._notes.fields:
            return constant.end(), self._notes.value(constant[1].rpartition(".")[2])
        return None

    def _template_mark(self, start: int) -> tuple[int, str] | None:
        """Take a shortcode, a template tag, a value or a comment."""
        text = self._text
        for opening, closing, handler in (
            ("{{<", ">}}", self._shortcode),
            ("{{%", "%}}", self._shortcode),
            ("{%", "%}", self._template),
            ("{{#", "}}", self._book_include),
            ("{{/*", "*/}}", self._dropped),
            ("{{- /*", "*/ -}}", self._dropped),
            ("{{", "}}", self._value),
            ("{*", "*}", self._file),
            ("{/*", "*/}", self._dropped),
            ("{# ", "#}", self._dropped),
        ):
            if text.startswith(opening, start):
                end = text.find(closing, start + len(opening), start + _LIMIT)
                if end >= 0:
                    inner = text[start + len(opening) : end].strip().strip("-~").strip()
                    words = handler(inner)
                    end += len(closing)
                    if handler == self._shortcode:
                        words = (
                            words
                            if words.startswith(" (")
                            else self._apart(self._held(words, inner.split(maxsplit=1)[0], end), end)
                        )
                    return end, words
        return None

    def _in_target(self) -> bool:
        """Tell whether the next text is the address of a link."""
        return any(part.endswith(("](", "](<", 'href="', "]: ")) for part in self._parts[-1:])

    def _shortcode(self, inner: str) -> str:
        if inner.startswith("/*"):  # a shortcode that is shown as such
            return f"`{inner.strip('/*').strip()}`"
        closing = inner.startswith("/")
        match = _NAME.match(inner)
        name = match[1] if match else ""
        if self._in_target():
            return "#"
        if closing or not name:
            return self._released(name)
        return self._tag_words(name, inner[match.end() :].rstrip("/") if match else "")

    def _apart(self, words: str, end: int) -> str:
        """Return the words of a shortcode apart from what follows on its line: its content, or the next one."""
        follows = self._text[end : end + 1]
        if not words and self._text.startswith(("{{<", "{{%"), end):
            return " "
        if not words or not (follows.isalnum() or follows in ("{", "*", "_", "`", "[", "<", "(")):
            return words
        return f"{words} " if self._text.startswith(("{{</", "{{< /", "{{%/", "{{% /"), end) else _before(words)

    def _held(self, words: str, name: str, end: int) -> str:
        """Return the words of a tag; a mere address waits until its tag ends, and stands behind what the tag holds."""
        if not re.fullmatch(r"\([a-z]+:[^\s()]+\)", words) or not re.search(
            rf"/\s*{re.escape(name)}\b", self._text[end : end + _LIMIT]
        ):
            return words
        self._addresses.append((name, words))
        return ""

    def _released(self, name: str) -> str:
        if not self._addresses or self._addresses[-1][0] != name:
            return ""
        return f" {self._addresses.pop()[1]}"

    def _template(self, inner: str) -> str:
        match = _NAME.match(inner)
        name = match[1] if match else ""
        rest = inner[match.end() :] if match else ""
        if self._in_target():
            return "#"
        if name == "assign" and (pair := re.fullmatch(r"\s*([\w.-]+)\s*=\s*[\"']?([^\"'|]*)[\"']?.*", rest)):
            self._notes.fields[pair[1].lower()] = pair[2].strip()
        if name in ("for", "endfor"):
            return self._loop(name, rest)
        if name in ("else", "elsif", "elif", "elseif", "when"):
            return " "
        if name in ("post_url", "link"):
            return squeeze(rest)  # the page that it leads to
        if inner.startswith("/") or name in CONTROL or name.startswith("end"):
            return ""
        return self._tag_words(name, rest)

    def _loop(self, name: str, rest: str) -> str:
        """Take the begin or the end of a loop, without the names of its values."""
        loops = self._notes.loops
        if name == "for":
            loops.append(frozenset(re.findall(r"\w+", rest.partition(" in ")[0])))
        elif loops:
            loops.pop()
        return ""

    def _tag_words(self, name: str, rest: str) -> str:
        """Return what people read of a shortcode or tag: its texts, the value or the file that it names."""
        arguments = template_arguments(rest)
        words = readable([item for item in arguments if item.name or name not in HOLDERS])
        if name in ("param", "var", "variable", "site-param", "meta") and arguments:
            return self._notes.value(arguments[0].value)
        if name in INCLUDES and (not words or self._notes.files is not None):
            return self._include_tag(arguments, words)
        if name in MEDIA and not words:
            self._notes.left_out["embedded media"] += 1
            return ""
        if name in ("ref", "relref") and arguments and not words:
            return arguments[-1].value  # the page that it leads to
        if name in ("toc", "br", "icon"):
            return ""
        return words

    def _include_tag(self, arguments: list[Argument], words: str) -> str:
        """Return the file that a tag includes, with the tag's arguments in it; where it cannot be, the tag's words."""
        named = {item.name: item.value for item in arguments}
        path = named.get("file") or named.get("path") or named.get("src") or (arguments[0].value if arguments else "")
        own = {f"include.{name}".lower(): value for name, value in named.items() if name}
        before = dict(self._notes.fields)
        self._notes.fields.update(own)
        try:
            if not words:
                return self._included(path)
            text = self._notes.included(path)
            return words if text is None else _apart(text)
        finally:
            self._notes.fields.clear()
            self._notes.fields.update(before)

    def _included(self, path: str) -> str:
        """Return what a file holds: within the line when it is one line, else as blocks of their own."""
        return _apart(self._notes.include(path))

    def _book_include(self, inner: str) -> str:
        name, _, path = inner.partition(" ")
        return self._included(path) if "include" in name and path else ""

    def _value(self, inner: str) -> str:
        name, _, filters = inner.partition("|")
        name = name.strip()
        if self._in_target():
            return "#"
        literal = re.fullmatch(r"(['\"])(.*)\1", name, re.DOTALL)
        if literal:
            return literal[2]
        if any(re.match(r"\w*", name.lstrip("."))[0] in names for names in self._notes.loops):  # type: ignore[index]
            self._notes.left_out["values of loops"] += 1
            return ""
        default = re.search(r"default\s*:?\s*\(?\s*['\"]([^'\"]*)", filters)
        if default and not self._notes.knows(name):
            return default[1]
        return self._notes.value(name) if _IDENTIFIER.fullmatch(name) else name

    def _file(self, inner: str) -> str:
        return self._included(inner.split(maxsplit=1)[0]) if inner.split() else ""

    def _dropped(self, _inner: str) -> str:
        self._notes.left_out["comments"] += 1
        return ""

    def _angle(self, start: int) -> tuple[int, str] | None:
        text = self._text
        if text.startswith("<!--", start):
            end = text.find("-->", start) if start <= self._last_comment else -1
            if end < 0:
                return None
            path = re.match(
                r"<!--\s*@?#?include(?::|\s|\s+virtual=|\s+file=)\s*([^\s>]+?)(?:\s|--)", text[start : end + 3]
            )
            if path:
                return end + 3, self._included(path[1])
            return end + 3, text[start : end + 3]
        name = re.compile(r"</?(?:([A-Z][\w.]*)|([a-z][a-z0-9]*(?:-[\w.]+)+)|(?=>))").match(text, start)
        if name is None or self._work <= 0:
            return None
        tag = parse_tag(text, start)
        self._work -= (tag.end if tag else min(start + _LIMIT, len(text))) - start
        if tag is None:
            return None
        if tag.closing:
            return tag.end, self._released(tag.name)
        if not tag.arguments and not tag.alone and tag.name and text.find(f"</{tag.name}", tag.end) < 0:
            self._work -= len(text) - tag.end
            return tag.end, f"\\<{tag.name}>"  # a placeholder or a key, as in "press <Enter>"
        words = self._held(tag_words(tag), tag.name, tag.end) if tag.name and not tag.alone else tag_words(tag)
        follows = text[tag.end : tag.end + 1]
        return tag.end, _before(words) if words and not tag.alone and follows.strip() else words

    def _formula(self, start: int) -> tuple[int, str] | None:
        """Return a formula as a code span, so that Markdown does not parse it as markup."""
        text = self._text
        if text.startswith("$$", start):
            end = text.find("$$", start + 2, start + _LIMIT)
            inner = squeeze(text[start + 2 : end]) if end >= 0 else ""
            return (end + 2, f"``` {inner} ```") if inner and "```" not in inner else None
        match = _FORMULA.match(text, start)
        if match is None or not re.search(r"[\\^_{=]", match[1]) or "`" in match[1]:
            return None
        return match.end(), f"`{match[1]}`"

    def _icon(self, start: int) -> tuple[int, str] | None:
        match = _ICON.match(self._text, start)
        if match is None:
            return None
        blank = self._text[match.end() : match.end() + 1] == " " and self._text[start - 1 : start] in ("", " ", "\n")
        return match.end() + blank, ""

    def _keys(self, start: int) -> tuple[int, str] | None:
        match = _KEYS.match(self._text, start)
        return (match.end(), match[1].replace('"', "")) if match else None

    def _bracket(self, start: int) -> tuple[int, str] | None:
        if self._text.startswith("[^", start):
            return footnote(self._text, start)
        alert = _ALERT.match(self._text, start)
        if alert:
            return alert.end(), self._included(alert[2])
        match = _WIKI.match(self._text, start)
        if match is None:
            return None
        if match[2].strip().lower() == "toc":
            return match.end(), ""
        if match[1]:
            return match.end(), self._included(match[2])
        return match.end(), (match[3] or match[2].rstrip("#")).strip()

    def _script(self, start: int) -> tuple[int, str] | None:
        raised = self._text[start] == "^"
        if start and self._text[start - 1].isspace() and not raised:
            return None
        match = (_RAISED if raised else _LOWERED).match(self._text, start)
        if match is None and raised:
            return inline_note(self._text, start)
        if match is None or (self._text[start - 1 : start] == "[" and raised):
            return None
        return match.end(), (superscript if raised else subscript)(match[1])


def _before(words: str) -> str:
    """Return the words of a component as they stand before its content."""
    return f"{words} " if words[-1] in ".:?!…" else f"{words}: "


def _apart(text: str) -> str:
    """Return included text as blocks of their own where it has several lines."""
    text = text.strip()
    return f"\n\n{text}\n\n" if "\n" in text else text
