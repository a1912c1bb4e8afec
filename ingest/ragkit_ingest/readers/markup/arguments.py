"""Arguments of components and template tags: those that people read, and those that only control the rendering."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.titles import squeeze

_TAG_LIMIT: Final = 4_000
READ: Final = (
    "title",
    "heading",
    "header",
    "label",
    "name",
    "question",
    "term",
    "summary",
    "caption",
    "alt",
    "text",
    "content",
    "description",
    "desc",
    "subtitle",
    "message",
    "note",
    "answer",
    "tooltip",
    "tip",
    "quote",
    "author",
    "hint",
    "definition",
    "body",
    "aria-label",
    "linktext",
    "link-text",
    "linktitle",
    "buttontext",
    "badge",
    "excerpt",
)
"""Arguments that are shown as they are, in this order."""
_MACHINE = re.compile(
    r"(?:class(?:name)?|(?:\w+[_-])?id|key|ref|style|styles?|css|src|srcset|source|file|path|href|url|uri|to|link|slug|page|icon\w*|"
    r"type|kind|variant|size|color|colour|theme|bg|background|width|height|align\w*|float|target|rel|lang|language|"
    r"group\w*|value|default\w*|selected|active|open|closed|collapsed|expand\w*|show\w*|hide\w*|is[A-Z]\w*|has[A-Z]\w*|"
    r"layout|position|placement|order|cols?|columns?|rows?|gap|margin|padding|loading|fetch\w*|sizes|quality|format|"
    r"ident\w*|anchor|hash|query\w*|mode|level|depth|start|end|line\w*|hl\w*|highlight\w*|server|client:?\w*|set:?\w*|"
    r"v-.*|:.*|@.*|#.*|on[A-Z:].*|on[a-z]+|data-.*|aria-.*|role|tab-?index|slot|as|is|template|tag|component|image|img|"
    r"frameborder|allow\w*|autoplay|controls|loop|muted|preload|webp|responsive|process|command|options?|markdown|"
    r"persist\w*|sync\w*|suppress\w*|nowrap|inline|block|tabs?id|import|from|version_?id)",
    re.IGNORECASE,
)
_LITERAL = re.compile(r"\"((?:[^\"\\\n]|\\.){1,500})\"|'((?:[^'\\\n]|\\.){1,500})'|`([^`$]{1,500})`")
_DATA = re.compile(rf"{_LITERAL.pattern}|(?<=[\[,:\s])(-?\d[\d_.]*)(?=\s*[\],}}])")
"""Texts and numbers in an array or object."""
_PATHLIKE = re.compile(r"[\w@~.%+-]*[/\\#?][^\s]*|[\w-]+\.[a-z][a-z0-9]{1,4}|[#@].*|\d{1,4}x\d{1,4}|[0-9A-Za-z_-]{11}")
_PARAMETER = re.compile(r"(?:[A-Z]\w*)?(?:Field|Param|Prop|Property|Argument)")
"""Names of components that explain a parameter or property of an interface."""
_SUBJECTS: Final = ("name", "path", "query", "body", "header")
_BLANKS = re.compile(r"\s*")
_NAME = re.compile(r"</?([A-Za-z][\w.:-]*)?")
_ATTRIBUTE = re.compile(r"\s*(?:([^\s=/>\"'<{}]+)|(\{))")


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; name: "" for one by position. quoted: it was written as text."""

    name: str
    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a component. end: where the source goes on."""

    name: str
    arguments: tuple[Argument, ...]
    end: int
    closing: bool = False
    alone: bool = False  # it closes itself


def parse_tag(text: str, start: int) -> Tag | None:
    """Return the tag that begins at `start` with "<", with values in quotes or braces; None when it is none."""
    match = _NAME.match(text, start)
    if match is None:
        return None
    closing = text.startswith("</", start)
    at, found = match.end(), list[Argument]()
    limit = min(len(text), start + _TAG_LIMIT)
    while at < limit:
        at = _BLANKS.match(text, at, limit).end()  # type: ignore[union-attr]  # matches always
        if text.startswith("/>", at):
            return Tag(match[1] or "", tuple(found), at + 2, closing, alone=True)
        if text.startswith(">", at):
            return Tag(match[1] or "", tuple(found), at + 1, closing)
        attribute = _ATTRIBUTE.match(text, at)
        if attribute is None:
            return None
        if attribute[2]:  # {...spread} or a comment
            at = _braces(text, attribute.end() - 1, limit)
            if at < 0:
                return None
            continue
        at, argument = _value(text, attribute[1], attribute.end(), limit)
        if at < 0:
            return None
        if argument is not None:
            found.append(argument)
    return None


def _value(text: str, name: str, at: int, limit: int) -> tuple[int, Argument | None]:
    """Return the end of an attribute, -1 when it has none, and its value if any."""
    if not text.startswith("=", at):
        return at, None
    at += 1
    mark = text[at : at + 1]
    if mark in ("'", '"') and mark:
        end = text.find(mark, at + 1, limit)
        return (end + 1, Argument(name, text[at + 1 : end], quoted=True)) if end >= 0 else (-1, None)
    if mark == "{":
        end = _braces(text, at, limit)
        return (end, _expression(name, text[at + 1 : end - 1])) if end >= 0 else (-1, None)
    bare = re.compile(r"[^\s\"'<>=`]+").match(text, at, limit)
    if bare is None:
        return -1, None
    words = bare[0][:-1] if bare[0].endswith("/") and text.startswith(">", bare.end()) else bare[0]
    return at + len(words), Argument(name, words, quoted=False)


def _braces(text: str, at: int, limit: int) -> int:
    """Return the offset after the braces that open at `at`; -1 when they are not closed."""
    depth = 0
    while at < limit:
        sign = text[at]
        if sign in "\"'`":
            end = text.find(sign, at + 1, limit)
            if end >= 0 and (sign == "`" or "\n" not in text[at:end]):
                at = end
        depth += (sign == "{") - (sign == "}")
        at += 1
        if not depth:
            return at
    return -1


def _expression(name: str, code: str) -> Argument | None:
    """Return the readable part of a value in braces: a number, a text, or the texts in an array or object."""
    code = code.strip()
    if re.fullmatch(r"-?[\d_.,]+%?", code):
        return Argument(name, code, quoted=True)
    texts = ["".join(parts) for parts in (_DATA if code[:1] in "[{" else _LITERAL).findall(code)]
    if not texts:
        return None
    return Argument(name, ", ".join(text for text in texts if not _PATHLIKE.fullmatch(text)), quoted=True)


_TEMPLATE_ARGUMENT = re.compile(
    r"([\w.:-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`([^`]*)`|([^\s\"',]+))"
    r"|\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`([^`]*)`|([^\s,]+)"
)


def template_arguments(text: str) -> list[Argument]:
    """Return the arguments of a shortcode or template tag, after its name."""
    found = []
    for match in _TEMPLATE_ARGUMENT.finditer(text[:_TAG_LIMIT]):
        named, texts = match[1] or "", [part for part in match.groups()[1:] if part is not None]
        quoted = match[5] is None and match[9] is None
        found.append(Argument(named, texts[0].replace('\\"', '"') if texts else "", quoted))
    return found


def readable(arguments: Sequence[Argument], *, component: str = "") -> str:
    """Return the words that people read in arguments, on one line; "" when there are none.

    component: its name stands before values that only make sense with their names ("Price amount: 420").
    """
    named = {item.name.lower(): squeeze(item.value) for item in arguments if item.name and item.value.strip()}
    shown = [named[key] for key in READ if named.get(key)]
    shown += [squeeze(item.value) for item in arguments if not item.name and _is_words(item)]
    if not shown and named.get("value") and component:
        shown = [] if _PATHLIKE.fullmatch(named["value"]) else [f"{component} {named['value']}"]
    data = [
        f"{item.name}: {squeeze(item.value)}"
        for item in arguments
        if item.name
        and item.name.lower() not in READ
        and item.value.strip()
        and not _is_for_machines(item)
        and not _is_address(item.value)
        and item.value not in ("true", "false")
    ]
    words = ": ".join(dict.fromkeys(shown))
    if data and (component or shown):
        listed = ", ".join(data)
        words = f"{words} ({listed})" if words else f"{component} {listed}".strip()
    target = next((named[key] for key in ("href", "url", "to", "link") if key in named), "")
    return words + address_after(words, target) if words else address_after("link", target).strip()


def tag_words(tag: Tag) -> str:
    """Return the words that people read in a component's arguments.

    A component that explains a parameter shows its name, type and default: "limit (number, default 10)".
    """
    words = readable(tag.arguments, component=tag.name if tag.alone else "")
    if not _PARAMETER.fullmatch(tag.name):
        return words
    named = {item.name.lower(): squeeze(item.value) for item in tag.arguments if item.value.strip()}
    subject = next((named[key] for key in _SUBJECTS if key in named and not _is_address(named[key])), "")
    details = [*filter(None, [named.get("type"), f"default {named['default']}" if "default" in named else ""])]
    shown = f"{subject} ({', '.join(details)})" if subject and details else subject
    return ": ".join(filter(None, [shown, words if words != subject else ""]))


def _is_for_machines(item: Argument) -> bool:
    """Tell whether an argument controls presentation; rows, columns and options may hold texts instead."""
    holds = item.name.lower() in ("rows", "columns", "options", "cols") and item.quoted and not item.value.isdigit()
    return _MACHINE.fullmatch(item.name) is not None and not holds


def _is_address(value: str) -> bool:
    return "://" in value or value.startswith(("/", "./", "../"))


def _is_words(item: Argument) -> bool:
    """Tell whether an argument by position is text for people: quoted, and no path, identifier or size."""
    return item.quoted and bool(item.value.strip()) and not _PATHLIKE.fullmatch(item.value.strip())


def open_brackets(line: str) -> int:
    """Return how many brackets a line opens and does not close, outside of quotes; negative for more that it closes."""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", line)
    return sum(bare.count(sign) for sign in "{[(") - sum(bare.count(sign) for sign in "}])")


def fenced(text: str, language: str) -> str:
    """Return code in a fence that is longer than any in it."""
    longest = max(map(len, re.findall("~{3,}", text)), default=5)
    fence = "~" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
