"""Clean text once, so that every later offset means the same; and show text safely on a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_NEWLINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# C0 but tab and newline, DEL, C1; bidi embeddings, overrides and isolates; zero-width space and BOM; tag characters
# (invisible copies of ASCII, used to hide orders); interlinear annotation marks; noncharacters.
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)
_ASCII_CONTROLS = bytes([*range(9), *range(11, 32), 127])
_SURROGATES = re.compile("[\ud800-\udfff]")
_MARKS_LIMIT = 30  # the Stream-Safe Text Format of UAX #15 allows 30 non-starters in a row
# The blocks that hold marks: only a run of 31 characters from these can hold a run of 31 marks.
_MAY_BE_MARKS = re.compile(
    "[\u0300-\u1dff\u20d0-\u20ff\u2cef-\u2dff\u302a-\u309a\ua66f-\uabed\ufb1e\ufe20-\ufe2f\U000101fd-\U0001e94a]{31}"
)
_PIECE = 1 << 18  # characters that are cleaned at once: some milliseconds
_SAFE_CUT = re.compile("[A-Za-z0-9 \u0410-\u044f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]")
_GRAPHEME_JOINER = "\u034f"
_MARKED_LINE = re.compile(r"^[ \t]*[=#`~][^\n]*$", re.MULTILINE)
_WIKI_HEADING = re.compile(r"(=(?:[ \t]?=){0,5})[ \t]+([^=\s](?:.*[^=\s])?)[ \t]+\1")
_MARKDOWN_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*?)[ \t]*#*")
_HEADING_LIMIT = 200
_UNSAFE_TO_SHOW = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def clean_text(text: str) -> str:
    """Return text in the one form that ragkit stores: NFC, newlines as LF, no surrogate, NUL or other control.

    Lone surrogates become U+FFFD. Tab and newline stay; every other control character, bidi override, zero-width space
    and tag character is removed. Long runs of combining marks are broken as UAX #15 section 13 says, which bounds the
    time of normalisation. The function is idempotent.
    """
    return _clean_long(text) if len(text) > _PIECE else _clean_piece(text)


def _clean_piece(text: str) -> str:
    if text.isascii():
        return _DROPPED.sub("", _NEWLINES.sub("\n", text)) if not _plain_ascii(text) else text
    text = _NEWLINES.sub("\n", text)
    text = _DROPPED.sub("", _SURROGATES.sub("\ufffd", text))
    if unicodedata.is_normalized("NFC", text) and not _has_long_mark_run(text):
        return text
    return unicodedata.normalize("NFC", _break_mark_runs(text))


def _clean_long(text: str) -> str:
    """Clean a long text in pieces, so that no call holds the GIL for long; a text that is clean comes back as it is."""
    cleaned: list[str] = []
    changed = False
    for piece in _pieces(text):
        after = _clean_piece(piece)
        changed = changed or after != piece
        cleaned.append(after)
    return "".join(cleaned) if changed else text


def _pieces(text: str) -> Iterator[str]:
    """Cut a text before characters that nothing before them composes with: no newline, no run of marks is cut."""
    position = 0
    while position < len(text):
        cut = _SAFE_CUT.search(text, position + _PIECE) if len(text) - position > _PIECE else None
        end = cut.start() if cut else len(text)
        yield text[position:end]
        position = end


def _plain_ascii(text: str) -> bool:
    raw = text.encode("ascii")
    return len(raw.translate(None, _ASCII_CONTROLS)) == len(raw)  # ten times faster than a search for a class


def _has_long_mark_run(text: str) -> bool:
    if _MAY_BE_MARKS.search(text) is None:
        return False
    run = 0
    for char in text:
        run = run + 1 if char > "\u02ff" and unicodedata.combining(char) else 0
        if run > _MARKS_LIMIT:
            return True
    return False


def _break_mark_runs(text: str) -> str:
    """Insert a combining grapheme joiner after every 30 non-starters (UAX #15, Stream-Safe Text Process)."""
    out: list[str] = []
    run = 0
    for char in text:
        if char > "\u02ff" and unicodedata.combining(char):
            if run == _MARKS_LIMIT:
                out.append(_GRAPHEME_JOINER)
                run = 0
            run += 1
        else:
            run = 0
        out.append(char)
    return "".join(out)


def marked_headings(text: str, *, markdown: bool) -> list[tuple[int, int, str]]:
    """Return (offset, level, text) of the heading lines of a plain text, in order.

    Lines between equal runs of "=" are headings, as wikis write them ("== History ==",
    "= = History = ="). With `markdown`, lines that
    begin with "#" are too, outside fenced code; elsewhere they may be comments.
    """
    found: list[tuple[int, int, str]] = []
    fence = ""
    for match in _MARKED_LINE.finditer(text):
        line = match.group().strip()
        if line[0] in "`~":
            mark = line[:3]
            if markdown and mark in ("```", "~~~"):
                fence = "" if fence == mark else fence or mark
            continue
        pattern = _WIKI_HEADING if line[0] == "=" else _MARKDOWN_HEADING if markdown else None
        heading = pattern.fullmatch(line) if pattern and not fence and len(line) <= _HEADING_LIMIT else None
        if heading:
            found.append(
                (match.end() - len(match.group().lstrip()), sum(not char.isspace() for char in heading[1]), heading[2])
            )
    return found


def show(text: str, limit: int = 0) -> str:
    """Return text that is safe on one line of a terminal or log: controls, bidi marks and surrogates are escaped.

    With a limit above 0, text of more code points than that ends in an ellipsis.
    """
    shown = _UNSAFE_TO_SHOW.sub(lambda match: _escape(match.group()), text)
    if limit and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown


def _escape(char: str) -> str:
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if char in named:
        return named[char]
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
