"""Model text -> text that is safe to show: no images, HTML, foreign links or invisible characters, markers in one form.

The rule for links: an address leaves only as plain text. A full address (with a scheme, `www.` or a path) leaves only
when its host is one that the settings allow and it stands word for word in a source; else words say where it was. A
mail address or a bare host name leaves when it stands in a source. Images, raw HTML, link targets, reference
definitions, bidi marks and tag characters never leave. Everything that was taken out is reported.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from ragkit.citations.links import Address, defang, replace_addresses
from ragkit.citations.markup import (
    GROUP_LIMIT,
    OPENERS,
    TARGET_LIMIT,
    Missing,
    closing,
    element_name,
    is_definition,
    is_target,
    marker_numbers,
)
from ragkit.text.cleaning import show

_REPORT_LIMIT: Final = 100  # entries: a hostile stream must not fill memory with its report
_WORD_LIMIT: Final = 4_000
_CODE_LIMIT: Final = 400
_PIECE: Final = 4_096  # long deltas are taken in pieces, which bounds the cost of every rewrite of the buffer

_INVISIBLE = re.compile(
    "[\x00-\x08\x0d-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufdd0-\ufdef\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)
_LINE_ENDS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SPECIAL = re.compile(r"[\s\[\]<!`【［〔]|\\(?=[\[【［〔])")
_LINE_PREFIX = re.compile(r"[ \t>*+\-\d.)]*")
_MARKER = re.compile(r"\[(\d{1,3})\]")
_SOLID = re.compile(r"[\w/:@&=?#%<-]")
_PUNCTUATION: Final = ".,;:!?)]}。，、；："
_BREAKING_TAGS: Final = frozenset({"br", "p", "div", "li", "tr", "td", "th", "hr", "h1", "h2", "h3", "h4", "h5", "h6"})

_Step = tuple[int, str, str]  # where to go on, text to give out, text to read again before the rest


@dataclass(frozen=True, slots=True)
class Rules:
    """What an answer may contain. sources: the number of sources. texts: their texts; addresses in them may stay.

    hosts: names whose full addresses may leave (and those of their subdomains). quoted: the text was put together of
    the sources' own words by the extractive model, so that its fences of code are known to be whole: what stands
    between them stays as it can be pasted, addresses of the sources too. addresses: those may stand in its prose.
    """

    sources: int
    texts: Sequence[str] = ()
    hosts: Collection[str] = ()
    quoted: bool = False
    addresses: bool = False

    def spoken(self, address: Address, *, in_block: bool = False) -> str:
        """Return the replacement for an address: the address itself where the rules allow it.

        in_block: it stands in a fenced block of code.
        """
        holder = next((number for number, text in enumerate(self.texts, 1) if address.text in text), 0)
        if address.kind != "url":
            return address.text if holder else "(address removed)"
        if self.quoted and holder and (in_block or self.addresses):
            return address.text
        allowed = any(address.host == host or address.host.endswith(f".{host}") for host in self.hosts)
        if allowed and holder:
            return address.text
        return f"(link in source {holder})" if holder else "(link removed)"


@dataclass(slots=True)
class Sanitizer:
    """Cleans a text that arrives in pieces; the result does not depend on where the pieces were cut.

    `feed` returns what is certain so far and holds back only what could still become a marker, a link, a tag or code.
    """

    rules: Rules
    removed: list[str] = field(default_factory=list)
    markers: list[tuple[int, int]] = field(default_factory=list)  # (offset in what was given out, number)
    code: list[tuple[int, int]] = field(default_factory=list)  # spans of code in what was given out
    _size: int = 0  # of what was given out
    _buffer: str = ""
    _blanks: str = ""  # blanks that were read and not given out yet
    _last: str = ""  # the last character given out
    _at_start: bool = True  # nothing but quote marks, bullets and blanks was given out on this line
    _dropped: bool = False  # something was taken out since the last character given out
    _code: str = ""  # the backticks that opened the code here, "" outside code
    _code_start: int = 0
    _literal: bool = False  # the code is a fenced block of a quoted text
    _marking: bool = False  # the text at hand is markers
    _final: bool = False
    _invisible: int = 0

    def feed(self, delta: str) -> str:
        """Take the next piece; return the text that is now certain."""
        return "".join(self._take(delta[at : at + _PIECE]) for at in range(0, len(delta), _PIECE))

    def finish(self) -> str:
        """Return the rest. White space at the end of the whole text is dropped."""
        self._final = True
        rest = self._run()
        if self._code:
            self.code.append((self._code_start, self._size))  # an open block of code runs to the end
        if self._invisible:
            self._report(f"{self._invisible} invisible characters")
        return rest

    def _take(self, piece: str) -> str:
        kept, dropped = _INVISIBLE.subn("", _SURROGATES.sub("\ufffd", piece))
        self._invisible += dropped
        self._buffer += _LINE_ENDS.sub("\n", kept)
        return self._run()

    def _report(self, what: str) -> None:
        if len(self.removed) < _REPORT_LIMIT:
            self.removed.append(show(defang(what), 200))

    # ------------------------------------------------------------------ giving out

    def _run(self) -> str:
        out: list[str] = []
        buffer, position = self._buffer, 0
        while position < len(buffer):
            step = self._step(buffer, position)
            if step is None:
                break
            position, text, again = step
            if text:
                out.append(self._give(text))
            if again:
                buffer, position = again + buffer[position:], 0
        self._buffer = buffer[position:]
        return "".join(out)

    def _give(self, text: str) -> str:
        """Return text with the white space before it; words that a removal would join are kept apart."""
        blanks = self._blanks if self._last else ""
        if self._dropped:
            if not text.strip(_PUNCTUATION) and "\n" not in blanks:
                blanks = ""
            elif not blanks and (self._last == "." or _SOLID.match(self._last)) and _SOLID.search(text):
                blanks = " "
        if (
            not blanks
            and not self._code
            and (self._last + text[0] in {"](", "!["} or (text[0] == "‹" and self._last in {*"/:.@"}))
        ):
            blanks = " "  # never what Markdown takes for a link, nor half an address
        given = blanks + text
        line = given[given.rfind("\n") + 1 :]
        self._at_start = ("\n" in given or self._at_start) and bool(_LINE_PREFIX.fullmatch(line))
        self._blanks, self._dropped, self._last = "", False, given[-1]
        self._size += len(given)
        if self._marking:
            begin = self._size - len(text)
            self.markers.extend((begin + match.start(), int(match[1])) for match in _MARKER.finditer(text))
            self._marking = False
        return given

    def _drop(self, end: int, what: str) -> _Step:
        self._report(what)
        self._dropped = True
        return end, "", ""

    # ------------------------------------------------------------------ reading

    def _step(self, buffer: str, at: int) -> _Step | None:
        """Read one construct at a position; None when the text to come could change what it is."""
        char = buffer[at]
        if char.isspace():
            return self._blank(buffer, at)
        if char == "`":
            return self._backticks(buffer, at)
        if char in OPENERS:
            return (at + 1, char, "") if self._code else self._group(buffer, at, before="")
        if char in "!\\<]":
            if at + 1 == len(buffer) and not self._final:
                return None
            return self._marked(buffer, at, char, buffer[at + 1 : at + 2])
        return self._word(buffer, at)

    def _marked(self, buffer: str, at: int, char: str, following: str) -> _Step | None:
        if char == "<":
            return self._tag(buffer, at, following)
        if char == "]":
            return at + 1, "]", ""
        if following in OPENERS and not self._code:
            return self._group(buffer, at + 1, before=char)
        return self._word(buffer, at) if char == "\\" else (at + 1, char, "")

    def _blank(self, buffer: str, at: int) -> _Step:
        char = buffer[at]
        if self._dropped and char == "\n":
            self._blanks = self._blanks.rstrip(" \t")
        if not (self._dropped and char != "\n" and self._blanks and "\n" not in self._blanks):
            self._blanks += char
        return at + 1, "", ""

    def _backticks(self, buffer: str, at: int) -> _Step | None:
        """Read backticks: a span of code has its end in the same paragraph, a block may run to the end of the text."""
        end = at
        while end < len(buffer) and buffer[end] == "`":
            end += 1
        if end == len(buffer) and not self._final:
            return None
        run = buffer[at:end]
        if self._code:
            if self._code == run and (not self._literal or self._fills_line()):
                self.code.append((self._code_start, self._size + len(self._blanks) + len(run)))
                self._code, self._literal = "", False
            return end, run, ""
        fence = len(run) > 2 and self._starts_line()
        if not fence:
            closes = self._closes(buffer, end, run)
            if closes is None:
                return None
            if not closes:
                return end, run, ""
        self._code, self._code_start = run, self._size + len(self._blanks)
        self._literal = self.rules.quoted and fence and self._fills_line()
        return end, run, ""

    def _fills_line(self) -> bool:
        """Return whether what comes next stands at the very beginning of a line."""
        return self._blanks.endswith("\n") or not self._last

    def _closes(self, buffer: str, start: int, run: str) -> bool | None:
        """Return whether a span of code ends with the same backticks; None while only the text to come can show it."""
        limit = start + _CODE_LIMIT
        ends = re.compile(rf"(?<!`){run}(?!`)|\n[ \t]*\n")
        found = ends.search(buffer, start, min(len(buffer), limit))
        if found is None:
            return None if len(buffer) < limit and not self._final else False
        if found.group() != run or found.end() == limit:
            return False
        return True if found.end() < len(buffer) or self._final else None

    def _word(self, buffer: str, at: int) -> _Step | None:
        stop = min(len(buffer), at + _WORD_LIMIT)
        special = _SPECIAL.search(buffer, at + 1, stop)
        end = special.start() if special else stop
        if not special and end == len(buffer) and not self._final and end < at + _WORD_LIMIT:
            return None
        return end, replace_addresses(buffer[at:end], self._address), ""

    def _address(self, address: Address) -> str:
        said = self.rules.spoken(address, in_block=self._literal)
        if said != address.text:
            self._report(f"link {address.text}")
        return said

    def _tag(self, buffer: str, at: int, following: str) -> _Step | None:
        if self._literal:
            return at + 1, "<", ""
        if not re.match(r"[A-Za-z/!?]", following):
            return at + 1, "<" if not following or following in " \t\n=-0123456789." else "‹", ""
        stop = min(len(buffer), at + TARGET_LIMIT)
        ending = "-->" if buffer.startswith("<!--", at) else ">"
        end = buffer.find(ending, at, stop)
        if end < 0 and not self._final and len(buffer) < at + TARGET_LIMIT:
            return None
        inner = buffer[at + 1 : end]
        if end < 0:
            return at + 1, "‹", ""
        name = element_name(inner)
        if name and not self._code:
            if name in _BREAKING_TAGS and not self._blanks:
                self._blanks = " "
            return self._drop(end + len(ending), f"html <{inner}>")
        if re.fullmatch(r"\S*[:@]\S*", inner):  # an autolink: what it points at is read as a word
            self._dropped = True
            return end + 1, "", inner
        return end + len(ending), "‹", inner.removeprefix("!--") + "›"

    # ------------------------------------------------------------------ brackets

    def _group(self, buffer: str, at: int, *, before: str) -> _Step | None:
        """Read [..] and the characters that make it a marker, link, image or definition. before: "!", a backslash or
        nothing."""
        opener = buffer[at]
        end = closing(buffer, at, opener=opener, limit=GROUP_LIMIT, final=self._final)
        if end is Missing.MORE:
            return None
        if end is Missing.NEVER or not isinstance(end, int):
            return at + 1, "! [" if before == "!" else before + opener, ""
        following = buffer[end + 1 : end + 2]
        if not following and not self._final:
            return None
        inner = buffer[at + 1 : end]
        numbers = marker_numbers(inner)
        if opener == "[" and following == "(":
            return self._link(buffer, at, end, before)
        if opener == "[" and following == "[" and numbers is None:
            return self._reference(buffer, at, end, before)
        if opener == "[" and following == ":" and self._starts_line():
            return self._definition(buffer, at, end)
        if numbers is not None:
            return self._marker(end + 1, numbers, "! " if before == "!" else "")
        return at + 1, before.strip("!") + opener, ""

    def _starts_line(self) -> bool:
        return "\n" in self._blanks or self._at_start

    def _marker(self, end: int, numbers: list[int], before: str) -> _Step:
        if len(numbers) > 1 and 0 in numbers:  # an interval such as [0, 1]
            return end, before + "(" + ", ".join(map(str, numbers)) + ")", ""
        known = [number for number in numbers if 1 <= number <= self.rules.sources]
        for number in numbers:
            if number not in known:
                self._report(f"marker [{number}]")
        self._marking, self._dropped = bool(known), not known
        return end, before + "".join(f"[{number}]" for number in known) if known else before.strip(), ""

    def _link(self, buffer: str, at: int, end: int, before: str) -> _Step | None:
        close = closing(buffer, end + 1, opener="(", limit=TARGET_LIMIT, final=self._final)
        if close is Missing.MORE:
            return None
        inner = buffer[at + 1 : end]
        numbers = marker_numbers(inner)
        if not isinstance(close, int) or not is_target(buffer[end + 2 : close]):
            if numbers is None:
                return at + 1, before.strip("!") + "[", ""
            return self._marker(end + 1, numbers, "! " if before == "!" else "")
        target = buffer[end + 2 : close].strip()
        if before == "!":
            return self._drop(close + 1, f"image ![{inner}]({target})")
        self._report(f"link {target}")
        if numbers is not None:
            return self._marker(close + 1, numbers, "")
        self._dropped = True
        address = Address(target, "url")
        return close + 1, "", f"{inner} ({target})" if self.rules.spoken(address) == target else inner

    def _reference(self, buffer: str, at: int, end: int, before: str) -> _Step | None:
        close = closing(buffer, end + 1, opener="[", limit=GROUP_LIMIT, final=self._final)
        if close is Missing.MORE:
            return None
        if not isinstance(close, int):
            return at + 1, before.strip("!") + "[", ""
        inner, label = buffer[at + 1 : end], buffer[end + 2 : close]
        if before == "!":
            return self._drop(close + 1, f"image ![{inner}][{label}]")
        self._dropped = True
        if marker_numbers(label) is not None:
            return end + 1, "", inner
        self._report(f"link [{label}]")
        return close + 1, "", inner

    def _definition(self, buffer: str, at: int, end: int) -> _Step | None:
        stop = buffer.find("\n", end + 2, end + 2 + TARGET_LIMIT)
        if stop < 0 and not self._final and len(buffer) < end + 2 + TARGET_LIMIT:
            return None
        stop = stop if stop >= 0 else min(len(buffer), end + 2 + TARGET_LIMIT)
        rest = buffer[end + 2 : stop]
        inner = buffer[at + 1 : end]
        numbers = marker_numbers(inner)
        if is_definition(rest) and (not rest.strip() or re.search(r"[./#:\\]", rest)):
            return self._drop(stop, f"definition [{inner}]: {rest.strip()}")
        blank = " " if is_definition(rest) else ""
        if numbers is not None:
            step = self._marker(end + 1, numbers, "")
            return step[0], step[1], blank
        return end + 1, "", f"({inner}){blank}"
