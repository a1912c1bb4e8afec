"""What a page hides by display, visibility or letters without a size, by its rules and by an element's own style.

`display: none` hides all that is inside. Hidden words and words without a size keep their place, and an element inside
may be seen again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from ragkit_ingest.readers.web.cascade import Cascade, Element
from ragkit_ingest.readers.web.css import StyleSheet, declared, is_relative, takes_away

_STYLE_LIMIT: Final = 5_000  # characters of a style that are read
_CHANGING = re.compile("visibility|font", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Own:
    """What an element's own style says of a property. says: "" for nothing, also where its value is inherited."""

    says: Literal["", "takes", "gives"] = ""
    important: bool = False


@dataclass(frozen=True, slots=True)
class _State:
    """What holds inside an element; depth: how many tags are open in it."""

    depth: int
    hidden: bool = False
    sizeless: bool = False


@dataclass(slots=True)
class Visibility:
    """Follows the open elements of a page."""

    styles: StyleSheet
    _states: list[_State] = field(default_factory=lambda: [_State(0)])

    @property
    def seen(self) -> bool:
        """Whether words that come now are seen."""
        return not (self._states[-1].hidden or self._states[-1].sizeless)

    def removes(self, style: str, element: Element, ancestors: Sequence[Element]) -> bool:
        """Tell whether an element is not displayed at all, with everything inside."""
        own = _own(style, "display") if "display" in style.lower() else _Own()
        return _hides(own, self.styles.display, element, ancestors)

    def open(self, style: str, element: Element, ancestors: Sequence[Element], *, depth: int) -> bool:
        """Follow an element that is displayed, the depth-th of the open ones; tell whether it hides what was seen."""
        last, rules = self._states[-1], self.styles
        if not (
            _CHANGING.search(style) or rules.visibility.taking or rules.size.taking or last.hidden or last.sizeless
        ):
            return False
        own = _own(style, "visibility")
        hidden = _hides(own, rules.visibility, element, ancestors)
        if not hidden and last.hidden:
            hidden = not (own.says == "gives" or rules.visibility.gives(element, ancestors))
        state = _State(depth, hidden, self._is_sizeless(style, element, ancestors))
        if (state.hidden, state.sizeless) == (last.hidden, last.sizeless):
            return False
        was_seen = self.seen
        self._states.append(state)
        return was_seen and not self.seen

    def _is_sizeless(self, style: str, element: Element, ancestors: Sequence[Element]) -> bool:
        """Tell whether an element's letters have no size: of its own style, a rule, or the element around it."""
        own = _own(style, "font-size")
        if _hides(own, self.styles.size, element, ancestors):
            return True
        given = own.says == "gives" or not self.styles.sized.isdisjoint(element[1] | {element[0], "*"})
        return self._states[-1].sizeless and not given

    def show(self, depth: int) -> None:
        """Show the words of the element that was opened last, since a control of the page opens it."""
        self._states[-1] = _State(depth)

    def close(self, depth: int) -> None:
        """Follow the end of an element that was the depth-th of the open ones."""
        while self._states[-1].depth >= depth > 0:
            self._states.pop()


def _own(style: str, name: str) -> _Own:
    """Return what a style says of a property; a later declaration goes before an earlier one of the same importance."""
    own = _Own()
    for found, value, important in declared(style[:_STYLE_LIMIT]) if style else ():
        if found == name and important >= own.important:
            takes = takes_away(name, value)
            inherits = value == "inherit" or (name == "font-size" and is_relative(value))
            own = _Own("takes" if takes else "" if inherits else "gives", important)
    return own


def _hides(own: _Own, rules: Cascade, element: Element, ancestors: Sequence[Element]) -> bool:
    """Tell whether an element's own style and the page's rules take its words away."""
    if own.says == "takes":
        return own.important or not rules.gives(element, ancestors, important_only=True)
    important_only = own.says == "gives"
    return not (important_only and own.important) and rules.hides(element, ancestors, important_only=important_only)
