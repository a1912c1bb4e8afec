"""The title of a document: the file's own, its first heading, or its name; and text on one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ragkit import Heading, clean_text

_TITLE_LIMIT: Final = 200


def squeeze(text: str) -> str:
    """Return text on one line, with single blanks."""
    return " ".join(text.split())


_JUNK_TITLE = re.compile(
    r"\W*(?:untitled|document|title|page|slide|presentation|microsoft word|word document|unknown|none|null|test|"
    r"anonymous|no title|new document|new page|paper title|your title(?: here)?|title here|insert title(?: here)?|"
    r"enter title(?: here)?|document title|page title|report title|presentation title|"
    r"click to (?:edit|add)(?: master)? title(?: style)?|"
    r"title of (?:the |your )?(?:paper|document|report|page|presentation)|template|index|home|default|sample title|"
    r"lorem ipsum.*|unbenannt|ohne titel|dokument|sans titre|sin título|senza titolo|sem título|"
    r"(?:untitled|new) ?(?:document|page|presentation|spreadsheet|site)|react app|vite app|"
    r"(?:new )?(?:microsoft )?(?:powerpoint|word|excel)[- ]?(?:presentation|document|worksheet|präsentation|dokument)|"
    r"présentation powerpoint|presentación de powerpoint|presentazione (?:standard )?di powerpoint|"
    r"apresentação do powerpoint|powerpoint-presentatie|презентация powerpoint|powerpoint 演示文稿|"
    r"powerpoint プレゼンテーション|"
    r"(?:presentation|präsentation|présentation|presentación|presentazione|apresentação|prezentacja|презентация)|"
    r"документ|без названия|文档|無題|无标题|제목 없음|workbook|worksheet|book|sheet|arbeitsmappe|mappe|tabelle|"
    r"classeur|"
    r"folie|diapositive|diapositiva|слайд|normal|formatvorlage)?[\s\d.#_()\[\]<>-]*(?:\.\w{2,4})?",
    re.IGNORECASE,
)


_EMPTY_WORDS = frozenset(
    [
        "scan",
        "document",
        "doc",
        "file",
        "untitled",
        "img",
        "image",
        "page",
        "report",
        "output",
        "final",
        "draft",
        "copy",
        "download",
        "pdf",
        "upload",
    ]
)


_FILE_TITLE = re.compile(
    r"^(?:Microsoft (?:Word|Excel|PowerPoint) - )|\.(?:docx?|pdf|indd|pptx?|xlsx?|qxd|rtf|tex|dvi|html?)$",
    re.IGNORECASE,
)


def choose_title(own: str, headings: Sequence[Heading], name: str) -> str:
    """Return the file's own title, else its first heading of level 1, else its name made readable."""
    own = good_title(own)
    if own:
        return own
    first = next((heading.text for heading in headings if heading.level == 1), "")
    return first or readable_name(name)


def good_title(title: str) -> str:
    """Return a title on one line; "" for a meaningless one: a number, "untitled", a file name."""
    title = squeeze(clean_text(title))[:_TITLE_LIMIT]
    return "" if _JUNK_TITLE.fullmatch(title) or _FILE_TITLE.search(title) else title


def descriptive_name(name: str) -> str:
    """Return a file's name as words, "" when they do not describe the content ("scan 0001")."""
    words = readable_name(name)
    meaningful = [word for word in re.findall(r"[^\W\d_]{3,}", words.lower()) if word not in _EMPTY_WORDS]
    return words if meaningful else ""


def readable_name(name: str) -> str:
    """Return a file's name as words: "price_list-2024.csv" becomes "price list 2024"."""
    stem = re.sub(r"(?<=.)\.[A-Za-z0-9]{1,10}$", "", clean_text(name.rpartition("/")[2]))
    words = re.sub(r"_+|(?<=[^\W\d_])-+(?=[^\W_])|(?<=\d)-+(?=[^\W\d_])|%20|\+", " ", stem)
    return squeeze(words)[:_TITLE_LIMIT] or squeeze(stem) or "untitled"
