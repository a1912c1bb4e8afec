"""Tokens from the cache of words are those of the `tokenizers` library, whatever the text."""

from __future__ import annotations

import random

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

import ragkit
from ragkit.embedding import word_tokens
from ragkit.embedding.model_files import find_model
from ragkit.embedding.tokenizer import WordPieces
from ragkit.embedding.word_tokens import WordTokens

PLAIN = "aBz09 .,'-_\n\t\r`$<>^\\[]()~|+=@#&*!?;:\"/‘’“”–—•…«»‹›·\xa0"


def bert_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(find_model(ragkit.ModelSettings(offline=True)).path / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


TOKENIZER = bert_tokenizer()


def cache() -> WordTokens:
    made = WordTokens.of(TOKENIZER, ([], []))
    assert made is not None
    return made


def assert_same(words: WordTokens, text: str) -> None:
    found, exact = words.encode(text), TOKENIZER.encode(text, add_special_tokens=False)
    assert found is not None
    assert (found.ids, found.offsets) == (exact.ids, [tuple(span) for span in exact.offsets]), repr(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "The turbine's blade (model X-200) weighs 1,250.75 kg.",
        "Contract › Section 4.2 › Term\n“Either party” may — with 30 days’ notice… end it.",
        "supercalifragilisticexpialidocious " + "x" * 200,
        "a\tb\r\nc\xa0d",
        "UPPER lower MiXeD _under_score_ e-mail@example.org",
    ],
)
def test_a_plain_text_has_the_tokens_of_the_library(text: str) -> None:
    assert_same(cache(), text)


def test_random_plain_texts_have_the_tokens_of_the_library() -> None:
    chance, words = random.Random(20), cache()
    for _ in range(2_000):
        pieces = chance.choices([*PLAIN, "the", "ing", "Volt", "tion"], k=chance.randrange(60))
        assert_same(words, "".join(pieces))


@pytest.mark.parametrize(
    "text", ["naïve", "日本", "a\x00b", "a\x0bb", "zero\u200bwidth", "© 2026", "x [SEP] y", "e\u0301"]
)
def test_other_texts_are_left_to_the_library(text: str) -> None:
    assert cache().encode(text) is None


def test_a_full_cache_begins_anew_and_gives_the_same_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_tokens, "MOST_WORDS", 3)
    words = cache()
    for text in ("red green blue", "green cyan", "red green blue"):
        assert_same(words, text)


def test_special_tokens_and_the_prompt_stand_where_the_library_puts_them() -> None:
    pieces = WordPieces(TOKENIZER.to_str(), max_tokens=256, document_prompt="passage: ")
    text = "Two pumps."
    exact = TOKENIZER.encode(f"passage: {text}")
    ids, spans = pieces.document_tokens([text])
    assert ids == [exact.ids]
    shifted = [(max(start - 9, 0), max(end - 9, 0)) for start, end in exact.offsets]
    assert spans == [[span if span[1] else (0, 0) for span in shifted]]
    assert pieces.offsets(text) == [tuple(span) for span in TOKENIZER.encode(text, add_special_tokens=False).offsets]


def test_tokenizers_that_do_not_split_words_first_have_no_cache() -> None:
    plain = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    assert WordTokens.of(plain, ([], [])) is None
    extended = bert_tokenizer()
    extended.add_tokens([AddedToken("two words", normalized=True)])
    assert WordTokens.of(extended, ([], [])) is None
    unclean = bert_tokenizer()
    unclean.normalizer = normalizers.BertNormalizer(clean_text=False)
    assert WordTokens.of(unclean, ([], [])) is None
