"""Which file a line of site Markdown includes, and which part of it is shown: lines, a region, between two texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ragkit_ingest.readers.neighbours import NotIncludedError
from ragkit_ingest.readers.sniff import suffix_of

_PROSE: Final = frozenset(
    ["", "md", "markdown", "mdx", "txt", "text", "rst", "rest", "adoc", "asciidoc", "asc", "inc", "html", "htm",
     "include", "liquid", "j2", "snippet", "snip"]
)  # fmt: skip
_MARKER = re.compile(
    r"-{2,}8<-{2,}[ \t]*\[(?:start|end):|\bANCHOR(?:_END)?:[ \t]*[\w-]|(?:^|[ \t#/*;-])(?:tag|end)::[\w.-]+\[\]"
)
"""Lines that only name a part of a file for those who include it."""
_RANGE = re.compile(r"\s*(\d{0,7})\s*(?:(\.\.|[-:])\s*(-?\d{0,7}))?\s*")
_SUFFIXES = re.compile(
    r"(?P<path>[^#{:]+(?:\.[\w-]+)?)(?:#(?P<region>[\w.-]+)|:(?P<colon>[\w:,.-]+))?(?:\{(?P<braces>[\d,]*)[^}]*\})?$"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is shown: lines as in "1-5, 8" (from 1), of a region of that name, behind and before certain texts."""

    lines: str = ""
    region: str = ""
    after: str = ""
    before: str = ""

    def of(self, text: str) -> str:
        """Return that part of a text; NotIncludedError when it has no such region or text."""
        lines = text.split("\n")
        if self.region:
            lines = [*_region(lines, self.region)]
            if not lines:
                raise NotIncludedError(f"no part named {self.region}")
        if self.after or self.before:
            lines = _between(lines, self.after, self.before)
        if self.lines:
            lines = [line for first, last in _ranges(self.lines, len(lines)) for line in lines[first - 1 : last]]
        return "\n".join(line for line in lines if not _MARKER.search(line)).strip("\n")


WHOLE: Final = Selection()


def split_selection(named: str) -> tuple[str, Selection]:
    """Return a path, and the part that its ending selects: `a.py:3:9`, `a.md:part`, `a.ts#part`, `a.md{3,9}`."""
    match = _SUFFIXES.match(named)
    if match is None:
        return named, WHOLE
    colon, braces = match["colon"] or "", match["braces"] or ""
    if colon and not re.fullmatch(r"[\d:,.-]+", colon):
        return match["path"], Selection(region=colon)
    spans = [part.rstrip(":").replace(":", "-") for part in colon.split(",")]
    if colon.count(":") == 0 and colon.isdigit():
        spans = [f"{colon}-"]
    lines = ",".join(spans) or (braces.replace(",", "-") if braces.count(",") == 1 else "")
    return match["path"], Selection(lines=lines, region=match["region"] or "")


def code_language(path: str) -> str:
    """Return the language of a file of code by its suffix, "" for one of prose."""
    suffix = suffix_of(path)
    return "" if suffix in _PROSE else suffix


def _ranges(lines: str, count: int) -> Iterator[tuple[int, int]]:
    for part in re.split(r"[,;]", lines):
        match = _RANGE.fullmatch(part)
        if match is None or not (match[1] or match[3]):
            continue
        first = int(match[1] or 1)
        last = first if match[2] is None else int(match[3]) if match[3] else count
        yield max(first, 1), last if last >= 0 else count


def _region(lines: Sequence[str], name: str) -> Iterator[str]:
    word = re.escape(name)
    begins = re.compile(
        rf"\[start:[ \t]*{word}\]|\bANCHOR:[ \t]*{word}(?![\w-])|#?\bregion[: \t]+{word}(?![\w-])|\btag::{word}\[\]"
    )
    ends = re.compile(rf"\[end:[ \t]*{word}\]|\bANCHOR_END:[ \t]*{word}(?![\w-])|#?\bendregion\b|\bend::{word}\[\]")
    inside = False
    for line in lines:
        if inside and ends.search(line):
            inside = False
        elif begins.search(line):
            inside = True
        elif inside:
            yield line


def _between(lines: list[str], after: str, before: str) -> list[str]:
    """Return the lines behind the first that has one text, up to the first that has the other."""
    if after:
        start = next((at for at, line in enumerate(lines) if after in line), None)
        if start is None:
            raise NotIncludedError(f"no line with {after}")
        lines = lines[start + 1 :]
    if before:
        end = next((at for at, line in enumerate(lines) if before in line), None)
        if end is None:
            raise NotIncludedError(f"no line with {before}")
        lines = lines[:end]
    return lines


_INCLUDE = re.compile(
    r"[ \t]*(?:-{2,}8<-{2,}[ \t]+[\"'](?P<snip>[^\"']+)[\"']|<<<[ \t]*(?P<vite>[^\s{\[]+).*"
    r"|@\[code[^\]]*\]\((?P<vue>[^)]+)\)|\.\.[ \t]+(?:include|literalinclude)::[ \t]*(?P<rst>\S+)"
    r"|\{![ \t]*(?P<marked>[^!\s]+)[ \t]*!\}|!include(?:\[[^\]]*\])?[ \t(]+(?P<bang>[^\s)]+)\)?)[ \t]*$"
)
_FILE_MARK = re.compile(r"[ \t]*\{\*[ \t]*([^\s*]+)[^*\n]*\*\}[ \t]*$")
_MARKED_LINES = re.compile(r"\bln\[([\d:,-]+)\]")
_SNIP_PART = re.compile(r"[ \t]*(?:[#/*;<!-]{1,4}[ \t]*)?-{2,}8<-{2,}[ \t]+\[(?:start|end):")
_PARTIAL = re.compile(
    r"import\s+([A-Z]\w*)\s+from\s+['\"](?:!!raw-loader!([^'\"]+)|((?!!)[^'\"]+(?:\.mdx?|\?raw)))['\"];?\s*$"
)


def named_file(line: str) -> tuple[str, Selection]:
    """Return the file that a line includes, and the part of it that is shown; "" for any other line."""
    match = _INCLUDE.match(line)
    if match is not None:
        return next(value for value in match.groupdict().values() if value), WHOLE
    mark = _FILE_MARK.match(line)
    if mark is None:
        return "", WHOLE
    lines = _MARKED_LINES.search(line)
    return mark[1], Selection(lines=lines[1].replace(":", "-")) if lines else WHOLE


def named_in_code(line: str) -> str:
    """Return the file that a line inside of code includes, "" for any other line."""
    match = _INCLUDE.match(line)
    if match is not None:
        return match["snip"] or ""
    mark = _FILE_MARK.match(line)
    return mark[1] if mark is not None else ""


def marks_part(line: str) -> bool:
    """Tell whether a line begins or ends a part of a file, `--8<-- [start:name]`: no page shows it."""
    return _SNIP_PART.match(line) is not None


def imported_part(line: str) -> dict[str, str]:
    """Return the name under which a page or the text of a file is imported, with its path; {} for any other line."""
    match = _PARTIAL.match(line)
    return {match[1]: (match[2] or match[3]).removesuffix("?raw")} if match is not None else {}
