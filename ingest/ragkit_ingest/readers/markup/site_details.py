"""Small marks of site Markdown as a page shows them: titles of code, footnotes, terms, highlights, hints for code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_TITLE = re.compile(r"(?:^|[\s{,])(?:title|caption|filename|file)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_LABEL = re.compile(r"^[\w+#-]*\s*\[([^\[\]\n]{1,80})\]")
_HINT = re.compile(
    r"\s*(?://|#|--|/\*|<!--|\{/\*|%)\s*(?:highlight-(?:next-line|start|end)|prettier-ignore|\[!code [^\]]*\])"
    r"\s*(?:\*/\}?|-->)?\s*$"
)
_CODE_MARK = re.compile(r"\s*(?://|#|--|/\*|<!--)\s*\[!code [^\]]{1,40}\]\s*(?:\*/|-->)?\s*$")
_CONTENTS: Final = frozenset({"[toc]", "[[toc]]", "[[_toc_]]", "{:toc}", "{: toc}"})
_TERM = re.compile(r":[ \t]{1,3}(\S.*)$")
_SHORT_FORM = re.compile(r"\*\[([^\]\n]{1,60})\]:[ \t]+(\S.*)$")
_INLINE_NOTE = re.compile(r"\^\[([^\[\]\n]{1,500})\]")
_FOOTNOTE = re.compile(r"\[\^([\w.-]{1,60})\](:?)")
_HIGHLIGHT = re.compile(r"(==|\^\^)(?=\S)([^\n]{1,300}?)(?<=\S)\1(?!\w)")
_COMMENT = re.compile(r"\{%-?[ \t]*comment\b[^\n%]{0,60}%\}[^\n]{0,2000}?\{%-?[ \t]*endcomment[ \t]*-?%\}[ \t]?")
_RAW_BEGIN = re.compile(r"\{%-?[ \t]*raw[ \t]*-?%\}")
_RAW_END = re.compile(r"\{%-?[ \t]*endraw[ \t]*-?%\}")
_REVIEWED: Final = {"{++": "++}", "{--": "--}", "{~~": "~~}", "{==": "==}", "{>>": "<<}"}
"""Marks of CriticMarkup: where each begins and ends."""
_INLINE_LIMIT: Final = 2_000  # characters of one mark
_IMPORT = re.compile(
    r"import\s+(?:[\w{},*\s$]+\s+from\s+)?['\"][^'\"]+['\"];?\s*$"
    r"|import\s+[\w{}*,$\s]*\{\s*$|import\s+\w+\s*,?\s*\{[\w\s,]*$"
)
_EXPORT = re.compile(r"export\s+(?:const|let|var|function|default|async|class|\*|\{)")
_CONSTANT = re.compile(r"export\s+(?:const|let|var)\s+(\w+)\s*=\s*(?:(['\"`])(.*?)\2|(-?[\d.]+))\s*;?\s*$")
_ELEMENT = re.compile(r"[ \t]*<(?:/([a-z][a-z0-9]*)|([a-z][a-z0-9]*)(\s[^<>]*))>[ \t]*$")
_HOLDING = re.compile(r"\smarkdown(?=[\s=]|$)")
_FENCE = re.compile(r"[ \t]*(?:`{3}|~{3})")


def joined_tag(lines: Sequence[str], index: int) -> tuple[str, int]:
    """Return a tag over several lines as one line, and the index after it; the line alone if it never ends.

    lines: of the file; the tag begins in the one before `index`.
    """
    parts = [lines[index - 1]]
    for at in range(index, min(index + 40, len(lines))):
        parts.append(lines[at].strip())
        if re.search(r"/?>\s*$", lines[at]):
            return " ".join(parts), at + 1
        if not lines[at].strip() or _FENCE.match(lines[at]):
            break
    return lines[index - 1], index


def is_statement(line: str) -> bool:
    """Tell whether a line begins an import or export of MDX."""
    return _IMPORT.match(line) is not None or _EXPORT.match(line) is not None


def constant_of(line: str) -> dict[str, str]:
    """Return the name and value of a constant that a line exports; {} for any other line."""
    match = _CONSTANT.match(line)
    return {match[1].lower(): match[3] if match[3] is not None else match[4]} if match is not None else {}


def html_with_markdown(line: str) -> tuple[str, str]:
    """Return the HTML element that a line opens with the attribute `markdown`, and the one that it closes, or ""."""
    match = _ELEMENT.match(line) if "<" in line else None
    if match is None:
        return "", ""
    return (match[2] if match[2] and _HOLDING.search(match[3]) else ""), match[1] or ""


def code_title(info: str) -> str:
    """Return the title or the tab's label that stands in the first line of a block of code, "" for none."""
    title = _TITLE.search(info)
    label = _LABEL.match(info) if title is None else None
    return (title[1] or title[2] or "") if title else label[1] if label else ""


def code_line(line: str) -> str | None:
    """Return a line of code without highlighting hints; None for a line that holds only such a hint."""
    if "highlight-" not in line and "[!code" not in line and "prettier-ignore" not in line:
        return line
    return None if _HINT.match(line) else _CODE_MARK.sub("", line)


def is_contents(line: str) -> bool:
    """Tell whether a line stands for a table of contents."""
    return line.strip().lower() in _CONTENTS


def meaning_of_term(line: str) -> str:
    """Return the words of a line `:   meaning` below a term, "" for any other line."""
    match = _TERM.match(line)
    return match[1] if match is not None else ""


def short_form(line: str) -> str:
    """Return `API: what it stands for` for a line that explains an abbreviation, "" for any other line."""
    match = _SHORT_FORM.match(line)
    return f"{match[1]}: {match[2]}" if match is not None else ""


def footnote(text: str, start: int) -> tuple[int, str] | None:
    """Return where the mark of a footnote ends, and its number in brackets; None where none begins."""
    match = _FOOTNOTE.match(text, start)
    return (match.end(), f"\\[{match[1]}\\]{match[2]}") if match is not None else None


def inline_note(text: str, start: int) -> tuple[int, str] | None:
    """Return where a note that stands in its place (`^[words]`) ends, and its words in brackets; None for no note."""
    match = _INLINE_NOTE.match(text, start)
    if match is None:
        return None
    blank = "" if text[start - 1 : start].isspace() else " "
    return match.end(), f"{blank}\\[{match[1].strip()}\\]"


def highlighted(text: str, start: int) -> tuple[int, str] | None:
    """Return where ==words== or ^^words^^ end, and the words; None where none begin."""
    match = _HIGHLIGHT.match(text, start)
    before = text[start - 1] if start else " "
    return (match.end(), match[2]) if match is not None and not before.isalnum() else None


def without_comments(text: str) -> str:
    """Return text without template comments that begin and end in one line."""
    return _COMMENT.sub("", text) if "endcomment" in text else text


def verbatim(text: str, start: int) -> tuple[int, str] | None:
    """Return where template tags for verbatim text end, and the text between them; None where none begin."""
    opening = _RAW_BEGIN.match(text, start)
    closing = text.find("endraw", opening.end(), opening.end() + _INLINE_LIMIT) if opening is not None else -1
    if opening is None or closing < 0:
        return None
    begin = text.rfind("{%", opening.end(), closing)
    tag = _RAW_END.match(text, begin) if begin >= 0 else None
    return (tag.end(), text[opening.end() : tag.start()]) if tag is not None else None


def critic_mark(text: str, start: int) -> tuple[int, str] | None:
    """Return where a mark of CriticMarkup ends, and its words as Markdown; None where none begins.

    An insertion stays, a deletion is struck out, a comment is named as one.
    """
    opening = text[start : start + 3]
    closing = _REVIEWED.get(opening, "")
    end = text.find(closing, start + 3, start + _INLINE_LIMIT) if closing else -1
    if end <= start + 3 or "\n\n" in text[start:end]:
        return None
    words = text[start + 3 : end]
    deleted, _, kept = words.partition("~>") if opening == "{~~" else (words if opening == "{--" else "", "", "")
    if opening in ("{++", "{=="):
        kept = words
    elif opening == "{>>":
        kept = f" (Comment: {words.strip()})"
    return end + 3, (f"~~{deleted.strip()}~~" if deleted.strip() else "") + kept
