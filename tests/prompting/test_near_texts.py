"""Near duplicates: other spacing, a word put in, a part of a longer text; never another number, name or negation."""

from __future__ import annotations

import pytest

from ragkit.prompting.near_texts import NearTexts, text_key

FERRY = "The ferry leaves at nine from the northern pier"


def test_near_texts_are_found_and_others_are_not() -> None:
    held = NearTexts([FERRY, "Bring two litres of oil"])
    assert held.find("the ferry leaves at nine, from the northern pier!") == 0
    assert held.find("The ferry leaves at nine from the southern quay") is None
    assert held.find("Tell me: the ferry leaves at nine from the northern pier, right?") == 0
    assert held.find("") is None
    assert NearTexts([""]).find("") == 0


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("What did the ten gates of lock 7 cost in all?", "What did the ten gates of lock 8 cost in all?", False),
        ("What may a room in Oslo cost for one night?", "What may a room in Bergen cost for one night?", False),
        ("Which goods are covered by the warranty?", "Which goods are not covered by the warranty?", False),
        ("Why does the pump start at night?", "Why doesn't the pump start at night?", False),
        (
            "Who signs travel requests in the Tromso branch?",
            "Who signs all travel requests in the Tromso branch?",
            True,
        ),
        ("Where is the customer's key?", "where is the customers key", True),
        ("Is the pump loud?", "Is the pump of the mill in the old harbour loud?", False),
        ("退货的期限是从哪一天开始计算的?", "退货期限是从哪一天开始计算的", True),
        ("退货的期限是从哪一天开始计算的?", "发票的期限是从哪一天开始计算的?", False),
        ("哪些商品在保修范围之内可以退货?", "哪些商品在保修范围之内不可以退货?", False),
        ("三号船闸的十扇门一共花了多少钱?", "四号船闸的十扇门一共花了多少钱?", False),
        ("返品の期限はいつから数えますか", "返品の期限は、いつから数えますか?", True),
    ],
)
def test_one_word_more_is_near_and_another_meaning_is_not(one: str, other: str, alike: bool) -> None:
    assert (NearTexts([one]).find(other) is not None) is alike
    assert (NearTexts([other]).find(one) is not None) is alike


def test_the_nearest_is_told_the_first_of_equals() -> None:
    held = NearTexts([f"{FERRY} today", FERRY, f"{FERRY}."])
    assert held.find(FERRY.upper()) == 1
    held.add("Bring two litres of oil")
    assert held.find("Bring two litres of oil, please") == 3


def test_a_text_that_utf8_cannot_hold_has_a_key() -> None:
    assert text_key("a\ud800b") != text_key("ab")
