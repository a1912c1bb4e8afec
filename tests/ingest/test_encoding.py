"""Bytes to text: every usual encoding is found, guesses are named, losses are counted, binary is refused."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit import ExtractionError
from ragkit_ingest.readers.encoding import decode

WESTERN = "Größe, café, naïve: the needle. " * 30
TEXTS = {
    "cp1252": "L'été à la française, où êtes-vous ? Ça coûte 5 €. " * 8,
    "cp1250": "Gwarancja obejmuje dwadzieścia cztery miesiące od daty zakupu. Żółć źdźbło. " * 8,
    "cp1251": "Гарантия на товар действует двадцать четыре месяца со дня покупки. " * 8,
    "koi8_r": "Гарантия на товар действует двадцать четыре месяца со дня покупки. " * 8,
    "cp1253": "Η εγγύηση ισχύει για είκοσι τέσσερις μήνες. " * 8,
    "cp1254": "Garanti süresi yirmi dört aydır. Şişli, İstanbul, ığüşöç. " * 8,
    "cp932": "東京の保証期間は二年です。" * 8,
    "euc_jp": "東京の保証期間は二年です。" * 8,
    "gb18030": "保修期为自购买之日起二十四个月。如有问题请联系客服。" * 8,
    "cp949": "보증 기간은 구매일로부터 이십사 개월입니다. " * 8,
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_in_all_its_forms(encoding: str) -> None:
    found = decode(WESTERN.encode(encoding))
    assert found.text == WESTERN
    assert all("byte order mark" in words for words in found.warnings)


@pytest.mark.parametrize("encoding", TEXTS)
def test_code_pages_are_detected_and_named_as_a_guess(encoding: str) -> None:
    found = decode(TEXTS[encoding].encode(encoding))
    assert found.text == TEXTS[encoding]
    assert "guess" in found.warnings[0]


def test_a_declared_encoding_is_believed_only_where_it_fits() -> None:
    russian = TEXTS["cp1251"]
    assert decode(russian.encode("iso8859_5"), declared="iso-8859-5").text == russian
    assert decode(WESTERN.encode(), declared="latin-1").text == WESTERN
    assert decode(russian.encode("cp1251"), declared="no-such-codec").text == russian


def test_few_bad_bytes_in_utf8_are_counted_and_replaced() -> None:
    good = b"Ordinary text, needle. " * 500
    found = decode(good + b"\xff \xc3\x28 \xed\xa0\x80 " + good)
    assert found.encoding == "utf-8"
    assert found.text.count("\ufffd") == 5
    assert found.warnings == ("5 bad bytes became U+FFFD (the file is UTF-8 otherwise)",)
    accents = "Größe und Maße. ".encode() * 100
    assert decode(accents + b"\xff" + accents).encoding == "utf-8"


def test_a_few_accents_in_plain_english_are_western() -> None:
    found = decode(b"The resum\xe9 of the caf\xe9 was plain otherwise. " + b"Plain text. " * 400)
    assert found.text.startswith("The resumé of the café")


def test_binary_is_refused_and_zero_bytes_between_sentences_are_not() -> None:
    with pytest.raises(ExtractionError, match="binary"):
        decode(random.Random(4).randbytes(100_000))
    assert decode(b"A sentence.\0" * 200 + b"needle\0tail").text.endswith("needle\0tail")


@given(st.binary(max_size=400))
def test_any_bytes_become_text_or_a_reason(data: bytes) -> None:
    with suppress(ExtractionError):
        assert isinstance(decode(data).text, str)
