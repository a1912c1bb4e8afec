"""The rules of a page's own style sheets that hide or strike out text on a screen: media, ancestors and specificity.

A rule that is not understood hides nothing. An element that another rule shows in some state (`.tab.active`,
`:target`, an open parent) is a closed panel that a reader can open, so it counts as shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_SHEET_LIMIT: Final = 400_000  # characters of CSS that are read
_RULE_LIMIT: Final = 2_000  # rules that are kept
_KEY_LIMIT: Final = 100  # of those, for one class, id or tag
_TOKEN = re.compile(r"<!--|<style\b[^>]{0,500}>", re.IGNORECASE)
_MEDIA = re.compile(r"media\s*=\s*[\"']?([^\"'>]*)", re.IGNORECASE)
_PART = re.compile(r"[{};]")
_DECLARED = re.compile(r"(?:^|;)\s*(display|visibility)\s*:\s*([\w-]+)\s*(!\s*important)?", re.IGNORECASE)
_DECORATED = re.compile(r"(?:^|;)\s*text-decoration(?:-line)?\s*:\s*([^;!]*)(!\s*important)?", re.IGNORECASE)
_SIMPLE = re.compile(r"[.#]?-?[A-Za-z_][\w-]*")
_NO_SCRIPT = re.compile(r"[.#](?:no-?_?js|js-disabled|no-?script|without-js)\b", re.IGNORECASE)
_PSEUDO = re.compile(r"::?[\w-]+(?:\([^()]*\))?|\[[^\]]*\]")
_SCREEN: Final = frozenset({"", "all", "screen", "only screen", "only all"})

Element = tuple[str, frozenset[str]]
"""A tag's name, and its classes and id as ".name" and "#name"."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule for the elements that its compounds match; weight orders rules for the same element."""

    compounds: tuple[frozenset[str], ...]
    children: tuple[bool, ...]  # whether a compound stands directly under the one before it
    weight: tuple[int, int, int, int, int]
    exact: bool = True  # False: it holds in some state only


_Table = dict[str, list[_Rule]]
"""Rules by a class, an id or a tag of what they match."""


@dataclass(slots=True)
class StyleSheet:
    """The rules of a page about display and visibility, and about lines through text."""

    _hiding: dict[str, list[_Rule]] = field(default_factory=dict)
    _showing: dict[str, list[_Rule]] = field(default_factory=dict)
    _striking: dict[str, list[_Rule]] = field(default_factory=dict)
    _clearing: dict[str, list[_Rule]] = field(default_factory=dict)
    _count: int = 0

    def __bool__(self) -> bool:
        """Whether a rule hides something or strikes it out."""
        return bool(self._hiding or self._striking)

    def add(self, css: str) -> None:
        """Read a style sheet; rules of other media and of conditions are left out."""
        for selectors, body in _rules(_without_comments(css[:_SHEET_LIMIT])):
            for name, value, important in _DECLARED.findall(body):
                hides = value.lower() in (("none",) if name.lower() == "display" else ("hidden", "collapse"))
                table = self._hiding if hides else self._showing
                self._add_rules(selectors, table, effective=hides, important=bool(important))
            for value, important in _DECORATED.findall(body) if "text-decoration" in body else ():
                strikes = "line-through" in value.lower()
                table = self._striking if strikes else self._clearing
                self._add_rules(selectors, table, effective=strikes, important=bool(important))

    def strikes(self, element: Element, ancestors: Sequence[Element]) -> bool:
        """Tell whether the rule that wins for an element draws a line through its words."""
        best = _winner(self._striking, element, ancestors) if self._striking else None
        if best is None:
            return False
        cleared = _winner(self._clearing, element, ancestors)
        return cleared is None or cleared.weight < best.weight

    def hides(self, element: Element, ancestors: Sequence[Element], *, important_only: bool = False) -> bool:
        """Tell whether the rule that wins for an element hides it, and no rule shows it in another state."""
        if not self._hiding:
            return False
        best = _winner(self._hiding, element, ancestors)
        if best is None or (important_only and not best.weight[0]):
            return False
        last = best.compounds[-1]
        for rule in _candidates(self._showing, element[1] | {element[0]} | last):
            if rule.compounds[-1] >= last and not rule.exact:
                return False
            if rule.compounds[-1] > last and not rule.compounds[-1] <= element[1] | {element[0]}:
                return False  # `.tab.active`: a state of this element
            if rule.compounds[-1] >= last and len(rule.compounds) > len(best.compounds):
                return False  # `.open .tab`: a state of its ancestors
        shown = _winner(self._showing, element, ancestors)
        return shown is None or shown.weight < best.weight

    def shows(self, element: Element, ancestors: Sequence[Element]) -> bool:
        """Tell whether a rule marked !important shows what the element's own style hides."""
        best = _winner(self._showing, element, ancestors) if self._showing else None
        return best is not None and best.weight[0] == 1

    def _add_rules(self, selectors: str, table: _Table, *, effective: bool, important: bool) -> None:
        for selector in selectors.split(",")[:100]:
            self._add_rule(selector.strip(), table, effective=effective, important=important)

    def _add_rule(self, selector: str, table: _Table, *, effective: bool, important: bool) -> None:
        """Add a rule to its table; effective: it removes text, so that it must be understood exactly."""
        bare = _PSEUDO.sub("", selector)
        exact = bare == selector and not re.search(r"[+~*&|\\]", selector)
        if self._count >= _RULE_LIMIT or (effective and (not exact or _NO_SCRIPT.search(selector))):
            return
        parts = re.sub(r"\s*([>+~])\s*", r" \1", bare).split()
        if not exact:
            parts = parts[-1:]  # only what it shows is of interest
        compounds, children = [], []
        for part in parts:
            simple = part.lstrip(">+~")
            found = _SIMPLE.findall(simple)
            if not found or "".join(found) != simple:
                return
            compounds.append(frozenset(item if item[0] in ".#" else item.lower() for item in found))
            children.append(part.startswith(">"))
        if not compounds or len(compounds) > 8:
            return
        flat = [item for compound in compounds for item in compound]
        ids, classes = sum(item[0] == "#" for item in flat), sum(item[0] == "." for item in flat)
        self._count += 1
        weight = (int(important), ids, classes, len(flat) - ids - classes, self._count)
        rule = _Rule(tuple(compounds), tuple(children), weight, exact)
        for key in (min(compounds[-1], key=_rank),) if effective else compounds[-1]:
            waiting = table.setdefault(key, [])
            if len(waiting) < _KEY_LIMIT:
                waiting.append(rule)


def _rank(simple: str) -> tuple[int, str]:
    return ("#.".find(simple[0]) if simple[0] in "#." else 2), simple


def _candidates(table: Mapping[str, list[_Rule]], names: frozenset[str]) -> Iterator[_Rule]:
    for name in names:
        yield from table.get(name, ())


def _winner(table: Mapping[str, list[_Rule]], element: Element, ancestors: Sequence[Element]) -> _Rule | None:
    found = [
        rule
        for rule in _candidates(table, element[1] | {element[0]})
        if rule.exact and _matches(rule, element, ancestors)
    ]
    return max(found, key=lambda rule: rule.weight, default=None)


def _matches(rule: _Rule, element: Element, ancestors: Sequence[Element]) -> bool:
    """Match the compounds from the right; the ancestor nearest to the element that fits is taken."""
    if not rule.compounds[-1] <= element[1] | {element[0]}:
        return False
    at = len(ancestors) - 1
    lowest = max(0, len(ancestors) - 200)
    for index in range(len(rule.compounds) - 2, -1, -1):
        direct = rule.children[index + 1]
        while at >= lowest and not rule.compounds[index] <= ancestors[at][1] | {ancestors[at][0]}:
            if direct:
                return False
            at -= 1
        if at < lowest:
            return False
        at -= 1
    return True


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
