"""Every guard is held by a test: taken away, a test turns red."""

from __future__ import annotations

import pytest

from tests.faults.guards import GUARDS, TABLE, Guard, misplaced, take_away


def test_the_guards_stand_where_the_proof_looks_for_them() -> None:
    assert misplaced() == []
    assert len(GUARDS) >= 20
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
    table = TABLE.read_text(encoding="utf-8")
    assert [guard.name for guard in GUARDS if f"| {guard.name} |" not in table] == []


@pytest.mark.slow
@pytest.mark.parametrize("tests", sorted({guard.tests for guard in GUARDS}))
def test_with_all_guards_the_tests_are_green(tests: str) -> None:
    assert take_away(None, tests) == "green"


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_without_a_guard_a_test_turns_red(guard: Guard) -> None:
    assert take_away(guard, guard.tests) == "red"
