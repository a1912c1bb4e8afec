"""The meaning of HTML's tags and attributes for a reader of its text."""

from __future__ import annotations

import re

CHARSET = re.compile(
    rb"<meta[^>]{1,300}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})|<\?xml[^>]{1,100}?encoding\s*=\s*[\"']([\w.:-]{2,40})",
    re.IGNORECASE,
)
STRIKING = frozenset({"s", "strike", "del"})
"""Elements whose text is no longer valid (struck out)."""
STRIKING_STYLE = re.compile(r"(?:^|;)\s*text-decoration(?:-line)?\s*:[^;]*\bline-through\b", re.IGNORECASE)
PANEL = re.compile(
    r"(?:^|[-_ ])(?:accordion|collaps(?:e|ed|ible)|panels?|tabs?|tab-?(?:panel|pane|content)|pane|faq|"
    r"toggle|expand(?:able|er)?)(?:$|[-_ ])",
    re.IGNORECASE,
)
"""Classes of elements that a control opens."""
PANEL_TAGS = frozenset({"div", "section", "article", "ul", "ol", "dl", "dd", "li", "table", "details"})
BANNER = re.compile(
    r"(?:cookie|consent|gdpr|ccpa)[-_ ]?\w{0,12}[-_ ]?"
    r"(?:banner|notice|bar|pop-?up|modal|dialog|overlay|message|wrapper|prompt)"
    r"|(?:banner|notice|bar|pop-?up|modal|dialog|overlay)[-_ ]{0,2}(?:cookies?|consent|gdpr)"
    r"|^(?:onetrust|cookiebot|cybot)",
    re.IGNORECASE,
)
GUTTER = frozenset({"gutter", "lineno", "linenos", "line-numbers", "line-number", "blob-num", "linenodiv"})
ANCHORS = frozenset({"headerlink", "hash-link", "anchor-link", "mw-editsection", "mw-cite-backlink"})
"""Classes of links beside a heading or a note that lead to itself, or to an editor."""
SILENT = frozenset({"script", "style", "noframes", "frameset", "datalist", "map", "rp", "svg", "head-only"})
MEDIA = frozenset({"iframe", "object", "embed", "applet", "audio", "video", "canvas"})
UI_WORDS = frozenset(
    [
        "",
        "copy",
        "copied",
        "copied!",
        "copy code",
        "copy to clipboard",
        "copy link",
        "close",
        "menu",
        "toggle navigation",
        "toggle menu",
        "search",
        "submit",
        "ok",
        "cancel",
        "share",
        "print",
        "edit",
        "reset",
        "back to top",
        "accept",
        "accept all",
        "reject all",
        "×",
        "x",
        "☰",
    ]
)
"""Labels of buttons that are not content."""
BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
BOILERPLATE = frozenset({"nav", "footer"})
LISTS = frozenset({"ul", "ol", "menu", "dir"})
LAYOUT = frozenset(["h1", "h2", "h3", "h4", "h5", "h6", "dl", "pre", "blockquote", "section", "article", "table"])
META = {
    "author": "author",
    "dc.creator": "author",
    "article:author": "author",
    "description": "description",
    "og:description": "description",
    "keywords": "keywords",
    "date": "created",
    "dc.date": "created",
    "article:published_time": "created",
    "article:modified_time": "modified",
    "last-modified": "modified",
    "generator": "generator",
}
