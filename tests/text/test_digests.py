"""A text's SHA-256 is that of its UTF-8, and a long text is encoded in pieces."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text import digests
from ragkit.text.digests import text_sha256


class CountedHash:
    """A SHA-256 that records how many bytes it was given at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._digest = hashlib.sha256()

    def update(self, data: bytes) -> None:
        self.sizes.append(len(data))
        self._digest.update(data)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


@given(st.text(alphabet="aé東\U0001f642\n", max_size=60), st.integers(1, 9))
def test_the_digest_does_not_depend_on_the_pieces(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "_PIECE", size)
        assert text_sha256(text).hexdigest() == hashlib.sha256(text.encode()).hexdigest()


def test_a_long_text_is_encoded_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = CountedHash()
    fake: Any = type("Hashes", (), {"sha256": staticmethod(lambda: counted)})
    monkeypatch.setattr(digests, "hashlib", fake)
    text = "Überdruck " * 400_000
    assert text_sha256(text).hexdigest() == hashlib.sha256(text.encode()).hexdigest()
    assert max(counted.sizes) <= 2 << 20
    assert len(counted.sizes) >= 4


def test_a_lone_surrogate_is_refused_wherever_it_stands() -> None:
    with pytest.raises(UnicodeEncodeError):
        text_sha256("a" * (1 << 20) + "\ud800")
