"""Names of XML elements that say how a text is built: DocBook, DITA, JATS, TEI, RSS and Atom."""

from __future__ import annotations

import re
from typing import Final

from ragkit_ingest.readers.raised import subscript, superscript

PROSE_ROOTS: Final = frozenset(
    [
        "book",
        "article",
        "chapter",
        "part",
        "section",
        "sect1",
        "appendix",
        "refentry",
        "reference",
        "preface",
        "set",
        "topic",
        "concept",
        "task",
        "troubleshooting",
        "glossentry",
        "glossgroup",
        "map",
        "bookmap",
        "dita",
        "tei",
        "fictionbook",
        "ncx",
    ]
)
"""Roots of vocabularies whose element names are markup, and do not appear in the text."""
SECTIONS: Final = frozenset(
    [
        "book",
        "article",
        "chapter",
        "part",
        "section",
        "sect1",
        "sect2",
        "sect3",
        "sect4",
        "sect5",
        "simplesect",
        "appendix",
        "preface",
        "refsection",
        "refsect1",
        "refsect2",
        "refentry",
        "topic",
        "concept",
        "task",
        "reference",
        "troubleshooting",
        "sec",
        "div",
        "example",
        "figure",
        "note",
        "tip",
        "warning",
        "important",
        "caution",
        "result",
        "prereq",
        "context",
    ]
)
HEADINGS: Final = frozenset(("title", "head", "heading", "booktitle", "mainbooktitle", "refname", "article-title"))
PARAGRAPHS: Final = frozenset(
    [
        "para",
        "simpara",
        "formalpara",
        "p",
        "shortdesc",
        "abstract",
        "subtitle",
        "steptext",
        "desc",
        "ab",
        "l",
        "lg",
        "info",
        "bibliomixed",
    ]
)
ITEMS: Final = frozenset(
    [
        "listitem",
        "li",
        "step",
        "substep",
        "member",
        "item",
        "list-item",
        "sli",
        "varlistentry",
        "callout",
        "choice",
        "dlentry",
    ]
)
NUMBERED: Final = {
    "orderedlist": "decimal",
    "procedure": "decimal",
    "steps": "decimal",
    "ol": "decimal",
    "substeps": "lowerLetter",
}
"""Elements whose items have numbers, and how these are written, as Word names it."""
NUMBER_FORMS: Final = {
    "arabic": "decimal",
    "order": "decimal",
    "ordered": "decimal",
    "numbered": "decimal",
    "loweralpha": "lowerLetter",
    "alpha-lower": "lowerLetter",
    "upperalpha": "upperLetter",
    "alpha-upper": "upperLetter",
    "lowerroman": "lowerRoman",
    "roman-lower": "lowerRoman",
    "upperroman": "upperRoman",
    "roman-upper": "upperRoman",
}
"""The same, as attributes of DocBook (numeration), JATS (list-type) and TEI (rend, type) name it."""
ROWS: Final = frozenset(("row", "tr", "strow", "sthead"))
CELLS: Final = frozenset(("entry", "td", "th", "stentry", "cell"))
TABLES: Final = frozenset(("table", "informaltable", "simpletable", "table-wrap"))
CODE: Final = frozenset(
    ["programlisting", "screen", "codeblock", "literallayout", "synopsis", "msgblock", "code-block", "pre"]
)
LINKS: Final = frozenset(("link", "ulink", "xref", "ext-link", "ref", "a"))
INLINE: Final = frozenset(
    [
        "emphasis",
        "link",
        "ulink",
        "xref",
        "olink",
        "quote",
        "literal",
        "command",
        "filename",
        "option",
        "parameter",
        "code",
        "codeph",
        "b",
        "i",
        "u",
        "sub",
        "sup",
        "a",
        "superscript",
        "subscript",
        "uicontrol",
        "menucascade",
        "keyword",
        "ph",
        "phrase",
        "guilabel",
        "guibutton",
        "guimenu",
        "keycap",
        "systemoutput",
        "userinput",
        "varname",
        "classname",
        "function",
        "ref",
        "hi",
        "foreign",
        "italic",
        "bold",
        "ext-link",
        "tt",
        "cite",
        "application",
        "acronym",
        "abbrev",
    ]
)
MARKED_UP: Final = frozenset(("description", "encoded", "content", "summary", "body", "comment", "html"))
"""Elements of feeds and exports whose text is a page of HTML."""
TAGS_IN_TEXT: Final = re.compile(r"</[a-zA-Z]\w*>|<(?:br|img|hr|p)\b")
UNITS: Final = frozenset(("unit", "units", "uom", "unitcode", "currency", "currencyid", "currencycode", "measure"))
"""Attributes that stand after the value: `torque: 33 Nm`."""
NO_ATTRIBUTES: Final = frozenset(("svg",))
"""Roots whose attributes describe drawings."""


def as_raised(name: str, words: str, look: str = "") -> str:
    """Return the words of an inline element, apart from a number or word before them where they are raised or lowered.

    look: how TEI says that an element is written.
    """
    if name in ("sup", "superscript") or look.lower() in ("sup", "super", "superscript"):
        return superscript(words)
    if name in ("sub", "subscript", "inf") or look.lower() in ("sub", "subscript"):
        return subscript(words)
    return words
