"""The rules of a page's own style sheets that hide or strike out words on a normal screen.

A rule that is not understood hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.web.cascade import Cascade, Rule, Values, weight_of

_SHEET_LIMIT: Final = 400_000  # characters of CSS that are read
_RULE_LIMIT: Final = 2_000  # rules that are kept
_TOKEN = re.compile(r"<!--|<style\b[^>]{0,500}>", re.IGNORECASE)
_MEDIA = re.compile(r"media\s*=\s*[\"']?([^\"'>]*)", re.IGNORECASE)
_LINKED = re.compile(r"<link\b[^>]{0,500}\bstylesheet\b[^>]{0,500}>", re.IGNORECASE)
_PART = re.compile(r"[{};]")
_DECLARED = re.compile(
    r"(?:^|;)\s*(display|visibility|font(?:-size)?|list-style(?:-type)?|text-decoration(?:-line)?)\s*:\s*([^;!]*)(!\s*important)?",
    re.IGNORECASE,
)
_FONT_SIZE = re.compile(r"(?:^|\s)(0|[\d.]+(?:[a-z]{2,4}|%))(?=\s|/|$)", re.IGNORECASE)  # not a weight such as 700
_NO_SIZE = re.compile(r"0(?:[.]0*)?(?:[a-z]{2,4}|%)?", re.IGNORECASE)
_SIMPLE = re.compile(r"[.#]?-?[A-Za-z_][\w-]*")
_NO_SCRIPT = re.compile(r"[.#](?:no-?_?js|js-disabled|no-?script|without-js)\b", re.IGNORECASE)
_PSEUDO = re.compile(r"::?[\w-]+(?:\([^()]*\))?|\[[^\]]*\]")
_SCREEN: Final = frozenset({"", "all", "screen", "only screen", "only all"})


def declared(body: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (property, value, whether it is important) of the declarations of a rule or a style that may hide words."""
    for name, value, important in _DECLARED.findall(body):
        bare, said = name.lower(), value.strip().lower()
        if bare == "font":  # the short form of several properties, also where it names the size by a word
            size = _FONT_SIZE.search(said)
            bare, said = "font-size", size[1] if size is not None else said
        yield "text-decoration" if bare.startswith("text") else bare, said, bool(important)


def takes_away(name: str, value: str) -> bool:
    """Tell whether the value of a property takes words away: hides them, strikes them out or gives them no size."""
    if name == "text-decoration":
        return "line-through" in value
    if name == "font-size":
        return _NO_SIZE.fullmatch(value) is not None
    return value in (("none",) if name == "display" else ("hidden", "collapse"))


def is_relative(value: str) -> bool:
    """Tell whether a size of letters is a part of the size around the element, so that nothing stays nothing."""
    return value == "inherit" or (value.endswith(("em", "%")) and not value.endswith("rem"))


def style_hides(style: str) -> bool:
    """Tell whether an element's own style surely hides it; opacity is what scripts fade in, so it hides nothing."""
    return any(takes_away(name, value) for name, value, _ in declared(style) if name != "text-decoration")


@dataclass(slots=True)
class StyleSheet:
    """The rules of a page about display, visibility, size of letters, lines through text and numbers of lists.

    sized: tags, classes and ids of elements to which some rule gives a size of letters, "*" for all.
    """

    display: Cascade = field(default_factory=Cascade)
    visibility: Cascade = field(default_factory=Cascade)
    size: Cascade = field(default_factory=Cascade)
    decoration: Cascade = field(default_factory=Cascade)
    lists: Values = field(default_factory=Values)
    sized: set[str] = field(default_factory=set)
    _count: int = 0

    def __bool__(self) -> bool:
        """Whether a rule can change which words are read."""
        takes = self.display.taking or self.visibility.taking or self.size.taking or self.decoration.taking
        return bool(takes or self.visibility.giving)

    def add(self, css: str) -> None:
        """Read a style sheet; rules of other media and of conditions are left out."""
        cascades = {
            "display": self.display,
            "visibility": self.visibility,
            "font-size": self.size,
            "text-decoration": self.decoration,
        }
        for selectors, body in _rules(_without_comments(css[:_SHEET_LIMIT])):
            for name, value, important in declared(body):
                takes = takes_away(name, value)
                if name == "font-size" and not takes:
                    if is_relative(value):
                        continue
                    self.sized.update(() if len(self.sized) > _RULE_LIMIT else _last_names(selectors))
                for selector in selectors.split(",")[:100]:
                    rule = self._rule(selector.strip(), takes=takes, important=important)
                    if rule is not None and name in cascades:
                        cascades[name].add(rule, takes=takes)
                    elif rule is not None:
                        self.lists.add(rule, value)

    def _rule(self, selector: str, *, takes: bool, important: bool) -> Rule | None:
        """Return the rule of a selector, None where it is not understood; takes: it takes words away, so that it must
        be understood exactly."""
        bare = _PSEUDO.sub("", selector)
        exact = bare == selector and not re.search(r"[+~*&|\\]", selector)
        if self._count >= _RULE_LIMIT or (takes and (not exact or _NO_SCRIPT.search(selector))):
            return None
        parts = re.sub(r"\s*([>+~])\s*", r" \1", bare).split()
        compounds, children = [], []
        for part in parts if exact else parts[-1:]:  # of others, only what they show is of interest
            simple = part.lstrip(">+~")
            found = _SIMPLE.findall(simple)
            if not found or "".join(found) != simple:
                return None
            compounds.append(frozenset(item if item[0] in ".#" else item.lower() for item in found))
            children.append(part.startswith(">"))
        if not compounds or len(compounds) > 8:
            return None
        self._count += 1
        return Rule(tuple(compounds), tuple(children), weight_of(compounds, self._count, important=important), exact)


def _last_names(selectors: str) -> Iterator[str]:
    """Yield the tags, classes and ids of what selectors match, without those of its ancestors; "*" for any element."""
    for selector in selectors.split(",")[:100]:
        parts = re.split(r"[\s>+~]+", _PSEUDO.sub("", selector).strip())
        names = _SIMPLE.findall(parts[-1])
        yield from (name if name[0] in ".#" else name.lower() for name in names or "*")


def _without_comments(css: str) -> str:
    parts, at = [], 0
    while (start := css.find("/*", at)) >= 0:
        parts.append(css[at:start])
        end = css.find("*/", start + 2)
        if end < 0:
            return "".join(parts)
        at = end + 2
    parts.append(css[at:])
    return "".join(parts)


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """Yield (selectors, declarations) of plain rules that hold on every screen; nested and conditional ones are not."""
    applies: list[bool] = []  # for each open block that holds rules: whether they hold
    at = 0
    while (mark := _PART.search(css, at)) is not None:
        words, at = css[at : mark.start()].strip(), mark.end()
        if mark[0] == ";":
            continue  # @import and @charset
        if mark[0] == "}":
            if applies:
                applies.pop()
            continue
        if words.startswith("@"):
            name, _, condition = words.partition(" ")
            holds = name.lower() == "@media" and " ".join(condition.lower().split()) in _SCREEN
            applies.append(holds and all(applies))
            continue
        end, inner = css.find("}", at), css.find("{", at)
        if end < 0:
            return
        if 0 <= inner < end:  # rules nested in a rule: what is between is not read
            applies.append(False)
            continue
        if all(applies):
            yield words, css[at:end]
        at = end + 1


def page_styles(html: str) -> StyleSheet:
    """Return the rules of all style elements of a page that hold on a screen."""
    sheet = StyleSheet()
    at = 0
    while (mark := _TOKEN.search(html, at)) is not None:
        comment = mark[0] == "<!--"
        closing = re.compile("-->" if comment else "</style", re.IGNORECASE).search(html, mark.end())
        if closing is None:
            break
        at = closing.end()
        if comment:
            continue
        media = _MEDIA.search(mark[0])
        if media is None or " ".join(media[1].lower().split()) in _SCREEN:
            sheet.add(html[mark.end() : closing.start()])
    if sheet.size.taking and any("font" not in link.lower() for link in _LINKED.findall(html)):
        sheet.size = Cascade()  # a style sheet that is not read may give a size to what has none here
    return sheet


_CONTROL = re.compile(
    r"\b(?:aria-controls|aria-owns|data-(?:bs-|mdb-)?(?:target|toggle-target|tab|panel)|popovertarget|commandfor)"
    r"\s*=\s*[\"']?([^\"'>]{1,300})",
    re.IGNORECASE,
)
_TOGGLE = re.compile(
    r"<a\b(?=[^>]{0,600}(?:role\s*=\s*[\"']?tab\b|data-(?:bs-)?toggle\b))[^>]{0,600}?href\s*=\s*[\"']?#([\w:.-]{1,200})",
    re.IGNORECASE,
)
_CLICK = re.compile(r"\bonclick\s*=\s*(?:\"([^\"]{1,300})|'([^']{1,300}))", re.IGNORECASE)


def opened_ids(html: str) -> frozenset[str]:
    """Return the ids that the page's own controls open: targets of tabs, accordions, pop-overs and click handlers."""
    found: set[str] = set()
    for match in _CONTROL.finditer(html):
        found.update(name.lstrip("#") for name in match[1].split())
    found.update(_TOGGLE.findall(html))
    for first, second in _CLICK.findall(html):
        found.update(re.findall(r"['\"&;]([\w:.-]{1,100})['\"&]", first or second))
    return frozenset(found)
