"""Which of a page's style rules wins for an element: matching by ancestors, and order by specificity.

An element that another rule shows in some state (`.tab.active`, `:target`, an open parent) is a closed panel that a
reader can open, so it counts as shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_KEY_LIMIT: Final = 100  # rules of a property for one class, id or tag
_DEPTH: Final = 200  # ancestors that are looked at

Element = tuple[str, frozenset[str]]
"""A tag's name, and its classes and id as ".name" and "#name"."""
Weight = tuple[int, int, int, int, int]
"""Importance, ids, classes, tags and place in the sheets: the greater of two rules wins."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about what its compounds match; weight orders rules that meet.

    children: whether a compound stands directly under the one before it. exact: False when it holds in some state only.
    """

    compounds: tuple[frozenset[str], ...]
    children: tuple[bool, ...]
    weight: Weight
    exact: bool = True


_Table = dict[str, list[Rule]]
"""Rules by a class, an id or a tag of what they match."""


def weight_of(compounds: Sequence[frozenset[str]], place: int, *, important: bool) -> Weight:
    """Return the weight of a rule: its specificity as CSS defines it (Selectors 4, section 17), then its place."""
    flat = [item for compound in compounds for item in compound]
    ids, classes = sum(item[0] == "#" for item in flat), sum(item[0] == "." for item in flat)
    return int(important), ids, classes, len(flat) - ids - classes, place


@dataclass(slots=True)
class Cascade:
    """The rules of one property: those that take words away, and those that give them back."""

    taking: _Table = field(default_factory=dict)
    giving: _Table = field(default_factory=dict)

    def add(self, rule: Rule, *, takes: bool) -> None:
        """Add a rule; of one name, 100 are kept."""
        table, last = (self.taking if takes else self.giving), rule.compounds[-1]
        for key in (min(last, key=_rank),) if takes else last:
            waiting = table.setdefault(key, [])
            if len(waiting) < _KEY_LIMIT:
                waiting.append(rule)

    def wins(self, element: Element, ancestors: Sequence[Element]) -> bool:
        """Tell whether the rule that wins for an element takes its words away."""
        return _beats(self.taking, self.giving, element, ancestors)

    def hides(self, element: Element, ancestors: Sequence[Element], *, important_only: bool = False) -> bool:
        """Tell whether the rule that wins for an element hides it, and no rule shows it in another state."""
        best = _winner(self.taking, element, ancestors) if self.taking else None
        if best is None or (important_only and not best.weight[0]):
            return False
        last, names = best.compounds[-1], element[1] | {element[0]}
        for rule in _candidates(self.giving, names | last):
            if not rule.compounds[-1] >= last:
                continue
            own_state = rule.compounds[-1] > last and not rule.compounds[-1] <= names  # `.tab.active`
            if not rule.exact or own_state or len(rule.compounds) > len(best.compounds):  # `.open .tab`
                return False
        shown = _winner(self.giving, element, ancestors)
        return shown is None or shown.weight < best.weight

    def gives(self, element: Element, ancestors: Sequence[Element], *, important_only: bool = False) -> bool:
        """Tell whether the rule that wins for an element gives its words back."""
        return _beats(self.giving, self.taking, element, ancestors, important_only=important_only)


@dataclass(slots=True)
class Values:
    """The rules that give one property a value."""

    _rules: list[tuple[Rule, str]] = field(default_factory=list)

    def add(self, rule: Rule, value: str) -> None:
        """Add a rule; 100 are kept."""
        if len(self._rules) < _KEY_LIMIT:
            self._rules.append((rule, value))

    def value(self, element: Element, ancestors: Sequence[Element]) -> str:
        """Return what the rule says that wins for an element, "" when there is none."""
        found = [
            (rule.weight, value) for rule, value in self._rules if rule.exact and _matches(rule, element, ancestors)
        ]
        return max(found, default=(None, ""))[1]


def _beats(
    table: _Table, other: _Table, element: Element, ancestors: Sequence[Element], *, important_only: bool = False
) -> bool:
    """Tell whether the rule of a table that wins for an element outweighs every rule of the other table."""
    best = _winner(table, element, ancestors) if table else None
    if best is None or (important_only and not best.weight[0]):
        return False
    rival = _winner(other, element, ancestors)
    return rival is None or rival.weight < best.weight


def _rank(simple: str) -> tuple[int, str]:
    return ("#.".find(simple[0]) if simple[0] in "#." else 2), simple


def _candidates(table: Mapping[str, list[Rule]], names: frozenset[str]) -> Iterator[Rule]:
    for name in names:
        yield from table.get(name, ())


def _winner(table: Mapping[str, list[Rule]], element: Element, ancestors: Sequence[Element]) -> Rule | None:
    names = element[1] | {element[0]}
    if names.isdisjoint(table):
        return None
    found = [rule for rule in _candidates(table, names) if rule.exact and _matches(rule, element, ancestors)]
    return max(found, key=lambda rule: rule.weight, default=None)


def _matches(rule: Rule, element: Element, ancestors: Sequence[Element]) -> bool:
    """Match the compounds from the right; the ancestor nearest to the element that fits is taken."""
    if not rule.compounds[-1] <= element[1] | {element[0]}:
        return False
    at = len(ancestors) - 1
    lowest = max(0, len(ancestors) - _DEPTH)
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
