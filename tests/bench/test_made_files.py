"""The made files of the benchmark: the same for a number, in folders of a thousand, each with its own fact."""

from __future__ import annotations

from pathlib import Path

from tests.bench.made_files import fact_of, name_of, path_of, text_of, write_files


def test_a_document_has_the_fact_that_its_question_asks_for(tmp_path: Path) -> None:
    write_files(tmp_path, 12)
    texts = {number: (tmp_path / path_of(number)).read_text(encoding="utf-8") for number in range(12)}
    for number, text in texts.items():
        question, answer = fact_of(number)
        assert name_of(number) in question
        assert f"{name_of(number)} {answer}" in text
        assert [other for other, its in texts.items() if name_of(number) in its] == [number]
    assert texts[7] == text_of(7)


def test_a_run_that_was_ended_goes_on(tmp_path: Path) -> None:
    write_files(tmp_path, 3)
    kept = tmp_path / path_of(1)
    kept.write_text("mine", encoding="utf-8")
    write_files(tmp_path, 5)
    assert kept.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / path_of(4)).exists()


def test_a_folder_has_a_thousand_files() -> None:
    assert path_of(999).parent == path_of(0).parent == Path("000/000")
    assert path_of(1_000).parent == Path("000/001")
    assert path_of(1_234_567) == Path("001/234/01234567.md")
