"""HTML by libxml2's event parser: no tree and no recursion, hidden text left out, nothing fetched."""

from __future__ import annotations

import re

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.sniff import HTML
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.web.css import opened_ids, page_styles
from ragkit_ingest.readers.web.lists import list_lengths
from ragkit_ingest.readers.web.losses import Losses
from ragkit_ingest.readers.web.rules import CHARSET
from ragkit_ingest.readers.web.target import PageInfo, Target

_PIECE = 1 << 16
_INVISIBLE = re.compile("[\0\u00ad\u2060]+")  # NUL, soft hyphen, word joiner
_BREAKABLE = re.compile(
    r"(?<=[a-zA-Z\u00c0-\u024f])(?:\u200b|&ZeroWidthSpace;|&#8203;|&#x200b;)(?=[a-z\u00df-\u024f])", re.IGNORECASE
)
_SOFT_HYPHEN = re.compile("&(?:shy|#173|#xad);", re.IGNORECASE)


class HtmlReader:
    """Reads text/html."""

    name = "html"
    media_types: tuple[str, ...] = (HTML,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:  # noqa: ARG002 (protocol)
        """Return the visible text; navigation and footers are marked as boilerplate."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn, declared=declared_charset(data))
        page = add_html(builder, source)
        return builder.finish(name=name, title=page.title, metadata=page.metadata)


def declared_charset(data: bytes) -> str:
    """Return the encoding that a page names for itself, "" when it names none."""
    match = CHARSET.search(data[:4096])
    return (match[1] or match[2]).decode("ascii") if match else ""


def html_to_text(html: str, *, losses: Losses | None = None) -> str:
    """Return the visible text of a piece of HTML as plain paragraphs; losses: collects what was left out."""
    builder = TextBuilder()
    add_html(builder, html, losses=losses or Losses())
    return builder.text()


def add_html(builder: TextBuilder, html: str, *, boilerplate: bool = True, losses: Losses | None = None) -> PageInfo:
    """Add a page's visible text with its headings, lists, tables and code; return its title and metadata.

    losses: counts what is left out, for a caller that reports it; None to report it here.
    """
    from lxml import etree

    html = without_embedded(visible_words(html), builder.warn)
    counted = Losses() if losses is None else losses
    target = Target(
        builder,
        losses=counted,
        styles=page_styles(html),
        opened=opened_ids(html),
        lengths=list_lengths(html),
        boilerplate=boilerplate,
    )
    parser = etree.HTMLParser(target=target, huge_tree=True, no_network=True, remove_pis=True)
    for start in range(0, len(html), _PIECE):
        parser.feed(html[start : start + _PIECE])
    if html:
        parser.close()
    target.close()
    if losses is None:
        counted.report(builder)
    return target.info


def visible_words(html: str) -> str:
    """Return a source without the characters that only mark where a word may be broken."""
    if not html.isascii() or "\0" in html:
        html = _INVISIBLE.sub("", html)
    if "&" in html:
        html = _SOFT_HYPHEN.sub("", html)
    return _BREAKABLE.sub("", html) if "&" in html or "\u200b" in html else html
