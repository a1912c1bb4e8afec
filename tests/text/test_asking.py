"""Words of a question that only ask are none that a passage must have."""

from __future__ import annotations

import pytest

from ragkit.text.asking import without_asking_words


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
