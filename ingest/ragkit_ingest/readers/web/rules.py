"""What HTML's tags and attributes mean for a reader of its text."""

from __future__ import annotations

import re

CHARSET = re.compile(
    rb"<meta[^>]{1,300}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})|<\?xml[^>]{1,100}?encoding\s*=\s*[\"']([\w.:-]{2,40})",
    re.IGNORECASE,
)
HIDING_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?:[.]0*)?(?:px|pt|em|rem|%)?\s*(?:;|!|$)|"
    r"opacity\s*:\s*0(?:[.]0*)?\s*(?:;|!|$)",
    re.IGNORECASE,
)
HIDING_RULE = re.compile(
    r"([.#][\w-]{1,80})\s*\{[^{}]{0,2000}?(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE
)
DROPPED = frozenset(
    [
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "embed",
        "applet",
        "audio",
        "video",
        "canvas",
        "map",
        "svg",
        "datalist",
        "noframes",
        "frameset",
        "select",
        "textarea",
        "button",
    ]
)
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
        "optgroup",
        "option",
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
