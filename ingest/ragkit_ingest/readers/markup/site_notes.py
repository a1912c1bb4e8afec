"""What rewriting site syntax found beside the text: included files, unknown values, and what is left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import TextBuilder

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
    """fields: front matter and constants, for values in the text."""

    fields: dict[str, str] = field(default_factory=dict)
    includes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def include(self, path: str) -> str:
        """Note a file that the text includes; return how the text names it, in Markdown."""
        path = path.strip().strip("\"'<>").strip()
        if not path:
            return ""
        self.includes.append(path)
        return f"(included file: `{path.replace('`', '')}`)"

    def value(self, name: str) -> str:
        """Return what a name stands for: a field of the front matter, else the name itself, noted as unknown."""
        bare = name.strip().lstrip(".$")
        for prefix in ("page.params.", "params.", "page.", "frontmatter.", "site.params.", "site.", "props.", "meta."):
            if bare.lower().startswith(prefix):
                bare = bare[len(prefix) :]
                break
        names = (bare.lower(), f"params.{bare.lower()}", f"extra.{bare.lower()}")
        known = next((self.fields[key] for key in names if key in self.fields), None)
        if known is not None:
            return known
        self.unknown.append(name.strip())
        return name.strip()

    def report(self, out: TextBuilder) -> None:
        """Add a warning for each kind that was met."""
        if self.includes:
            named = list(dict.fromkeys(self.includes))
            more = f" and {len(named) - 5:,} more" if len(named) > 5 else ""
            listed = ", ".join(named[:5]) + more
            out.warn(f"include: {len(named):,} files that the text includes are named, not read: {listed}")
        if self.unknown:
            named = list(dict.fromkeys(self.unknown))
            out.warn(f"template values that are not known here: {len(named):,} ({', '.join(named[:5])})")
        for kind, count in sorted(self.left_out.items()):
            out.warn(f"{kind} left out: {count:,}")
