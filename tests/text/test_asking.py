"""Words of a question that only ask are none that a passage must have; texts that quote a question do not answer it."""

from __future__ import annotations

import re
import sys

import pytest

from ragkit.text.asking import echoes, without_asking_words


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("怎么更换水泵的滤芯？", "更换水泵 滤芯？"),
        ("仓库有哪些门禁规定", "仓库有 门禁规定"),
        ("项目的目的是否公开", "项目 目的 公开"),
        ("退货需要多少天吗", "退货需要 天"),
        ("How is the filter changed?", "How is the filter changed?"),
        ("フィルターは何時に交換の?", "フィルターは何時に交換の?"),
    ],
)
def test_chinese_words_that_ask_give_way_and_other_languages_stay(question: str, left: str) -> None:
    assert without_asking_words(question).split() == left.split()


def test_a_question_of_nothing_else_stays_whole() -> None:
    assert without_asking_words("为什么？") == "为什么？"


@pytest.mark.parametrize(
    "text",
    [
        'ragkit ask "How long is the refund window?"',
        '  -d \'{"query": "how long is the refund  window?"}\'',
        "assert ask('How long is the refund window') == answer",
        "People ask us “How long is the refund window?” again and again.",
        "- How long is the refund window?\n- Who pays for the way back?\n",
        "1. How long is the refund window?\n2. [Who pays for the way back?](#pays)",
    ],
)
def test_a_command_a_call_and_a_table_of_contents_echo_a_question(text: str) -> None:
    (span,) = echoes("How long is the refund window?", text)
    assert "".join(filter(str.isalnum, text[slice(*span)])).lower() == "howlongistherefundwindow"


@pytest.mark.parametrize(
    "text",
    [
        "How long is the refund window?\n30 days from delivery.",
        '3. "How long is the refund window?"\nIt is 30 days.',
        "Q: “How long is the refund window?” 30 days.",
        "How long is the refund window? 30 days. Who pays?",
        "The refund window is long.",
        'show "How long is the refund windows?"',
    ],
)
def test_a_question_with_its_answer_is_no_echo(text: str) -> None:
    assert echoes("How long is the refund window?", text) == []


def test_a_short_question_is_echoed_nowhere() -> None:
    assert echoes("What is ragkit?", 'run "What is ragkit?" now') == []
    assert echoes("", "") == []


@pytest.mark.parametrize(
    "quoted",
    [
        "HOW LONG IS THE REFUND WINDOW?",
        "how long i\u017f the refund w\u0130ndow?",  # letters that only a pattern without case takes for s and i
        "How—long is «the» refund window?",
    ],
)
def test_an_echo_is_found_in_any_case(quoted: str) -> None:
    assert echoes("How long is the refund window?", f'run "{quoted}" now') == [(5, 5 + len(quoted) - 1)]


def test_an_echo_of_a_question_beyond_ascii_is_found() -> None:
    assert echoes("Wie lange dürfen Kunden zurückgeben?", 'say "wie lange DÜRFEN \u212aunden ZURÜCKGEBEN?" twice') == [
        (5, 40)
    ]


def test_only_known_letters_beyond_ascii_match_one_of_ascii() -> None:
    beyond = [chr(code) for code in range(128, sys.maxunicode + 1)]
    assert [letter for letter in beyond if re.fullmatch("[a-z0-9_]", letter, re.IGNORECASE)] == list(
        "\u0130\u0131\u017f\u212a"
    )
