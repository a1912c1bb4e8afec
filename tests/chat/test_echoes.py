"""A collection whose documents quote the question in commands and tests: the answer is what answers it, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit import Document, KnowledgeBase

_USAGE = """# Usage of the assistant

Run these commands after each deployment, one after the other.

```sh
assistant ask "When does the library close on Fridays?"
assistant ask "When does the library close on Fridays?" --json
assistant prompt "When does the library close on Fridays?" > prompt.txt
```

The logs rotate at 23:00 and are kept for 14 days. Every command takes a time limit.
"""
_TESTS = """# Smoke test

```python
client = Client("http://127.0.0.1:9000")
reply = client.ask("When does the library close on Fridays?")
assert reply.status == 200, "the service answers within 5 seconds"
```

A failed run is repeated at 06:30.
"""
_HOURS = """# Opening hours

The library opens at 9:00 every day. On Fridays it closes at 20:00, on the other days at 18:00.
"""
_QUESTION = "When does the library close on Fridays?"


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with ragkit.open(tmp_path / "data") as kb:
        kb.add([Document.from_text("usage.md", _USAGE, media_type="text/markdown")])
        kb.add([Document.from_text("smoke.md", _TESTS, media_type="text/markdown")])
        yield kb


def test_what_quotes_the_question_gives_way_to_what_answers_it(knowledge: KnowledgeBase) -> None:
    knowledge.add([Document.from_text("hours.md", _HOURS, media_type="text/markdown")])
    assert knowledge.search(_QUESTION)[0].source == "hours.md"
    answer = knowledge.ask(_QUESTION)
    assert "20:00" in answer.text
    assert {citation.source for citation in answer.citations} == {"hours.md"}


def test_without_an_answer_the_text_beside_an_echo_is_none(knowledge: KnowledgeBase) -> None:
    assert knowledge.ask(_QUESTION).status == "abstained"
