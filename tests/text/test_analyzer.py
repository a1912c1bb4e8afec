"""Terms: both sides meet whatever the spelling, the script or the language."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragkit.index.lexical.chunk_terms import analyse_chunk
from ragkit.index.lexical.term_codes import unpack_text
from ragkit.text.analyzer import LANGUAGES, analyse, analyse_question, analyse_text, guess_language, question_parts
from ragkit.text.stopwords import STOP_WORDS
from ragkit.text.terms import TERM_LIMIT

ENGLISH = "The company is not liable for the loss of goods that were not in its warehouse at the time."
GERMAN = "Die Kündigungsfrist für alle Mitarbeiter beträgt drei Monate, wenn nichts anderes vereinbart ist."
FRENCH = "Le contrat est conclu pour une durée de deux ans et les parties ne peuvent pas le résilier avant."


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("1,646", "1646"),
        ("$1,646.70 million", "1646.70 million"),
        ("1.646.200,5", "1646200.5"),
        ("12,5", "12.5"),
        ("1.646", "1.646 1646"),
        ("10-K", "10k 10"),
        ("ERR-4012", "err4012 err 4012"),
        ("v2.3.1", "v2.3.1 2.3.1 2.3"),
        ("FY2022", "fy2022 fy 2022"),
        ("snake_case", "snakecas snake case"),
        ("HTTPServer", "httpserver http server"),
        ("Adobe's", "adob"),
        ("l’État", "etat"),
        ("e-mails", "email mail"),
        ("R&D", "rd"),
        ("C++ and C#", "c++ c#"),
        ("ﬁnancial", "financi"),
        ("revenue²", "revenu"),
        ("ＡＢＣ", "abc"),
        ("résumé RÉSUMÉ resume", "resum resum resum"),
        ("2021-22", "2021-22 2021 22"),
        ("US IT policy", "us it polici"),
        ("naïve café", "naiv cafe"),
        ("नमस्ते", "नमस्त"),
        ("____ --- ***", ""),
    ],
)
def test_words_become_terms(text: str, terms: str) -> None:
    assert " ".join(analyse(text)) == terms


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("err 4012", "Error ERR-4012 was raised"),
        ("ERR4012", "Error ERR-4012 was raised"),
        ("1646", "revenue of $1,646 million"),
        ("form 10K", "the annual report on Form 10-K"),
        ("max retries", "set maxRetries in the file"),
        ("max_retries", "set maxRetries in the file"),
        ("version 2.3", "released as v2.3.1"),
        ("email", "send an e-mail"),
        ("Munchen", "Büro in München"),
        ("Muenchen", "Das Büro ist in der Stadt München und nicht in Berlin"),
        ("水", "水道の修理"),
        ("東京都", "本社は東京都にあります"),
        ("ประเทศ", "เมืองหลวงของประเทศไทย"),
        ("문서", "한국어 문서를 검색"),
        ("привет", "Всем Привет!"),
        ("kündigungsfrist", "KÜNDIGUNGSFRISTEN DER MITARBEITER"),
        ("IT department", "the IT department"),
    ],
)
def test_questions_meet_documents(question: str, document: str) -> None:
    terms = set(analyse_chunk("", "", document).body.split())
    assert set(analyse_question(question, languages=LANGUAGES).terms) & terms


def test_languages_are_told_apart() -> None:
    assert [guess_language(text) for text in (ENGLISH, GERMAN, FRENCH)] == ["en", "de", "fr"]
    assert guess_language("Revenue 2022 2021 1,646 1,557") == "en"
    assert guess_language("") == "en"


@pytest.mark.parametrize(
    ("question", "stem"), [("Kündigungsfristen?", "kundigungsfrist"), ("Vertragsverlängerungen", "vertragsverlanger")]
)
def test_a_short_question_is_stemmed_in_every_language_of_the_index(question: str, stem: str) -> None:
    assert stem in analyse_question(question, languages=["en", "de"]).terms
    assert stem in analyse(f"{GERMAN} {question}")


def test_stop_words_serve_only_a_question_of_nothing_else() -> None:
    assert analyse_question("What is the margin?") == ({"margin": 1}, {})
    assert analyse_question("to be or not to be").stop_words == {"to": 2, "be": 2, "or": 1, "not": 1}
    assert analyse_question("WHAT IS THE MARGIN?") == ({"margin": 1}, {})
    assert analyse_text(ENGLISH).stop_words.split()[:3] == ["the", "is", "not"]
    assert analyse_question("Wie hoch ist die Marge?", languages=["de"]).terms == {"hoch": 1, "marg": 1}
    assert analyse("who are you") == ["who", "are", "you"]


def test_unspaced_questions_use_pairs() -> None:
    assert analyse_question("東京都").terms == {"東京": 1, "京都": 1}
    assert analyse_question("水").terms == {"水": 1}
    assert set(analyse("東京")) == {"東", "京", "東京"}


def test_a_word_of_a_question_comes_whole_and_in_pieces_by_language() -> None:
    def english(text: str) -> list[list[str]]:
        return [forms["en"] for _, forms in question_parts(text, languages=["en"])]

    assert english("What is the FY2022 margin?") == [["fy2022", "fy", "2022"], ["margin"]]
    assert english("year-over-year and/or ERR-4012") == [["yearoveryear", "year", "over"], ["err4012", "err", "4012"]]
    assert english("revenue/share in 1,646") == [["revenu"], ["share"], ["1646"]]
    assert english("東京都") == [["東京"], ["京都"]]
    assert english("of the and") == []
    ((_, forms),) = question_parts("Kündigungsfristen", languages=["en", "de"])
    assert list(forms) == ["en", "de"]
    (_, (written, forms)) = question_parts("Wie lang sind die Kündigungsfristen?", languages=["en", "de"])
    assert written == "Kündigungsfristen"
    assert list(forms.items()) == [("de", ["kundigungsfrist"]), ("en", ["kundigungsfristen"])]


def test_units_keep_a_line_each_and_the_title_is_not_doubled() -> None:
    terms = analyse_chunk("Handbook", "Handbook › Leave", "Leave is 30 days. Ask HR.", [(0, 17), (18, 25)])
    assert unpack_text(terms.packed) == "handbook leav\nleav 30 day\nask hr"
    assert analyse_chunk("Title", "Section", "x", []).context == "titl section"


@given(st.text(max_size=300))
@example("0\u037a")
@settings(max_examples=300, deadline=None)
def test_any_text_has_terms_that_are_found_again(text: str) -> None:
    language, terms, stop_words = analyse_text(text)
    for term in terms.split(" ") if terms else []:
        assert term
        assert len(term) <= TERM_LIMIT
        assert not any(char.isspace() for char in term)
    question = analyse_question(text, languages=[language])
    if not question.stop_words:
        assert set(question.terms) <= set(terms.split())
    else:
        assert set(question.stop_words) & set(stop_words.split()) or set(question.terms) & set(terms.split())
    json.dumps(question.terms)


def test_long_input_is_bounded() -> None:
    assert analyse("a" * 100_000) == ["a" * TERM_LIMIT]
    assert len(analyse("x-" * 50_000)) <= 2_100
    assert len(analyse("東" * 5_000)) <= 10_000


def test_lists_of_stop_words_are_lower_case_and_not_repeated() -> None:
    for words in STOP_WORDS.values():
        assert words == words.lower()
        assert len(words.split()) == len(set(words.split()))
