"""What rewriting site syntax found beside the text: included files, unknown values, and what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.markup.selection import WHOLE, Selection, split_selection
from ragkit_ingest.readers.neighbours import Included, Neighbours, NotIncludedError
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.web.html import visible_words

ADMONITIONS: Final = frozenset(
    [
        "note",
        "tip",
        "info",
        "warning",
        "danger",
        "caution",
        "important",
        "hint",
        "error",
        "attention",
        "success",
        "question",
        "failure",
        "bug",
        "example",
        "quote",
        "abstract",
        "summary",
        "tldr",
        "todo",
        "seealso",
        "check",
        "help",
        "faq",
        "deprecated",
        "experimental",
        "security",
        "details",
    ]
)
"""Kinds of boxes whose name a page shows where they have no title."""


def box_title(kind: str, title: str) -> str:
    """Return the words above a box: its title, else its kind where a page would show it."""
    title = title.strip().strip("\"'").strip()
    if title:
        return title
    bare = kind.lower().removeprefix("callout-").removeprefix("alert-")
    return bare.capitalize() if bare in ADMONITIONS and bare != "details" else ""


@dataclass(slots=True)
class SiteNotes:
    """What a page knows and notes while it is rewritten.

    fields: front matter and constants, for values in the text. files: what it may include; None where no folder is
    known. render: returns an included text as text of the page, with its own includes.
    """

    fields: dict[str, str] = field(default_factory=dict)
    files: Neighbours | None = None
    render: Callable[[Included], str] = lambda part: part.text
    partials: dict[str, str] = field(default_factory=dict)
    """Names of components that are included files: MDX imports them."""
    loops: list[frozenset[str]] = field(default_factory=list)
    """Names of the values of loops that are open."""
    not_included: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def include(self, named: str, selection: Selection = WHOLE) -> str:
        """Return an included file as text of the page, or its name in Markdown where that fails."""
        text = self.included(named, selection)
        path = _bare(named)
        return f"(included file: `{path.replace('`', '')}`)" if text is None and path else text or ""

    def included(self, named: str, selection: Selection = WHOLE, *, raw: bool = False) -> str | None:
        """Return an included file as text of the page, or as it is written (raw); None where it cannot be."""
        named = _bare(named)
        if not named:
            return None
        path, own = split_selection(named) if selection == WHOLE else (named, selection)
        with self.entered(path, own) as part:
            return None if part is None else part.text if raw else self.render(part)

    @contextmanager
    def entered(self, path: str, selection: Selection = WHOLE) -> Iterator[Included | None]:
        """Yield the wanted part of a file, inside of which names are relative to it; None, noted, if that fails."""
        if self.files is None:
            self.not_included[path] = ""
            yield None
            return
        with ExitStack() as stack:
            try:
                found = stack.enter_context(self.files.entered(path))
                text = without_embedded(visible_words(selection.of(found.text)), self._warn)
            except NotIncludedError as error:
                self.not_included[path] = str(error)
                yield None
                return
            yield Included(found.path, text)

    def _warn(self, words: str) -> None:
        self.left_out[f"included: {words}"] += 1

    def value(self, name: str) -> str:
        """Return what a name stands for: a field of the front matter, else the name itself, noted as unknown."""
        known = self._field(name)
        if known is not None:
            return known
        self.unknown.append(name.strip())
        return name.strip()

    def knows(self, name: str) -> bool:
        """Tell whether a name is a field of this page; fields of the whole site are not known."""
        return self._field(name) is not None

    def _field(self, name: str) -> str | None:
        bare = name.strip().lstrip(".$").lower()
        for prefix in ("page.params.", "params.", "page.", "frontmatter.", "props.", "meta."):
            if bare.startswith(prefix):
                bare = bare[len(prefix) :]
                break
        return next((self.fields[key] for key in (bare, f"params.{bare}", f"extra.{bare}") if key in self.fields), None)

    def report(self, out: TextBuilder) -> None:
        """Add a warning for each kind that was met."""
        if self.not_included:
            named = [f"{path} ({why})" if why else path for path, why in self.not_included.items()]
            more = f" and {len(named) - 5:,} more" if len(named) > 5 else ""
            listed = ", ".join(named[:5]) + more
            out.warn(f"include: {len(named):,} files that the text includes are named, not read: {listed}")
        if self.unknown:
            named = list(dict.fromkeys(self.unknown))
            out.warn(f"template values that are not known here: {len(named):,} ({', '.join(named[:5])})")
        for kind, count in sorted(self.left_out.items()):
            out.warn(f"{kind} left out: {count:,}")


def _bare(named: str) -> str:
    return named.strip().strip("\"'<>").strip()
