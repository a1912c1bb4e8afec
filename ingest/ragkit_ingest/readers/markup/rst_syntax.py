"""Sphinx's directives and roles for docutils: text is kept, markup dropped; no directive reads a file by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ragkit_ingest.readers.markup.selection import Selection, code_language
from ragkit_ingest.readers.markup.site_notes import ADMONITIONS, SiteNotes, box_title

_DIRECTIVE = re.compile(r"^[ \t]*(?:[-*+][ \t]+)?\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([\w:+.-]+?)::", re.MULTILINE)
_ACCELERATOR = re.compile(r"&(&|(?=\w))")
_ROLE = re.compile(r":([a-zA-Z][\w:+.-]*):`")
_ROLE_TEXT = re.compile(r"(.*?)\s*<([^<>]*)>$", re.DOTALL)
_CODE: Final = frozenset(
    [
        "code-block",
        "sourcecode",
        "code",
        "ipython",
        "doctest",
        "testcode",
        "testoutput",
        "testsetup",
        "testcleanup",
        "prompt",
        "jupyter-execute",
        "graphviz",
        "mermaid",
        "uml",
        "plantuml",
        "digraph",
        "graph",
        "productionlist",
        "code-cell",
        "ipython3",
        "highlight-block",
    ]
)
_SILENT: Final = frozenset(
    [
        "highlight",
        "currentmodule",
        "default-domain",
        "module",
        "index",
        "tabularcolumns",
        "sectionauthor",
        "codeauthor",
        "contents",
        "meta",
        "raw",
        "py:currentmodule",
        "py:module",
        "testsetup",
        "testcleanup",
        "default-role",
        "sectnum",
        "target-notes",
        "role",
        "title",
    ]
)
_FILES: Final = frozenset(["include", "literalinclude"])
_WORDED: Final = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
    "deprecated-removed": "Deprecated since version",
    "seealso": "See also",
}
_PLAIN_ROLES: Final = frozenset(
    {
        "emphasis",
        "strong",
        "literal",
        "code",
        "math",
        "superscript",
        "sup",
        "subscript",
        "sub",
        "title-reference",
        "title",
        "t",
        "raw",
        "index",
    }
)


class _Anything(dict[str, Callable[[str], Any]]):
    """Options of a directive: every name is taken as text."""

    def __missing__(self, _name: str) -> Callable[[str], Any]:
        return str


def register(text: str, notes: SiteNotes) -> None:
    """Teach docutils the directives and roles that a text uses and that it does not know, for this process."""
    from docutils.parsers.rst import directives, roles
    from docutils.parsers.rst.languages import en

    known = set(en.directives) - {"include", "code", "sourcecode", "code-block", "raw", "contents", "meta", "title"}
    for name in dict.fromkeys(found.lower() for found in _DIRECTIVE.findall(text)):
        if name not in known:
            directives.register_directive(name, _directive(name, notes))
    for name in dict.fromkeys(found.lower() for found in _ROLE.findall(text)):
        if name not in _PLAIN_ROLES:
            roles.register_local_role(name, _role)


def _role(
    name: str,
    raw: str,
    text: str,
    _line: int,
    _inliner: Any,
    options: Any = None,  # noqa: ARG001 (docutils calls it so)
    content: Any = None,  # noqa: ARG001
) -> tuple[list[Any], list[Any]]:
    """Return the text of a role as a page shows it: its own words, else the last part of its target."""
    from docutils import nodes, utils

    words = utils.unescape(text)
    titled = _ROLE_TEXT.fullmatch(words)
    if titled and titled[1]:
        words = titled[1]
    elif name.lower().split("-")[0] in ("pep", "rfc"):
        words = f"{name[:3].upper()} {words.partition('#')[0]}"
    elif words.startswith("~"):
        words = words[1:].rpartition(".")[2]
    elif name.lower() in ("guilabel", "menuselection"):
        words = _ACCELERATOR.sub(r"\1", words).replace("-->", ">")
    return [nodes.inline(raw, words.lstrip("!"))], []


def _directive(name: str, notes: SiteNotes) -> type:
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Generic(Directive):  # type: ignore[misc]  # docutils has no types
        """A directive by its name."""

        optional_arguments = 1
        final_argument_whitespace = True
        has_content = True
        option_spec = _Anything(name=str)

        def run(self) -> list[Any]:
            return _nodes(self, name, notes, nodes)

    return Generic


def _nodes(directive: Any, name: str, notes: SiteNotes, nodes: Any) -> list[Any]:
    argument = " ".join(directive.arguments)
    bare = name.rpartition(":")[2]
    if name in _SILENT:
        if name == "raw":
            notes.left_out["raw blocks"] += 1
        return [nodes.inline("", "")] if _stands_for_words(directive) else []
    if name in _FILES:
        return _file_nodes(directive, name, argument, notes, nodes)
    if bare in _CODE or (bare.startswith("code") and "tab" not in bare):
        return _code_nodes(directive, argument, nodes)
    if name == "toctree":
        return _toctree(directive, notes, nodes)
    if bare.startswith("auto") and bare != "autosummary":
        notes.left_out["descriptions that are made from code (autodoc)"] += 1
        return _described(directive, argument, nodes)
    return _boxed(directive, name, "" if bare in ("only", "ifconfig") else _title(directive, bare, argument), nodes)


def _stands_for_words(directive: Any) -> bool:
    """Tell whether a directive defines a substitution (`|br|`), which may not be empty."""
    from docutils.parsers.rst.states import SubstitutionDef

    return isinstance(directive.state, SubstitutionDef)


def _file_nodes(directive: Any, name: str, argument: str, notes: SiteNotes, nodes: Any) -> list[Any]:
    """Return what an included file holds: reStructuredText with its own includes, or code."""
    options = directive.options
    with notes.entered(argument.strip(), _selection(options)) as part:
        if part is None:
            return [nodes.paragraph("", f"(included file: {argument})")]
        language = options.get("language") or options.get("code") or code_language(part.path)
        if name == "literalinclude" or language or {"literal", "code"} & set(options):
            caption = options.get("caption", "")
            block = nodes.literal_block("", part.text, classes=["code", language] if language else ["code"])
            return [*([nodes.paragraph(caption, caption)] if caption else []), block]
        register(part.text, notes)
        return _parsed(directive, part.text.split("\n"), nodes)


def _selection(options: Mapping[str, str]) -> Selection:
    lines = options.get("lines", "")
    if "start-line" in options or "end-line" in options:  # counted from 0, the last one not included
        first, last = options.get("start-line", "0"), options.get("end-line", "")
        lines = f"{int(first) + 1 if first.isdecimal() else 1}-{last if last.isdecimal() else ''}"
    return Selection(lines, "", options.get("start-after", ""), options.get("end-before", ""))


def _parsed(directive: Any, lines: list[str], nodes: Any) -> list[Any]:
    """Return lines parsed as a text of their own, whose titles need not be those of the text around."""
    from docutils.statemachine import StringList

    memo = directive.state.memo
    before = memo.title_styles, memo.section_level
    memo.title_styles, memo.section_level = [], 0
    holder = nodes.section()
    try:
        directive.state.nested_parse(StringList(lines, source="included"), 0, holder, match_titles=True)
    finally:
        memo.title_styles, memo.section_level = before
    return list(holder.children)


def _boxed(directive: Any, name: str, title: str, nodes: Any) -> list[Any]:
    """Return the title of a directive as a paragraph, then its content."""
    if not title:
        return _content(directive, nodes)
    if ":" in name:  # a signature
        return [nodes.paragraph(title, title), *_content(directive, nodes)]
    words, _ = directive.state.inline_text(title, directive.lineno)
    return [nodes.paragraph(title, "", *words), *_content(directive, nodes)]


def _title(directive: Any, name: str, argument: str) -> str:
    if name in _WORDED:
        return f"{_WORDED[name]} {argument}".strip()
    own = next(
        (directive.options[key] for key in ("title", "caption", "alt", "header") if key in directive.options), ""
    )
    shown = own or argument
    return box_title(name, shown) if name in ADMONITIONS else shown.strip()


def _described(directive: Any, argument: str, nodes: Any) -> list[Any]:
    lines = [line for line in argument.split("\n") if line.strip()]
    return [*(nodes.paragraph(line, line) for line in lines), *_content(directive, nodes)]


def _content(directive: Any, nodes: Any) -> list[Any]:
    """Return the content of a directive, parsed as reStructuredText."""
    if not directive.content:
        return []
    holder = nodes.container()
    directive.state.nested_parse(directive.content, directive.content_offset, holder)
    return list(holder.children)


def _code_nodes(directive: Any, argument: str, nodes: Any) -> list[Any]:
    caption = directive.options.get("caption", "")
    block = nodes.literal_block("", "\n".join(directive.content), classes=["code", argument] if argument else ["code"])
    return [*([nodes.paragraph(caption, caption)] if caption else []), block]


def _toctree(directive: Any, notes: SiteNotes, nodes: Any) -> list[Any]:
    """Keep the titles that a table of contents has of its own; bare paths are counted."""
    kept = [str(directive.options.get("caption", ""))]
    for line in directive.content:
        titled = _ROLE_TEXT.fullmatch(line.strip())
        if titled and titled[1]:
            kept.append(titled[1])
        elif line.strip():
            notes.left_out["entries of tables of contents (paths)"] += 1
    return [nodes.paragraph(words, words) for words in kept if words.strip()]
