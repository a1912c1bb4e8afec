"""A model that repeats itself is stopped; lists, tables and refrains are not."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from ragkit.chat.repetition import STOPPED, is_looping, without_repetition

LOOPS = [
    "The kiln reaches 1,280 degrees in four hours.\n",
    "I am sorry. ",
    "- Wash the filter.\n- Dry the filter.\n- Put the filter back.\n",
    "ha",
]


def endless(start: str, loop: str, *, limit: int) -> Generator[str]:
    yield start
    for _ in range(limit):
        yield loop


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_ends_with_a_note(loop: str) -> None:
    out = "".join(without_repetition(endless("The valve opens at 3 bar [1]. ", loop, limit=5_000)))
    assert out.startswith("The valve opens at 3 bar [1]. ")
    assert out.endswith(STOPPED)
    assert len(out) < 1_500 + 6 * len(loop)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"| M{size} | {size * 3} Nm | stainless |" for size in range(2, 60)),
        "Yes. Yes. Yes. It does.",
        "-" * 4_000,
        "\n".join(f"{step}. Turn the screw by a quarter and measure again." for step in range(1, 30)),
        "Row, row, row your boat, gently down the stream. " * 3,
    ],
)
def test_what_only_looks_alike_goes_on(text: str) -> None:
    pieces = (text[at : at + 7] for at in range(0, len(text), 7))
    assert "".join(without_repetition(piece for piece in pieces)) == text


def test_an_earlier_repetition_is_not_the_end() -> None:
    assert is_looping("spin " * 80)
    assert not is_looping("spin " * 80 + "and now the answer is 14 days")
