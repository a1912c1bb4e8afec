"""Forms of fixed widths are made when they are worth it, each once."""

from __future__ import annotations

from collections.abc import Callable

from ragkit.embedding.openvino.fixed_shapes import WIDTHS, WORTH_IT, FixedWidths


class Desk:
    """Makes forms of width, and begins work when it is told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.made: list[int] = []
        self.fails = fails
        self.begun: list[Callable[[], None]] = []
        self.widths = FixedWidths(self.make, begin=self.begun.append)

    def make(self, width: int) -> str:
        self.made.append(width)
        if self.fails:
            raise RuntimeError("no such shape")
        return f"form {width}"

    def ask(self, *tokens: int) -> list[tuple[int, str] | None]:
        return [self.widths.form(count) for count in tokens]

    def work(self) -> None:
        while self.begun:
            self.begun.pop(0)()


def test_a_form_is_made_for_a_width_that_is_asked_for_again_and_again() -> None:
    desk = Desk()
    assert desk.ask(*[10] * (WORTH_IT - 1), 3) == [None] * WORTH_IT
    assert desk.begun == []
    assert desk.ask(16, 9, 9, 9) == [None] * 4
    assert len(desk.begun) == 1
    desk.work()
    assert desk.ask(12, 9, 16, 17) == [(16, "form 16")] * 3 + [None]
    assert desk.made == [16]


def test_long_texts_have_no_form() -> None:
    desk = Desk()
    assert desk.ask(*[WIDTHS[-1] + 1] * 10) == [None] * 10
    assert desk.begun == []


def test_where_one_fails_no_other_is_tried() -> None:
    desk = Desk(fails=True)
    desk.ask(*[8] * WORTH_IT, *[20] * WORTH_IT)
    desk.work()
    assert desk.ask(8, 20, *[30] * WORTH_IT) == [None] * (2 + WORTH_IT)
    desk.work()
    assert desk.made == [8]


def test_on_a_thread_of_its_own_too() -> None:
    widths = FixedWidths(str)
    for _ in range(WORTH_IT):
        assert widths.form(8) is None
    while (found := widths.form(8)) is None:
        pass
    assert found == (8, "8")
