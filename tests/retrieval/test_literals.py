"""The parts of a question that are matched as written, and the texts that have them."""

from __future__ import annotations

import pytest

from ragkit.retrieval.literals import _pattern, literals


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What does ~= mean?", ["~="]),
        ("Is `x := 3` allowed?", ["x := 3"]),
        ("How do I use --no-verify and -m?", ["--no-verify", "-m"]),
        ("Who calls __getattr__?", ["__getattr__"]),
        ("What is remote.*.push for?", ["remote.*.push"]),
        ("Where does it say \u201cat own risk\u201d?", ["at own risk"]),
        ("os.path.join() or std::vector?", ["os.path.join()", "std::vector"]),
        ("Is C++ or C# used?", ["C++", "C#"]),
        ("a->b, x != y", ["!="]),
        ("Does .gitignore matter, i.e. always?", [".gitignore"]),
        ("How long is the leave, e.g. for parents?", []),
        ("supersonic flow -dash experimental papers .", []),
        ("What happened on 05.03.2026 (3/5/2026)?", []),
        ("Is 3.10 newer than 3.9.1? Really?!", []),
        ("Who? What... and/or why \u2014 then?", []),
        ("Was kostet das A/B-Modell?", []),
    ],
)
def test_the_literals_of_a_question(question: str, wanted: list[str]) -> None:
    assert literals(question) == wanted


@pytest.mark.parametrize(
    ("literal", "text", "held"),
    [
        ("~=", "version ~= 2.2", True),
        ("=", "a == b", False),
        ("==", "a === b", False),
        ("--force", "push --force now", True),
        ("--force", "push --force-with-lease now", False),
        ("__init__", "my__init__x", False),
        ("at own risk", "At own risk only", True),
        ("os.path", "import os.path", True),
        ("os.path", "import os.pathlib", False),
    ],
)
def test_a_literal_is_no_part_of_a_longer_one(literal: str, text: str, held: bool) -> None:
    assert bool(_pattern(literal).search(text)) is held


def test_empty_quotation_marks_are_no_literal() -> None:
    assert literals('what does "" or “ ” mean') == []
