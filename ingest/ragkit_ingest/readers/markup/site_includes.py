"""Lines of site Markdown that include a file, or that mark a part of one for those who include it."""

from __future__ import annotations

import re

from ragkit_ingest.readers.markup.selection import WHOLE, Selection

_INCLUDE = re.compile(
    r"[ \t]*(?:-{2,}8<-{2,}[ \t]+[\"'](?P<snip>[^\"']+)[\"']|<<<[ \t]*(?P<vite>[^\s{\[]+).*"
    r"|@\[code[^\]]*\]\((?P<vue>[^)]+)\)|\.\.[ \t]+(?:include|literalinclude)::[ \t]*(?P<rst>\S+)"
    r"|!include(?:\[[^\]]*\])?[ \t(]+(?P<bang>[^\s)]+)\)?)[ \t]*$"
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
