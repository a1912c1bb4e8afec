"""Markdown without marks takes a short way past the rules and the parser: the text must be the same."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.base import Budget, Hints, TextBuilder
from ragkit_ingest.readers.markup.markdown import add_markdown
from ragkit_ingest.readers.markup.site_lines import rewrite_site_syntax
from ragkit_ingest.readers.markup.site_notes import SiteNotes
from ragkit_ingest.readers.text.embedded import LEFT_OUT, cut_embedded


def read(source: str) -> str:
    builder = TextBuilder()
    add_markdown(builder, source, Hints("text/markdown", ReadLimits(), Budget(9)))
    return builder.text()


@pytest.mark.parametrize(
    "words",
    [
        "Close the  valve.",
        "one \nline\n \t and  the next",
        "2 + 2 = 4; a:b, c|d (e) #f",
        "tab\t\nnext",
        "{x} $y$ ^z 'q'",
    ],
)
def test_words_without_marks_read_as_the_parser_reads_them(words: str) -> None:
    tokens: list[Token] = []
    parser = MarkdownIt("commonmark")
    parser.inline.parse(words, parser, {}, tokens)
    parsed = "".join("\n" if token.type.endswith("break") else token.content for token in tokens)
    marked = read(f"{words} `x`")  # the mark sends it through the parser
    assert marked == f"{read(words)} x"
    assert read(words).split() == parsed.split()


@pytest.mark.parametrize(
    "line",
    ["- import of goods", "# export rules", "12. import", "| a | b |", "** bold **", "  äh", "importer of tea", ""],
)
def test_lines_of_words_are_no_site_syntax(line: str) -> None:
    text = f"Before.\n\n{line}\n\nAfter."
    assert rewrite_site_syntax(text, SiteNotes({}, None), mdx=True) == text


def test_one_parser_keeps_no_definitions_of_the_text_before() -> None:
    assert read("See [the form][f].\n\n[f]: https://desk.example/form\n") == "See the form (https://desk.example/form)."
    assert read("See [the form][f].\n") == "See [the form][f]."


@pytest.mark.parametrize("wrap", ["{}", "key:{}", 'say "{}" now', "before\n\n{}\n\nafter."])
def test_data_is_cut_wherever_it_stands(wrap: str) -> None:
    digits = base64.b64encode(b"".join(sha256(bytes([at])).digest() for at in range(9))).decode()
    block = "\n".join(digits[at : at + 48] for at in range(0, len(digits), 48))
    assert cut_embedded(wrap.format(block)).text == wrap.format(LEFT_OUT)
