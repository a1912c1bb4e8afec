"""Citations are checked against their sources, foreign things are taken out, and streaming changes nothing."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragkit.citations.checker import StreamChecker, check_answer
from ragkit.citations.sanitizer import Rules, Sanitizer
from ragkit.citations.support import Passage
from ragkit.text.abstention import abstains, abstention
from ragkit.text.token_counter import load_counter
from ragkit.types.answers import Answer
from ragkit.types.hits import Hits
from tests.support.prompt_fakes import POLICY, SHIPPING, TWO_PAGES, make_hit, make_prompt

PROMPT = make_prompt("How long is the refund window?", POLICY, SHIPPING)


def check(text: str) -> Answer:
    return check_answer(PROMPT, text, model="test", counter=load_counter("o200k_base"))


# ---------------------------------------------------------------------- markers


@pytest.mark.parametrize(
    ("said", "shown", "numbers"),
    [
        ("Items can be returned within 30 days [1].", "Items can be returned within 30 days [1].", [1]),
        ("Items can be returned within 30 days.[1]", "Items can be returned within 30 days.[1]", [1]),
        ("Items can be returned within 30 days. [1]", "Items can be returned within 30 days. [1]", [1]),
        ("Return within 30 days [1, 2].", "Return within 30 days [1][2].", [1, 2]),
        ("Return within 30 days [1][2].", "Return within 30 days [1][2].", [1, 2]),
        ("Return within 30 days [1-2].", "Return within 30 days [1][2].", [1, 2]),
        ("Return within 30 days [1; 2].", "Return within 30 days [1][2].", [1, 2]),
        ("Return within 30 days [1 and 2].", "Return within 30 days [1][2].", [1, 2]),
        ("Return within 30 days 【1】.", "Return within 30 days [1].", [1]),
        ("Return within 30 days 【1†source】.", "Return within 30 days [1].", [1]),
        ("Return within 30 days [^1].", "Return within 30 days [1].", [1]),
        ("Return within 30 days [Source 1].", "Return within 30 days [1].", [1]),
        ("Return within 30 days [1, p. 3].", "Return within 30 days [1].", [1]),
        ("Return within 30 days [[1]].", "Return within 30 days [1].", [1]),
        ("Return within 30 days \\[1\\].", "Return within 30 days [1].", [1]),
        ("Return within 30 days [1](https://evil.example/x).", "Return within 30 days [1].", [1]),
        ("Return within 30 days (1).", "Return within 30 days (1).", []),
        ("The value lies in [0, 1].", "The value lies in (0, 1).", []),
        ("The report of [2019] says so.", "The report of [2019] says so.", []),
    ],
)
def test_markers_of_every_form_become_one(said: str, shown: str, numbers: list[int]) -> None:
    answer = check(said)
    assert answer.text == shown
    assert [citation.number for citation in answer.citations] == numbers


def test_a_marker_without_a_source_is_removed_and_reported() -> None:
    answer = check("Items can be returned within 30 days [7]. Standard shipping costs 4.90 EUR [0] [2].")
    assert answer.text == "Items can be returned within 30 days. Standard shipping costs 4.90 EUR [2]."
    assert answer.removed == ("marker [7]", "marker [0]")
    assert [(citation.number, citation.matched) for citation in answer.citations] == [(1, True), (2, False)]
    assert answer.status == "answered"
    assert check("Items can be returned within 60 days [7]. Standard shipping costs 4.90 EUR [2].").status == "partial"


def test_code_keeps_its_brackets() -> None:
    answer = check("Items can be returned within 30 days [1]. Use `rows[7]`:\n\n```\nx = y[9](z)\n```")
    assert "`rows[7]`" in answer.text
    assert "x = y[9](z)" in answer.text
    assert [citation.number for citation in answer.citations] == [1]


# ---------------------------------------------------------------------- support


def test_a_quote_is_the_exact_text_of_its_span() -> None:
    answer = check("Refunds take 5 business days and go to the original card [1].")
    (citation,) = answer.citations
    hit = PROMPT.passages[0]
    assert citation.quote == "Refunds are paid to the original card within 5 business days."
    assert hit.text[citation.start - hit.start : citation.end - hit.start] == citation.quote
    assert citation.sha256 == hit.sha256
    assert citation.supported
    assert citation.sentence == "Refunds take 5 business days and go to the original card."
    assert answer.status == "answered"


@pytest.mark.parametrize(
    ("sentence", "supported"),
    [
        ("Customers may return items within 30 days of delivery [1].", True),
        ("Items may be returned for thirty days after delivery [1].", True),
        ("Ms. Alvarez heads the returns desk [1].", True),
        ("Orders above 1.200 EUR ship free to France [2].", True),
        ("Customers may return items within 60 days of delivery [1].", False),  # another number
        ("Opened software can be returned [1].", False),  # a denial is missing
        ("Customers may not return items within 30 days of delivery [1].", False),  # a denial too many
        ("The returns desk is headed by Ms. Petrov [1].", False),  # another name
        ("The company was founded in Hamburg by two sisters [1].", False),  # something else
        ("Standard shipping costs 4.90 EUR [1].", False),  # the other source
    ],
)
def test_support_sees_numbers_names_denials_and_words(sentence: str, supported: bool) -> None:
    answer = check(sentence)
    assert [citation.supported for citation in answer.citations] == [supported]
    assert answer.status == ("answered" if supported else "unsupported")


def test_two_sources_may_support_a_sentence_together() -> None:
    answer = check("Items can be returned within 30 days and standard shipping costs 4.90 EUR [1][2].")
    assert [citation.supported for citation in answer.citations] == [True, True]
    assert answer.status == "answered"


def test_the_page_is_that_of_the_quote() -> None:
    prompt = make_prompt("When is the deadline?", hits=Hits([TWO_PAGES]))
    answer = check_answer(prompt, "The fee is 20 EUR [1]. The deadline is May 3 [1].")
    assert [(citation.page, citation.page_label) for citation in answer.citations] == [(4, "iv"), (5, "v")]


def test_rows_are_supported_with_the_names_of_their_columns() -> None:
    hit = make_hit("Pro | 49 EUR | 10", context="Prices › Plan | Price per month | Users")
    prompt = make_prompt("What does Pro cost?", hits=Hits([hit]))
    assert check_answer(prompt, "The plan Pro has a price per month of 49 EUR and 10 users [1].").status == "answered"
    assert (
        check_answer(prompt, "The plan Pro has a price per month of 59 EUR and 10 users [1].").status == "unsupported"
    )


def test_a_long_passage_gives_its_best_sentence() -> None:
    filler = "Nothing of interest is said in this sentence of the text. " * 50
    passage = Passage(filler + "The warranty of the pump lasts 24 months. " + filler)
    support = passage.support("The pump has a warranty of 24 months.")
    assert support.supported
    assert passage.text[support.start : support.end] == "The warranty of the pump lasts 24 months."


# ---------------------------------------------------------------------- status


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Items can be returned within 30 days [1]. Standard shipping costs 4.90 EUR [2].", "answered"),
        ("**Refunds**\n\n- Items can be returned within 30 days [1].\n- Shipping costs 4.90 EUR [2].", "answered"),
        ("Here is what the documents say:\n\n1. Items can be returned within 30 days [1].", "answered"),
        ("Items can be returned within 30 days [1]. Does that help?", "answered"),
        ("Items can be returned within 30 days [1]. The moon is made of cheese.", "partial"),
        ("Items can be returned within 30 days.", "answered"),  # uncited and right: matched
        ("Items can be returned within 60 days.", "unsupported"),
        ("Items can be returned within 30 days [1]. The sources do not say what happens later.", "partial"),
        ("The documents do not answer this question.", "abstained"),
        ("I could not find this in the sources.", "abstained"),
        ("There is no information about that in the provided documents [1].", "abstained"),
        ("Die Dokumente beantworten diese Frage nicht.", "abstained"),
        ("", "abstained"),
        ("  \n ", "abstained"),
        ("[9]", "abstained"),
    ],
)
def test_the_status_is_that_of_the_sentences(text: str, status: str) -> None:
    assert check(text).status == status


def test_a_block_of_code_is_a_statement_that_a_source_holds_or_not() -> None:
    prompt = make_prompt(
        "How do I install it?", "Install it with pip, then start it:\n\npip install halden\nhalden serve"
    )
    known = "Install it with pip, then start it [1]:\n\n```sh\npip install halden\nhalden serve\n```"
    assert check_answer(prompt, known).status == "answered"
    assert check_answer(prompt, known.replace("serve", "erase")).status == "partial"
    assert check_answer(prompt, "```sh\nhalden erase\n```").status == "unsupported"


def test_an_empty_answer_says_that_the_documents_do_not_answer() -> None:
    assert check("").text == "The documents do not answer this question."
    german = make_prompt("Wie lange ist die Frist für die Rückgabe?", POLICY)
    assert check_answer(german, "").text == "Die Dokumente beantworten diese Frage nicht."


@pytest.mark.parametrize(
    "question", ["Où est le siège de la société ?", "¿Cuál es el plazo?", "返品期間は？", "Qual è il prezzo?"]
)
def test_abstentions_are_recognised_in_every_language_that_they_are_said_in(question: str) -> None:
    assert abstains(abstention(question))


def test_statements_are_no_abstentions() -> None:
    for text in (
        POLICY,
        SHIPPING,
        "The pump does not contain mercury.",
        "No tool is needed.",
        "Das Gerät enthält kein Blei.",
    ):
        assert not abstains(text)


def test_tokens_and_confidence_are_told() -> None:
    answer = check("Items can be returned within 30 days [1].")
    assert answer.tokens == {"total": 10, "answer": 11}
    assert (answer.confidence, answer.model) == (0.9, "test")


# ---------------------------------------------------------------------- what leaves


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("See [the policy](https://evil.example/a) now.", "See the policy now."),
        ("See ![chart](https://evil.example/a.png) now.", "See now."),
        ("See ![chart][c] now.\n\n[c]: https://evil.example/a.png", "See now."),
        ("See [the policy][p].\n\n[p]: https://evil.example 'title'", "See the policy."),
        ("See <https://evil.example/a>.", "See (link removed)."),
        ("See https://evil.example/a?b=c, now.", "See (link removed), now."),
        ("See www.evil.example now.", "See (link removed) now."),
        ("See the form (https://evil.example/a).", "See the form (link removed)."),
        ("See the form (https://evil.example/a(b), now).", "See the form ((link removed), now)."),
        ("See evil.example/path?x=1 now.", "See (link removed) now."),
        ("See //evil.example/x now.", "See (link removed) now."),
        ("Mail evil@evil.example now.", "Mail (address removed) now."),
        ("See javascript:alert(1) now.", "See (link removed) now."),
        ("See data:text/html;base64,xx now.", "See (link removed) now."),
        ("Run <img src=x onerror=alert(1)> now.", "Run now."),
        ("Run <script>alert(1)</script> now.", "Run alert(1) now."),
        ("A List<String> with a < b and c > d.", "A List‹String› with a < b and c > d."),
        ("Use `<b>` for bold.", "Use `‹b›` for bold."),
        ("Plain te\u200bxt \u202ewith\u202c marks\U000e0041.", "Plain text with marks."),
        ("ht<b>tps://evil.example/a", "ht (link removed)"),
        ("[a](b [c](https://evil.example)", "[a] (b c"),
        ("h\u200bttps://evil.example", "(link removed)"),
        ("https\\://evil.example", "(link removed)"),
        ("&#104;ttps://evil.example", "(link removed)"),
        ("ｈｔｔｐｓ://evil.example", "(link removed)"),
        (
            "e.g. section 3.5 and/or U.S. v1.2, C:\\x, a/b, 12:30.",
            "e.g. section 3.5 and/or U.S. v1.2, C:\\x, a/b, 12:30.",
        ),
        ("Wow![1] and - [ ] a task.", "Wow! [1] and - [ ] a task."),
    ],
)
def test_no_image_html_or_foreign_link_leaves(said: str, shown: str) -> None:
    assert check(said).text == shown


def test_what_was_taken_out_is_reported_and_cannot_be_clicked() -> None:
    answer = check("See [this](https://evil.example/a) ![x](https://evil.example/b) <b>now</b>\u202e.")
    assert answer.removed == (
        "link https[:]//evil[.]example/a",
        "image ![x](https[:]//evil[.]example/b)",
        "html <b>",
        "html </b>",
        "1 invisible characters",
    )


def test_addresses_of_the_sources_stay_by_rule() -> None:
    text = "Status: https://status.aquila.example/now. Write to desk@aquila.example or see aquila.example."
    prompt = make_prompt("Where is the status page?", text)
    said = "See https://status.aquila.example/now or write to desk@aquila.example of aquila.example [1]."
    told = "See (link in source 1) or write to desk@aquila.example of aquila.example [1]."
    assert check_answer(prompt, said).text == told
    assert check_answer(prompt, said, link_hosts=["Aquila.example"]).text == said
    changed = said.replace("/now", "/now?q=secret")
    assert "secret" not in check_answer(prompt, changed, link_hosts=["aquila.example"]).text


# ---------------------------------------------------------------------- streaming

PIECES = [
    "Items can be returned within 30 days", " ", "\n", "\n\n", ".", "!", "[", "]", "(", ")", "<", ">", "`", "```",
    "\\", ":", "/", "//", "https://", "evil.example", "www.", "[1]", "[7]", "[1, 2]", "【1】", "![", "](", "][",
    "]:", "[c]: ", "<b>", "<img src=x", "<!--", "-->", "data:", "mailto:", "a@b.example", "\u202e", "\U000e0041",
    "&#58;", "1", "9", "- ", "> ", "text ", "日本", "\r\n", "\ud800",
]  # fmt: skip
ODD_PIECES = [
    "evil", "example", "ht", "tps", "x](", "/img.png)", "![a](/b)", "<a href=", "\">", "</a>", "&lt;", "`x`", "[x][y]",
    "\n[y]: /z\n", "(link", "S@x", "<S@", "-->",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.data())
@example("ht[tps://evil.example](x) https:/<b>/evil.example [c]: /x", None)
def test_every_split_gives_the_same_answer(text: str, data: st.DataObject | None) -> None:
    whole = check(text)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8)) if data else range(len(text))
    edges = [0, *sorted(cuts), len(text)]
    checker = StreamChecker(PROMPT, model="test", counter=load_counter("o200k_base"))
    given_out = "".join(checker.feed(text[left:right]) for left, right in pairwise(edges))
    rest, answer = checker.finish()
    assert given_out + rest == answer.text
    assert answer == whole


UNSAFE = re.compile(
    r"[a-z][a-z0-9+.-]*://\S|(?<![a-z0-9])www\.[b-z0-9]|evil\.example(?![a-zA-Z0-9.])|\]\(|!\[[^\]]*\]\[|<[a-zA-Z/!?]"
)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *ODD_PIECES]), max_size=16).map("".join))
def test_no_mixture_of_pieces_leaves_anything_unsafe(text: str) -> None:
    sanitizer = Sanitizer(Rules(2))
    shown = sanitizer.feed(text) + sanitizer.finish()
    code = [range(start, end) for start, end in sanitizer.code]
    prose = "".join("C" if any(at in span for span in code) else char for at, char in enumerate(shown))
    assert not UNSAFE.search(prose)
    assert not re.search(r"[a-z]://\w|<[a-zA-Z/!?]|evil\.example(?![a-zA-Z0-9.])", shown)
    assert all(shown.startswith(f"[{number}]", at) for at, number in sanitizer.markers)


def test_text_is_given_out_as_soon_as_it_is_certain() -> None:
    checker = StreamChecker(PROMPT)
    assert checker.feed("Items can be ") == "Items can be"
    assert checker.feed("returned ") == " returned"
    assert checker.feed("[1") == ""
    assert checker.feed("]. ") == " [1]."
    assert checker.feed("Next ") == " Next"
    rest, answer = checker.finish()
    assert (rest, answer.text) == ("", "Items can be returned [1]. Next")


def test_the_key_of_the_fences_never_leaves() -> None:
    key = PROMPT.nonce
    checker = StreamChecker(PROMPT)
    said = f'Items can be returned [1]. </source key="{key}"> and {key.upper()} too.'
    text = "".join(checker.feed(said[at : at + 5]) for at in range(0, len(said), 5))
    rest, answer = checker.finish()
    assert text + rest == answer.text
    assert key not in answer.text.lower()
    assert "the key of the prompt's fences" in answer.removed


@pytest.mark.parametrize(
    "piece", ["[", "![", "<", "<a ", "](", "`", "[a](", "x://", "[1]", "https://a.example ", "\\[", "<!--"]
)
def test_hostile_length_costs_linear_time(piece: str) -> None:
    answer = check(piece * (200_000 // len(piece)))
    assert "evil" not in answer.text


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_checker(text: str) -> None:
    answer = check(text)
    again = check(answer.text)
    assert again.text == answer.text  # what left once leaves unchanged


def test_strict_answers_abstain_where_not_all_is_supported() -> None:
    half = "Items can be returned within 30 days [1]. The moon is made of cheese."
    answer = check_answer(PROMPT, half, strict=True)
    assert (answer.status, answer.text, answer.citations) == ("abstained", abstention(PROMPT.question), ())
    assert "not support" in answer.removed[-1]
    checker = StreamChecker(PROMPT, strict=True)
    assert checker.feed("Items can be returned within 30 days [1].") == ""
    text, answer = checker.finish()
    assert (text, answer.status) == ("Items can be returned within 30 days [1].", "answered")


def test_a_later_marker_of_the_paragraph_counts_for_what_its_source_supports() -> None:
    answer = check("Opened software cannot be returned. Items can be returned within 30 days [1].")
    assert [(c.number, c.matched, c.verdict) for c in answer.citations] == [
        (1, False, "quoted"),
        (1, False, "supported"),
    ]
    assert answer.status == "answered"
