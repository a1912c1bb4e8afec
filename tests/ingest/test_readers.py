"""Readers of text formats: structure kept, markup removed, offsets exact, losses reported."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import ExtractionError, clean_text
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.sniff import CODE, CSV, EMAIL, HTML, JSON, MARKDOWN, PDF, TEXT
from ragkit_ingest.readers.titles import choose_title, descriptive_name, readable_name
from tests.support.ingest_files import blocks, extract, headings, media_type, outcome, page_text

# --------------------------------------------------------------------- what a file is


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"plain words", "a.txt", TEXT),
        (b"plain words", "a.pdf", TEXT),
        (b"%PDF-1.7\n", "a.txt", PDF),
        (b"<!doctype html><p>x", "a.txt", HTML),
        (b"<!-- made by x --><HTML><p>x", "page", HTML),
        (b"<p>x</p>", "a.html", HTML),
        (b"no tags here", "a.html", TEXT),
        (b"# x", "README.md", MARKDOWN),
        (b"a,b\n", "a.csv", CSV),
        (b'{"a": 1}', "data", JSON),
        (b"#!/usr/bin/env python3\nx = 1", "tool", CODE),
        (b"FROM x", "Dockerfile", CODE),
        (b"From: a@b\nTo: c@d\nSubject: x\nDate: y\n\nhi", "mail", EMAIL),
        (b"From: a novel\nThis is text.\n", "story.txt", TEXT),
        (b"%PDF- is how a PDF begins", "notes.md", PDF),
    ],
)
def test_the_bytes_decide_before_the_name_does(data: bytes, name: str, expected: str) -> None:
    assert media_type(data, name) == expected


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "a.txt", "empty_file"),
        (b"\x7fELF\x02\x01\x01" + bytes(50), "a.md", "binary"),
        (bytes(range(256)) * 20, "a.txt", "binary"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(100), "a.docx", "encrypted_or_old_format"),
        (b"GIF89a....", "a.gif", "unsupported"),
        (b"{\\rtf1 {\\pict 00}}", "a.rtf", "no_text"),
        (b"PK\x03\x04 and then nothing", "a.docx", "damaged"),
        (b"\xef\xbb\xbf \t\r\n\x0c", "a.txt", "no_text"),
    ],
)
def test_what_gives_no_text_has_a_typed_reason(data: bytes, name: str, reason: str) -> None:
    assert outcome(data, name) == reason


def test_a_name_that_promises_something_else_is_reported() -> None:
    assert extract(b"Plain text.", "x.pdf").warnings == ("it is named .pdf, and its bytes are text/plain",)


# --------------------------------------------------------------------- canonical text


@given(st.lists(st.text(max_size=40), max_size=12))
def test_built_text_is_clean_and_offsets_hold(pieces: list[str]) -> None:
    builder = TextBuilder()
    spans = [(builder.paragraph(piece), clean_text(piece).strip("\n")) for piece in pieces]
    text = builder.text()
    assert clean_text(text) == text
    for (start, end), words in spans:
        assert text[start:end] == ("" if words.isspace() else words)


def test_titles_come_from_the_file_then_a_heading_then_the_name() -> None:
    assert choose_title("Annual report", [], "x.pdf") == "Annual report"
    assert choose_title("Microsoft Word - draft.doc", [], "price_list-2024.pdf") == "price list 2024"
    for template in (
        "PowerPoint Presentation",
        "Präsentation1",
        "Présentation PowerPoint",
        "PowerPoint プレゼンテーション",
        "Book2",
    ):
        assert choose_title(template, [], "crane_log.pptx") == "crane log"
    assert choose_title("Presentation skills", [], "x.pptx") == "Presentation skills"
    assert choose_title("0001018724-18-000005", [], "AMAZON_2017_10K.pdf") == "AMAZON 2017 10K"
    assert readable_name("....txt") == "..."
    assert readable_name("2023-08-30_notes.md") == "2023-08-30 notes"
    assert descriptive_name("scan_0001.pdf") == ""


# --------------------------------------------------------------------- plain text


def test_text_keeps_paragraphs_pages_and_chapters() -> None:
    found = extract(b"Intro\n\n\n\n\nCHAPTER I. The start\n\nText here.\n\fPage two\n\nChapter 5 says\nmore.", "a.txt")
    assert found.text == "Intro\n\nCHAPTER I. The start\n\nText here.\n\nPage two\n\nChapter 5 says\nmore."
    assert page_text(found, 2).startswith("Page two")
    assert headings(found) == [(2, "CHAPTER I. The start")]


def test_a_line_that_no_human_wrote_is_too_big_unless_the_limit_is_raised() -> None:
    data = b"x " * (3 << 20) + b"end of it"
    with pytest.raises(ExtractionError, match="too_big"):
        extract(data, "a.txt")
    assert extract(data, "a.txt", limits=ReadLimits(max_size=200 << 20)).text.endswith("end of it")
    assert extract(b"x " * (2 << 20), "a.txt").text


# --------------------------------------------------------------------- Markdown

MANUAL = b"""---
title: "The manual"
tags: [a, b]
authors:
  - Ann
  - Bob
evil: !!python/object/apply:os.system ['x']
bomb: &a [*a, *a]
---
# Manual

Text with *emph*, `code`, a [link](http://x) and ![a picture](y.png)
on two lines.

Setext
------

1. one
2. two
   - nested

     more of it

   ```py
   x = [1]
   ```
3. three

| A | B |
|---|---|
| 1 | **2** |

> quoted
>> deeper

<div>html <b>block</b><script>no()</script></div>

[r]: http://nowhere
[^1]: A footnote.
"""


def test_markdown_loses_its_marks_and_nothing_else() -> None:
    found = extract(MANUAL, "m.md")
    assert found.title == "The manual"
    assert found.metadata["tags"] == ("a", "b")
    assert found.metadata["authors"] == ("Ann", "Bob")
    assert "evil" not in found.metadata
    assert "bomb" not in found.metadata
    assert headings(found) == [(1, "Manual"), (2, "Setext")]
    assert "Text with emph, code, a link (http://x) and a picture\non two lines." in found.text
    assert blocks(found, "table") == [("A | B", "A | B\n1 | 2")]
    assert blocks(found, "code") == [("py", "x = [1]")]
    assert blocks(found, "list")[0][1] == "1. one\n2. two\n  - nested\n    more of it"
    for words in ("3. three", "quoted", "deeper", "html block", "A footnote."):
        assert words in found.text
    for words in ("nowhere", "no()", "**", "<div>", "---"):
        assert words not in found.text


@pytest.mark.parametrize(
    "text",
    [
        ">" * 50_000 + " deep needle",
        "".join("  " * i + f"- item{i}\n" for i in range(300)) + "needle",
        "[" * 50_000 + " needle",
        "*a **b " * 20_000 + " needle",
        "`" * 30_001 + " needle",
        "![](" * 30_000 + " needle",
    ],
)
def test_markdown_made_to_hurt_takes_little_time_and_keeps_its_text(text: str) -> None:
    started = time.process_time()
    assert "needle" in extract(f"needle\n\n{text}".encode(), "m.md").text
    assert time.process_time() - started < 20


def test_deep_lists_lose_no_item() -> None:
    text = "".join("  " * i + f"- item{i}\n" for i in range(60))
    found = extract(text.encode(), "m.md").text
    assert all(f"item{i}" in found for i in range(60))


# --------------------------------------------------------------------- HTML

PAGE = b"""<!doctype html><html lang="de"><head><title>My page</title><meta name="author" content="Jane">
<style>p{} .off{display:none}</style><script>bad1()</script></head><body>
<nav><ul><li>Home<li>About</ul></nav>
<h1>Main <b>head</b></h1><p>Hello <i>wor</i>ld<br>second &amp; more</p>
<p class="off">bad2</p><p style="display: none">bad3</p><span hidden>bad4</span><p aria-hidden="true">bad5</p>
<!-- bad6 -->
<p style="font-size:0px">bad7</p><template>bad8</template>
<ul><li>one<li>two<ol><li>deep</ol></ul>
<table><caption>Prices</caption><tr><th>Item<th>Price<tr><td>Apple<td>1<ul><li>kg</ul></table>
<table><tr><td><h2>Layout</h2><p>para</p></td><td>side</td></tr></table>
<pre>def x():
    return 1
</pre><footer>Imprint</footer></body></html>"""


def test_html_gives_what_a_reader_sees() -> None:
    found = extract(PAGE, "p.html")
    assert found.title == "My page"
    assert found.metadata == {"language": "de", "author": "Jane"}
    assert headings(found) == [(1, "Main head"), (2, "Layout")]
    assert "Hello world\nsecond & more" in found.text
    assert "bad" not in found.text
    assert blocks(found, "table") == [("Prices: Item | Price", "Item | Price\nApple | 1 kg")]
    assert blocks(found, "list") == [("", "- one\n- two\n  1. deep")]
    assert blocks(found, "code") == [("", "def x():\n    return 1")]
    assert [text for _, text in blocks(found, "boilerplate")] == ["- Home\n- About", "Imprint"]
    assert "Layout\n\npara\n\nside" in found.text


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 50_000 + "needle" + "</div>" * 50_000,
        "<p>needle</p>" + "<!--" * 50_000,
        "<p " + " ".join(f"a{i}=1" for i in range(100_000)) + ">needle</p>",
        "<b><a href=x>" * 80_000 + "needle",
        "<table><tr><td>" * 20_000 + "needle",
        "<?xml version='1.0'?><!DOCTYPE html [<!ENTITY a 'xx'><!ENTITY b '&a;&a;'>]><html><p>needle &b;</p></html>",
        f"<p>needle</p><img src='data:image/png;base64,{'A' * 1_000_000}'>",
    ],
)
def test_html_made_to_hurt_takes_little_time(page: str) -> None:
    started = time.process_time()
    found = extract(page.encode(), "p.html").text
    assert "needle" in found
    assert len(found) < 100
    assert time.process_time() - started < 10


def test_html_of_a_wrong_encoding_is_read() -> None:
    data = "<meta charset=utf-8><p>„naïve“ café needle</p>".encode("cp1252")
    assert "needle" in extract(data, "p.html").text
    declared = "<meta charset='windows-1251'><p>Гарантия на товар</p>".encode("cp1251")
    assert extract(declared, "p.html").text == "Гарантия на товар"


# --------------------------------------------------------------------- data


def test_a_row_of_csv_keeps_its_header() -> None:
    found = extract(b'name;price;note\nApple;1,20;"a ""q""\nb"\nPear;2,00;\n', "c.csv")
    assert found.text == 'name | price | note\nApple | 1,20 | a "q" b\nPear | 2,00'
    assert blocks(found, "table")[0][0] == "name | price | note"
    assert blocks(extract(b"1,2\n3,4\n", "c.csv"), "table")[0][0] == ""


def test_csv_with_an_open_quote_or_a_huge_field_loses_nothing() -> None:
    data = b"first,x\n" + b"y" * 1_000_000 + b",z\n" + b"a," * 5_000 + b'\n"open,never closed\nlast,row\n'
    text = extract(data, "c.csv").text
    for words in ("first | x", "never closed", "last,row"):
        assert words in text


def test_json_becomes_readable_lines() -> None:
    data = b'{"title":"Conf","a":{"b":[1,2.50],"c":[{"x":1},{"x":null}]},"big":' + b"9" * 5_000 + b',"t":"a\\nb"}'
    found = extract(data, "d.json")
    assert found.title == "Conf"
    assert found.text.startswith("title: Conf\na.b: 1, 2.50\na.c[0].x: 1\na.c[1].x: null\nbig: 999")
    assert found.text.endswith("t: a b")
    lines = extract(b'{"q":"a"}\nbroken\n{"q":"b"}\n', "e.jsonl")
    assert lines.text == "q: a\n\nbroken\n\nq: b"
    assert lines.warnings == ("1 lines are not JSON: kept as text",)


def test_json_made_to_hurt_is_kept_as_text() -> None:
    deep = extract(b"[" * 100_000 + b"]" * 100_000, "d.json")
    assert "nested too deeply" in deep.warnings[0]
    broken = extract(b'{"a": 1, needle', "d.json")
    assert "needle" in broken.text
    assert "not valid JSON" in broken.warnings[0]
    wide = json.dumps({"k" * 2_000: {"m" * 150: {f"{i}": [[1]] for i in range(3_000)}}}).encode()
    assert len(extract(wide, "d.json").text) < 10 * len(wide)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(JSON_VALUES)
def test_any_json_is_read_or_has_no_text(value: object) -> None:
    assert outcome(json.dumps(value).encode(), "x.json") in ("", "no_text")


# --------------------------------------------------------------------- reStructuredText, e-mail, code

RST = b"""Title
=====

:Author: Ann

Sub
---

Para *emph* ``code``. See link_.

.. _link: http://x
.. include:: /etc/passwd
.. raw:: html

   <b>raw</b>

- one

  more
- two

.. code-block:: python

   x = 1

=====  =====
A      B
=====  =====
1      2
=====  =====
"""


def test_rst_is_read_without_includes_or_raw_text() -> None:
    found = extract(RST, "r.rst")
    assert headings(found) == [(1, "Title"), (2, "Sub")]
    assert found.metadata == {"author": "Ann"}
    assert "Para emph code. See link (http://x)." in found.text
    assert blocks(found, "list") == [("", "- one\n  more\n- two")]
    assert blocks(found, "code") == [("python", "x = 1")]
    assert blocks(found, "table") == [("A | B", "A | B\n1 | 2")]
    assert "root:" not in found.text
    assert "raw" not in found.text


def test_rst_nested_too_deeply_is_kept_as_text() -> None:
    data = "".join("  " * i + "* x\n\n" for i in range(400)) + "needle"
    assert "needle" in extract(data.encode(), "r.rst").text


MAIL = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <j@x.de>\r\nTo: a@b.c\r\nSubject: =?iso-8859-1?q?Gr=FC=DFe?= again\r\n"
    b"Date: Mon, 4 Mar 2024 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=X\r\n\r\n"
    b"--X\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Hallo <b>W\xf6rld</b></p>\r\n"
    b'--X\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="a b.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--X--\r\n"
)


@pytest.mark.parametrize(
    "head",
    [
        b"Subject: =?utf\x008?q?Re?=\r\nContent-Type: text/plain\r\n",
        b"Subject: Re\r\nContent-Type: text/plain; charset=utf\x008\r\n",
        b"Subject: Re\r\nContent-Type: text/plain; charset*=a\x00b''utf-8\r\n",
    ],
)
def test_an_email_whose_encoding_has_a_nul_in_its_name_is_read(head: bytes) -> None:
    found = extract(b"From: a@b.c\r\nTo: d@e.f\r\n" + head + "\r\nHello é\r\n".encode(), "m.eml")
    assert found.title.endswith("Re")
    assert "Hello" in found.text


def test_an_email_gives_its_text_and_names_its_attachments() -> None:
    found = extract(MAIL, "m.eml")
    assert found.title == "Grüße again"
    assert found.metadata["author"] == "Jürgen <j@x.de>"
    assert found.metadata["created"] == "2024-03-04T10:00:00+01:00"
    assert found.metadata["attachments"] == ("a b.pdf",)
    assert "Hallo Wörld" in found.text
    assert found.text.endswith("Attachments: a b.pdf")


def test_nested_messages_do_not_recurse_without_end() -> None:
    nested = b"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\n" * 2_000
    with suppress(RecursionError):  # the child reports it as too_deep
        assert extract(b"From: a@b\r\nSubject: s\r\n" + nested + b"\r\nneedle", "m.eml").title == "s"


def test_source_code_is_one_block_with_its_definitions_as_headings() -> None:
    found = extract(b"class A:\n    def f(self):\n\treturn 1\n\nasync def g(): pass\n", "g.py")
    assert found.text == "class A:\n    def f(self):\n\treturn 1\n\nasync def g(): pass"
    assert headings(found) == [(1, "A"), (2, "f"), (1, "g")]
    assert found.metadata == {"programming_language": "python"}
    script = extract(b"#!/bin/bash\nrun() {\n echo\n}\n", "tool")
    assert headings(script) == [(1, "run")]
    rust = extract(b"pub struct P;\nimpl P {\n    pub fn new() {}\n}\n", "p.rs")
    assert headings(rust) == [(1, "P"), (1, "P"), (2, "new")]
