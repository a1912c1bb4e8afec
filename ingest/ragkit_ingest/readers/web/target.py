"""Receives the events of libxml2's HTML parser and feeds the builder; holds the open tags, never a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.web.aria import AriaTables, with_spans
from ragkit_ingest.readers.web.blocks import BREAK, Blocks
from ragkit_ingest.readers.web.cascade import Element
from ragkit_ingest.readers.web.css import StyleSheet
from ragkit_ingest.readers.web.inline import Inline
from ragkit_ingest.readers.web.losses import Losses
from ragkit_ingest.readers.web.mathml import Formula
from ragkit_ingest.readers.web.rules import (
    ANCHORS,
    BANNER,
    BLOCKS,
    BOILERPLATE,
    GUTTER,
    MEDIA,
    META,
    PANEL,
    PANEL_TAGS,
    SILENT,
    STRIKING,
    STRIKING_STYLE,
)
from ragkit_ingest.readers.web.visibility import Visibility

_ARTICLES: Final = frozenset({"article", "blockquote", "figure", "td", "th", "dialog", "details"})
_Counted = Literal["", "hidden", "struck"]
_WHOLE: Final = frozenset({"img", "area", "input", "select", "button", "textarea", "q", "ruby", "math"})
"""Elements that are hidden as a whole: nothing inside of them is made visible again."""
_VOID: Final = frozenset({"br", "img", "input", "meta", "hr", "wbr", "link", "col", "base"})


@dataclass(slots=True)
class PageInfo:
    """The properties of an HTML page."""

    title: str = ""
    metadata: dict[str, object] = field(default_factory=dict)


class Target:
    """The parser's target: decides what is shown, and hands it to the blocks and the inline marks."""

    def __init__(
        self,
        builder: TextBuilder,
        *,
        losses: Losses,
        styles: StyleSheet,
        opened: frozenset[str],
        lengths: Sequence[int],
        boilerplate: bool,
    ) -> None:
        self.info = PageInfo()
        self._out = builder
        self._losses = losses
        self._styles = styles
        self._visibility = Visibility(styles)
        self._opened = opened
        self._lengths = lengths  # of ordered lists, which those that count down need
        self._ordered = 0  # ordered lists so far
        self._marks_boilerplate = boilerplate
        self._open: list[Element] = []
        self._hidden_at = 0  # depth at which content that is left out began, 0 for none
        self._counted: _Counted = ""  # what its text counts as
        self._title: list[str] | None = None
        self._formula: tuple[Formula, int] | None = None
        self._boilerplate = 0  # depth at which a navigation or footer began, 0 for none
        self._region = 0  # size of the text where it began
        self._articles = 0
        self._done = False
        self._blocks = Blocks(builder)
        self._inline = Inline(self._blocks, losses)
        self._tables = AriaTables()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Open a tag."""
        tag = _local(tag)
        element = (tag, _names(attributes) if attributes else frozenset[str]())
        if tag == "ol":
            attributes = self._with_rules(attributes, element)
        if self._formula is not None:
            self._formula[0].start(tag, attributes)
            self._open.append(element)
            return
        self._open.append(element)
        if self._hidden_at:
            self._start_left_out(tag)
            return
        if self._leave_out(tag, attributes, element):
            self._hidden_at = len(self._open)
            return
        self._articles += tag in _ARTICLES
        if tag == "math":
            self._formula = (Formula(attributes), len(self._open))
        elif tag == "title" and not self.info.title:
            self._title = []
        elif tag == "meta":
            self._meta(attributes)
        elif attributes and (part := self._tables.start(tag, attributes, depth=len(self._open))):
            self._blocks.start(part, with_spans(attributes))
        elif tag in BLOCKS:
            self._start_boilerplate(tag, attributes)
            self._language(tag, attributes)
            self._blocks.start(tag, attributes)
        else:
            self._inline.start(tag, attributes, heads=self._in_heading(tag, attributes))

    def end(self, tag: str) -> None:
        """Close a tag, and the tags inside it that are still open."""
        tag = _local(tag)
        if not self._open or self._open[-1][0] != tag:
            if all(name != tag for name, _ in self._open):
                return
            while self._open and self._open[-1][0] != tag:
                self._close(self._open[-1][0])
        self._close(tag)

    def data(self, text: str) -> None:
        """Take text."""
        if self._title is not None:
            self._title.append(text)
        elif self._formula is not None:
            self._formula[0].data(text)
        elif self._hidden_at > 0:
            self._losses.hidden += len(squeeze(text)) if self._counted == "hidden" else 0
            self._losses.struck += len(squeeze(text)) if self._counted == "struck" else 0
        elif not self._visibility.seen:
            self._losses.hidden += len(squeeze(text))
        else:
            self._inline.data(text)

    def comment(self, text: str) -> None:
        """Comments are left out."""

    def close(self) -> None:
        """End the page."""
        if self._done:
            return
        self._done = True
        while self._open:
            self._close(self._open[-1][0])
        self._blocks.close()

    def _close(self, tag: str) -> None:
        depth = len(self._open)
        self._open.pop()
        if self._formula is not None:
            self._end_formula(depth)
            return
        if self._hidden_at:
            self._end_left_out(tag, depth)
            return
        self._visibility.close(depth)
        self._articles -= tag in _ARTICLES
        if tag == "title" and self._title is not None:
            self.info.title, self._title = squeeze("".join(self._title)), None
        elif part := self._tables.end(depth):
            self._blocks.end(part)
        elif tag in BLOCKS:
            self._blocks.end(tag)
        elif tag not in _VOID:
            self._inline.end(tag)
        if self._boilerplate == depth:
            self._blocks.flush_items()
            self._out.close_region("boilerplate")
            self._losses.boilerplate += max(0, self._out.size - self._region - (2 if self._region else 0))
            self._boilerplate = 0

    def _end_formula(self, depth: int) -> None:
        assert self._formula is not None  # noqa: S101 (tells the type checker)
        formula, began = self._formula
        if depth > began:
            formula.end()
            return
        self._formula = None
        self._blocks.words(f" {formula.latex()} ")

    def _start_left_out(self, tag: str) -> None:
        if tag == "text" and self._is_drawing():
            self._hidden_at, self._counted = -self._hidden_at, ""

    def _end_left_out(self, tag: str, depth: int) -> None:
        if self._hidden_at < 0 and tag == "text":  # words of a drawing
            self._hidden_at = -self._hidden_at
            self._blocks.words(" ")
        elif abs(self._hidden_at) == depth:
            self._hidden_at = 0

    def _is_drawing(self) -> bool:
        return 0 < self._hidden_at <= len(self._open) and self._open[self._hidden_at - 1][0] == "svg"

    def _leave_out(self, tag: str, attributes: Mapping[str, str], element: Element) -> bool:
        """Tell whether an element is left out, and count its loss."""
        self._counted = ""
        classes = {name[1:] for name in element[1]}
        if tag in SILENT or not GUTTER.isdisjoint(classes):
            return True
        if not ANCHORS.isdisjoint(classes):
            self._losses.buttons += 1
            return True
        if tag in MEDIA:
            self._losses.media[tag] += 1
            return True
        if tag == "template":
            self._counted = "" if "shadowrootmode" in attributes else "hidden"
        elif (attributes or self._styles) and self._is_hidden(tag, attributes, element):
            self._counted = "hidden"
        elif tag in _WHOLE and not self._visibility.seen:
            self._counted = "hidden"
            self._visibility.close(len(self._open))
        elif tag in STRIKING or ((attributes or self._styles) and self._strikes(attributes, element)):
            self._counted = "struck"
        return bool(self._counted)

    def _strikes(self, attributes: Mapping[str, str], element: Element) -> bool:
        """Tell whether a style strikes an element's words out."""
        style = attributes.get("style", "")[:5_000]
        if "text-decoration" in style:
            return bool(STRIKING_STYLE.search(style))
        return self._styles.decoration.wins(element, self._open[-201:-1])

    def _is_hidden(self, tag: str, attributes: Mapping[str, str], element: Element) -> bool:
        """Tell whether a normal screen surely does not show an element, and no control of the page opens it."""
        style, above = attributes.get("style", ""), self._open[-201:-1]
        hidden = "hidden" in attributes and attributes["hidden"].lower() != "until-found"
        spoken = attributes.get("aria-hidden", "").lower() == "true" and tag not in PANEL_TAGS
        if (hidden or spoken or self._visibility.removes(style, element, above)) and not self._is_panel(attributes):
            return True
        depth = len(self._open)
        if self._visibility.open(style, element, above, depth=depth) and self._is_panel(attributes):
            self._visibility.show(depth)
        return False

    def _is_panel(self, attributes: Mapping[str, str]) -> bool:
        """Tell whether a reader can open an element: a closed tab, accordion or the like."""
        role = attributes.get("role", "").lower()
        return (
            role == "tabpanel"
            or (role == "region" and "aria-labelledby" in attributes)
            or attributes.get("id", "") in self._opened
            or attributes.get("hidden", "").lower() == "until-found"
            or bool(PANEL.search(attributes.get("class", "")[:500]))
        )

    def _with_rules(self, attributes: Mapping[str, str], element: Element) -> Mapping[str, str]:
        """Return the attributes of an ordered list with what is known from elsewhere: how the page's rules write its
        numbers, and the first number of a list that counts down."""
        at, self._ordered = self._ordered, self._ordered + 1
        known = dict(attributes)
        style = attributes.get("style", "")
        if (rule := self._styles.lists.value(element, self._open[-30:])) and "list-style" not in style:
            known["style"] = f"{style};list-style:{rule}"
        if "reversed" in attributes and at < len(self._lengths):
            known.setdefault("start", str(self._lengths[at]))
        return known

    def _start_boilerplate(self, tag: str, attributes: Mapping[str, str]) -> None:
        kind = ""
        if tag == "nav" or attributes.get("role", "").lower() == "navigation":
            kind = "nav"
        elif tag in BOILERPLATE and not self._articles:
            kind = tag
        elif attributes and BANNER.search(f"{attributes.get('id', '')} {attributes.get('class', '')}"[:500]):
            kind = "cookie banner"
        if kind and self._marks_boilerplate and not self._boilerplate and self._blocks.outside_tables():
            self._blocks.flush()
            self._blocks.flush_items()
            self._boilerplate = len(self._open)
            self._region = self._out.size
            self._losses.parts[kind] += 1
            self._out.open_region()

    def _language(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "html" and attributes.get("lang"):
            self.info.metadata.setdefault("language", attributes["lang"][:20])

    def _in_heading(self, tag: str, attributes: Mapping[str, str]) -> bool:
        """Tell whether a button heads a panel: it opens one, or it stands in a heading, a summary or a term."""
        if tag != "button":
            return False
        if any(name in ("h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt", "legend") for name, _ in self._open[-6:]):
            return True
        return attributes.get("role", "").lower() == "tab" or any(
            name in attributes
            for name in ("aria-expanded", "aria-controls", "data-toggle", "data-bs-toggle", "data-target", "onclick")
        )

    def _meta(self, attributes: Mapping[str, str]) -> None:
        name = META.get((attributes.get("name") or attributes.get("property") or "").lower())
        if name and attributes.get("content"):
            self.info.metadata.setdefault(name, attributes["content"])


def _local(tag: str) -> str:
    return tag.rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _names(attributes: Mapping[str, str]) -> frozenset[str]:
    names = {f".{name}" for name in attributes.get("class", "")[:2_000].split()}
    if attributes.get("id"):
        names.add(f"#{attributes['id']}")
    return frozenset(names)


__all__ = ["BREAK", "PageInfo", "Target"]
