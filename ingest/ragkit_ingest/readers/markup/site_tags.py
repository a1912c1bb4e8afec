"""Names of tags and boxes of site generators, by what they mean for the text."""

from __future__ import annotations

from typing import Final

from ragkit_ingest.readers.markup.site_notes import ADMONITIONS

CONTROL: Final = frozenset(
    [
        "if",
        "unless",
        "elsif",
        "elseif",
        "else",
        "endif",
        "endunless",
        "for",
        "endfor",
        "break",
        "continue",
        "case",
        "when",
        "endcase",
        "assign",
        "capture",
        "endcapture",
        "increment",
        "decrement",
        "cycle",
        "tablerow",
        "endtablerow",
        "liquid",
        "layout",
        "paginate",
        "endpaginate",
        "block",
        "endblock",
        "extends",
        "macro",
        "endmacro",
        "import",
        "from",
        "set",
        "endset",
        "with",
        "endwith",
        "autoescape",
        "filter",
        "endfilter",
        "call",
        "endcall",
        "cache",
        "endcache",
        "raw",
        "endraw",
        "verbatim",
        "endverbatim",
        "comment",
        "endcomment",
        "highlight",
        "endhighlight",
        "toc",
        "post_url",
        "link",
        "ref",
        "relref",
        "load",
        "url",
        "static",
        "trans",
        "endtrans",
    ]
)
"""Tags of templates without visible output."""
MEDIA: Final = frozenset(
    ["youtube", "vimeo", "gist", "tweet", "twitter", "x", "instagram", "video", "iframe", "embed", "audio", "asciinema"]
)
"""Tags that embed external content."""
HOLDERS: Final = frozenset(
    ["tabs", "tabpane", "tab-set", "columns", "cards", "steps", "grid", "row", "section", "accordion"]
)
"""Tags that only contain others; their arguments are not text."""
INCLUDES: Final = frozenset(
    [
        "include",
        "readfile",
        "include_relative",
        "include_cached",
        "embed-code",
        "code-include",
        "includecode",
        "import",
        "literalinclude",
        "snippet",
        "render",
        "include-code",
    ]
)
"""Tags that include a file."""
MYST_BOXES: Final = ADMONITIONS | {
    "admonition",
    "dropdown",
    "tab-item",
    "tab-set",
    "card",
    "grid",
    "grid-item",
    "grid-item-card",
    "topic",
    "sidebar",
    "margin",
    "versionadded",
    "versionchanged",
    "epigraph",
    "figure",
}
"""Directives of MyST that hold Markdown."""
SILENT_KINDS: Final = frozenset(
    {"html", "define", "raw", "v-pre", "code-group", "row", "col", "columns", "column", "div"}
)
"""Boxes whose kind is not shown on the page."""
