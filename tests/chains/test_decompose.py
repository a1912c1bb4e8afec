"""Questions of several parts and comparisons become searches; others stay as they are."""

from __future__ import annotations

import pytest

from ragkit.chains.decompose import decompose


@pytest.mark.parametrize(
    ("question", "kind", "questions"),
    [
        (
            "When does the museum open and what does a ticket cost?",
            "parts",
            ("When does the museum open?", "what does a ticket cost?"),
        ),
        ("Who repairs bikes? Where is the shop?", "parts", ("Who repairs bikes?", "Where is the shop?")),
        (
            "Is there a lift; how wide is its door; who has the key?",
            "parts",
            ("Is there a lift?", "how wide is its door?", "who has the key?"),
        ),
        ("What is the rent, and for whom is it lower?", "parts", ("What is the rent?", "for whom is it lower?")),
        (
            "Compare the opening hours of the museum and the library.",
            "comparison",
            ("What is the opening hours of the museum?", "What is the opening hours of the library?"),
        ),
        (
            "What is the difference between plan Basic and plan Plus in storage?",
            "comparison",
            ("What is the storage of plan Basic?", "What is the storage of plan Plus?"),
        ),
        (
            "How does the lease differ from the loan?",
            "comparison",
            ("What is the lease?", "What is the loan?"),
        ),
        ("How long is the refund window?", "single", ("How long is the refund window?",)),
        ("What do salt and vinegar cost?", "single", ("What do salt and vinegar cost?",)),
        ("Terms and conditions", "single", ("Terms and conditions",)),
    ],
)
def test_questions_are_split_by_their_words(question: str, kind: str, questions: tuple[str, ...]) -> None:
    found = decompose(question)
    assert (found.kind, found.questions) == (kind, questions)


def test_there_are_never_more_parts_than_asked_for() -> None:
    found = decompose("Who is A? Who is B? Who is C? Who is D? Who is E?", most=3)
    assert found.questions == ("Who is A?", "Who is B?", "Who is C?")
