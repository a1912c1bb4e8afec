"""The key of a prompt's fences is taken out of a text, wherever a stream cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.key_filter import REPLACEMENT, KeyFilter

KEY = "c0ffee12abad1dea"


def filtered(pieces: list[str]) -> tuple[str, bool]:
    one = KeyFilter(KEY)
    return "".join([*(one.feed(piece) for piece in pieces), one.finish()]), one.found


@given(
    st.lists(st.sampled_from(["The lamp ", KEY, KEY[:9], KEY[9:], "c0", "İ", KEY.upper(), "\n"]), max_size=9), st.data()
)
def test_it_never_leaves_wherever_the_text_is_cut(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    out, found = filtered(pieces)
    assert KEY not in out
    assert found == (REPLACEMENT in out)
    assert (out, found) == filtered([text])
    if KEY not in text.lower():
        assert out == text


def test_only_the_start_of_a_key_is_held_back() -> None:
    one = KeyFilter(KEY)
    assert one.feed("See c0ffee") == "See "
    assert one.feed(" beans") == "c0ffee beans"
    assert one.finish() == ""


@pytest.mark.parametrize("key", ["", "0123456789abcdef"])
def test_text_without_the_key_stays(key: str) -> None:
    one = KeyFilter(key)
    assert one.feed("plain 01") + one.finish() == "plain 01"
    assert not one.found
